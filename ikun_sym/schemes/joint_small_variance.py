"""The joint-solution function C(q) for small q = Var(H): below which q it is known to be above 1, or below 1.

With a = θ/√q, C(q) = ratio · q E[f'²]/Q(a), X = H − θ ~ N(−θ, q).

* f' ≠ 0 on some J = (−θ + d₁, −θ + d₂), 0 <= d₁ < d₂ <= θ, with f'² >= m there: E[f'²] >= m (Q(d₁/√q) − Q(d₂/√q)). As q falls,
  Q(d₂/√q)/Q(d₁/√q) falls, and q Q(d₁/√q)/Q(θ/√q) rises once a h(a) − a₁ h(a₁) > 2, a₁ = d₁/√q, h = φ/Q: x h(x) is convex,
  because the hazard rate h of the normal law is. So a lower bound above 1 at one such q holds for all smaller ones: C → ∞.
* f' = 0 on (−2θ, 0): E[f'²] <= sup f'² · 2 Q(a), so C <= 2 ratio q sup f'² → 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import sympy as sp
from flint import acb, arb

from ..catalogue.piecewise import Piece, PiecewiseFunction, U
from ..errors import IkunError
from ..expressions.lowering import Balls, ball, lower
from ..gaussian.enclosures.tails import constant, span

CELLS = 64
"""Each piece of f' on −θ < x < 0 is searched in this many equal cells."""


@dataclass(frozen=True)
class SmallVariance:
    """C > 1 (`limit` infinite) or C < 1 (`limit` 0) for all 0 < q <= `below`."""

    below: float
    limit: float


def small_variance(square: PiecewiseFunction, threshold: Fraction, ratio: Fraction) -> SmallVariance:
    """`square` is f'² without free parameters, `threshold` > 0. Error: neither case can be shown."""
    theta = ball(threshold)
    for d1, d2, least in _cells(square, threshold):
        found = _rising(theta, d1, d2, least * ball(ratio))
        if found is not None:
            return SmallVariance(found, math.inf)
    if _vanishes(square, 2 * theta):
        highest = _supremum(square)
        if highest.is_finite():
            return SmallVariance(float((1 / (4 * ball(ratio) * (highest + 1))).lower()) / 2, 0.0)
    raise IkunError(
        f"joint solutions: f' near x = −θ = {-float(threshold):g} is neither 0 nor bounded away from 0; not covered"
    )


def _cells(square: PiecewiseFunction, threshold: Fraction) -> list[tuple[arb, arb, arb]]:
    """(d₁, d₂, lower bound of f'² on −θ + d₁ < x < −θ + d₂) where that bound is positive; nearest to −θ first."""
    found = []
    theta = ball(threshold)
    for piece in reversed(_pieces_up_to(square, threshold)):
        start, end = constant(piece.lo, {}), theta if piece.hi == sp.oo else theta.min(constant(piece.hi, {}))  # u = −x
        if piece.is_zero or not start < end:
            continue
        for i in reversed(range(CELLS)):
            inner, outer = (start + (end - start) * arb(j) / CELLS for j in (i, i + 1))
            value = acb(lower(piece.value, Balls())({U: acb(inner.union(outer))})).real
            if value > 0:
                # d₁ a little larger and d₂ a little smaller than the balls say: an interval within the cell
                found.append(((theta - outer).upper().max(arb(0)), (theta - inner).lower(), value.lower()))
    return found


def _pieces_up_to(square: PiecewiseFunction, threshold: Fraction) -> tuple[Piece, ...]:
    """The pieces on −θ < x < 0, outwards from 0, cells of a periodic tail among them."""
    part = square.tail(-1)
    if part is None:
        return square.side(-1)
    beyond = float((ball(threshold) - constant(part.start, {})) / constant(part.period, {}))
    return (*square.side(-1), *part.stretches(0, max(0, math.ceil(beyond) + 1)))


def _tail(a: arb) -> arb:
    return (a / arb(2).sqrt()).erfc() / 2


def _hazard(a: arb) -> arb:
    return (-(a**2) / 2).exp() / (2 * arb.pi()).sqrt() / _tail(a)


def _rising(theta: arb, d1: arb, d2: arb, scale: arb) -> float | None:
    """A q below which scale · q (Q(d₁/√q) − Q(d₂/√q))/Q(θ/√q) > 1, or None."""
    for halvings in range(4, 60):
        sigma = theta * arb(2) ** (-arb(halvings) / 4)
        a, a1, a2 = theta / sigma, d1 / sigma, d2 / sigma
        steep = a * _hazard(a) - a1 * _hazard(a1) > 2
        if steep and scale * sigma**2 * (_tail(a1) - _tail(a2)) / _tail(a) > 1:
            return float((sigma**2).lower())
    return None


def _vanishes(square: PiecewiseFunction, reach: arb) -> bool:
    """Whether f' = 0 on −reach < x < 0."""
    return all(piece.is_zero for piece in square.side(-1) if constant(piece.lo, {}) < reach) and square.tail(-1) is None


def _supremum(square: PiecewiseFunction) -> arb:
    if square.tails:
        return arb.pos_inf()
    return max((_highest(piece) for piece in square.pieces), key=float)


def _highest(piece: Piece) -> arb:
    """An upper bound of the value on [lo, ∞), which contains the piece."""
    return span(piece.value, {}, constant(piece.lo, {}))[1].upper()
