"""The primitive f of a surrogate derivative f', piece by piece: derived, then verified by differentiation.

f(−∞) = 0 where f' is integrable, f(0) = 0 otherwise.
"""

from __future__ import annotations

from functools import lru_cache

import sympy as sp

from ..catalogue.piecewise import Piece, PiecewiseFunction, U
from ..errors import IkunError


@lru_cache(maxsize=128)
def side_areas(derivative: PiecewiseFunction) -> tuple[sp.Expr, sp.Expr]:
    """(∫_{−∞}^0 f', ∫_0^∞ f'), either possibly infinite."""
    return tuple(_walk(derivative.side(side))[1] for side in (-1, 1))  # type: ignore[return-value]


def area(derivative: PiecewiseFunction) -> sp.Expr:
    """∫ f' over the real line; oo or −oo where it diverges, nan where both sides diverge against each other."""
    left, right = side_areas(derivative)
    return sp.simplify(left + right)


@lru_cache(maxsize=128)
def primitive(derivative: PiecewiseFunction) -> PiecewiseFunction:
    """f with f' = derivative."""
    left, right = side_areas(derivative)
    start = left if left.is_finite and right.is_finite else sp.S.Zero
    pieces = []
    for side in (1, -1):
        for piece, grown in _walk(derivative.side(side))[0]:
            pieces.append(Piece(side, piece.lo, piece.hi, _one_fraction(start + side * grown)))
    return PiecewiseFunction(tuple(pieces))


def _one_fraction(expr: sp.Expr) -> sp.Expr:
    """One fraction, so that 1 − 1/(1 + e^{−au}) becomes e^{−au}/(1 + e^{−au}) and small values keep their digits.
    The exponentials are hidden from sympy meanwhile: it would multiply through by e^{au}, which overflows."""
    exponentials = sorted(expr.atoms(sp.exp), key=lambda e: (sp.count_ops(e), sp.default_sort_key(e)))
    hidden: dict[sp.Expr, sp.Symbol] = {}
    for exponential in exponentials:
        for known, symbol in list(hidden.items()):
            ratio = sp.cancel(exponential.args[0] / known.args[0])
            if ratio.is_Integer and ratio > 0:
                expr = expr.subs(exponential, symbol**ratio)
                break
        else:
            hidden[exponential] = sp.Dummy("e", positive=True)
            expr = expr.subs(exponential, hidden[exponential])
    return sp.factor(expr).subs({symbol: exponential for exponential, symbol in hidden.items()})  # type: ignore[return-value]


def _walk(pieces: tuple[Piece, ...]) -> tuple[list[tuple[Piece, sp.Expr]], sp.Expr]:
    """(piece, ∫_0^u of the function on this side) for each piece, and the integral over the whole side."""
    walked, total = [], sp.S.Zero
    for piece in pieces:
        found = antiderivative(piece.value)
        grown = total + found - found.subs(U, piece.lo)
        walked.append((piece, grown))
        total = sp.limit(grown, U, sp.oo) if piece.hi == sp.oo else sp.simplify(grown.subs(U, piece.hi))
    return walked, total


@lru_cache(maxsize=256)
def antiderivative(value: sp.Expr) -> sp.Expr:
    """An antiderivative in u, verified: sympy finds it, differentiation and simplification confirm it."""
    found = sp.integrate(value, U)
    if found.has(sp.Integral, sp.Piecewise) or sp.simplify(sp.diff(found, U) - value) != 0:
        raise IkunError(f"no primitive is known for {value}; ask for moments of f' instead of f")
    return found
