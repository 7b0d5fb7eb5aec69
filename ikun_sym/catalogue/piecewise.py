"""Functions of one real variable as smooth pieces on the two half-lines x >= 0 and x < 0.

A piece is written in u = |x| >= 0. So no absolute value, sign or Heaviside ever reaches the algebra, and
exp(-a*u) cannot overflow: a formula that is right is also safe to evaluate.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import sympy as sp

from ..errors import IkunError

U = sp.Symbol("u", positive=True)
"""The variable of every piece: the distance |x| from the threshold."""

_FORBIDDEN = (sp.Abs, sp.sign, sp.Heaviside, sp.Piecewise, sp.Min, sp.Max, sp.floor)


@dataclass(frozen=True)
class Piece:
    """`value(u)` for x = side * u, lo < u < hi; `side` is +1 or -1; `hi` may be infinite."""

    side: int
    lo: sp.Expr
    hi: sp.Expr
    value: sp.Expr

    def __post_init__(self) -> None:
        if self.side not in (1, -1):
            raise IkunError(f"a piece has side +1 or -1, not {self.side}")
        for what in (self.lo, self.hi):
            if U in what.free_symbols:
                raise IkunError(f"a piece's end {what} depends on u; ends depend on parameters only")
        if self.value.has(*_FORBIDDEN):
            raise IkunError(f"a piece is smooth: {self.value} has a kink; split it into pieces")

    @property
    def is_zero(self) -> bool:
        return self.value == 0


@dataclass(frozen=True)
class PiecewiseFunction:
    """Pieces that cover both half-lines once, in order outwards from 0. Values at the breakpoints are not defined
    here: no Gaussian expectation depends on them."""

    pieces: tuple[Piece, ...]

    def __post_init__(self) -> None:
        for side in (1, -1):
            chain = self.side(side)
            if not chain or chain[0].lo != 0 or chain[-1].hi != sp.oo:
                raise IkunError(f"the pieces on side {side:+d} do not cover it from 0 to infinity")
            for left, right in itertools.pairwise(chain):
                if left.hi != right.lo:
                    raise IkunError(f"the pieces on side {side:+d} leave a gap between {left.hi} and {right.lo}")

    def side(self, side: int) -> tuple[Piece, ...]:
        return tuple(piece for piece in self.pieces if piece.side == side)

    @property
    def free_symbols(self) -> set[sp.Symbol]:
        found: set[sp.Symbol] = set()
        for piece in self.pieces:
            for expr in (piece.lo, piece.hi, piece.value):
                found |= {s for s in expr.free_symbols if isinstance(s, sp.Symbol)}
        return found - {U}

    @property
    def is_even(self) -> bool:
        """The same pieces on both sides, literally; False may also mean 'not seen to be even'."""
        return [(p.lo, p.hi, p.value) for p in self.side(1)] == [(p.lo, p.hi, p.value) for p in self.side(-1)]

    def map(self, change: Callable[[sp.Expr], sp.Expr]) -> PiecewiseFunction:
        """The function with `change` applied to the value of every piece."""
        return PiecewiseFunction(tuple(Piece(p.side, p.lo, p.hi, change(p.value)) for p in self.pieces))

    def power(self, exponent: int) -> PiecewiseFunction:
        return self.map(lambda value: value**exponent)

    def substitute(self, values: Mapping[sp.Symbol, sp.Expr]) -> PiecewiseFunction:
        """Replace parameters (simultaneously) in values and ends."""

        def replace(expr: sp.Expr) -> sp.Expr:
            return expr.subs(values, simultaneous=True)  # type: ignore[arg-type]

        return PiecewiseFunction(tuple(Piece(p.side, replace(p.lo), replace(p.hi), replace(p.value)) for p in self.pieces))


def one_side(side: int, *steps: tuple[sp.Expr | int, sp.Expr | int]) -> tuple[Piece, ...]:
    """Pieces of one side from (value, upper end) pairs, from 0 outwards; the last end is `oo`."""
    pieces, lo = [], sp.Integer(0)
    for value, hi in steps:
        pieces.append(Piece(side, sp.sympify(lo), sp.sympify(hi), sp.sympify(value)))
        lo = hi
    return tuple(pieces)


def even(value: sp.Expr | int, support: sp.Expr | None = None) -> PiecewiseFunction:
    """The even function value(|x|), cut to zero beyond |x| = `support` if that is given."""
    steps = ((value, sp.oo),) if support is None else ((value, support), (0, sp.oo))
    return PiecewiseFunction(one_side(1, *steps) + one_side(-1, *steps))


def two_sided(positive: sp.Expr | int, negative: sp.Expr | int) -> PiecewiseFunction:
    """positive(u) for x = u > 0 and negative(u) for x = -u < 0."""
    return PiecewiseFunction(one_side(1, (positive, sp.oo)) + one_side(-1, (negative, sp.oo)))
