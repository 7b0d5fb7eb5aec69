"""Proofs that a closed form is E[g(X)].

The FTC certificate: on every piece an antiderivative of value · density is verified by differentiation, its limits at the
ends are taken, and the form is shown equal to their sum. All of this rests on the zero test.
"""

from __future__ import annotations

import sympy as sp

from ...catalogue.piecewise import PiecewiseFunction, U
from ...expressions.symbols import MEAN, VAR
from ...expressions.tidy import tidy
from ...expressions.vocabulary import GoodwinStaton
from ...expressions.zero_test import is_zero
from ..form import Certificate, Check, plain
from ..rules.antiderivative import density
from ..rules.logistic import FiniteSum
from ..rules.sum_of_terms import Decomposition, total_of


def _limit_at_infinity(expr: sp.Expr) -> sp.Expr:
    """The limit as u → ∞ of polynomials times Gaussians in u (to 0), error functions of increasing arguments, their
    imaginary parts constant (to 1), and Goodwin–Staton integrals from an increasing argument on (to 0)."""
    expr = expr.replace(GoodwinStaton, lambda s, a, z: sp.S.Zero if a.has(U) else GoodwinStaton(s, a, z))  # type: ignore[assignment]
    settled = expr.replace(sp.erf, lambda z: sp.S.One if z.has(U) else sp.erf(z))
    kept = (term for term in sp.Add.make_args(settled) if not any(isinstance(f, sp.exp) and f.has(U) for f in term.args))  # type: ignore[arg-type]
    return sp.Add(*kept)


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
