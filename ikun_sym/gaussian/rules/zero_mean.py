"""Forms at mean 0 for functions whose form at a general mean needs T_s(a, z), or is not known.

* T_n(0, z): ∫₀^∞ e^{−t²}/(t + z) dt = ½ e^{−z²} (π erfi z − Ei z²), higher n by −1/n ∂/∂z. Its proof is an ODE in z.
* T_n(a, 0), a > 0: by parts down to T_1(a, 0) = −½ Ei(−a²) and T_0(a, 0) = ½ √π erfc(a).
* (A + B x²)^{−s}: b A^{−s} U(½, 3/2 − s, b²), b² = A/(2Bv), Tricomi's function, by the substitution t = B x²/A.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import sympy as sp

from ...catalogue.piecewise import PiecewiseFunction, U
from ...expressions.symbols import MEAN, VAR
from ...expressions.tidy import tidy
from ...expressions.vocabulary import GoodwinStaton, TricomiU
from ...expressions.zero_test import is_zero
from ..form import Certificate, Check, ClosedForm

_Z = sp.Dummy("z", positive=True)
_A = sp.Dummy("a", positive=True)


def at_zero_mean(function: PiecewiseFunction, general: ClosedForm) -> ClosedForm:
    """A form at mean 0 in standard functions, with its certificate; `general` where it is one already or none is known."""
    if general.expr is None:
        return _by_tricomi(function) or general
    if not general.expr.has(GoodwinStaton):
        return general
    used: list[Check] = []

    def standard(s: sp.Expr, a: sp.Expr, z: sp.Expr) -> sp.Expr:
        if a == 0 and s.is_Integer:
            used.extend(c for c in goodwin_staton_checks() if c not in used)
            return goodwin_staton(int(s)).subs(_Z, z)
        if z == 0 and s.is_Integer:
            used.extend(c for c in incomplete_checks(int(s)) if c not in used)
            return incomplete(int(s)).subs(_A, a)
        return GoodwinStaton(s, a, z)  # type: ignore[return-value]

    exact = tidy((general.exact if general.series else general.expr).subs(MEAN, 0).replace(GoodwinStaton, standard))  # type: ignore[arg-type]
    if not used:
        return general
    proved = general.certificate.proved and all(check.holds for check in used)
    certificate = replace(
        general.certificate, status="proved-ode" if proved else "unknown", checks=(*general.certificate.checks, *used)
    )
    return replace(
        general,
        expr=exact + (general.expr - general.exact).subs(MEAN, 0) if general.series else exact,
        exact=exact if general.series else sp.S.Zero,
        kind="series" if general.series else "special" if exact.has(GoodwinStaton, sp.Ei, sp.erfi) else "elementary",
        method=f"{general.method}; at mean 0 in standard functions",
        certificate=certificate,
    )


@lru_cache(maxsize=64)
def goodwin_staton(order: int) -> sp.Expr:
    """T_order(0, z) as A(z) G(z) + B(z) with G = T_1(0, z), G' = √π − 1/z − 2zG."""
    a, b = sp.S.One, sp.S.Zero
    for n in range(1, order):
        a, b = (
            sp.expand(-(sp.diff(a, _Z) - 2 * _Z * a) / n),
            sp.expand(-(a * (sp.sqrt(sp.pi) - 1 / _Z) + sp.diff(b, _Z)) / n),
        )
    return sp.factor(a) * _goodwin_staton_1() + sp.factor(b)


def _goodwin_staton_1() -> sp.Expr:
    return sp.exp(-(_Z**2)) * (sp.pi * sp.erfi(_Z) - sp.Ei(_Z**2)) / 2


@lru_cache(maxsize=1)
def goodwin_staton_checks() -> tuple[Check, ...]:
    """The integral G and the formula solve y' = √π − 1/z − 2zy, and y + ln z has the same limit −γ/2 as z → 0⁺ for both.
    Two solutions differ by C e^{−z²}, whose limit is C: so C = 0."""
    t = sp.Dummy("t", positive=True)
    formula = _goodwin_staton_1()
    ode = sp.diff(formula, _Z) + 2 * _Z * formula + 1 / _Z - sp.sqrt(sp.pi)
    # for the integral: −1/(t+z)² = ∂_t 1/(t+z), integrated by parts, and t/(t+z) = 1 − z/(t+z)
    by_parts = sp.diff(sp.exp(-(t**2)) / (t + _Z), t) + sp.exp(-(t**2)) / (t + _Z) ** 2 + 2 * t * sp.exp(-(t**2)) / (t + _Z)
    split = sp.cancel(t / (t + _Z) - 1 + _Z / (t + _Z))
    # near 0, erfi z = 2z/√π + O(z³) and Ei x = γ + ln x + x + O(x²)
    near = formula.replace(sp.erfi, lambda x: 2 * x / sp.sqrt(sp.pi))
    near = near.replace(sp.Ei, lambda x: sp.EulerGamma + sp.expand_log(sp.log(x)) + x)
    of_formula = sp.limit(sp.expand(near + sp.log(_Z)), _Z, 0, "+")
    of_integral = sp.digamma(1) / 2  # ∫ 2t e^{−t²} ln t dt = ½ ∫ e^{−s} ln s ds = ½ Γ'(1)
    same = sp.simplify(of_formula - of_integral) == 0
    return (
        Check("½e^{−z²}(π erfi z − Ei z²) solves y' = √π − 1/z − 2zy", "zero test", is_zero(sp.expand(ode))),
        Check("∫₀^∞ e^{−t²}/(t+z) dt solves it: by parts", "zero test", is_zero(sp.expand(by_parts)) and split == 0),
        Check("both are −ln z − γ/2 + o(1) as z → 0⁺", "series of Ei; ∫ e^{−s} ln s ds = Γ'(1) = −γ", bool(same)),
        Check("T_{n+1}(0, z) = −(1/n) ∂T_n(0, z)/∂z", "differentiation under the integral", True),
    )


@lru_cache(maxsize=64)
def incomplete(order: int) -> sp.Expr:
    """T_order(a, 0) = ∫_a^∞ e^{−t²} t^{−order} dt, a > 0."""
    if order == 0:
        return sp.sqrt(sp.pi) * (1 - sp.erf(_A)) / 2
    if order == 1:
        return -sp.Ei(-(_A**2)) / 2
    return sp.expand((_A ** (1 - order) * sp.exp(-(_A**2)) - 2 * incomplete(order - 2)) / (order - 1))


@lru_cache(maxsize=64)
def incomplete_checks(order: int) -> tuple[Check, ...]:
    formula = incomplete(order)
    residual = sp.diff(formula, _A) + sp.exp(-(_A**2)) * _A**-order
    vanishes = sp.limit(formula, _A, sp.oo) == 0
    return (
        Check(
            f"d/da of the formula of ∫_a^∞ e^{{−t²}} t^{{−{order}}} dt is minus the integrand", "zero test", is_zero(residual)
        ),
        Check("and it tends to 0 as a → ∞", "limit", bool(vanishes)),
    )


def _by_tricomi(function: PiecewiseFunction) -> ClosedForm | None:
    """For one even piece c (A + B u²)^{−s}, s > 0 a rational number."""
    if function.tails or not function.is_even or len(function.pieces) != 2:
        return None
    constant, base, order = sp.S.One, None, sp.S.Zero
    for factor, power in function.pieces[0].value.as_powers_dict().items():
        if not factor.has(U):
            constant *= factor ** sp.sympify(power)
        elif base is None and factor.is_polynomial(U) and sp.sympify(power).is_Rational:
            base, order = sp.Poly(factor, U), -sp.sympify(power)
        else:
            return None
    if base is None or base.degree() != 2 or base.coeff_monomial(U) != 0 or not order.is_positive:
        return None
    square, rest = base.coeff_monomial(U**2), base.coeff_monomial(1)
    if not (square.is_positive and rest.is_positive):
        return None
    z = rest / (2 * square * VAR)
    expr = constant * rest**-order * sp.sqrt(z) * TricomiU(sp.S.Half, sp.Rational(3, 2) - order, z)
    check = _substitution_check(function.pieces[0].value, square / rest, constant * rest**-order, order)
    assumptions = tuple(sorted({f"{VAR} > 0"} | {f"{s} > 0" for s in function.free_symbols if s.is_positive}))
    status = "proved-ftc" if check.holds else "unknown"
    return ClosedForm(
        expr=expr,
        kind="special",
        method="power of a quadratic at mean 0, by Tricomi's function",
        certificate=Certificate(status=status, assumptions=assumptions, checks=(check,)),
    )


def _substitution_check(value: sp.Expr, ratio: sp.Expr, scale: sp.Expr, order: sp.Expr) -> Check:
    """2 value(u) N(u; 0, v) du is scale √(z/π) e^{−zt} t^{−1/2} (1 + t)^{−order} dt for t = ratio·u², z = 1/(2v·ratio)."""
    t = ratio * U**2
    z = 1 / (2 * VAR * ratio)
    left = 2 * value * sp.exp(-(U**2) / (2 * VAR)) / sp.sqrt(2 * sp.pi * VAR)
    right = scale * sp.sqrt(z / sp.pi) * sp.exp(-z * t) / sp.sqrt(t) * (1 + t) ** -order * sp.diff(t, U)
    quotient = sp.powsimp(sp.powdenest(sp.simplify(left / right), force=False))
    what = "t = Bx²/A turns the expectation into Γ(½) √(z/π) A^{−s} times the integral that defines U(½, 3/2 − s, z)"
    return Check(what, "simplification to 1", bool(sp.simplify(quotient) == 1))
