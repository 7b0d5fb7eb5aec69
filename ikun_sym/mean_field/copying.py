"""Layers that copy at one time step: weights W = c P + G, P a random permutation, G independent of gain K = n Var(G).

A neuron sees c times the spike of one neuron below, its own, and a normal current: H = c S_own + N(0, σ²), σ² = K p + σ_b².
With a₁ = (θ − c)/σ and a₀ = θ/σ, where its own fired and where it did not,

    rate:     p ↦ p Q(a₁) + (1 − p) Q(a₀)
    overlap:  q = E[S S'] ↦ q Φ₂(a₁, a₁; r) + 2 (p − q) Φ₂(a₁, a₀; r) + (1 − 2p + q) Φ₂(a₀, a₀; r),   r = (K q + σ_b²)/σ².

Gradients: what a spike is told, δS = c δH of the one that copies it + Gᵀ δH. That one's f'(H) depends on the spike that it
copies, so E[δS² | S = s] =: v[s], not one number, goes down the layers,

    v ↦ T v,   T[s, u] = c² M[s, u] + K Σ_r P(r) M[r, u],   M[s, u] = E[f'(H)² 1{S = u} | S_own = s],

and χ is the leading eigenvalue of T; for two inputs likewise w[s, s'] with E[f'(H) f'(H') 1{S = u, S' = u'} | s, s'], four
states.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.optimize import brentq

from ..catalogue.surrogate import Bound
from ..errors import DomainError, NoTheoryError
from ..gaussian.evaluate import FloatFunction
from ..gaussian.moment import float_function
from .covariance import Floats
from .infinite_network import TimeModel
from .layer import firing_half
from .normal_law import normal_density, quantile_of_upper_tail, upper_tail
from .orthant import orthant

LAYERS = 100_000
"""Within which the rate must settle; it drifts slowly where copying is nearly all."""

NODES = np.arange(-9.0, 9.0 + 1e-9, 0.05)
"""Of what two inputs' currents have in common: a trapezoidal sum of entire functions that fall like the normal density."""


@dataclass(frozen=True, kw_only=True)
class Copying:
    """`c` the copied weight, `gain` K, σ_b² = `bias_var`; `amplitude` A: the surrogate's f' times A."""

    surrogate: Bound
    threshold: float
    c: float
    gain: float
    bias_var: float = 0.0
    amplitude: float = 1.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.c) and self.c >= 0):
            raise DomainError("c", self.c, "zero or a positive number")

    @classmethod
    def at_rate(cls, rate: float, sigma: float, *, surrogate: Bound, threshold: float) -> Copying:
        """The c and K at which the rate p is a fixed point and the independent part's standard deviation is σ."""
        from_nothing = (1 - rate) * float(upper_tail(threshold / sigma))
        if not (0 < rate < 1 and sigma > 0 and from_nothing < rate):
            what = f"below {rate:g}: the independent currents alone make no more spikes than wanted"
            raise DomainError("rate of spikes that copy nothing", from_nothing, what)
        c = threshold - sigma * float(quantile_of_upper_tail(1 - from_nothing / rate))
        return cls(surrogate=surrogate, threshold=threshold, c=c, gain=sigma**2 / rate)

    def sigma(self, rate: float) -> float:
        return math.sqrt(self.gain * rate + self.bias_var)

    def levels(self, rate: float) -> tuple[float, float]:
        """(a₀, a₁)."""
        sigma = self.sigma(rate)
        return self.threshold / sigma, (self.threshold - self.c) / sigma

    # ------------------------------------------------------------------------------------------------------- forward

    def next_rate(self, rate: float) -> float:
        quiet, fired = map(float, upper_tail(self.levels(rate)))
        return rate * fired + (1 - rate) * quiet

    def rate_slope(self, rate: float) -> float:
        """d p'/dp: Q(a₁) − Q(a₀) + K [p φ(a₁) a₁ + (1 − p) φ(a₀) a₀]/(2σ²)."""
        a = np.array(self.levels(rate))
        quiet, fired = map(float, upper_tail(a))
        moved = float(np.dot([1 - rate, rate], normal_density(a) * a))
        return fired - quiet + self.gain * moved / (2 * self.sigma(rate) ** 2)

    def settle(self, rate: float) -> float:
        """The rate far down, from that of the input. NoTheoryError: silence, or it drifts."""
        for _ in range(LAYERS):
            after = self.next_rate(rate) if rate > 0 or self.bias_var > 0 else 0.0
            if abs(after - rate) <= 1e-14 * rate:
                break
            rate = after
        else:
            raise NoTheoryError(f"the firing rate does not settle within {LAYERS} layers")
        if not rate > 0:
            raise NoTheoryError("no neuron fires where layers have settled: no input is told from another")
        return rate

    def _pairs(self, rate: float, between: float, other: float | None = None) -> tuple[Floats, Floats]:
        """P(own spikes s, s') and P(both fire | s, s'), [2, 2], of inputs of rates p and p' that share q = `between`."""
        second = rate if other is None else other
        mine, yours, share = self.levels(rate), self.levels(second), self.shares(rate, between, other)
        c = (self.gain * between + self.bias_var) / (self.sigma(rate) * self.sigma(second))
        return share, np.array([[orthant(x, y, 1.0, 1.0, c) for y in yours] for x in mine])

    def next_between(self, rate: float, between: float, other: float | None = None) -> float:
        """q ↦ q'."""
        share, fire = self._pairs(rate, between, other)
        return float((share * fire).sum())

    def slope(self, rate: float, between: float) -> float:
        """∂q'/∂q at two inputs of one rate."""
        share, fire = self._pairs(rate, between)
        sigma2 = self.sigma(rate) ** 2
        c, a = (self.gain * between + self.bias_var) / sigma2, np.array(self.levels(rate))
        x, y = a[:, None], a[None, :]
        density = np.exp(-(x * x - 2 * c * x * y + y * y) / (2 * (1 - c * c))) / (2 * np.pi * math.sqrt(1 - c * c))
        return float(fire[1, 1] - fire[0, 1] - fire[1, 0] + fire[0, 0] + self.gain / sigma2 * (share * density).sum())

    def settled_between(self, rate: float) -> float:
        """q at the stable fixed point below q = p. NoTheoryError: the rate moves so far in a layer that there is none."""

        def excess(overlap: float) -> float:
            return self.next_between(rate, rate * overlap) / rate - overlap

        close = 1.0
        while close > 1e-12 and excess(1 - close) > 0:
            close /= 2
        if excess(1 - close) > 0:
            after = self.next_rate(rate)
            raise NoTheoryError(f"the rate {rate:g} does not stay: it is {after:g} a layer on, and no overlap stays with it")
        root = brentq(excess, 0.0, 1 - close, xtol=1e-15)
        assert isinstance(root, float)
        return rate * root

    # ------------------------------------------------------------------------------------------------------ backward

    @cached_property
    def _halves(self) -> tuple[tuple[FloatFunction, FloatFunction], tuple[FloatFunction, FloatFunction]]:
        """f' and f'², each whole and where the neuron fires."""
        return tuple(  # type: ignore[return-value]
            (float_function(self.surrogate, "fprime", power), firing_half(self.surrogate, power)) for power in (1, 2)
        )

    def moments(self, rate: float) -> Floats:
        """M, [2, 2]."""
        whole, firing = self._halves[1]
        mean, var = np.array([0.0, self.c]) - self.threshold, self.sigma(rate) ** 2
        fired = firing.expectation(mean, var)
        return self.amplitude**2 * np.stack([whole.expectation(mean, var) - fired, fired], axis=1)

    def factors(self, rate: float) -> Floats:
        """T, [2, 2]."""
        moments = self.moments(rate)
        return self.c**2 * moments + self.gain * np.array([1 - rate, rate]) @ moments

    def chi(self, rate: float) -> float:
        return leading(self.factors(rate))

    def pair_moments(self, rate: float, between: float, other: float | None = None) -> Floats:
        """E[f'(H) f'(H') 1{S = u, S' = u'} | s, s'], [4, 4] over (s, s') and (u, u')."""
        sigmas = [self.sigma(rate), self.sigma(rate if other is None else other)]
        c = (self.gain * between + self.bias_var) / (sigmas[0] * sigmas[1])
        whole, firing = self._halves[0]
        sides = []
        for sigma in sigmas:
            mean, var = np.array([[0.0], [self.c]]) - self.threshold + math.sqrt(c) * sigma * NODES, (1 - c) * sigma**2
            fired = firing.expectation(mean, var)
            sides.append(np.stack([whole.expectation(mean, var) - fired, fired], axis=1))  # [own, spike, node]
        weight = normal_density(NODES) * (NODES[1] - NODES[0])
        return self.amplitude**2 * np.einsum("sun,tvn,n->stuv", *sides, weight).reshape(4, 4)

    def pair_factors(self, rate: float, between: float) -> Floats:
        """The same of two inputs, [4, 4] over (s, s')."""
        moments = self.pair_moments(rate, between)
        return self.c**2 * moments + self.gain * self.shares(rate, between).ravel() @ moments

    def shares(self, rate: float, between: float, other: float | None = None) -> Floats:
        """P(s, s') of two inputs, [2, 2]."""
        second = rate if other is None else other
        return np.array([[1 - rate - second + between, second - between], [rate - between, between]])

    def coherence(self, rate: float, between: float) -> float:
        """By how much a layer shrinks the correlation of two inputs' gradients."""
        return leading(self.pair_factors(rate, between)) / self.chi(rate)


def leading(matrix: Floats) -> float:
    """The largest eigenvalue of a matrix that is not negative."""
    return float(np.linalg.eigvals(matrix).real.max())


def copying(model: TimeModel) -> Copying:
    """Of the network of `model`."""
    scale = model.input_weight
    return Copying(
        surrogate=model.neuron.surrogate,
        threshold=model.neuron.threshold,
        c=scale * model.copied,
        gain=scale**2 * model.gain,
        bias_var=scale**2 * model.bias_var,
    )
