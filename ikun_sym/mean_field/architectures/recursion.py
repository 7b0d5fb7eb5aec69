"""How the covariances of one architecture go from layer to layer, forward and back: what each architecture states.

A `Recursion` is one randomisation: it holds its sampled points, and every number that it makes comes from them. Forward it
maps a state, an array whose last two axes are steps, to what a layer shows and the next state; backward it maps the
covariance of the gradient at a layer's output to that at the output of its weights and of the layer below.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, singledispatch

import numpy as np

from ...catalogue.architectures import Topology
from ...errors import IkunError, NoTheoryError
from ..covariance import Floats
from ..infinite_network import TimeModel
from ..layer_law import SampledLaw, law
from ..neuron_sample import Array, Steps

Adjoint = Callable[[Floats], tuple[Floats, Floats, Mapping[str, Floats]]]
"""From the covariance G of the gradient at a layer's output: that at its weights' output, a mean over positions [T, T]; that at
the layer below's output; and what of it differs over positions."""


@dataclass(frozen=True, eq=False)
class Passed:
    """A layer as the forward pass leaves it: `drive` [T, T] and `steps`, over all positions; `adjoint()` makes its backward
    map; `positions`: arrays whose first axes are positions."""

    drive: Floats
    steps: Steps
    adjoint: Callable[[], Adjoint]
    positions: Mapping[str, Floats] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Recursion(ABC):
    """`points` [dimension, samples] are standard normal."""

    model: TimeModel
    points: Array

    @cached_property
    def law(self) -> SampledLaw:
        return law(self.model, self.points[: self.model.steps])

    @abstractmethod
    def start(self) -> Floats:
        """The state that the input gives."""

    @abstractmethod
    def forward(self, number: int, state: Floats) -> tuple[Passed, Floats]:
        """Layer `number`, from 1, and the state after it."""

    def loss(self) -> Floats:
        """The covariance of the gradient at the last layer's output."""
        return self.model.loss_covariance


@dataclass(frozen=True, kw_only=True)
class Theory:
    """`make`: the recursion; `dimension`: how many normal numbers a sample of it takes; `exact`: whether it takes none;
    `special`: the number of the last layer unlike those after it, None where each is of its own."""

    make: Callable[[TimeModel, Array], Recursion]
    dimension: int
    exact: bool
    special: int | None


@singledispatch
def theory_of(topology: Topology, model: TimeModel) -> Theory:
    """The infinite-width theory of an architecture; each registers its own. NoTheoryError where there is none."""
    why = topology.measured_only or "no infinite-width theory is known here"
    raise NoTheoryError(f"architecture {topology.spec}: {why}")


def refuse_summed(model: TimeModel) -> None:
    if model.loss == "summed":
        raise NoTheoryError(
            f"architecture {model.topology.spec}: the gradient of summed spikes depends on the weights, which no recursion "
            "here follows; use loss white or rate"
        )


def refuse_two_inputs(model: TimeModel) -> None:
    if model.inputs > 1:
        raise NoTheoryError(f"architecture {model.topology.spec}: no recursion for two inputs is known here; measure them")


def equal_widths(model: TimeModel) -> None:
    if any(abs(gain / model.gain - 1) > 1e-12 for gain in model.gains_out):
        raise IkunError(f"architecture {model.topology.spec} has layers of equal widths: leave fan-out and gain_out alone")


def pooled(steps: Sequence[Steps], weights: Floats | None = None) -> Steps:
    """What neurons at all positions show together; `weights`: the share of each."""
    share = np.full(len(steps), 1 / len(steps)) if weights is None else weights

    def mean(values: Sequence[Floats]) -> Floats:
        return np.tensordot(share, np.array(values), axes=1)

    average = mean([one.mean_h for one in steps])
    return Steps(
        second=mean([one.second for one in steps]),
        mean_h=average,
        var_h=mean([one.var_h + one.mean_h**2 for one in steps]) - average**2,
        mean_s=mean([one.rate for one in steps]),
    )
