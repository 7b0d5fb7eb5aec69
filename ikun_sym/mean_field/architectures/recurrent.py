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
from ..layer_law import both_fire, conditional_probability, exact_backward, exact_forward, is_positive
from ..neuron_sample import Steps
from .recursion import Adjoint, Passed, Recursion, Theory, equal_widths, refuse_summed, theory_of


def one_step_on(model: TimeModel) -> Floats:
    """What moves each input's steps on by one; nothing comes from before the first."""
    return np.kron(np.eye(model.inputs), np.eye(model.steps // model.inputs, k=-1)).astype(float)


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
            drive, on = model.at_membrane(fed), one_step_on(model)
            for _ in range(1, model.steps):
                drive = model.at_membrane(fed + self.own * on @ self.law.steps(drive).second @ on.T)
            steps = self.law.steps(drive)
        else:
            drive, steps = self._grown(fed)
        return Passed(drive, steps, lambda: self._adjoint(number, drive)), steps.second

    def _grown(self, fed: Floats) -> tuple[Floats, Steps]:
        """Three steps and more, sampled, or two inputs, whose currents of one step follow each other. As in `SampledLaw.steps`,
        the last spike of every product is its probability given the steps before."""
        model, dynamics, points, inputs = self.model, self.model.dynamics, self.points, self.model.inputs
        (count, samples), on = points.shape, one_step_on(model)
        length, gain = count // inputs, dynamics.input_gain
        place = np.arange(count).reshape(inputs, length)  # of an input's step in every matrix
        root, second, drive = (np.zeros((count, count)) for _ in range(3))
        h, s, mean, spread = np.empty_like(points), np.empty_like(points), np.empty_like(points), np.zeros(count)
        states = [dynamics.at_rest(points[0]) for _ in range(inputs)]
        for t in range(length):
            drive = model.at_membrane(fed + self.own * on @ second @ on.T)
            past, now, spikes = place[:, :t].ravel(), place[:, t], []
            for k, at in enumerate(now):
                row = inputs * t + k
                known = place.T.ravel()[: row + 1]
                extend_root(root, drive[at, known])
                (h[at], s[at], level), states[k] = dynamics.step(
                    states[k], root[row, : row + 1].astype(points.dtype) @ points[: row + 1]
                )
                new = gain * root[row, inputs * t : row + 1]
                alone = h[at] - points.dtype.type(new[-1]) * points[row]
                mean[at] = h[at] - new.astype(points.dtype) @ points[inputs * t : row + 1]
                spread[at] = float(new @ new)
                spikes.append(conditional_probability(mean[at][None] - level, np.sqrt(spread[at : at + 1]))[0])
                second[at, at] = spikes[-1].mean(dtype=float)
                if k:  # what the first input's current says is known
                    given = conditional_probability(alone[None] - level, new[-1:])[0]
                    both = both_fire(s[now[0]], spikes[0], spikes[1], given, new[-1])
                    second[now[0], at] = second[at, now[0]] = both.mean(dtype=float)
            for at, spike in zip(now, spikes, strict=True):
                second[at, past] = second[past, at] = (s[past] @ spike).astype(float) / samples
        average = mean.mean(axis=1, dtype=float)
        shown = Steps(
            second=second if is_positive(second) else (s @ s.T).astype(float) / samples,
            mean_h=average,
            var_h=np.square(mean - average[:, None].astype(h.dtype)).mean(axis=1, dtype=float) + spread,
        )
        return drive, shown

    def _adjoint(self, number: int, drive: Floats) -> Adjoint:
        model, transport, on = self.model, self.law.transport(drive), one_step_on(self.model)

        def adjoint(g: Floats) -> tuple[Floats, Floats, dict[str, Floats]]:
            carried = transport.apply(g)
            for _ in range(1, model.steps // model.inputs):
                carried = transport.apply(g + self.own * on.T @ model.at_weights(carried) @ on)
            return carried, model.returned(carried, number), {}

        return adjoint


@theory_of.register
def _(topology: Recurrent, model: TimeModel) -> Theory:
    refuse_summed(model)
    equal_widths(model)
    exact = exact_forward(model) and exact_backward(model)
    return Theory(make=RecurrentRecursion, dimension=model.steps, exact=exact, special=0)
