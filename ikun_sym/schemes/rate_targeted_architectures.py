"""Rate-targeted critical weights of architectures: the gain at which the stationary state of their last, plain layers has the
wanted rate, its mean over positions and steps, and the surrogate's slope at which the gradient keeps its size there.

    convolution:  circular padding is dense. Zero padding: the largest fixed point of the positions' recursion at the size of
                  the last layer; slope: the largest eigenvalue of the gradient's map over positions is 1
    recurrent:    the feed-forward gain beside the given recurrent one; slope: what returns through time is strictly triangular
                  and changes no eigenvalue, so K λ² max_t E[f'(H[t])²] = 1
    residual:     the dense gain, which scaling=depth needs (its `rate` set to the scheme's); with one scale in all blocks no
                  gain holds a rate

Largest fixed points are reached from above: the recursion keeps the order of covariances at one step, and is started from the
state of a larger gain. Derivations zero-padding, residual-blocks, recurrence.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, singledispatch
from typing import Any

import numpy as np

from ..catalogue.architectures import Convolution, Recurrent, Residual, Topology
from ..catalogue.surrogate import Bound
from ..errors import NoSolutionError
from ..gaussian.moment import float_function
from ..mean_field.architectures.convolution import ConvolutionRecursion, Positions
from ..mean_field.architectures.recurrent import RecurrentRecursion
from ..mean_field.architectures.recursion import Recursion
from ..mean_field.covariance import Floats, normal_points, square_root
from ..mean_field.infinite_network import TimeModel
from ..mean_field.layer_law import exact_forward
from ..mean_field.neuron_sample import Array
from .rate_targeted_over_time import unit_amplitude
from .root import rising_root
from .slope import Slope, nearest_slope, slope_of

SAMPLES, RUNS = 2**12, 3
"""Sampled neurons and runs over three steps and more."""

STEP, NEAR, WIDEST = 1.06, 1.003, 40
"""Gains are tried in these steps from a dense network's, and from that of other points sampled; so many at most."""

CLOSE, LAYERS = 1e-9, 600
"""Relative change of the state that counts as none, and layers at most: at a fold the approach takes long."""

REACHED, NARROW, NARROW_AT_FOLD = 1e-5, 1e-7, 1e-5
"""Of the rate, relative; of the gain's interval, where it ends in activity below and where in silence."""


@dataclass(frozen=True, kw_only=True)
class Adapted:
    """Fields of a network that differ from the dense one's, and what to tell of it."""

    fields: dict[str, Any]
    notes: tuple[str, ...]


@singledispatch
def adapted(topology: Topology, model: TimeModel, rate: float) -> Adapted:
    """`model`: with the dense network's critical gain and slope; `rate`: what the scheme aims at."""
    return Adapted(fields={}, notes=())


@adapted.register
def _(topology: Residual, model: TimeModel, rate: float) -> Adapted:
    if topology.scaling == "constant":
        told = "one scale in all blocks holds no rate, whatever the gain: it tends to 1/2, and the gradient grows; "
        return Adapted(fields={}, notes=(f"{told}scaling=depth holds both (derivation residual-blocks)",))
    made = replace(topology, rate=rate)
    notes = [f"blocks are scaled for the rate {rate:g}: --arch {made.spec}"] if made != topology else []
    if model.steps > 1:
        notes.append(
            "blocks are scaled for a rate that is the same at all steps: over several it drifts (derivation residual-blocks)"
        )
    return Adapted(fields={"arch": made.spec}, notes=tuple(notes))


@adapted.register
def _(topology: Convolution, model: TimeModel, rate: float) -> Adapted:
    if topology.padding == "circular" or topology.measured_only:
        return Adapted(fields={}, notes=())
    size = topology.layers(model.depth)[-1].size
    plain = replace(topology, size=size, stride=1, pool="none", every=1)
    found = _solved(replace(model, arch=plain, depth=1), rate, ConvolutionRecursion)
    what = f"zero padding of {' × '.join([str(size)] * topology.dimensions)} positions, mean rate {rate:g}"
    return replace(found, notes=(f"{what}: {found.notes[0]}",))


@adapted.register
def _(topology: Recurrent, model: TimeModel, rate: float) -> Adapted:
    if model.steps == 1:
        return Adapted(fields={}, notes=())
    found = _solved(replace(model, depth=1), rate, RecurrentRecursion)
    note = f"beside recurrent weights of n · Var = {topology.recurrent_gain:g}: {found.notes[0]}"
    warning = "recurrent weights of a fixed scale change the gradient over depth (derivation recurrence)"
    return replace(found, notes=(note, warning) if topology.recurrent_gain else (note,))


def _solved(model: TimeModel, rate: float, make: type[Recursion]) -> Adapted:
    given = model.neuron.surrogate
    slope = None if given.unit else slope_of(given)
    model = replace(model, neuron=replace(model.neuron, surrogate=given.bare)) if given.unit else model
    gains, values, state = [], [], None
    for recursion in recursions(model, make):
        start, step = (model.gain, STEP) if state is None else (gains[0], NEAR)
        gain, state = gain_at_rate(recursion, rate, start, step, state)
        gains.append(gain)
        there = arrangement(at_gain(recursion, gain), state)
        if slope is None:
            values.append(unit_amplitude(there.factor(given.bare), given.bare))
        else:
            values.append(_slope(slope, there, values[0] if values else None))
    gain, value = float(np.mean(gains)), float(np.mean(values))
    bound = given.times(value) if slope is None else slope.at(value)
    return Adapted(fields={"gain": gain, "surrogate": bound}, notes=(f"fan_in · Var(W) = {gain:.6g}, surrogate {bound.spec}",))


def recursions(model: TimeModel, make: type[Recursion]) -> list[Recursion]:
    """One for each run, with points of its own."""
    runs = 1 if exact_forward(model) else RUNS
    streams = [np.random.default_rng(child) for child in np.random.SeedSequence(0).spawn(runs)]
    return [make(model, normal_points(SAMPLES, model.steps, stream).astype(np.float32)) for stream in streams]


def at_gain(recursion: Recursion, gain: float) -> Recursion:
    return replace(recursion, model=replace(recursion.model, gain=gain, gain_out=None))


def settled(recursion: Recursion, state: Floats) -> Floats:
    """The state that many layers leave."""
    for _ in range(LAYERS):
        _, after = recursion.forward(1, state)
        change, state = float(np.abs(after - state).max()), after
        if change <= CLOSE * max(float(np.abs(state).max()), CLOSE):
            break
    return state


def mean_rate(state: Floats) -> float:
    return float(np.diagonal(state, axis1=-2, axis2=-1).mean())


def gain_at_rate(
    recursion: Recursion, rate: float, start: float, step: float = STEP, known: Floats | None = None
) -> tuple[float, Floats]:
    """The gain whose largest fixed point has this mean rate, and the state there. `known`: a state near it, else all fire at
    the rate ½. NoSolutionError below the lowest stable rate."""
    like = recursion.start()
    full = np.broadcast_to(0.25 * (np.ones(like.shape[-2:]) + np.eye(like.shape[-1])), like.shape) if known is None else known

    states: dict[float, Floats] = {}

    def excess(log_gain: float) -> float:
        above = [other for other in states if other > log_gain]
        states[log_gain] = settled(at_gain(recursion, math.exp(log_gain)), states[min(above)] if above else full)
        return mean_rate(states[log_gain]) - rate

    guess, width = math.log(start), math.log(step)
    found = rising_root(
        excess,
        guess,
        step=width,
        least=guess - WIDEST * width,
        most=guess + WIDEST * width,
        close=NARROW,
        enough=REACHED * rate,
        blind=-rate / 2,  # silence
        close_if_blind=NARROW_AT_FOLD,
        widen=1.0,
    )
    above = mean_rate(states[max(states) if found is None else found])
    if found is None or not above < 0.5 or abs(above / rate - 1) > 1e3 * REACHED:
        where, why = (
            f"architecture {recursion.model.topology.spec}, rate {rate:g}",
            f"the lowest stable mean rate is {above:.4g}",
        )
        raise NoSolutionError(where, why, "choose a higher rate")
    return math.exp(found), states[found]


@dataclass(frozen=True, eq=False)
class _Site:
    """f'(x) of one kind of position: x [T, samples], or Var(H) in closed form at one step."""

    model: TimeModel
    drive: Floats
    points: Array

    @cached_property
    def x(self) -> Array:
        h, _, level = self.model.dynamics.fire(square_root(self.drive).astype(self.points.dtype) @ self.points)
        return h - level

    def moments(self, bound: Bound) -> Floats:
        """[T]: E[f'(H[t] − θ)²]."""
        model = self.model
        if model.steps == 1:
            variance = model.dynamics.input_gain**2 * float(self.drive[0, 0])
            return np.atleast_1d(float_function(bound, "fprime", 2).expectation(-model.neuron.threshold, variance))
        gradient = np.asarray(float_function(bound, "fprime", 1)(self.x))
        return np.square(gradient, dtype=float).mean(axis=1)


@dataclass(frozen=True, eq=False)
class Arrangement:
    """The positions of a layer: their kinds, the kind `of` each, and what carries a gradient to those of the layer below."""

    model: TimeModel
    sites: list[_Site]
    of: np.ndarray
    spread: Callable[[Floats], Floats]

    def factor(self, bound: Bound) -> float:
        """The stationary factor with this surrogate."""
        by_site, scale = np.array([site.moments(bound) for site in self.sites])[self.of], self.model.input_weight**2
        by_step = [spectral_radius(by_site[:, t], self.spread) for t in range(self.model.steps)]
        return self.model.backward_gain(1) * scale * max(by_step)


def arrangement(recursion: Recursion, state: Floats) -> Arrangement:
    spread, drives, of = _positions(recursion, state)
    sites = [_Site(recursion.model, drive, recursion.points) for drive in drives]
    return Arrangement(recursion.model, sites, of, spread)


def _slope(slope: Slope, there: Arrangement, near: float | None) -> float:
    """Where the stationary factor is 1."""
    closer = {} if near is None else {"start": near, "step": 1.02}
    where, aim = f"surrogate {slope.bound.spec}, architecture {there.model.topology.spec}", "a stationary gradient factor of 1"
    return nearest_slope(slope, lambda value: there.factor(slope.at(value)), aim, where, tolerance=1e-9, **closer)


def _positions(recursion: Recursion, state: Floats) -> tuple[Callable[[Floats], Floats], list[Floats], np.ndarray]:
    """What carries a gradient to the positions of the layer below, the currents' covariances by kind of position, and the kind
    of each."""
    if isinstance(recursion, ConvolutionRecursion):
        model, taps = recursion.model, recursion.taps[0]
        drives = model.at_membrane(model.gains[0] * taps.gather(state) + model.bias_var)
        alike = Positions.alike(drives)
        return taps.scatter, [drives[kind] for kind in alike.kinds], alike.of
    passed, _ = recursion.forward(1, state)
    return lambda values: values, [passed.drive], np.zeros(1, dtype=int)


def spectral_radius(weights: Floats, spread: Callable[[Floats], Floats]) -> float:
    """Of v ↦ weights · spread(v), positive: by iteration."""
    v, size = np.ones(len(weights)), math.nan
    for _ in range(2000):
        image = weights * spread(v)
        before, size = size, float(np.abs(image).max())
        if not size > 0:
            return 0.0
        v = image / size
        if abs(size - before) <= 1e-12 * size:
            break
    return size
