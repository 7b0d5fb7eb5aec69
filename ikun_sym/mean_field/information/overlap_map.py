"""From layer to layer at one time step: the overlap of two inputs' spikes, where it settles, and how fast.

Two inputs fire at the stationary rate p; ρ = E[S S']/p. With independent weights the membranes of the next layer have the
correlation c = β + (1 − β) ρ, β = σ_b²/σ_H² the share of random biases; where the mean of each neuron's weights is
subtracted, c = β + (1 − β)(ρ − p)/(1 − p). Either way

    1 − c = γ (1 − ρ),      ρ ↦ M(ρ) = Φ₂(a, a; c)/p,      γ = 1 − β, or (1 − β)/(1 − p).

log φ₂(a, a; c) has the derivative a²/(1 + c)² + c/(1 − c²) >= 0 in c >= 0, so M is convex there; M(1) = 1 with infinite slope,
and M lies above ρ at c = β. Hence exactly one fixed point ρ* < 1 has c >= β, and its slope s = M'(ρ*) is below 1: ρ* is
stable, ρ = 1 is not. At the fixed point γ = (1 − c)/(1 − M), so that s = (1 − c) φ₂(c)/∫_c^1 φ₂, a density over its mean on
what is right of it. With x² = (1 − c)/(1 + c) that is ½ x exp(−½ a²x²)/∫_0^x exp(−½ a²u²)/(1 + u²) du, which falls in a at any
given x. At a = 0 it is x/(2 arctan x): centred weights without bias have c = 0, x = 1 and s <= 2/π. For independent weights a
bias only makes x smaller, so that the largest s is met without: 0.5309144 at p = 0.320646.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

from scipy.optimize import brentq

from ..normal_law import upper_tail
from .overlap import shared, steepness, unshared

TINY = 1e-300
"""A membrane's 1 − c is not followed below: there s is ½ to all digits, the limit x → 0."""

ROUNDING = 1e-14
"""A factor is known to so much: closer to 1 it is 1."""


@dataclass(frozen=True, kw_only=True)
class OverlapMap:
    """`a` = θ/σ_H; `spike_share` 1 − β in (0, 1]; `centred`: the mean of each neuron's weights is subtracted."""

    a: float
    spike_share: float = 1.0
    centred: bool = False

    @property
    def rate(self) -> float:
        """p = Q(a)."""
        return float(upper_tail(self.a))

    @cached_property
    def gamma(self) -> float:
        """γ = (1 − c)/(1 − ρ)."""
        return self.spike_share / (float(upper_tail(-self.a)) if self.centred else 1.0)

    def __call__(self, overlap: float) -> float:
        """M(ρ)."""
        return float(shared(self.a, self.gamma * (1 - overlap)))

    @cached_property
    def distance(self) -> float:
        """1 − c at the fixed point, to full relative precision; at least `TINY`."""

        def excess(log_w: float) -> float:
            return self.gamma * float(unshared(self.a, math.exp(log_w))) / math.exp(log_w) - 1

        high = math.log(min(self.gamma, 1.0))
        if excess(high) >= 0:  # centred and without bias: c = 0, to rounding
            return math.exp(high)
        if excess(math.log(TINY)) <= 0:
            return TINY
        root = brentq(excess, math.log(TINY), high, xtol=1e-15)
        assert isinstance(root, float)
        return math.exp(root)

    @property
    def overlap(self) -> float:
        """ρ*."""
        return float(shared(self.a, self.distance))

    @property
    def correlation(self) -> float:
        """c at the fixed point: that of the two membranes."""
        return 1 - self.distance

    @property
    def slope(self) -> float:
        """s = M'(ρ*)."""
        return 0.5 if self.distance == TINY else self.gamma * float(steepness(self.a, self.distance))


def depth(factor: float) -> float:
    """−1/ln factor: layers over which something falls to 1/e that each multiplies by `factor`; infinite where it does not
    shrink, as the correlation of gradients under a surrogate that is a constant."""
    if factor >= 1 - ROUNDING:
        return math.inf
    return 0.0 if factor <= 0 else -1 / math.log(factor)
