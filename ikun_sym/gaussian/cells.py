"""The cells of a periodic tail that matter to E[g(X)], X ~ N(mean, var), and a bound of what all the others hold.

Cell n is [start + n·period, start + (n + 1)·period); r is the place in it. Only finitely many cells lie where the density
is not negligible: they are integrated one by one. In the bounds r is the ball of its stretch, so they hold in every cell.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction

import sympy as sp
from flint import arb

from ..catalogue.piecewise import PeriodicTail, R
from ..errors import IkunError
from .special import ball
from .tails import constant, tail, within

MAX_CELLS = 2000


def cells(part: PeriodicTail, env: Mapping[sp.Symbol, object], m: arb, v: arb, depth: Fraction) -> range:
    """The cells in which the density is more than e^{−depth} of its largest value on the tail. Error: too many."""
    start, period = (float(constant(expr, env).mid()) for expr in (part.start, part.period))
    mean, scale = float(m.mid()), float(2 * v * ball(depth))
    top = mean + math.sqrt(max(0.0, start - mean) ** 2 + scale)
    first = max(0, math.floor((mean - math.sqrt(scale) - start) / period))
    last = max(first + 1, math.ceil((top - start) / period))
    if last - first > MAX_CELLS:
        raise IkunError(
            f"the function has {last - first} periods within reach of the Gaussian; at most {MAX_CELLS} can be summed: "
            "use a smaller variance, or a longer period"
        )
    return range(first, last)


def rest(part: PeriodicTail, env: Mapping[sp.Symbol, object], kept: range, m: arb, v: arb) -> arb:
    """An upper bound of ∫ |g(u)| N(u; m, v) du over the cells that are not `kept`."""
    start, period = constant(part.start, env), constant(part.period, env)
    low, high = start + kept.start * period, start + kept.stop * period
    total, inner = arb(0), arb(0)
    for end, value in part.cell:
        outer = constant(end, env)
        anywhere = {**env, R: inner.union(outer)}
        inner = outer
        total += tail(value, anywhere, high, m, v)
        if kept.start > 0:
            total += within(value, anywhere, start, low, m, v)
    return total
