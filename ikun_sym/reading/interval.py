"""An interval of u, and what tells the resolver to split it."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sympy as sp

from ..errors import IkunError
from .bounds_on_input import MAX_EXPONENT_SIZE
from .exponentials import exponential_of, stable_exp
from .numeric import compare_values, numeric_value
from .ranges import Range, to_float, wider


def short(text: str, length: int = 60) -> str:
    """`text` for a message: one line, ASCII, quoted, cut."""
    return ascii(text if len(text) <= length else text[: length - 1] + "~")


class Split(Exception):
    """The interval must be split at `points` before the tree can be resolved on it."""

    def __init__(self, points: Iterable[sp.Expr]) -> None:
        self.points = tuple(points)


class EndlessFloor(IkunError):
    """A floor of rate*u + b on an unbounded interval: its steps have the length 1/|rate| and never end."""

    def __init__(self, message: str, rate: sp.Expr) -> None:
        super().__init__(message)
        self.rate = rate


@dataclass(frozen=True)
class Interval:
    lo: sp.Expr
    hi: sp.Expr

    def contains(self, point: sp.Expr) -> bool:
        return compare_values(self.lo, point) < 0 < compare_values(self.hi, point)

    def at(self, fraction: Fraction) -> sp.Expr:
        """A rational point strictly inside, from near `lo` (fraction 0) to near `hi` or far out (fraction 1)."""
        lo = numeric_value(self.lo)
        if self.hi is sp.oo:
            step = max(lo, 1) * (fraction / (1 - fraction)).numerator / (fraction / (1 - fraction)).denominator
        else:
            step = (numeric_value(self.hi) - lo) * fraction.numerator / fraction.denominator
        sign, mantissa, exponent, _ = (lo + step)._mpf_
        return sp.Rational((-1) ** sign * int(mantissa)) * sp.Integer(2) ** int(exponent)

    @property
    def floats(self) -> Range:
        hi = math.inf if self.hi is sp.oo else to_float(numeric_value(self.hi))
        return wider(max(0.0, to_float(numeric_value(self.lo))), hi)

    def split(self, points: Iterable[sp.Expr]) -> list[Interval]:
        ends = [self.lo]
        for point in sorted(points, key=functools.cmp_to_key(compare_values)):
            if compare_values(ends[-1], point) < 0:
                ends.append(point)
        ends.append(self.hi)
        return [Interval(a, b) for a, b in itertools.pairwise(ends)]

    def text(self, side: int) -> str:
        lo, hi = (("infinity" if end is sp.oo else str(sp.N(end, 6))) for end in (self.lo, self.hi))
        return f"{lo} < x < {hi}" if side > 0 else f"{lo} < -x < {hi}"


def is_small(w: sp.Expr, size: int = MAX_EXPONENT_SIZE) -> bool:
    """Whether w may be repeated in every term of a sum without making the value unreadably long."""
    return sum(1 for _ in itertools.islice(sp.preorder_traversal(w), size)) < size


def shifted(term: Any, w: Any) -> sp.Expr:
    """term * exp(w), with one exponential."""
    pairs = [(f, exponential_of(f)) for f in sp.Mul.make_args(term)]
    exponent = sp.Add(w, *(p for _, p in pairs if p is not None))
    return sp.Mul(*(f for f, p in pairs if p is None), stable_exp(exponent))
