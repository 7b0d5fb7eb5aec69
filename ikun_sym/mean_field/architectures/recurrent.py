"""Recurrent layers of infinite width: dynamical mean field, one step after the other.

    forward:   C[t, s] = K E[S^{l−1}[t] S^{l−1}[s]] + K_rec E[S^l[t−1] S^l[s−1]] + σ_b²
    backward:  E[δS[t] δS[s]] = G[t, s] + K_rec E[δI[t+1] δI[s+1]],   G from the layer above

Row t of C needs spikes before t alone, so it is built with the trajectories; backward, what returns through the recurrent
weights comes from strictly later, so T iterations are exact. A neuron's weight to itself is one of n: autapses change nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...catalogue.architectures import Recurrent
from ..covariance import PIVOT, Floats
from ..infinite_network import TimeModel
from ..layer_law import conditional_probability, exact_backward, exact_forward, is_positive
from ..neuron_sample import Steps
from .recursion import Adjoint, Passed, Recursion, Theory, equal_widths, refuse_summed, refuse_two_inputs, theory_of


def shifted(matrix: Floats) -> Floats:
    """[t, s] from [t − 1, s − 1]; nothing comes from before the first step."""
    later = np.zeros_like(matrix)
    later[1:, 1:] = matrix[:-1, :-1]
    return later


def extend_root(root: Floats, row: Floats) -> None:
    """Row t of the lower triangular square root, in place, from row [0 … t] of the covariance; as `covariance.square_root`."""
    t = len(row) - 1
    for j in range(t):
        if root[j, j] > 0:
            root[t, j] = (row[j] - root[t, :j] @ root[j, :j]) / root[j, j]
    rest = row[t] - root[t, :t] @ root[t, :t]
    root[t, t] = np.sqrt(rest) if rest > PIVOT * row[t] else 0.0


@dataclass(frozen=True, eq=False)
class RecurrentRecursion(Recursion):
    """The state: E[S[t] S[s]]."""

    @property
    def own(self) -> float:
        """K_rec."""
        topology = self.model.topology
        assert isinstance(topology, Recurrent)
        return topology.recurrent_gain

    def start(self) -> Floats:
        return self.model.input_second_moment

    def forward(self, number: int, state: Floats) -> tuple[Passed, Floats]:
        model = self.model
        fed = model.gains[number - 1] * state + model.bias_var
        if exact_forward(model):
            drive = model.at_membrane(fed)
            for _ in range(1, model.steps):
                drive = model.at_membrane(fed + self.own * shifted(self.law.steps(drive).second))
            steps = self.law.steps(drive)
        else:
            drive, steps = self._grown(fed)
        return Passed(drive, steps, lambda: self._adjoint(number, drive)), steps.second

    def _grown(self, fed: Floats) -> tuple[Floats, Steps]:
        """Three steps and more, sampled. As in `SampledLaw.steps`, the last spike of every product is its probability given
        the steps before."""
        model, dynamics, points = self.model, self.model.dynamics, self.points
        steps, samples = points.shape
        root, second, current = np.zeros((steps, steps)), np.zeros((steps, steps)), fed.copy()
        drive = np.zeros((steps, steps))
        h, s, mean = np.empty_like(points), np.empty_like(points), np.empty_like(points)
        state = dynamics.at_rest(points[0])
        for t in range(steps):
            if t:
                current[t, 1 : t + 1] = fed[t, 1 : t + 1] + self.own * second[t - 1, :t]
                current[: t + 1, t] = current[t, : t + 1]
            drive[: t + 1, : t + 1] = model.at_membrane(current)[: t + 1, : t + 1]
            extend_root(root, drive[t, : t + 1])
            (h[t], s[t], level), state = dynamics.step(state, root[t, : t + 1].astype(points.dtype) @ points[: t + 1])
            new = dynamics.input_gain * root[t, t]
            mean[t] = h[t] - points.dtype.type(new) * points[t]
            spike = conditional_probability(mean[t : t + 1] - level, np.array([new]))[0]
            second[t, :t] = second[:t, t] = (s[:t] @ spike).astype(float) / samples
            second[t, t] = spike.mean(dtype=float)
        average = mean.mean(axis=1, dtype=float)
        spread = np.square(mean - average[:, None].astype(h.dtype)).mean(axis=1, dtype=float)
        shown = Steps(
            second=second if is_positive(second) else (s @ s.T).astype(float) / samples,
            mean_h=average,
            var_h=spread + (dynamics.input_gain * np.diag(root)) ** 2,
        )
        return drive, shown

    def _adjoint(self, number: int, drive: Floats) -> Adjoint:
        model, transport = self.model, self.law.transport(drive)

        def adjoint(g: Floats) -> tuple[Floats, Floats, dict[str, Floats]]:
            carried = transport.apply(g)
            for _ in range(1, model.steps):
                later = np.zeros_like(g)
                later[:-1, :-1] = model.at_weights(carried)[1:, 1:]
                carried = transport.apply(g + self.own * later)
            return carried, model.returned(carried, number), {}

        return adjoint


@theory_of.register
def _(topology: Recurrent, model: TimeModel) -> Theory:
    refuse_summed(model)
    refuse_two_inputs(model)
    equal_widths(model)
    exact = exact_forward(model) and exact_backward(model)
    return Theory(make=RecurrentRecursion, dimension=model.steps, exact=exact, special=0)
