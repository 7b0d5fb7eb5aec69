"""Layers whose weights copy: the recursion of `copying` for one input and for two.

The state: E[S_a S_b] of the inputs a, b. Backward: E[δS_a δS_b | S_a = s, S_b = s'] as [s, s', a, b], for what a spike is told
depends on whether there is one; of one input s = s'.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...catalogue.architectures import Dense
from ...errors import NoTheoryError
from ..copying import Copying, copying
from ..covariance import Floats
from ..infinite_network import TimeModel
from ..neuron_sample import Steps
from .recursion import Adjoint, Passed, Recursion, Theory, equal_widths, refuse_summed, theory_of


@dataclass(frozen=True, eq=False)
class CopiedRecursion(Recursion):
    @cached_property
    def layers(self) -> Copying:
        return copying(self.model)

    def start(self) -> Floats:
        return self.model.input_second_moment

    def loss(self) -> Floats:
        return np.ones((2, 2, self.model.inputs, self.model.inputs))

    def forward(self, number: int, state: Floats) -> tuple[Passed, Floats]:
        layers, rates, after = self.layers, np.diag(state), np.zeros_like(state)
        for a, rate in enumerate(rates):
            after[a, a] = layers.next_rate(rate)
            for b in range(a):
                after[a, b] = after[b, a] = layers.next_between(rate, state[a, b], rates[b])
        own = np.array([layers.sigma(rate) ** 2 for rate in rates])
        shown = Steps(second=after, mean_h=layers.c * rates, var_h=own + layers.c**2 * rates * (1 - rates))
        return Passed(layers.gain * state + layers.bias_var, shown, lambda: self._adjoint(state)), after

    def _adjoint(self, state: Floats) -> Adjoint:
        layers, rates, inputs = self.layers, np.diag(state), range(len(state))
        found = {}
        for a in inputs:
            found[a, a] = np.diag([1 - rates[a], rates[a]]), _of_one(layers.moments(rates[a]))
            for b in inputs[a + 1 :]:
                found[a, b] = (
                    layers.shares(rates[a], state[a, b], rates[b]),
                    layers.pair_moments(rates[a], state[a, b], rates[b]).reshape(2, 2, 2, 2),
                )

        def adjoint(g: Floats) -> tuple[Floats, Floats, dict[str, Floats]]:
            carried, below = np.zeros_like(state), np.zeros_like(g)
            for (a, b), (share, moments) in found.items():
                at_membrane = np.einsum("stuv,uv->st", moments, g[:, :, a, b])
                carried[a, b] = carried[b, a] = float((share * at_membrane).sum())
                below[:, :, a, b] = layers.c**2 * at_membrane + layers.gain * carried[a, b]
                below[:, :, b, a] = below[:, :, a, b].T
            return carried, below, {}

        return adjoint


def _of_one(moments: Floats) -> Floats:
    """M[s, u] as [s, s', u, u'], where both are the same."""
    both = np.zeros((2, 2, 2, 2))
    for s in range(2):
        for u in range(2):
            both[s, s, u, u] = moments[s, u]
    return both


@theory_of.register
def _(topology: Dense, model: TimeModel) -> Theory:
    """Of weights that copy; all others of dense layers are `predict`'s own."""
    if not model.copied:
        raise NoTheoryError("dense layers of independent weights are predicted without a recursion of their own")
    refuse_summed(model)
    equal_widths(model)
    return Theory(make=CopiedRecursion, dimension=model.steps, exact=True, special=0)
