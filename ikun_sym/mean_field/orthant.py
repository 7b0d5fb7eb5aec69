"""Bivariate normal orthants, and the neuron's first two steps in closed form.

With h₁ = i₁ and what it leaves for the second step affine in h₁ on either side of the threshold, a₀ h₁ + b₀ if it did not fire
and a₁ h₁ + b₁ if it did, the second step fires on i₂ + a h₁ + b >= θ: every event is an orthant of (i₁, i₂ + a i₁).

    Hard: E[S₁S₂] = P(i₁ >= θ, i₂ >= θ). Soft: P(i₁ >= θ, J >= θ(1 + κ)), J = κ i₁ + i₂.
    Both: E[S₂] = E[S₁S₂] + P(i₁ < θ, J >= θ).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import sympy as sp

from ..catalogue import resets as catalogue
from ..catalogue.resets import Reset
from ..errors import IkunError
from .covariance import Floats
from .neuron_sample import Dynamics, Steps, compiled
from .normal_law import normal_density, upper_tail

DEGENERATE = 1e-14
"""1 − ρ² below this is rounding: the two variables are one, up to sign."""


def orthant(x: float, y: float, var_x: float, var_y: float, covariance: float) -> float:
    """P(X >= x, Y >= y), (X, Y) centred normal with these moments; a variance of 0 is the constant 0."""
    if var_x <= 0 or var_y <= 0:
        return half_line(x, var_x) * half_line(y, var_y)
    sd_x, sd_y = math.sqrt(var_x), math.sqrt(var_y)
    return max(0.0, _standard(x / sd_x, y / sd_y, covariance / sd_x / sd_y))


def half_line(x: float, var_x: float) -> float:
    """P(X >= x)."""
    return float(upper_tail(x / math.sqrt(var_x))) if var_x > 0 else float(x <= 0)


def _standard(h: float, k: float, rho: float) -> float:
    """P(X >= h, Y >= k), both of unit variance. A negative bound is reflected, for Owen's formula is plainest where both
    are positive: ½[Q(h) + Q(k)] − T(h, (k − ρh)/(h√(1−ρ²))) − T(k, (h − ρk)/(k√(1−ρ²)))."""
    if (rest := (1 - rho) * (1 + rho)) < DEGENERATE:  # Y = ±X: both half-lines lie on one axis
        return float(upper_tail(max(h, k))) if rho > 0 else float(upper_tail(h) - upper_tail(-k))
    if h < 0:
        return float(upper_tail(k)) - _standard(-h, k, -rho)
    if k < 0:
        return float(upper_tail(h)) - _standard(h, -k, -rho)
    if h == k == 0:
        return 0.25 + math.asin(rho) / (2 * math.pi)
    return 0.5 * float(upper_tail(h) + upper_tail(k)) - _owen(h, k, rho, rest) - _owen(k, h, rho, rest)


def _owen(h: float, k: float, rho: float, rest: float) -> float:
    """T(h, (k − ρh)/(h√(1−ρ²))); T(0, ∞) = ¼."""
    from scipy.special import owens_t

    return float(owens_t(h, (k - rho * h) / (h * math.sqrt(rest)))) if h > 0 else 0.25


@dataclass(frozen=True)
class Affine:
    """scale · h₁ + shift."""

    scale: float
    shift: float


@dataclass(frozen=True, kw_only=True)
class Left:
    """What a first step leaves for the second: `membrane` = h₂ − ν i₂, and `argument` = that less what the threshold has risen
    by, each affine in h₁."""

    membrane: Affine
    argument: Affine


def after(dynamics: Dynamics, spike: int) -> Left:
    """From the statement with s₁ = 0 or 1."""
    membrane, argument = (
        Affine(*(float(compiled(part, dynamics.constants)()) for part in parts))
        for parts in _left(dynamics.neuron.reset.rule, spike)
    )
    return Left(membrane=membrane, argument=argument)


@lru_cache(maxsize=64)
def _left(rule: Reset, spike: int) -> tuple[tuple[sp.Expr, sp.Expr], ...]:
    """(scale, shift) of both, in the rule's constants: asked for once a layer."""
    start: Any = {catalogue.s: spike, catalogue.a: 0}
    adapted: Any = sp.S.Zero if rule.adapt is None else rule.adapt.subs(start)
    state: Any = {catalogue.v: rule.after.subs(start), catalogue.i: 0, catalogue.a: adapted}
    membrane: Any = rule.charge.subs(state, simultaneous=True)
    risen: Any = rule.fires_at.subs(catalogue.a, adapted) - catalogue.threshold
    parts = []
    for expr in (sp.expand(membrane), sp.expand(membrane - risen)):
        if not sp.Poly(expr, catalogue.h).degree() <= 1:
            raise IkunError(f"reset {rule.name!r}: what it leaves is not affine in h, so two steps have no closed form")
        parts.append((sp.diff(expr, catalogue.h), expr.subs(catalogue.h, 0)))
    return tuple(parts)


def two_steps(dynamics: Dynamics, drive: Floats) -> Steps:
    """T = 2 exactly, for currents of covariance `drive` [2, 2]."""
    theta, gain = dynamics.neuron.threshold, dynamics.input_gain
    c11, c12, c22 = gain**2 * drive[0, 0], gain**2 * drive[0, 1], gain**2 * drive[1, 1]
    quiet, fired = after(dynamics, 0), after(dynamics, 1)

    def second_spike(left: Affine) -> tuple[float, float]:
        """P(J >= bound) and P(h₁ >= θ, J >= bound), J = i₂ + a h₁."""
        a, bound = left.scale, theta - left.shift
        var_j = c22 + 2 * a * c12 + a * a * c11
        return half_line(bound, var_j), orthant(theta, bound, c11, var_j, c12 + a * c11)

    alone, with_first = second_spike(quiet.argument)
    both = second_spike(fired.argument)[1]
    first = half_line(theta, c11)
    second = both + alone - with_first
    mean_v, square_v, v_h = _left_behind(quiet.membrane, fired.membrane, theta, c11, first)
    slope = c12 / c11 if c11 > 0 else 0.0  # E[i₂ | h₁] = slope · h₁
    var_2 = square_v - mean_v**2 + 2 * slope * v_h + c22
    return Steps(
        second=np.array([[first, both], [both, second]]),
        mean_h=np.array([0.0, mean_v]),
        var_h=np.array([c11, var_2]),
    )


def _left_behind(quiet: Affine, fired: Affine, theta: float, variance: float, rate: float) -> tuple[float, float, float]:
    """E[v], E[v²], E[v h] of v = a h + b, h ~ N(0, variance): moments of h above and below the threshold."""
    sigma = math.sqrt(variance)
    density = float(normal_density(theta / sigma)) if sigma > 0 else 0.0
    above = (rate, sigma * density, variance * rate + theta * sigma * density)
    below = (1 - rate, -above[1], variance - above[2])
    mean = square = mixed = 0.0
    for part, (m0, m1, m2) in ((quiet, below), (fired, above)):
        a, b = part.scale, part.shift
        mean += a * m1 + b * m0
        square += a * a * m2 + 2 * a * b * m1 + b * b * m0
        mixed += a * m2 + b * m1
    return mean, square, mixed
