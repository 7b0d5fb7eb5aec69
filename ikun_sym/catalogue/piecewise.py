"""Functions of one real variable as smooth pieces on the two half-lines x >= 0 and x < 0.

A piece is written in u = |x| >= 0. So no absolute value, sign or Heaviside function ever reaches the algebra, and
exp(-a*u) cannot overflow: a correct formula is also safe to evaluate.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

import sympy as sp

from ..errors import IkunError

U = sp.Symbol("u", positive=True)
"""The variable of every piece: the distance |x| from the threshold."""

R = sp.Symbol("r", nonnegative=True)
"""The position inside a cell of a periodic tail, 0 <= r < period."""

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
class PeriodicTail:
    """Breakpoints that recur forever with `period`, on one side, from u = `start` outwards.

    Cell n is start + n·period <= u < start + (n + 1)·period, and r = u − start − n·period. `cell` lists (end, value) of
    its stretches in order from r = 0; the last end is the period. A value may depend on r and on u.
    """

    side: int
    start: sp.Expr
    period: sp.Expr
    cell: tuple[tuple[sp.Expr, sp.Expr], ...]

    def __post_init__(self) -> None:
        if self.side not in (1, -1):
            raise IkunError(f"a periodic tail has side +1 or -1, not {self.side}")
        if not self.cell or sp.sympify(self.cell[-1][0]) != self.period:
            raise IkunError(f"the cell of a periodic tail does not end at its period {self.period}")
        for what in (self.start, self.period, *(end for end, _ in self.cell)):
            if {U, R} & what.free_symbols:
                raise IkunError(f"a breakpoint {what} depends on the variable; breakpoints depend on parameters only")
        for _, value in self.cell:
            if value.has(*_FORBIDDEN):
                raise IkunError(f"a stretch of a cell is smooth: {value} has a kink; split it")

    def stretches(self, first: int, count: int) -> tuple[Piece, ...]:
        """Cells `first` to `first + count − 1` as pieces."""
        pieces = []
        for n in range(first, first + count):
            origin = self.start + n * self.period
            lo = origin
            for end, value in self.cell:
                pieces.append(Piece(self.side, lo, origin + end, value.xreplace({R: U - origin})))  # type: ignore[arg-type]
                lo = origin + end
        return tuple(pieces)


@dataclass(frozen=True)
class PiecewiseFunction:
    """Pieces, and at most one periodic tail per side, that cover both half-lines exactly once, in order outwards from 0.
    Values at the breakpoints are not defined: no Gaussian expectation depends on them."""

    pieces: tuple[Piece, ...]
    tails: tuple[PeriodicTail, ...] = ()

    def __post_init__(self) -> None:
        for side in (1, -1):
            chain, tail = self.side(side), self.tail(side)
            ends = [piece.hi for piece in chain] or [sp.S.Zero]
            if (chain and chain[0].lo != 0) or ends[-1] != (tail.start if tail else sp.oo):
                raise IkunError(f"the pieces on side {side:+d} do not cover it from 0 to infinity")
            for left, right in itertools.pairwise(chain):
                if left.hi != right.lo:
                    raise IkunError(f"the pieces on side {side:+d} leave a gap between {left.hi} and {right.lo}")

    def side(self, side: int) -> tuple[Piece, ...]:
        return tuple(piece for piece in self.pieces if piece.side == side)

    def tail(self, side: int) -> PeriodicTail | None:
        """The periodic tail of a side, if it has one."""
        found = [tail for tail in self.tails if tail.side == side]
        if len(found) > 1:
            raise IkunError(f"side {side:+d} has {len(found)} periodic tails; it can have one")
        return found[0] if found else None

    def unrolled(self, cells: Mapping[int, int]) -> PiecewiseFunction:
        """The function with `cells[side]` cells of each tail written as pieces, and 0 beyond them."""
        pieces = list(self.pieces)
        for tail in self.tails:
            count = cells[tail.side]
            pieces += tail.stretches(0, count)
            pieces.append(Piece(tail.side, tail.start + count * tail.period, sp.oo, sp.S.Zero))
        return PiecewiseFunction(tuple(pieces))

    @property
    def free_symbols(self) -> set[sp.Symbol]:
        found: set[sp.Symbol] = set()
        for piece in self.pieces:
            for expr in (piece.lo, piece.hi, piece.value):
                found |= {s for s in expr.free_symbols if isinstance(s, sp.Symbol)}
        for tail in self.tails:
            for expr in (tail.start, tail.period, *itertools.chain(*tail.cell)):
                found |= {s for s in expr.free_symbols if isinstance(s, sp.Symbol)}
        return found - {U, R}

    @property
    def is_even(self) -> bool:
        """Whether both sides have literally the same pieces. False may also mean 'not shown to be even'."""
        right, left = self.tail(1), self.tail(-1)
        if (right is None) != (left is None) or (right and left and replace(right, side=-1) != left):
            return False
        return [(p.lo, p.hi, p.value) for p in self.side(1)] == [(p.lo, p.hi, p.value) for p in self.side(-1)]

    def map(self, change: Callable[[sp.Expr], sp.Expr]) -> PiecewiseFunction:
        """The function with `change` applied to the value of every piece."""
        return self._rebuilt(change, lambda end: end)

    def _rebuilt(self, value: Callable[[sp.Expr], sp.Expr], end: Callable[[sp.Expr], sp.Expr]) -> PiecewiseFunction:
        return PiecewiseFunction(
            tuple(Piece(p.side, end(p.lo), end(p.hi), value(p.value)) for p in self.pieces),
            tuple(
                PeriodicTail(t.side, end(t.start), end(t.period), tuple((end(e), value(v)) for e, v in t.cell))
                for t in self.tails
            ),
        )

    def power(self, exponent: int) -> PiecewiseFunction:
        return self.map(lambda value: value**exponent)

    def substitute(self, values: Mapping[sp.Symbol, sp.Expr]) -> PiecewiseFunction:
        """Replace parameters simultaneously in values and ends."""

        def substituted(expr: sp.Expr) -> sp.Expr:
            return _unsigned(expr.subs(values, simultaneous=True))  # type: ignore[arg-type]

        return self._rebuilt(substituted, substituted)


def _unsigned(expr: sp.Expr) -> sp.Expr:
    """(−x)² as x², so that pieces which are mirror images only for some parameter values compare equal."""

    def is_signed(e: sp.Basic) -> bool:
        return isinstance(e, sp.Pow) and bool(e.exp.is_even) and e.base.could_extract_minus_sign()

    return expr.replace(is_signed, lambda e: (-e.base) ** e.exp)  # type: ignore[return-value]


def one_side(side: int, *steps: tuple[sp.Expr | int, sp.Expr | int]) -> tuple[Piece, ...]:
    """Pieces of one side from (value, upper end) pairs, outwards from 0; the last end is `oo`."""
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


def between(
    low: sp.Expr, high: sp.Expr, right: sp.Expr, left: sp.Expr, values: Mapping[sp.Symbol, Fraction]
) -> PiecewiseFunction:
    """right(u) for x = u > 0 and left(u) for x = -u < 0 where low < x < high; 0 elsewhere. The ends may be infinite. At the
    parameter values `values` it is decided on which side of 0 each end lies. Error: the ends are not in order."""
    numbers = [(symbol, sp.Rational(value)) for symbol, value in values.items()]
    if not low.subs(numbers) < high.subs(numbers):
        raise IkunError(f"{low} = {low.subs(numbers)} is not below {high} = {high.subs(numbers)}; give ends in order")
    pieces: tuple[Piece, ...] = ()
    for side, value, near, far in ((1, right, low, high), (-1, left, -high, -low)):
        steps: list[tuple[sp.Expr | int, sp.Expr | int]] = []
        if far.subs(numbers) > 0:
            steps += [(0, near)] if near.subs(numbers) > 0 else []
            steps += [(value, far)]
        pieces += one_side(side, *steps, *([] if steps and far == sp.oo else [(0, sp.oo)]))
    return PiecewiseFunction(pieces)
