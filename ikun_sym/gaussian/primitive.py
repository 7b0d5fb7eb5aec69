"""The primitive f of a surrogate derivative f', piece by piece: derived, then verified by differentiation.

f(−∞) = 0 where f' is integrable, f(0) = 0 otherwise.
"""

from __future__ import annotations

from functools import lru_cache

import sympy as sp

from ..catalogue.piecewise import PeriodicTail, Piece, PiecewiseFunction, R, U
from ..catalogue.surrogate import Bound
from ..errors import IkunError
from ..expressions.zero_test import is_zero


@lru_cache(maxsize=128)
def side_areas(derivative: PiecewiseFunction) -> tuple[sp.Expr, sp.Expr]:
    """(∫_{−∞}^0 f', ∫_0^∞ f'): a number, ±oo, nan where the integral does not settle, or `FINITE`."""
    areas = []
    for side in (-1, 1):
        tail = derivative.tail(side)
        areas.append(_walk(derivative.side(side))[1] + (_tail_area(tail) if tail else sp.S.Zero))
    return tuple(areas)


def area(derivative: PiecewiseFunction) -> sp.Expr:
    """∫ f' over the real line; oo or −oo where it diverges, nan where both sides diverge against each other or one does not
    settle. Error: no formula is known, or the parameters' values decide."""
    left, right = side_areas(derivative)
    total = sp.simplify(left + right)
    if total.has(FINITE, sp.Piecewise):
        raise IkunError(f"no formula for the area of f' is known that holds for all parameters: {total}")
    return total


FINITE = sp.Dummy("finite", real=True)
"""An integral that exists, of which no formula is known."""


def _tail_area(tail: PeriodicTail) -> sp.Expr:
    """The integral over all cells: finite where the values die out faster than 1/u², else decided by the limit cell."""
    if all(sp.limit(value * U**2, U, sp.oo) == 0 for _, value in tail.cell):
        return FINITE
    one_cell, lo = sp.S.Zero, sp.S.Zero
    for end, value in tail.cell:
        one_cell, lo = one_cell + sp.integrate(sp.limit(value, U, sp.oo), (R, lo, end)), end
    one_cell = sp.simplify(one_cell)
    if one_cell.is_positive or one_cell.is_negative:
        return sp.oo if one_cell.is_positive else -sp.oo
    if one_cell == 0:
        return sp.nan
    raise IkunError(f"the sign of {one_cell}, the integral over a period, is not known")


@lru_cache(maxsize=128)
def primitive(derivative: PiecewiseFunction) -> PiecewiseFunction:
    """f with f' = derivative. Error: none is known."""
    if derivative.tails:
        raise IkunError("no primitive is known for a function with periodic breakpoints; ask for moments of f' instead of f")
    left, right = side_areas(derivative)
    start = left if left.is_finite and right.is_finite else sp.S.Zero
    pieces = []
    for side in (1, -1):
        for piece, grown in _walk(derivative.side(side))[0]:
            pieces.append(Piece(side, piece.lo, piece.hi, _one_fraction(start + side * grown)))
    return PiecewiseFunction(tuple(pieces))


def with_primitive(bound: Bound) -> tuple[PiecewiseFunction, PiecewiseFunction]:
    """(f', f) with symbols for the parameters or, where only their values tell whether a tail is integrable, with values.
    Error: no f is known."""
    derivative = bound.surrogate.derivative
    try:
        return derivative, primitive(derivative)
    except IkunError:
        if not bound.environment:
            raise
        derivative = derivative.substitute({symbol: sp.Rational(value) for symbol, value in bound.environment.items()})
        return derivative, primitive(derivative)


def _one_fraction(expr: sp.Expr) -> sp.Expr:
    """One fraction, so that 1 − 1/(1 + e^{−au}) becomes e^{−au}/(1 + e^{−au}) and small values keep their digits.
    The exponentials are hidden from sympy meanwhile: it would multiply through by e^{au}, which overflows. They are replaced
    as they stand: sympy's `subs` takes 1/√π for a power of e^{−1}, and the wrong one."""
    exponentials = sorted(expr.atoms(sp.exp), key=lambda e: (sp.count_ops(e), sp.default_sort_key(e)))
    hidden: dict[sp.Expr, sp.Symbol] = {}
    for exponential in exponentials:
        for known, symbol in list(hidden.items()):
            ratio = sp.cancel(exponential.args[0] / known.args[0])  # type: ignore[operator]
            if ratio.is_Integer and ratio > 0:
                expr = expr.xreplace({exponential: symbol**ratio})  # type: ignore[assignment]
                break
        else:
            hidden[exponential] = sp.Dummy("e", positive=True)
            expr = expr.xreplace({exponential: hidden[exponential]})  # type: ignore[assignment]
    return sp.factor(expr).subs({symbol: exponential for exponential, symbol in hidden.items()})  # type: ignore[return-value]


def _walk(pieces: tuple[Piece, ...]) -> tuple[list[tuple[Piece, sp.Expr]], sp.Expr]:
    """(piece, ∫_0^u of the function on this side) for each piece, and the integral over the whole side."""
    walked, total = [], sp.S.Zero
    for piece in pieces:
        found = antiderivative(piece.value)
        grown = total + found - found.subs(U, piece.lo)
        walked.append((piece, grown))
        total = sp.limit(grown, U, sp.oo) if piece.hi == sp.oo else sp.simplify(grown.subs(U, piece.hi))
        total = sp.nan if total.has(sp.AccumBounds) else total  # it oscillates for ever
    return walked, total


@lru_cache(maxsize=256)
def antiderivative(value: sp.Expr) -> sp.Expr:
    """An antiderivative in u, verified: sympy finds it unless it is a Gaussian's, the zero test, or differentiation and
    simplification, confirm it. Sums are taken term by term and constant factors left out: sympy is quick with what remains."""
    if isinstance(value, sp.Add):
        return sp.Add(*(antiderivative(term) for term in value.args))
    factor, rest = value.as_independent(U, as_Add=False)
    if factor != 1 and rest.has(U):
        return factor * antiderivative(rest)
    found = _of_gaussian(value) or sp.integrate(value, U)
    if not found.has(sp.Integral, sp.Piecewise):
        differs = sp.diff(found, U) - value
        if is_zero(differs) or sp.simplify(differs) == 0:
            return found
    raise IkunError(f"no primitive is known for {value}; ask for moments of f' instead of f")


def _of_gaussian(value: sp.Expr) -> sp.Expr | None:
    """∫ e^{au² + bu + c} du = e^{c − b²/4a} √π/(2√−a) erf(√−a (u + b/2a)) for a < 0: sympy takes a second for it."""
    if not isinstance(value, sp.exp) or not value.args[0].is_polynomial(U):  # type: ignore[union-attr]
        return None
    exponent = sp.Poly(value.args[0], U)
    a, b, c = (exponent.coeff_monomial(U**n) for n in (2, 1, 0))
    if exponent.degree() != 2 or not a.is_negative:
        return None
    root = sp.sqrt(-a)
    rise = sp.cancel(c - b**2 / (4 * a))
    return sp.exp(rise) * sp.sqrt(sp.pi) / (2 * root) * sp.erf(sp.expand(root * U - b / (2 * root)))
