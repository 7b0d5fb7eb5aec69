"""The sign of an expression on an interval, and the splits that make it constant there."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import NoReturn

import sympy as sp

from ..catalogue.piecewise import U
from ..errors import IkunError
from ..expressions.arguments import arguments
from .bounds_on_input import LARGEST, SAFE
from .interval import Interval, Split, short
from .numeric import Undecided, numeric_value, sign_of
from .ranges import Range, range_of
from .tree import Node
from .zeros import Unlocated, expanded_sum, zeros_of


class Signs:
    """Signs on `interval` of expressions in u; `node` is the part of the text that an error points at."""

    def __init__(self, text: str, tree: Node, side: int, interval: Interval) -> None:
        self.source, self.tree, self.side, self.interval = text, tree, side, interval
        self.known_zeros: dict[sp.Expr, frozenset[sp.Expr] | None] = {}
        self.node = tree

    # -- the domain

    @property
    def ranges(self) -> Mapping[sp.Symbol, Range]:
        """The range of each variable."""
        return {U: self.interval.floats}

    def point(self, fraction: Fraction) -> Mapping[sp.Symbol, sp.Expr]:
        """Values of the variables somewhere inside, from near the start (fraction 0) to near the end or far out (1)."""
        return {U: self.interval.at(fraction)}

    # -- errors

    def text(self) -> str:
        node = self.node
        return short(self.source[node.at : node.end])[1:-1]

    def where(self) -> str:
        return f"{self.text()} (at character {self.node.at + 1})"

    def refuse_part(self, what: str) -> NoReturn:
        raise IkunError(f"{self.where()} {what} for {self.interval.text(self.side)}; f' must be real and finite")

    # -- signs

    def zeros(self, g: sp.Expr) -> frozenset[sp.Expr] | None:
        """Where g changes sign inside the interval; None if that is not known."""
        if g not in self.known_zeros:
            try:
                self.known_zeros[g] = zeros_of(g)
            except (Unlocated, Undecided):
                self.known_zeros[g] = None
        found = self.known_zeros[g]
        try:
            inside = None if found is None else frozenset(zero for zero in found if self.interval.contains(zero))
            return inside if inside is None or all(1 / LARGEST < numeric_value(zero) < LARGEST for zero in inside) else None
        except Undecided:
            return None

    def sign(self, g: sp.Expr) -> int | None:
        """The sign of g on the interval, which is split if it changes; None if it cannot be decided."""
        if g.is_Rational:
            return sign_of(g)
        lo, hi = range_of(g, self.ranges)
        if lo > 0 or hi < 0:
            return 1 if lo > 0 else -1
        zeros = self.zeros(g)
        if zeros:
            raise Split(zeros)
        if zeros is None:
            return self.sign_of_parts(g)
        try:
            return sign_of(g, self.point(Fraction(1, 2)))
        except Undecided:
            return self.sign_of_nothing(g)

    def sign_of_nothing(self, g: sp.Expr) -> int | None:
        """0 if g expands to 0, else undecided."""
        try:
            return 0 if expanded_sum(g) == 0 else None
        except Unlocated:
            return None

    def sign_of_parts(self, g: sp.Expr) -> int | None:
        """Terms of one sign have a sum of that sign; a product has the product of the signs."""
        if g.is_Pow and g.exp.is_Rational:  # type: ignore[attr-defined]
            sign = self.sign(g.base)  # type: ignore[attr-defined]
            return sign if sign is None or not g.exp.is_Integer or g.exp.is_odd else sign**2  # type: ignore[attr-defined]
        signs = [self.sign(arg) for arg in arguments(g)] if g.is_Add or g.is_Mul else [None]
        if None in signs:
            return None
        if g.is_Mul:
            return math.prod(s for s in signs if s is not None)
        return signs[0] if len(set(signs)) == 1 else None

    def sure_sign(self, g: sp.Expr) -> int:
        sign = self.sign(g)
        if sign is None:
            raise IkunError(
                f"cannot locate the breakpoints of {self.text()} exactly (at character {self.node.at + 1}); "
                "write it as piecewise with explicit breakpoints, or simplify its argument"
            )
        return sign

    def direction(self, w: sp.Expr) -> int:
        """+1 if exp(-w) cannot overflow on the interval, -1 if exp(w) cannot; the interval is split if neither holds
        and the zeros of w are known; 0 if nothing is known."""
        lo, hi = range_of(w, self.ranges)
        if lo >= 0 or hi <= 0:
            return 1 if lo >= 0 else -1
        zeros = self.zeros(w)
        if zeros is not None and not zeros:
            return self.sign(w) or 0
        if lo >= -SAFE or hi <= SAFE:
            return 1 if lo >= -SAFE else -1
        if zeros:
            raise Split(zeros)
        return self.sign(w) or 0
