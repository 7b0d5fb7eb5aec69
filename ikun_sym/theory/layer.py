"""The infinite-width layer at one time step: what it sends forward and what gradient it sends back.

A layer's membrane potential is H ~ N(0, q). It sends X = 1[H >= θ] (spiking) or X = f(H − θ) (smooth: the network that
Theorem 1's derivation linearises). With gain K = fan_in · Var W the next layer sees q' = K E[X²]: weights have zero mean,
so the *second moment* of X enters, not its variance. Backward, E[δ²] is multiplied by fan_out · Var W · E[f'(H − θ)²].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..catalogue.registry import Registry
from ..catalogue.surrogate import Bound
from ..gaussian.moment import float_function
from .normal import normal_density, upper_tail

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Layer:
    """`threshold` in the unit of H. Methods are vectorised over q = Var(H) > 0."""

    surrogate: Bound
    threshold: float

    name = ""
    """How the forward pass is called on the command line and in records."""

    def mean(self, q: ArrayLike) -> Floats:
        """E[X]."""
        raise NotImplementedError

    def second_moment(self, q: ArrayLike) -> Floats:
        """E[X²]."""
        raise NotImplementedError

    def forward_slope(self, q: float) -> float:
        """d log E[X²] / d log q: below 1, a fixed point of q' = K E[X²] is stable."""
        raise NotImplementedError

    def variance(self, q: ArrayLike) -> Floats:
        """Var X = E[X²] − E[X]²."""
        return self.second_moment(q) - self.mean(q) ** 2

    def gradient_moment(self, q: ArrayLike, power: int = 2) -> Floats:
        """E[f'(H − θ)^power]."""
        return float_function(self.surrogate, "fprime", power).expectation(-self.threshold, q)


LAYERS: Registry = Registry("forward pass")


@dataclass(frozen=True)
class SpikingLayer(Layer):
    name = "spiking"

    def mean(self, q: ArrayLike) -> Floats:
        return upper_tail(self.threshold / np.sqrt(q))

    def second_moment(self, q: ArrayLike) -> Floats:
        return self.mean(q)  # a spike squared is a spike

    def variance(self, q: ArrayLike) -> Floats:
        rate = self.mean(q)
        return rate * (1 - rate)

    def forward_slope(self, q: float) -> float:
        # a φ(a)/(2 Q(a)), a = θ/√q
        a = self.threshold / np.sqrt(q)
        return float(a * normal_density(a) / (2 * upper_tail(a)))


@dataclass(frozen=True)
class SmoothLayer(Layer):
    name = "smooth"

    def mean(self, q: ArrayLike) -> Floats:
        return float_function(self.surrogate, "f", 1).expectation(-self.threshold, q)

    def second_moment(self, q: ArrayLike) -> Floats:
        return float_function(self.surrogate, "f", 2).expectation(-self.threshold, q)

    def forward_slope(self, q: float) -> float:
        # A central difference of the logarithm; its error is O(h²) = 1e-8, far below what a verdict needs.
        h = 1e-4
        high, low = self.second_moment([q * np.exp(h), q * np.exp(-h)])
        return float(np.log(high / low) / (2 * h))


LAYERS.register(SpikingLayer)  # type: ignore[arg-type]
LAYERS.register(SmoothLayer)  # type: ignore[arg-type]
