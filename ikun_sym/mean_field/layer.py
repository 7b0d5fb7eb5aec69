"""The infinite-width layer at one time step: what it sends forward and what gradient it sends back.

A layer's membrane potential is H ~ N(0, q). It sends X = 1[H >= θ] (spiking) or X = f(H − θ) (smooth: the network that
Theorem 1's derivation linearises). With gain K = fan_in · Var W the next layer sees q' = K E[X²]: weights have zero mean,
so the *second moment* of X enters, not its variance. Backward, E[δ²] is multiplied by fan_out · Var W · E[f'(H − θ)²].
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import sympy as sp
from numpy.typing import ArrayLike, NDArray

from ..catalogue.piecewise import PiecewiseFunction, one_side
from ..catalogue.registry import Registry
from ..catalogue.surrogate import Bound
from ..gaussian.evaluate import FloatFunction
from ..gaussian.moment import float_function, integrand
from .normal_law import normal_density, upper_tail

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Layer(ABC):
    """`threshold` in the unit of H. Methods are vectorised over q = Var(H) > 0. Without `settle`, what float64 quadrature
    does not resolve is NaN instead of being computed in ball arithmetic: for scans."""

    surrogate: Bound
    threshold: float

    @abstractmethod
    def mean(self, q: ArrayLike, *, settle: bool = True) -> Floats:
        """E[X]."""

    @abstractmethod
    def second_moment(self, q: ArrayLike, *, settle: bool = True) -> Floats:
        """E[X²]."""

    @abstractmethod
    def forward_slope(self, q: float) -> float:
        """d log E[X²] / d log q: below 1, a fixed point of q' = K E[X²] is stable."""

    def variance(self, q: ArrayLike, *, settle: bool = True) -> Floats:
        """Var X = E[X²] − E[X]²."""
        return self.second_moment(q, settle=settle) - self.mean(q, settle=settle) ** 2

    def gradient_moment(self, q: ArrayLike, power: int = 2, *, settle: bool = True) -> Floats:
        """E[f'(H − θ)^power]."""
        return float_function(self.surrogate, "fprime", power).expectation(-self.threshold, q, settle=settle)


def firing_half(surrogate: Bound, power: int) -> FloatFunction:
    """f'(x)^power where x >= 0, that is where the neuron fires, else 0."""
    function = integrand(surrogate, "fprime", power)
    tail = function.tail(1)
    half = PiecewiseFunction(function.side(1) + one_side(-1, (0, sp.oo)), () if tail is None else (tail,))
    return FloatFunction(half, surrogate.environment)


@dataclass(frozen=True)
class SpikingLayer(Layer):
    def mean(self, q: ArrayLike, *, settle: bool = True) -> Floats:
        return upper_tail(self.threshold / np.sqrt(q))

    def second_moment(self, q: ArrayLike, *, settle: bool = True) -> Floats:
        return self.mean(q)  # a spike squared is a spike

    def variance(self, q: ArrayLike, *, settle: bool = True) -> Floats:
        rate = self.mean(q)
        return rate * (1 - rate)

    def forward_slope(self, q: float) -> float:
        # a φ(a)/(2 Q(a)), a = θ/√q
        a = self.threshold / np.sqrt(q)
        return float(a * normal_density(a) / (2 * upper_tail(a)))

    def gradient_moment_of_spiking(self, q: ArrayLike) -> Floats:
        """E[f'(H − θ)² S]."""
        return firing_half(self.surrogate, 2).expectation(-self.threshold, q)


@dataclass(frozen=True)
class SmoothLayer(Layer):
    def mean(self, q: ArrayLike, *, settle: bool = True) -> Floats:
        return float_function(self.surrogate, "f", 1).expectation(-self.threshold, q, settle=settle)

    def second_moment(self, q: ArrayLike, *, settle: bool = True) -> Floats:
        return float_function(self.surrogate, "f", 2).expectation(-self.threshold, q, settle=settle)

    def forward_slope(self, q: float) -> float:
        # A central difference of the logarithm; its error is O(h²) = 1e-8, far below what a verdict needs.
        h = 1e-4
        high, low = self.second_moment([q * np.exp(h), q * np.exp(-h)])
        return float(np.log(high / low) / (2 * h))


@dataclass(frozen=True)
class ForwardPass:
    """How a forward pass is called on the command line and in records, and its layer."""

    name: str
    layer: type[Layer]


FORWARD_PASSES: Registry[ForwardPass] = Registry("forward pass")
FORWARD_PASSES.register(ForwardPass("spiking", SpikingLayer))
FORWARD_PASSES.register(ForwardPass("smooth", SmoothLayer))
