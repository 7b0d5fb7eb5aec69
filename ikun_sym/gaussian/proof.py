"""Proofs that a closed form is E[g(X)].

The FTC certificate: on every piece an antiderivative of value · density is verified by differentiation, its limits at the
ends are taken, and the form is shown equal to their sum. The zero test that all of this rests on is sound and incomplete:
True is a proof, False means 'not shown', never 'shown to be different'.
"""

from __future__ import annotations

from functools import lru_cache
from zlib import crc32

import sympy as sp

from ..catalogue.piecewise import PiecewiseFunction, U
from .algebraic import vanishes
from .antiderivative import density
from .form import MEAN, VAR, Certificate, Check, plain
from .fractions import reduced
from .groups import added, grouped
from .logistic import FiniteSum
from .moments import exponentials
from .pieces import Decomposition, total_of
from .special import GoodwinStaton
from .tidy import tidy

_SIGMA = sp.Dummy("sigma", positive=True)
"""√v, which no parameter is, whatever its name."""


def is_zero(expr: sp.Expr) -> bool:
    """True only if `expr` vanishes identically, by normal form.

    The terms are grouped by their exponential and error functions (arguments in normal form, erf odd); every rational
    coefficient must cancel, square roots of polynomials being reduced by ω² = radicand.
    """
    if expr == 0:
        return True
    if not expr.has(sp.Function):  # one group: nothing need be expanded
        return _vanishes(expr)
    expr = exponentials(expr.rewrite(sp.erf).replace(sp.erfc, lambda z: 1 - sp.erf(z)))  # type: ignore[arg-type]
    expr = expr.subs(VAR, _SIGMA**2)
    expr = sp.expand_power_base(expr.replace(sp.erf, _Arguments().error_function))
    expr = expr.replace(_is_opaque, lambda function: function.func(*map(sp.expand, function.args)))  # type: ignore[assignment]
    exponents = _Arguments()
    groups = added(((exponents.one(exponent), errors), c) for (exponent, errors), c in grouped(expr).items())
    return all(_vanishes(coefficient) for coefficient in groups.values())


def _is_opaque(expr: sp.Basic) -> bool:
    return isinstance(expr, sp.Function) and not isinstance(expr, (sp.erf, sp.exp))


class _Arguments:
    """One way of writing each argument: a rational function's normal form, else the first that was seen to be equal."""

    def __init__(self) -> None:
        self.seen: list[sp.Expr] = []

    def one(self, z: sp.Expr) -> sp.Expr:
        normal = _normal_form(z)
        return self._first(z) if normal is None else normal

    def error_function(self, z: sp.Expr) -> sp.Expr:
        """±erf of the argument: erf is odd."""
        normal = _normal_form(z)
        if normal is not None:
            return -sp.erf(-normal) if normal.could_extract_minus_sign() else sp.erf(normal)  # type: ignore[return-value]
        opposite = next((other for other in self.seen if _are_equal(-z, other)), None)
        return sp.erf(self._first(z)) if opposite is None else -sp.erf(opposite)  # type: ignore[return-value]

    def _first(self, z: sp.Expr) -> sp.Expr:
        for other in self.seen:
            if _are_equal(z, other):
                return other
        self.seen.append(z)
        return z


@lru_cache(maxsize=4096)
def _normal_form(z: sp.Expr) -> sp.Expr | None:
    """None where z is no rational function of its symbols with rational coefficients."""
    return reduced(sp.expand(z))


@lru_cache(maxsize=4096)
def _are_equal(left: sp.Expr, right: sp.Expr) -> bool:
    here, there = _somewhere(left), _somewhere(right)
    return left == right or (not abs(here - there) > 1e-9 * abs(here) and _vanishes(left - right))  # type: ignore[arg-type]


@lru_cache(maxsize=4096)
def _somewhere(z: sp.Expr) -> complex:
    """Its value at one place: most that differ do so there, and need no closer look. NaN if it has none."""
    place = {s: sp.Rational(crc32(str(s).encode()) % 1000 + 500, 1000) for s in z.free_symbols}
    value = sp.N(z.xreplace(place), 15)
    return complex(value) if value.is_number and value.is_finite else complex("nan")  # type: ignore[arg-type]


def _primitive_root(base: sp.Expr, exponent: sp.Expr) -> sp.Expr:
    """√(c P/D) = √c √P/√D for c, D > 0, so that the roots of a polynomial and of its multiples are the same root."""
    if not (exponent.is_Rational and exponent.q == 2 and base.free_symbols):  # type: ignore[attr-defined]
        return base**exponent  # type: ignore[return-value]
    numerator, denominator = sp.fraction(sp.together(base))
    content, primitive = _without_positive_factors(sp.factor_terms(numerator))
    below = sp.factor(denominator)
    if content.is_positive and below.is_positive:
        return content**exponent * sp.expand(primitive) ** exponent * below**-exponent  # type: ignore[operator]
    return base**exponent  # type: ignore[return-value]


def _without_positive_factors(expr: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    """Its positive content, roots of numbers included, and what is left: √2 u + 1 is √2 (u + √2/2)."""
    content, primitive = expr.as_content_primitive()
    symbols = sorted(primitive.free_symbols, key=sp.default_sort_key)
    lead = sp.Poly(primitive, *symbols).LC() if symbols and primitive.is_polynomial(*symbols) else sp.S.One
    if lead.is_Rational or not (lead.is_number and lead.is_positive):
        return content, primitive
    return content * lead, sp.expand(primitive / lead)  # type: ignore[return-value]


def _vanishes(coefficient: sp.Expr) -> bool:
    coefficient = coefficient.replace(sp.Pow, _primitive_root)
    found = vanishes(coefficient)
    if found is not None:
        return found
    radicals = {
        power.base
        for power in coefficient.atoms(sp.Pow)
        if power.exp.is_Rational and power.exp.q == 2 and power.base.free_symbols  # type: ignore[union-attr]
    }
    omegas = {radicand: sp.Dummy("omega", positive=True) for radicand in radicals}

    def replace_root(base: sp.Expr, exponent: sp.Expr) -> sp.Expr:
        if base in omegas and exponent.is_Rational and exponent.q == 2:  # type: ignore[union-attr]
            return omegas[base] ** (2 * exponent)
        return base**exponent  # type: ignore[return-value]

    numerator = sp.expand(sp.fraction(sp.together(coefficient.replace(sp.Pow, replace_root)))[0])
    for radicand, omega in omegas.items():
        numerator = sp.expand(sp.rem(numerator, omega**2 - radicand, omega))
    return numerator == 0


def _limit_at_infinity(expr: sp.Expr) -> sp.Expr:
    """The limit as u → ∞ of polynomials times Gaussians in u (to 0), error functions of increasing arguments, their
    imaginary parts constant (to 1), and Goodwin–Staton integrals from an increasing argument on (to 0)."""
    expr = expr.replace(GoodwinStaton, lambda s, a, z: sp.S.Zero if a.has(U) else GoodwinStaton(s, a, z))
    settled = expr.replace(sp.erf, lambda z: sp.S.One if z.has(U) else sp.erf(z))
    kept = (term for term in sp.Add.make_args(settled) if not any(isinstance(f, sp.exp) and f.has(U) for f in term.args))  # type: ignore[arg-type]
    return sp.Add(*kept)  # type: ignore[return-value]


def prove_ftc(function: PiecewiseFunction, form: sp.Expr) -> Certificate:
    """Is `form` = E[function(X)] for every mean, every variance > 0 and all parameters in their domains? Where a piece is
    a finite sum up to a proved relative error, `form` is shown to be the expectation of that sum."""
    total = total_of(function)
    if total is None:
        return Certificate(status="unknown", checks=(Check("every piece is a sum of known terms", "normal form", False),))
    assumptions = {f"{VAR} > 0", f"{MEAN} real"} | {f"{s} > 0" for s in function.free_symbols if s.is_positive}
    checks: list[Check] = []
    for part in total.parts:
        if function.is_even and part.piece.side < 0:
            continue
        checks += _piece_checks(part)
    if function.is_even:
        checks.append(Check("x < 0: the same pieces, so the same statements with μ → −μ", "equality of the pieces", True))
    across = sorted((summand for summand, side in total.smooth_at_zero if side > 0), key=str)
    if function.is_even:  # of a term and its mirror image one: the other is the same statement with μ → −μ
        across = [s for s in across if str(s) <= str(s.mirrored) or s.mirrored not in across]
    for summand in across:
        both = [summand.antiderivative(1), summand.mirrored.antiderivative(-1)]  # type: ignore[union-attr]
        at_zero = sp.Add(*(primitive.expr.subs(U, 0) for primitive in both))
        what = f"the term {plain(summand.expr)} goes on across 0: its antiderivatives cancel there"
        checks.append(Check(what, "zero test", is_zero(at_zero)))
    what = "the form = sum over pieces of the antiderivatives' increments"
    if total.error:
        same = form == tidy(total.exact) + total.series or is_zero(form - total.exact - total.series)
        checks.append(Check(what, "equality, or zero test", same))
    else:
        checks.append(Check(what, "zero test", is_zero(form - total.exact)))
    holds = all(check.holds for check in checks)
    return Certificate(
        status="proved-ftc" if holds else "unknown", assumptions=tuple(sorted(assumptions)), checks=tuple(checks)
    )


def _piece_checks(part: Decomposition) -> list[Check]:
    piece = part.piece
    where = f"side {piece.side:+d}, {piece.lo} < u < {piece.hi}"
    if part.series is None:
        same = is_zero(piece.value - sp.Add(*(summand.expr for summand in part.summands)))
        checks = [Check(f"{where}: the piece is the sum of its terms", "zero test", same)]
        summands = part.summands
    else:
        checks = _series_checks(where, piece.value, part.series)
        summands = tuple(dict.fromkeys(term for term, _, _ in part.series.members))
    for summand in summands:
        primitive = summand.antiderivative(piece.side)
        differs = sp.diff(primitive.expr, U) - summand.expr * density(piece.side)
        what = f"{where}: d/du of the antiderivative = {plain(summand.expr)} · density"
        checks.append(Check(what, "zero test", is_zero(differs)))
        if piece.hi == sp.oo:
            positive = bool(sp.expand(primitive.decay).is_positive)
            reached = is_zero(_limit_at_infinity(primitive.expr) - primitive.at_infinity)
            what = f"{where}: its limit as u → ∞, where the density outweighs it, as {primitive.decay} > 0"
            checks.append(Check(what, "sign of the leading coefficient, zero test", positive and reached))
    return checks


def _series_checks(where: str, value: sp.Expr, series: FiniteSum) -> list[Check]:
    bound = f"|P(s) D(s) − 1| <= {float(series.error):.1e} on [0, 1]"
    what = f"{where}: {bound}, D = {series.shown}, P of degree {series.degree}"
    return [
        Check(f"{where}: the piece times D(e^{{−λu}}) is its numerator", "normal form", series.defines(value)),
        Check(what, "Chebyshev coefficients in ball arithmetic", series.defect() <= series.error),
    ]
