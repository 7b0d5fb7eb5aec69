"""The stationary gradient factor of a network of given weights, and the amplitude that makes it 1.

f' times A multiplies the factor by A², at one step and over several, whether the reset is detached or not: over time it is the
largest λ² K_out E[f'(x[t])²] (`rate_targeted_over_time`), whatever else a reset hands on. So A = 1/√factor, f' as it is.
Layers with shortcuts have no stationary factor.
"""

from __future__ import annotations

from dataclasses import replace
from functools import singledispatch

import numpy as np

from ..catalogue.architectures import Convolution, Dense, Recurrent, Topology
from ..catalogue.surrogate import Bound
from ..errors import NoSolutionError, NoTheoryError
from ..mean_field.architectures.convolution import ConvolutionRecursion
from ..mean_field.architectures.recurrent import RecurrentRecursion
from ..mean_field.architectures.recursion import Recursion
from ..mean_field.infinite_network import TimeModel
from ..mean_field.predict import ascend
from .rate_targeted_architectures import arrangement, mean_rate, recursions, settled
from .rate_targeted_over_time import factor_of, laws_of, unit_amplitude

LAYERS = 1000
"""Layers that may pass before a network has settled."""

SILENT = 1e-9
"""A rate below this is none."""


def with_unit_amplitude(model: TimeModel, fan_ratio: float = 1.0) -> Bound:
    """The model's surrogate with the amplitude at which gradients keep their size where its layers have settled, from all
    active. Error: activity dies, or no factor is known for its architecture."""
    bare = model.neuron.surrogate.bare
    found = replace(model, neuron=replace(model.neuron, surrogate=bare), gain_out=model.gain * fan_ratio)
    return bare.times(unit_amplitude(stationary_factor_of(found.topology, found), bare))


@singledispatch
def stationary_factor_of(topology: Topology, model: TimeModel) -> float:
    """The factor of Σ_t E[δH[t]²] from layer to layer where layers have settled; each architecture registers its own."""
    raise NoTheoryError(f"architecture {topology.spec} has no stationary gradient factor here; give the amplitude as a number")


@stationary_factor_of.register
def _(topology: Dense, model: TimeModel) -> float:
    active = replace(model, depth=LAYERS, input="poisson", input_rate=0.5)
    laws = laws_of(model.neuron, model.steps)
    laws = [replace(law, model=replace(active, neuron=law.model.neuron)) for law in laws]
    ascent = ascend(active, laws, lambda function, *arguments: [function(*one) for one in zip(*arguments, strict=True)])
    _refuse_silence(model, float(np.mean([steps.rate.mean() for steps in ascent.steps[-1]])))
    (gain_out,) = model.gains_out
    by_run = zip(laws, ascent.drives[-1], strict=True)
    return float(np.mean([factor_of(law, drive, gain_out)(model.neuron.surrogate) for law, drive in by_run]))


@stationary_factor_of.register
def _(topology: Convolution, model: TimeModel) -> float:
    if topology.measured_only or topology.pool != "none" or topology.stride > 1:
        raise NoTheoryError(f"architecture {topology.spec}: where layers differ there is no one factor; give a number")
    if topology.padding == "circular":
        return stationary_factor_of(Dense(), model)
    plain = replace(topology, size=topology.layers(model.depth)[-1].size)
    return _of_recursions(replace(model, arch=plain, depth=1), ConvolutionRecursion)


@stationary_factor_of.register
def _(topology: Recurrent, model: TimeModel) -> float:
    return _of_recursions(replace(model, depth=1), RecurrentRecursion)


def _of_recursions(model: TimeModel, make: type[Recursion]) -> float:
    found = []
    for recursion in recursions(model, make):
        like = recursion.start()
        full = np.broadcast_to(0.25 * (np.ones(like.shape[-2:]) + np.eye(like.shape[-1])), like.shape)
        state = settled(recursion, full)
        _refuse_silence(model, mean_rate(state))
        found.append(arrangement(recursion, state).factor(model.neuron.surrogate))
    return float(np.mean(found))


def _refuse_silence(model: TimeModel, rate: float) -> None:
    if not rate > SILENT:
        where = f"fan_in · Var(W) = {model.gain:.6g} at threshold {model.neuron.threshold:g}, amplitude 'unit'"
        raise NoSolutionError(where, "activity dies, so no stationary gradient is there to keep", "give more gain, or a number")
