"""Two inputs of one network, as one network whose steps are those of the first input and then those of the second.

Every covariance over steps is then a 2T×2T matrix with the two inputs' own on its diagonal and the cross-covariance E[S_a[t]
S_b[s]] beside it, and the recursions of all architectures carry it as they carry T×T matrices: weights are the same for both
inputs, so what is linear in the covariance of the spikes, or of the gradients, needs no other rule. Only a layer's own law
tells a neuron's two inputs apart: `pair_law`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from ...errors import DomainError, IkunError, NoTheoryError
from ..covariance import Floats, checked_second_moment, constant_input, poisson_input
from ..infinite_network import TimeModel


@dataclass(frozen=True, eq=False)
class Pair:
    """Two inputs as the theory sees them: `second` [2T, 2T], E[x x'] over neurons, and `mean` [2T], E[x]."""

    second: Floats
    mean: Floats

    @property
    def steps(self) -> int:
        return len(self.mean) // 2


def poisson_pair(rates: ArrayLike, others: ArrayLike, steps: int = 1) -> Pair:
    """Independent spikes of two arrays of rates r, r' over the input neurons: E[x x'] = mean(r r') at every pair of steps."""
    return _pair(rates, others, steps, poisson_input)


def constant_pair(values: ArrayLike, others: ArrayLike, steps: int = 1) -> Pair:
    """Two arrays of values, presented at every step."""
    return _pair(values, others, steps, constant_input)


def _pair(one: ArrayLike, other: ArrayLike, steps: int, own: Callable[[ArrayLike, int], Floats]) -> Pair:
    x, y = np.broadcast_arrays(np.asarray(one, dtype=float), np.asarray(other, dtype=float))
    cross = np.full((steps, steps), float(np.mean(x * y)))
    return Pair(
        second=np.block([[own(x, steps), cross], [cross, own(y, steps)]]),
        mean=np.repeat([float(np.mean(x)), float(np.mean(y))], steps),
    )


def overlapping_pair(rate: float, overlap: float, steps: int = 1) -> Pair:
    """Spikes of one rate, independent over steps and neurons, of which two inputs share `overlap` = E[x[t] x'[t]]/rate: from
    rate, two independent inputs, to 1, one and the same."""
    own = poisson_input(rate, steps)
    if not rate <= overlap <= 1:
        raise DomainError("overlap", overlap, f"between the rate, {rate:g}, and 1")
    cross = np.full((steps, steps), rate**2) + rate * (overlap - rate) * np.eye(steps)
    return Pair(second=np.block([[own, cross], [cross, own]]), mean=np.full(2 * steps, float(rate)))


@dataclass(frozen=True, kw_only=True, eq=False)
class TwoInputs(TimeModel):
    """`base`: the network of one input; `mean` [2T]: of both inputs. Made by `two_inputs`."""

    inputs = 2

    base: TimeModel
    mean: Floats

    @property
    def span(self) -> int:
        """T."""
        return self.steps // 2

    @cached_property
    def filter(self) -> Floats:
        return np.kron(np.eye(2), self.base.filter).astype(float)

    @property
    def simultaneous(self) -> Floats:
        return np.kron(np.ones((2, 2)), np.eye(self.span)).astype(float)

    @property
    def input_mean(self) -> Floats:  # type: ignore[override]  # one number for each step of either input
        return self.mean

    @cached_property
    def gains(self) -> tuple[float, ...]:
        return self.base.gains

    def weighed(self, second: Floats) -> Floats:
        return self.base.weighed(second)


def two_inputs(model: TimeModel, pair: Pair) -> TwoInputs:
    """The network of `model` with these two inputs in the place of its own. NoTheoryError where two inputs have none."""
    if pair.steps != model.steps:
        raise IkunError(f"the two inputs have {pair.steps} steps and the network {model.steps}; give as many")
    if model.forward != "spiking":
        raise NoTheoryError(f"forward pass {model.forward!r}: the theory of two inputs is one of spikes")
    if model.loss == "summed":
        raise NoTheoryError("loss summed: the gradients of two inputs are followed from random losses; use white or rate")
    return TwoInputs(
        base=model,
        mean=pair.mean,
        arch=model.topology,
        neuron=model.neuron,
        steps=2 * model.steps,
        depth=model.depth,
        gain=model.gain,
        gain_out=model.gain_out,
        bias_var=model.bias_var,
        copied=model.copied,
        input=checked_second_moment(pair.second, 2 * model.steps),
        loss=model.loss,
        white_currents=model.white_currents,
    )
