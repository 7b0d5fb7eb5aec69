"""The vocabulary: every function that a formula of this project may contain, with its exact meaning, its evaluation
in ball arithmetic and in float64, and its name in each language."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sympy as sp
from flint import acb, arb, ctx, fmpq
from sympy.core.function import ArgumentIndexError

from ..errors import IkunError
from .arguments import arguments


class ReW(sp.Function):
    """Re w(x + iy), w the Faddeeva function w(z) = exp(-z²) erfc(-iz), y > 0 (a Voigt function)."""

    nargs = 2

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        # w' = -2 z w + 2i/√π; the derivative in y is i w'.
        x, y = arguments(self)
        real = -2 * (x * ReW(x, y) - y * ImW(x, y))
        imag = -2 * (x * ImW(x, y) + y * ReW(x, y)) + 2 / sp.sqrt(sp.pi)
        return real if argindex == 1 else -imag

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return _latex_w(r"\operatorname{Re}", self.args, printer, exp)


class ImW(sp.Function):
    """Im w(x + iy)."""

    nargs = 2

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        x, y = arguments(self)
        real = -2 * (x * ReW(x, y) - y * ImW(x, y))
        imag = -2 * (x * ImW(x, y) + y * ReW(x, y)) + 2 / sp.sqrt(sp.pi)
        return imag if argindex == 1 else real

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return _latex_w(r"\operatorname{Im}", self.args, printer, exp)


def _latex_w(part: str, args: tuple[sp.Basic, ...], printer: Any, exp: str | None) -> str:
    x, y = args
    inner = printer._print(y) + r"\, i" if x == 0 else printer._print(x) + r" + i\, " + printer._print(y)
    body = rf"{part} w\left({inner}\right)"
    return rf"\left({body}\right)^{{{exp}}}" if exp else body


class GoodwinStaton(sp.Function):
    """T_s(a, z) = ∫_a^∞ e^{−t²} (t + z)^{−s} dt, s > 0, a + z > 0; at a = 0, s = 1 the Goodwin–Staton integral."""

    nargs = 3

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        s, a, z = arguments(self)
        if argindex == 2:
            return -sp.exp(-(a**2)) * (a + z) ** (-s)
        if argindex == 3:
            return -s * GoodwinStaton(s + 1, a, z)
        raise ArgumentIndexError(self, argindex)

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        s, a, z = (printer._print(arg) for arg in self.args)
        body = rf"T_{{{s}}}\left({a}, {z}\right)"
        return rf"\left({body}\right)^{{{exp}}}" if exp else body


class TricomiU(sp.Function):
    """U(a, b, z) = 1/Γ(a) ∫₀^∞ e^{−zt} t^{a−1} (1 + t)^{b−a−1} dt, a > 0, z > 0 (DLMF 13.4.4)."""

    nargs = 3

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        body = r"U\left(" + ", ".join(printer._print(arg) for arg in self.args) + r"\right)"
        return rf"\left({body}\right)^{{{exp}}}" if exp else body


def _goodwin_staton(s: acb, a: acb, z: acb) -> acb:
    """T_s(a, z), with t = a + x and the factor e^{−max(a, 0)²} taken out. Up to a cut c: the validated integrator. Beyond it:
    ∫_c^∞ e^{−t²} (t + z)^{−s} dt <= e^{−c²} (c + z)^{−s} / 2c, since t/c >= 1 there."""
    order, start, gap = s.real, a.real, (a + z).real
    if not (gap > 0 and order > 0):
        return acb("nan")
    peak = arb(0).max(start)
    cut = (arb(0).max(-start) + arb(ctx.prec).sqrt() + 1).upper().mid()  # c >= √prec + 1: the relative rest is e^{−prec}
    end = start + cut
    rest = (peak**2 - end**2).exp() * (gap + cut) ** (-order) / (2 * end)

    def integrand(x: acb, analytic: bool) -> acb:
        return (peak**2 - (start + x) ** 2).exp() * (gap + x).pow(acb(-order), analytic=analytic)

    value = acb.integral(integrand, 0, cut, abs_tol=arb(0), eval_limit=200000, use_heap=True).real
    return acb((-(peak**2)).exp() * (value + arb(0, rest.upper())))


def erfcx(s: acb) -> acb:
    """e^{s²} erfc(s) for Re s > 0 as U(1/2, 1/2, s²)/√π (DLMF 7.11.5): no product of huge and tiny factors."""
    if not s.real > 0:
        return acb(arb("nan"), arb("nan"))
    half = acb(fmpq(1, 2))
    return (s * s).hypgeom_u(half, half) / acb.pi().sqrt()


def _faddeeva(x: acb, y: acb) -> acb:
    """w(z) = erfcx(−iz), z = x + iy."""
    return erfcx(acb(y.real, -x.real))


def _atan(x: acb, analytic: bool) -> acb:
    # Arb's atan has no such flag; its branch cuts are the imaginary axis beyond ±i.
    if analytic and x.real.contains(0) and not abs(x.imag) < 1:
        return acb("nan")
    return x.atan()


@dataclass(frozen=True)
class Function:
    """One word of the vocabulary. `ball`: evaluation on complex balls; its flag makes the result non-finite wherever the
    function is not analytic, for the integrator. `numpy`, `python`, `torch`: its name there (empty: none). `bound`: an upper
    bound of |f| on the reals, if there is one."""

    head: type[sp.Function]
    meaning: str
    ball: Callable[..., acb]
    numpy: str | Callable[..., Any] | None
    python: str = ""
    torch: str = ""
    bound: Fraction | None = None


def _wofz(part: str) -> Callable[..., Any]:
    def evaluate(x: Any, y: Any) -> Any:
        from scipy.special import wofz

        return getattr(wofz(x + 1j * y), part)

    return evaluate


def _scipy(name: str) -> Callable[..., Any]:
    def evaluate(*args: Any) -> Any:
        import scipy.special

        return getattr(scipy.special, name)(*args)

    return evaluate


_VOCABULARY = (
    Function(sp.exp, "e^x", lambda x, analytic: x.exp(), "exp", "math.exp", "exp"),
    Function(sp.log, "natural logarithm", lambda x, analytic: x.log(analytic=analytic), "log", "math.log", "log"),
    Function(sp.sin, "sine", lambda x, analytic: x.sin(), "sin", "math.sin", "sin", Fraction(1)),
    Function(sp.cos, "cosine", lambda x, analytic: x.cos(), "cos", "math.cos", "cos", Fraction(1)),
    Function(sp.atan, "inverse tangent", _atan, "arctan", "math.atan", "arctan", Fraction(2)),
    Function(sp.erf, "2/√π ∫₀ˣ exp(−t²) dt", lambda x, analytic: x.erf(), _scipy("erf"), "math.erf", "erf", Fraction(1)),
    Function(sp.erfc, "2/√π ∫ₓ^∞ exp(−t²) dt", lambda x, analytic: x.erfc(), _scipy("erfc"), "math.erfc", "erfc", Fraction(2)),
    Function(ReW, "Re w(x + iy), y > 0", lambda x, y, analytic: acb(_faddeeva(x, y).real), _wofz("real")),
    Function(ImW, "Im w(x + iy), y > 0", lambda x, y, analytic: acb(_faddeeva(x, y).imag), _wofz("imag")),
    Function(sp.erfi, "2/√π ∫₀ˣ exp(t²) dt", lambda x, analytic: x.erfi(), _scipy("erfi")),
    Function(sp.Ei, "−∫_{−x}^∞ e^{−t}/t dt (principal value)", lambda x, analytic: x.ei(), _scipy("expi")),
    Function(
        GoodwinStaton,
        "∫_a^∞ e^{−t²} (t + z)^{−s} dt, arguments (s, a, z)",
        lambda s, a, z, analytic: _goodwin_staton(s, a, z),
        None,
    ),
    Function(TricomiU, "U(a, b, z)", lambda a, b, z, analytic: z.hypgeom_u(a, b), _scipy("hyperu")),
)
VOCABULARY: dict[type, Function] = {word.head: word for word in _VOCABULARY}


def word(expr: sp.Basic) -> Function:
    """The vocabulary entry of an applied function."""
    try:
        return VOCABULARY[type(expr)]
    except KeyError:
        known = ", ".join(f.head.__name__ for f in _VOCABULARY)
        raise IkunError(f"{type(expr).__name__} is not in the vocabulary; known functions: {known}") from None
