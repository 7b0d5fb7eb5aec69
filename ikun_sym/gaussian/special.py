"""The vocabulary: every function that a formula of this project may contain, with its exact meaning, its evaluation
in ball arithmetic and in float64, and its spelling.

`lower` turns a sympy expression into a Python callable over any arithmetic that speaks this vocabulary. Nothing is
ever turned into source and evaluated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol

import sympy as sp
from flint import acb, arb, fmpq

from ..errors import IkunError


class ReW(sp.Function):
    """Re w(x + iy), w the Faddeeva function w(z) = exp(-z²) erfc(-iz), y > 0 (a Voigt function)."""

    nargs = 2

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        # w' = -2 z w + 2i/√π; the derivative in y is i w'.
        x, y = self.args
        real = -2 * (x * ReW(x, y) - y * ImW(x, y))
        imag = -2 * (x * ImW(x, y) + y * ReW(x, y)) + 2 / sp.sqrt(sp.pi)
        return real if argindex == 1 else -imag

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return _latex_w(r"\operatorname{Re}", self.args, printer, exp)


class ImW(sp.Function):
    """Im w(x + iy)."""

    nargs = 2

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        x, y = self.args
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


def _faddeeva(x: acb, y: acb) -> acb:
    # w(z) = erfcx(-iz) and erfcx(s) = U(1/2, 1/2, s²)/√π for Re s > 0: no product exp · erfc that would cancel.
    s = acb(y.real, -x.real)
    if not s.real > 0:
        return acb("nan")
    half = acb(fmpq(1, 2))
    return (s * s).hypgeom_u(half, half) / acb.pi().sqrt()


def _atan(x: acb, analytic: bool) -> acb:
    # Arb's atan takes no flag; its cuts are the imaginary axis beyond ±i.
    if analytic and x.real.contains(0) and not abs(x.imag) < 1:
        return acb("nan")
    return x.atan()


@dataclass(frozen=True)
class Function:
    """One word of the vocabulary. `ball` takes complex balls and the flag by which the integrator asks for a
    non-finite answer wherever the function is not analytic. `numpy`, `python`, `torch`: its spelling there (empty: none).
    `bound`: an upper bound of |f| over the reals, where there is one."""

    head: type[sp.Function]
    meaning: str
    ball: Callable[..., acb]
    numpy: str | Callable[..., Any]
    python: str = ""
    torch: str = ""
    bound: Fraction | None = None


def _wofz(part: str) -> Callable[..., Any]:
    def evaluate(x: Any, y: Any) -> Any:
        from scipy.special import wofz

        return getattr(wofz(x + 1j * y), part)

    return evaluate


def _scipy_erf(x: Any) -> Any:
    from scipy.special import erf

    return erf(x)


_VOCABULARY = (
    Function(sp.exp, "e^x", lambda x, analytic: x.exp(), "exp", "math.exp", "exp"),
    Function(sp.log, "natural logarithm", lambda x, analytic: x.log(analytic=analytic), "log", "math.log", "log"),
    Function(sp.sin, "sine", lambda x, analytic: x.sin(), "sin", "math.sin", "sin", Fraction(1)),
    Function(sp.cos, "cosine", lambda x, analytic: x.cos(), "cos", "math.cos", "cos", Fraction(1)),
    Function(sp.atan, "inverse tangent", _atan, "arctan", "math.atan", "arctan", Fraction(2)),
    Function(sp.erf, "2/√π ∫₀ˣ exp(−t²) dt", lambda x, analytic: x.erf(), _scipy_erf, "math.erf", "erf", Fraction(1)),
    Function(ReW, "Re w(x + iy), y > 0", lambda x, y, analytic: acb(_faddeeva(x, y).real), _wofz("real")),
    Function(ImW, "Im w(x + iy), y > 0", lambda x, y, analytic: acb(_faddeeva(x, y).imag), _wofz("imag")),
)
VOCABULARY: dict[type, Function] = {word.head: word for word in _VOCABULARY}


def word(expr: sp.Basic) -> Function:
    """The vocabulary entry of a function application."""
    try:
        return VOCABULARY[type(expr)]
    except KeyError:
        known = ", ".join(f.head.__name__ for f in _VOCABULARY)
        raise IkunError(f"{type(expr).__name__} is not in the vocabulary; known functions: {known}") from None


class Arithmetic(Protocol):
    """What `lower` needs from a number system."""

    def rational(self, value: Fraction) -> Any: ...
    def pi(self) -> Any: ...
    def power(self, base: Any, exponent: Fraction) -> Any: ...
    def call(self, function: Function, args: list[Any]) -> Any: ...


Evaluator = Callable[[Mapping[sp.Symbol, Any]], Any]


def lower(expr: sp.Expr, arithmetic: Arithmetic) -> Evaluator:
    """`expr` as a callable of {symbol: value} over `arithmetic`."""
    if isinstance(expr, sp.Symbol):
        return lambda env: env[expr]
    if isinstance(expr, sp.Rational):
        constant = arithmetic.rational(Fraction(int(expr.p), int(expr.q)))
        return lambda env: constant
    if expr is sp.pi:
        return lambda env: arithmetic.pi()
    if expr is sp.E:
        return lower(sp.exp(1, evaluate=False), arithmetic)
    if isinstance(expr, (sp.Add, sp.Mul)):
        terms = [lower(term, arithmetic) for term in expr.args]  # type: ignore[arg-type]
        if isinstance(expr, sp.Add):
            return lambda env: _sum(term(env) for term in terms)
        return lambda env: _product(term(env) for term in terms)
    if isinstance(expr, sp.Pow):
        base, exponent = expr.args
        if not isinstance(exponent, sp.Rational):
            raise IkunError(f"power {expr}: the exponent must be a rational number")
        lowered, fraction = lower(base, arithmetic), Fraction(int(exponent.p), int(exponent.q))  # type: ignore[arg-type]
        return lambda env: arithmetic.power(lowered(env), fraction)
    if isinstance(expr, sp.Function):
        function, args = word(expr), [lower(arg, arithmetic) for arg in expr.args]  # type: ignore[arg-type]
        return lambda env: arithmetic.call(function, [arg(env) for arg in args])
    raise IkunError(f"{expr} ({type(expr).__name__}) cannot be evaluated; it is not built from the vocabulary")


def _sum(values: Any) -> Any:
    total = next(values)
    for value in values:
        total = total + value
    return total


def _product(values: Any) -> Any:
    total = next(values)
    for value in values:
        total = total * value
    return total


class Balls:
    """Complex ball arithmetic at the current precision of flint's context. With `analytic`, a value is non-finite
    wherever the function is not analytic on the whole ball, as the rigorous integrator demands."""

    def __init__(self, analytic: bool = False) -> None:
        self.analytic = analytic

    def rational(self, value: Fraction) -> fmpq:
        return fmpq(value.numerator, value.denominator)  # exact at every precision

    def pi(self) -> acb:
        return acb.pi()

    def power(self, base: Any, exponent: Fraction) -> acb:
        base = acb(base)
        if exponent.denominator == 1:
            return base ** int(exponent)
        if exponent.denominator == 2:
            return base.sqrt(analytic=self.analytic) ** int(exponent.numerator)
        return base.pow(acb(fmpq(exponent.numerator, exponent.denominator)), analytic=self.analytic)

    def call(self, function: Function, args: list[Any]) -> acb:
        return function.ball(*(acb(arg) for arg in args), analytic=self.analytic)


class Numpy:
    """float64 arrays."""

    def rational(self, value: Fraction) -> float:
        return float(value)

    def pi(self) -> float:
        import math

        return math.pi

    def power(self, base: Any, exponent: Fraction) -> Any:
        import numpy as np

        if exponent == Fraction(1, 2):
            return np.sqrt(base)
        if exponent.denominator == 1 and abs(exponent) <= 4:
            result = base
            for _ in range(abs(int(exponent)) - 1):
                result = result * base
            return result if exponent > 0 else 1.0 / result
        return np.power(np.asarray(base, dtype=float), float(exponent))

    def call(self, function: Function, args: list[Any]) -> Any:
        import numpy as np

        spelled = function.numpy
        return spelled(*args) if callable(spelled) else getattr(np, spelled)(*args)


def ball(value: Fraction) -> arb:
    """An exact rational as a real ball at the current precision."""
    return arb(fmpq(value.numerator, value.denominator))
