"""Floors with infinitely many steps: one cell of a periodic tail stands for all of them.

From u = c on let u = c + n*p + r, 0 <= r < p, n = 0, 1, 2, ... the number of the cell. If a*p is an integer,
floor(a*u + b) = a*p*n + floor(a*(c + r) + b), and n = (u - c - r)/p: so on a stretch of the cell each floor is a
constant plus a*(u - c - r), and x - floor(x) is free of u by itself. What is left depends on u, on r, or on both.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from fractions import Fraction
from typing import Any, TypeVar

import mpmath
import sympy as sp

from ..catalogue.piecewise import PeriodicTail, Piece, R, U
from ..errors import IkunError
from .bounds_on_input import MAX_PIECES
from .floors import steps
from .interval import EndlessFloor, Interval, Split, short
from .numeric import Point, Undecided, numeric_value
from .ranges import Range, range_of
from .resolver import Resolver, Stretch
from .signs import Signs
from .tree import Node
from .zeros import Unlocated, degree_of, expanded_sum

_N = sp.Dummy("n", integer=True, nonnegative=True)
BOUND_IT = "bound it, as in piecewise((floor(x), abs(x)<3), (0, True))"
MAX_STARTS = 40  # attempts to begin the periodic tail, each behind a breakpoint that does not recur
_CHECKED = (0, 1, 30)  # cells in which the value is looked at
_T = TypeVar("_T")


class _Outwards(Exception):
    """A breakpoint at u = each of `points` that does not recur: the periodic tail starts behind it."""

    def __init__(self, points: Iterable[sp.Expr]) -> None:
        self.points = tuple(points)


class _Longer(Exception):
    """A floor recurs only after `factor` periods."""

    def __init__(self, factor: int) -> None:
        self.factor = factor


class Cell(Resolver):
    """The stretches of the cell of a tail from u = `start` with `period`; `interval` holds values of r."""

    def __init__(self, text: str, tree: Node, side: int, start: sp.Expr, period: sp.Expr, work: Iterator[int]) -> None:
        super().__init__(text, tree, side, Interval(sp.S.Zero, period), work)
        self.start, self.period, self.origin = start, period, start
        self.outer = Signs(text, tree, side, Interval(start, sp.oo))
        self.inner = Signs(text, tree, side, self.interval)

    @property
    def ranges(self) -> Mapping[sp.Symbol, Range]:
        return {U: self.outer.interval.floats, R: self.interval.floats}

    def point(self, fraction: Fraction) -> Mapping[sp.Symbol, sp.Expr]:
        r = self.interval.at(fraction)
        return {U: self.start + int(fraction / (1 - fraction)) * self.period + r, R: r}

    def place(self, u: sp.Expr) -> Point:
        return {U: u, R: u - self.origin}

    def check(self, value: sp.Expr) -> None:
        whole = self.interval
        for n in _CHECKED:
            self.origin = self.start + n * self.period
            self.interval = Interval(self.origin + whole.lo, self.origin + whole.hi)
            super().check(value)
        self.interval = whole

    def resolve_sum(self, node: Any) -> sp.Expr:
        """A sum linear in u and r with its brackets multiplied out, so that u drops out of x - pi*floor(x/pi)."""
        total: Any = super().resolve_sum(node)
        together = total.xreplace({R: sp.Dummy() * U})
        return sp.expand(total) if together.is_polynomial(U) and degree_of(together) <= 1 else total

    # -- decisions: by u alone, by r alone, or for every n at once

    def on_a_line(self, g: Any, ask: Callable[[Signs, sp.Expr], _T]) -> _T:
        """What `ask` says of a g that depends on one of u and r only."""
        if R in g.free_symbols:
            self.inner.interval, self.inner.node = self.interval, self.node
            return ask(self.inner, g.xreplace({R: U}))
        try:
            return ask(self.outer, g)
        except Split as split:
            raise _Outwards(split.points) from None

    def by_cell(self, g: sp.Expr) -> tuple[Any, Any] | None:
        """(a, h) with g = a*n + h(r), a a constant; None if g is not of that form."""
        try:
            spread: Any = expanded_sum(g.xreplace({U: self.start + _N * self.period + R}))
        except Unlocated:
            return None
        slope = sp.diff(spread, _N)
        return None if slope.free_symbols else (sp.cancel(slope), spread.xreplace({_N: sp.S.Zero}))

    def sign(self, g: sp.Expr) -> int | None:
        if not {U, R} <= g.free_symbols:
            return self.on_a_line(g, Signs.sign)
        lo, hi = range_of(g, self.ranges)
        if lo > 0 or hi < 0:
            return 1 if lo > 0 else -1
        linear = self.by_cell(g)
        if linear is None:
            return self.sign_of_parts(g)
        slope, rest = linear
        if slope == 0:
            return self.on_a_line(rest, Signs.sign)
        try:
            sign = 1 if numeric_value(slope) > 0 else -1
            least = range_of(sign * rest, self.ranges)[0]
            first = 0 if least > 0 else int(mpmath.floor(-least / abs(numeric_value(slope)))) + 1
        except (Undecided, OverflowError, ValueError):
            return None
        if first > MAX_PIECES:
            return None
        if first:
            raise _Outwards([self.start + first * self.period])
        return sign

    def direction(self, w: sp.Expr) -> int:
        if not {U, R} <= w.free_symbols:
            return self.on_a_line(w, Signs.direction)
        return self.sign(w) or 0

    def floor(self, w: sp.Expr) -> sp.Expr:
        linear = self.by_cell(w)
        if linear is None:
            raise IkunError(
                f"{self.where()}: floor needs an argument linear in x; write it as piecewise with explicit breakpoints"
            )
        slope, rest = linear
        if not slope.is_Rational:
            raise IkunError(f"{self.where()}: the steps of this floor and of another have no common period; {BOUND_IT}")
        if not slope.is_Integer:
            raise _Longer(int(slope.q))
        self.inner.interval, self.inner.node = self.interval, self.node
        return sp.expand(slope * (U - R - self.start) / self.period) + steps(self.inner, rest.xreplace({R: U}))


def _merged(stretches: Iterable[Stretch]) -> list[Stretch]:
    """Neighbours of literally the same value made one."""
    merged: list[Stretch] = []
    for interval, value in stretches:
        if merged and merged[-1][1] == value:
            interval = Interval(merged.pop()[0].lo, interval.hi)
        merged.append((interval, value))
    return merged


def _tail(text: str, tree: Node, side: int, start: sp.Expr, rate: sp.Expr, work: Iterator[int]) -> Stretch | PeriodicTail:
    """The tail from `start` of a tree with a floor of `rate` * u + constant."""
    periods, period = 1, 1 / abs(rate)
    while True:
        cell = Cell(text, tree, side, start, periods * period, work)
        try:
            stretches = _merged(cell.stretches())
        except _Longer as longer:
            periods *= longer.factor
            if periods > MAX_PIECES:
                raise IkunError(
                    f"{cell.where()}: the steps of the floors recur only after more than {MAX_PIECES} of them; {BOUND_IT}"
                ) from None
        else:
            if len(stretches) == 1 and R not in stretches[0][1].free_symbols:
                return Interval(start, sp.oo), stretches[0][1]
            return PeriodicTail(side, start, cell.period, tuple((interval.hi, value) for interval, value in stretches))


def half_line(text: str, tree: Node, side: int) -> tuple[list[Piece], list[PeriodicTail]]:
    """The pieces of `tree` on one side, x = side * u, and its periodic tail if it has one."""
    work = itertools.count()
    found: list[Stretch] = []
    tail: Stretch | PeriodicTail | None = None
    lo: Any = sp.S.Zero
    starts = 0
    while tail is None:
        starts += 1
        if starts > MAX_STARTS or len(found) > MAX_PIECES:
            raise IkunError(f"expression {short(text)} has too many breakpoints before its floors recur; {BOUND_IT}")
        line = Resolver(text, tree, side, Interval(lo, sp.oo), work)
        try:
            for stretch in line.stretches():
                found.append(stretch)
            break
        except EndlessFloor as endless:
            rest, rate = line.interval, endless.rate
        try:
            tail = _tail(text, tree, side, rest.lo, rate, work)
        except _Outwards as outwards:
            *parts, last = rest.split(outwards.points)
            for part in parts:
                found += Resolver(text, tree, side, part, work).stretches()
            lo = last.lo
    if isinstance(tail, tuple):
        found.append(tail)
    pieces = [Piece(side, interval.lo, interval.hi, value) for interval, value in _merged(found)]
    return pieces, [tail] if isinstance(tail, PeriodicTail) else []
