"""Surrogates with one slope: f'(x) = A(k) h(x / w(k)), so that at mean 0 E[f'ᵖ] = Aᵖ M_p(s), M_p(s) = E[h(sZ)ᵖ], s = σ/w.

h is normalised (value 1 at 0, breakpoint 1), so that surrogates that differ only by scales share their approximation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import sympy as sp

from ...catalogue.piecewise import Piece, PiecewiseFunction, U
from ...catalogue.surrogate import AMPLITUDE, Surrogate


@dataclass(frozen=True)
class Scaling:
    """f'(x) = height · unit(x / width): `height` and `width` are expressions in the one parameter."""

    unit: PiecewiseFunction
    height: sp.Expr
    width: sp.Expr

    @property
    def key(self) -> str:
        """Two surrogates with the same key have the same unit function."""
        return "; ".join(f"{p.side:+d}: {p.value} to {p.hi}" for p in self.unit.pieces)


def scaling_of(surrogate: Surrogate) -> Scaling | None:
    """The scaling, if f' scales with its only parameter, a positive one; else None. An amplitude is a height."""
    if surrogate.bare is not None:
        bare = scaling_of(surrogate.bare)
        return None if bare is None else replace(bare, height=AMPLITUDE.symbol * bare.height)
    function, params = surrogate.derivative, surrogate.params
    if function.tails or surrogate.family or len(params) != 1 or params[0].domain != "positive":
        return None
    k = params[0].symbol
    for width in (1 / k, k):
        found = _scaled(function, k, width)
        if found is not None:
            return found
    return None


def _scaled(function: PiecewiseFunction, k: sp.Symbol, width: sp.Expr) -> Scaling | None:
    """The scaling with this width: with u = width · t, every piece must be the same A(k) times an expression without k."""
    height: sp.Expr | None = None
    pieces = []
    for piece in function.pieces:
        lo, hi = (end if end == sp.oo else sp.simplify(end / width) for end in (piece.lo, piece.hi))
        if k in lo.free_symbols or k in hi.free_symbols:
            return None
        value = piece.value.subs(U, U * width)
        if value != 0:
            bare = value.subs(k, 1)
            ratio = sp.simplify(value / bare)
            if U in ratio.free_symbols or (height is not None and sp.simplify(ratio / height) != 1):
                return None
            height, value = ratio, bare
        pieces.append(Piece(piece.side, lo, hi, value))
    return None if height is None else _normalised(PiecewiseFunction(tuple(pieces)), height, width)


def _normalised(unit: PiecewiseFunction, height: sp.Expr, width: sp.Expr) -> Scaling | None:
    """Rescale so that the breakpoint is 1 and the value at 0⁺ (if 0, at 0⁻) is 1. None: several breakpoints, or 0 on both
    sides."""
    ends = {p.hi for p in unit.pieces} - {sp.oo}
    if len(ends) > 1:
        return None
    for end in ends:
        unit = PiecewiseFunction(tuple(Piece(p.side, p.lo / end, p.hi / end, p.value.subs(U, U * end)) for p in unit.pieces))
        width = width * end
    starts = [p.value.subs(U, 0) for p in unit.pieces if p.lo == 0]
    peak = next((value for value in starts if value.is_finite and value != 0), None)
    if peak is None:
        return None
    return Scaling(unit.map(lambda value: value / peak), sp.simplify(height * peak), sp.simplify(width))
