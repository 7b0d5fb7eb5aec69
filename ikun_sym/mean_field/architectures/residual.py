"""Residual blocks of infinite width.

SEW ADD: x^{l+1} = x^l + S^l. A neuron's own weights are independent of its x^l, so S^l is independent of x^l, neuron by neuron:

    E[x^{l+1}] = m + p,   E[x'[t] x'[s]] = E[x[t] x[s]] + m[t] p[s] + p[t] m[s] + E[S[t] S[s]]
    E[δx^l δx^l] = E[δx^{l+1} δx^{l+1}] + K_out Fᵀ E[δH δH] F

Membrane shortcut: I^l = I^{l−1} + W^l S^{l−1}, so that C^l = C^{l−1} + K_l E[S^{l−1} S^{l−1}] + σ_b², and backward

    E[δI^l δI^l] = E[δI^{l+1} δI^{l+1}] + Fᵀ E[A (K_{l+1} E[δI^{l+1} δI^{l+1}]) Aᵀ] F
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...catalogue.architectures import Residual
from ...catalogue.registry import Registry
from ...errors import NoTheoryError
from ..covariance import Floats
from ..infinite_network import TimeModel
from ..layer_law import exact_backward, exact_forward
from .recursion import Adjoint, Passed, Recursion, Theory, equal_widths, refuse_summed, theory_of


@dataclass(frozen=True, eq=False)
class SewRecursion(Recursion):
    """The state: E[x xᵀ] and, below it, E[x], as [T + 1, T]."""

    def start(self) -> Floats:
        mean = np.full((1, self.model.steps), self.model.input_mean)
        return np.concatenate([self.model.input_second_moment, mean])

    def forward(self, number: int, state: Floats) -> tuple[Passed, Floats]:
        model, gain = self.model, self.model.gains[number - 1]
        second, mean = state[:-1], state[-1]
        drive = model.at_membrane(gain * second + model.bias_var)
        steps = self.law.steps(drive)

        def make() -> Adjoint:
            transport = self.law.transport(drive)

            def adjoint(g: Floats) -> tuple[Floats, Floats, dict[str, Floats]]:
                carried = transport.apply(g)
                return carried, g + gain * model.at_weights(carried), {}

            return adjoint

        cross = np.outer(mean, steps.rate)
        after = np.concatenate([second + cross + cross.T + steps.second, (mean + steps.rate)[None]])
        return Passed(drive, steps, make), after


@dataclass(frozen=True, eq=False)
class MembraneShortcutRecursion(Recursion):
    """The state: the covariance of the shortcut's current, and below it the spikes' second moment, as [2 T, T]. Backward: the
    gradient at the current of the layer above, and below it that at the loss's spikes, as [2 T, T]."""

    def start(self) -> Floats:
        return np.concatenate([np.zeros_like(self.model.input_second_moment), self.model.input_second_moment])

    def loss(self) -> Floats:
        at_spikes = super().loss()
        return np.concatenate([np.zeros_like(at_spikes), at_spikes])

    def forward(self, number: int, state: Floats) -> tuple[Passed, Floats]:
        model, half = self.model, self.model.steps
        gain = model.gains[number - 1]
        current = state[:half] + gain * state[half:] + model.bias_var
        drive = model.at_membrane(current)
        steps = self.law.steps(drive)

        def make() -> Adjoint:
            transport = self.law.transport(drive)

            def adjoint(g: Floats) -> tuple[Floats, Floats, dict[str, Floats]]:
                at_current = g[:half] + model.at_weights(transport.apply(g[half:]))
                return at_current, np.concatenate([at_current, gain * at_current]), {}

            return adjoint

        return Passed(drive, steps, make), np.concatenate([current, steps.second])


@dataclass(frozen=True)
class Block:
    name: str
    recursion: type[Recursion]


BLOCKS: Registry[Block] = Registry("residual block")
BLOCKS.register(Block("sew", SewRecursion))
BLOCKS.register(Block("ms", MembraneShortcutRecursion))


@theory_of.register
def _(topology: Residual, model: TimeModel) -> Theory:
    if topology.measured_only:
        raise NoTheoryError(f"architecture {topology.spec}: {topology.measured_only}")
    refuse_summed(model)
    equal_widths(model)
    make, exact = BLOCKS[topology.kind].recursion, exact_forward(model) and exact_backward(model)
    return Theory(make=make, dimension=model.steps, exact=exact, special=None)
