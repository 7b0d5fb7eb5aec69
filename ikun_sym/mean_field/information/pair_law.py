"""One layer and two inputs over T steps: what `layer_law` does for one.

T = 1: orthants forward, E[f'(H) f'(H')] back. T >= 2: one neuron with two inputs, sampled. Its currents are drawn in the order
of time, a[1], b[1], a[2], b[2], …, so that what is past at a step is past for both inputs, and the last spike of every product
can be replaced by its probability given the past.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ...gaussian.pairs.expected_product import expected_product
from ..covariance import Floats, square_root
from ..layer_law import REST, OneStepLaw, SampledLaw, conditional_probability, is_positive, law_type
from ..neuron_sample import Array, Steps, Trajectory
from ..orthant import orthant
from ..transport import MatrixTransport, Transport, transport
from .two_inputs import TwoInputs


@dataclass(frozen=True)
class PairTransport(Transport):
    """G of both inputs' gradients, [2T, 2T], block by block."""

    first: Transport
    between: Transport
    second: Transport

    def apply(self, g: Floats) -> Floats:
        half = len(g) // 2
        between = self.between.apply(g[:half, half:])
        first, second = self.first.apply(g[:half, :half]), self.second.apply(g[half:, half:])
        return np.block([[first, between], [between.T, second]])


class Sides(NamedTuple):
    """Of either input."""

    first: Array
    second: Array


@dataclass(frozen=True, eq=False)
class Drawn:
    """Both inputs' currents [T, samples], and the square root of their covariance, rows and columns in the order of time."""

    currents: Sides
    root: Floats


def draw(drive: Floats, points: Array) -> Drawn:
    order = np.arange(len(drive)).reshape(2, -1).T.ravel()
    root = square_root(drive[np.ix_(order, order)])
    both = root.astype(points.dtype) @ points
    return Drawn(Sides(both[0::2], both[1::2]), root)


@dataclass(frozen=True, eq=False)
class SampledPairLaw(SampledLaw):
    def steps(self, drive: Floats) -> Steps:
        dynamics, points = self.model.dynamics, self.points
        drawn = draw(drive, points)
        dtype, gain, root = points.dtype.type, dynamics.input_gain, drawn.root
        (h_a, s_a, level_a), (h_b, s_b, level_b) = (dynamics.fire(currents) for currents in drawn.currents)
        t = np.arange(len(h_a))
        # what is new at a step: to a; to b as far as a knows it; to b alone
        new, common, own = gain * root[2 * t, 2 * t], gain * root[2 * t + 1, 2 * t], gain * root[2 * t + 1, 2 * t + 1]
        mean_a = h_a - new[:, None].astype(dtype) * points[0::2]
        given_a = h_b - own[:, None].astype(dtype) * points[1::2]
        mean_b = given_a - common[:, None].astype(dtype) * points[0::2]
        spike_a, spike_b = (
            conditional_probability(mean_a - level_a, new),
            conditional_probability(mean_b - level_b, np.hypot(common, own)),
        )
        together = (s_a * conditional_probability(given_a - level_b, own)).mean(axis=1, dtype=float)
        s, spike, mean = np.concatenate([s_a, s_b]), np.concatenate([spike_a, spike_b]), np.concatenate([mean_a, mean_b])
        before = np.kron(np.ones((2, 2)), np.triu(np.ones((len(t), len(t))), 1))
        product = before * (s @ spike.T).astype(float) / s.shape[1]
        at_once = np.kron([[0, 1], [1, 0]], np.diag(together)) + np.diag(spike.mean(axis=1, dtype=float))
        second, average = product + product.T + at_once, mean.mean(axis=1, dtype=float)
        return Steps(
            # too few samples, or a singular covariance: then only the plain mean is sure to be one
            second=second if is_positive(second) else (s @ s.T).astype(float) / s.shape[1],
            mean_h=average,
            var_h=np.square(mean - average[:, None].astype(dtype)).mean(axis=1, dtype=float)
            + np.concatenate([new, np.hypot(common, own)]) ** 2,
        )

    def trajectories(self, drive: Floats) -> tuple[Trajectory, Trajectory]:
        first, second = draw(drive, self.gradient_points).currents
        return self.model.dynamics.run(first), self.model.dynamics.run(second)

    def transport(self, drive: Floats) -> Transport:
        first, second = self.trajectories(drive)
        return PairTransport(transport(first), transport(first, second), transport(second))


@dataclass(frozen=True, eq=False)
class OneStepPairLaw(SampledPairLaw):
    exact_forward = exact_backward = True

    def _alone(self) -> OneStepLaw:
        return OneStepLaw(self.model, self.points[:1])

    def steps(self, drive: Floats) -> Steps:
        theta, gain2 = self.model.neuron.threshold, self.model.dynamics.input_gain**2
        first, second = (self._alone().steps(drive[i : i + 1, i : i + 1]) for i in range(2))
        var = gain2 * drive
        both = orthant(theta, theta, var[0, 0], var[1, 1], var[0, 1]) if theta or var.any() else 0.0
        return Steps(
            second=np.array([[first.rate[0], both], [both, second.rate[0]]]),
            mean_h=np.zeros(2),
            var_h=np.diag(var).copy(),
        )

    def transport(self, drive: Floats) -> Transport:
        first, second = (self._alone().transport(drive[i : i + 1, i : i + 1]) for i in range(2))
        return PairTransport(first, MatrixTransport(np.array([[self._product(drive)]])), second)

    def _product(self, drive: Floats) -> float:
        """E[f'(H) f'(H')]."""
        neuron, var = self.model.neuron, self.model.dynamics.input_gain**2 * drive
        a, b, theta = float(var[0, 0]), float(var[1, 1]), neuron.threshold
        if min(a, b) <= REST * max(theta**2, REST):  # one of them at rest
            at_rest = float(self.model.dynamics.gradient(np.array([-theta]))[0])
            moving = max(a, b)
            alone = at_rest if moving <= REST * max(theta**2, REST) else float(self.model.layer.gradient_moment(moving, 1))
            return at_rest * alone
        rho = min(1.0, float(var[0, 1]) / (a * b) ** 0.5)
        return float(expected_product(neuron.surrogate, -theta, a, rho, other_var=b))


@law_type.register
def _(model: TwoInputs) -> type[SampledLaw]:
    return OneStepPairLaw if model.span == 1 else SampledPairLaw
