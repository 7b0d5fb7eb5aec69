"""The cells of a periodic tail that matter to E[g(X)], X ~ N(mean, var), and a bound of what all the others hold.

Cell n is [start + n·period, start + (n + 1)·period); r is the place in it. Only finitely many cells lie where the density
is not negligible: they are integrated one by one. In the bounds r is the ball of its stretch, so they hold in every cell.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import sympy as sp
from flint import arb

from ...catalogue.piecewise import PeriodicTail, R, U
from ...errors import IkunError
from ...expressions.lowering import ball, precision
from .tails import constant, envelope, tail, within

MAX_CELLS = 2000
COUNTED = 10**9

PLACES = 2100
"""Bits that tell periods apart wherever they are: numbers are from 1e-300 to 1e300."""


def cells(part: PeriodicTail, env: Mapping[sp.Symbol, object], m: arb, v: arb, depth: Fraction) -> range:
    """The cells in which the density, times the exponential by which the values decay, is more than e^{−depth} of its largest
    value on the tail. Error: too many."""
    start, period, mean = (x.mid() for x in (constant(part.start, env), constant(part.period, env), m))
    scale = (2 * v * ball(depth)).mid()
    decay = _decay(part, env, v).mid()
    with precision(PLACES):
        mean += decay * v.mid()
        top = mean + (arb(0).max(start - mean) ** 2 + scale).sqrt()
        first = max(0, _floor((mean - scale.sqrt() - start) / period))
        last = max(first + 1, _floor((top - start) / period) + 1)
    if (count := last - first) > MAX_CELLS:
        shown = f"{count}" if count < COUNTED else f"over {COUNTED:g}"
        raise IkunError(
            f"the function has {shown} periods within reach of the Gaussian; at most {MAX_CELLS} can be summed: "
            "use a smaller variance, or a longer period"
        )
    return range(first, last)


def _decay(part: PeriodicTail, env: Mapping[sp.Symbol, object], v: arb) -> arb:
    """b <= 0 with |value| <= A e^{bu + cu²}; 0 where none is known."""
    anywhere = {**env, R: arb(0).union(constant(part.period, env))}
    rates = []
    for _, value in part.cell:
        if value != 0:
            if U not in value.free_symbols:
                return arb(0)
            try:
                rates.append(envelope(value, anywhere, constant(part.start, env), 1 / v.sqrt()).linear.upper())
            except IkunError:
                return arb(0)
    return max(rates, default=arb(0)).min(arb(0))


def _floor(x: arb) -> int:
    """Of the middle, however large it is: which cells are kept is a choice, and `rest` bounds what it leaves out."""
    mantissa, exponent = map(int, x.mid().man_exp())
    return mantissa << exponent if exponent >= 0 else mantissa >> -exponent


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
