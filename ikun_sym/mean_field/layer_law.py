"""One layer over T steps: from the covariance of its currents to what it sends forward and back.

T = 1: closed form both ways. T = 2: orthants forward, sampled back. T >= 3: one neuron, sampled.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, singledispatch
from typing import ClassVar

import numpy as np

from .covariance import Floats, square_root
from .infinite_network import TimeModel
from .layer import Layer
from .neuron_sample import Array, Steps, Trajectory
from .orthant import two_steps
from .transport import MatrixTransport, Transport, transport

ENTRIES, LEAST = 2**20, 2**12
"""Gradients use as many points as keep the adjoint's matrices at ENTRIES numbers, and at least LEAST points."""


@dataclass(frozen=True, eq=False)
class SampledLaw:
    """`points` [T, samples] are standard normal; the same ones for every layer, so that layers differ by their covariance
    alone and a fixed point is reached, not hovered about."""

    model: TimeModel
    points: Array

    exact_forward: ClassVar[bool] = False
    exact_backward: ClassVar[bool] = False
    """Whether it takes no samples; the gradient of summed spikes always does."""

    def steps(self, drive: Floats) -> Steps:
        """Given the steps before, h[t] is normal: mean m[t], standard deviation of what is new at t. So the last spike of
        every product is replaced by its conditional probability, E[S[s] S[t]] = E[S[s] Φ((m[t] − θ[t])/sd[t])] for s < t,
        which is smooth in the points: the standard error falls 3 to 5 times. θ[t] is known from the steps before, too."""
        dynamics, root = self.model.dynamics, square_root(drive)
        h, s, level = dynamics.fire(root.astype(self.points.dtype) @ self.points)
        new = dynamics.input_gain * np.diag(root)
        mean = h - new[:, None].astype(h.dtype) * self.points
        spike = conditional_probability(mean - level, new)
        samples = s.shape[1]
        product = np.triu((s @ spike.T).astype(float) / samples, 1)
        second = product + product.T + np.diag(spike.mean(axis=1, dtype=float))
        average = mean.mean(axis=1, dtype=float)
        return Steps(
            # too few samples, or a singular covariance: then only the plain mean is sure to be one
            second=second if is_positive(second) else (s @ s.T).astype(float) / samples,
            mean_h=average,
            var_h=np.square(mean - average[:, None].astype(h.dtype)).mean(axis=1, dtype=float) + new**2,
        )

    def trajectory(self, drive: Floats) -> Trajectory:
        return self.model.dynamics.run(square_root(drive).astype(self.gradient_points.dtype) @ self.gradient_points)

    @property
    def gradient_points(self) -> Array:
        """The first points of the sequence, a power of 2 and so balanced on their own: over many steps gradients need
        fewer than firing rates, whose errors a layer near its critical gain passes on amplified."""
        steps, samples = self.points.shape
        affordable = 2 ** int(np.log2(ENTRIES / (steps * (steps + 1) / 2)))
        return self.points[:, : min(samples, max(LEAST, affordable))]

    def transport(self, drive: Floats) -> Transport:
        return transport(self.trajectory(drive))


def is_positive(matrix: Floats) -> bool:
    try:
        np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return False
    return True


def conditional_probability(above: Array, deviation: Floats) -> Array:
    """Φ(above/deviation), row by row; where nothing is new, to the type's precision, 1[above >= 0]."""
    from scipy.special import ndtr

    width = deviation[:, None].astype(above.dtype)
    moving = np.flatnonzero(width > 0)
    with np.errstate(over="ignore"):  # infinitely many deviations away: 0 or 1
        if len(moving) == len(above):
            return ndtr(above / width)
        result = (above >= 0).astype(above.dtype)
        result[moving] = ndtr(above[moving] / width[moving])
    return result


def both_fire(spike: Array, chance: Array, other: Array, given: Array, own: float) -> Array:
    """P(both inputs of a neuron make it fire at one step), sample by sample, or what has its mean: from the first one's spike,
    both ones' probabilities given the past, and the second one's given the first's current too, of whose deviation `own` is
    left. If none is, the two currents are one: two inputs that are the same stay so."""
    return spike * given if own > 0 else np.minimum(chance, other)


@dataclass(frozen=True, eq=False)
class TwoStepLaw(SampledLaw):
    exact_forward = True

    def steps(self, drive: Floats) -> Steps:
        return two_steps(self.model.dynamics, drive)


@dataclass(frozen=True, eq=False)
class OneStepLaw(SampledLaw):
    exact_forward = exact_backward = True

    @cached_property
    def _layer(self) -> Layer:
        return self.model.layer

    def _variance(self, drive: Floats) -> float:
        return self.model.dynamics.input_gain**2 * float(drive[0, 0])

    def steps(self, drive: Floats) -> Steps:
        q = self._variance(drive)
        mean, second = (self._layer.mean(q), self._layer.second_moment(q)) if q > 0 else (np.zeros(()), np.zeros(()))
        return Steps(second=second.reshape(1, 1), mean_h=np.zeros(1), var_h=np.array([q]), mean_s=mean.reshape(1))

    def transport(self, drive: Floats) -> Transport:
        q, at_rest = self._variance(drive), self.model.dynamics.gradient(np.array([-self.model.neuron.threshold])) ** 2
        # a membrane that hardly moves sees the surrogate at rest: quadrature has no scale there
        resting = q <= REST * max(self._layer.threshold**2, REST)
        return MatrixTransport((at_rest if resting else self._layer.gradient_moment(q)).reshape(1, 1))


REST = 1e-12
"""Var(H) below this share of θ² is rest to double precision."""


@singledispatch
def law_type(model: TimeModel) -> type[SampledLaw]:
    """What its layers follow; models of another kind register theirs."""
    return {1: OneStepLaw, 2: TwoStepLaw}.get(model.steps, SampledLaw)


def law(model: TimeModel, points: Array) -> SampledLaw:
    return law_type(model)(model, points)


def exact_forward(model: TimeModel) -> bool:
    return law_type(model).exact_forward


def exact_backward(model: TimeModel) -> bool:
    return law_type(model).exact_backward and model.loss != "summed"
