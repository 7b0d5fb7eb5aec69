"""The mean-field prediction of the user's network, layer by layer beside the measurement.

A layer's current is Gaussian with covariance K E[x x] + σ_b². x comes from the layer below, as predicted there, where its
spikes reach the weights unchanged ("layers below"); else from what was measured at the weights ("measured input": after
pooling, a sum of branches, dropout, the model's own input) or, behind batch norm and the like, from the current itself
("measured current"). Backward the same: the gradient comes from the layer above as predicted there, or from what was measured
at the layer's spikes. Each layer has its own weights, threshold, leak, reset and surrogate. What no statement covers is
measured only, and labelled so.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from ikun_sym.errors import IkunError
from ikun_sym.mean_field.backward import LayerAdjoint, State
from ikun_sym.mean_field.covariance import normal_points
from ikun_sym.mean_field.infinite_network import TimeModel
from ikun_sym.mean_field.layer_law import SampledLaw, law
from ikun_sym.mean_field.neuron_sample import Dynamics

from .measuring.measure import Measured
from .measuring.surrogate_probe import Floats

SAMPLES, RANDOMISATIONS = 2**12, 4
BELOW, INPUT, CURRENT, ABOVE, SPIKES = "layers below", "measured input", "measured current", "layers above", "measured gradient"

TINY = 1e-300
"""The theory's gain of weights that are all zero: it must be positive."""

SAME = 0.02
"""Second moments of spikes and of the weights' input that differ by less, relative to the largest, are the same: columns of a
long sequence are a sample, and an edge of padding is not seen."""

OFF_CENTRE = 0.05
"""Share of E[I²] that a mean current may have before the zero-mean theory does not speak of it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LayerModel(TimeModel):
    """One layer of the user's network; `numeric`: f' where the registry has no name for it."""

    numeric: Callable[[Floats], Floats] | None = None

    @cached_property
    def dynamics(self) -> Dynamics:
        return super().dynamics if self.numeric is None else Dynamics(self.neuron, self.numeric)

    def law(self, points: Any) -> SampledLaw:
        return law(self, points) if self.numeric is None else SampledLaw(self, points)


@dataclass
class Predicted:
    """Arrays over the steps, with standard errors; `forward`, `backward`: where each starts; None: not covered, `why`. `grad`
    is absolute, in the measured gradient's unit."""

    forward: str | None = None
    backward: str | None = None
    why: str = ""
    model: LayerModel | None = None
    rate: Floats | None = None
    var_h: Floats | None = None
    grad: Floats | None = None
    rate_se: Floats | None = None
    var_h_se: Floats | None = None
    grad_se: Floats | None = None
    drives: list[Floats] = field(default_factory=list)
    laws: list[SampledLaw] = field(default_factory=list)
    seconds: list[Floats] = field(default_factory=list)


def predict(
    measured: list[Measured], *, samples: int = SAMPLES, randomisations: int = RANDOMISATIONS, seed: int = 0
) -> list[Predicted]:
    exact = all(one.steps == 1 and one.surrogate.bound is not None for one in measured)
    size = (1, 1) if exact else (samples, randomisations)
    points = {steps: _points(*size, steps, seed) for steps in {one.steps for one in measured}}
    found: list[Predicted] = []
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for one in measured:
            found.append(_forward(one, found, measured, points[one.steps]))
        _backward(measured, found)
    return found


@lru_cache(maxsize=2)
def _points(samples: int, runs: int, steps: int, seed: int) -> list[Any]:
    """For each randomisation; a network is diagnosed more than once."""
    streams = np.random.SeedSequence(seed).spawn(runs)
    found = [normal_points(samples, steps, np.random.default_rng(stream)).astype(np.float32) for stream in streams]
    for points in found:
        points.flags.writeable = False
    return found


def layer_model(one: Measured) -> LayerModel:
    """Errors (IkunError): a layer that the theory does not cover, with the reason."""
    reading, layer = one.reading, one.layer
    if reading is None or reading.neuron is None:
        raise IkunError(one.reading_note or "its neuron could not be read")
    if layer.recurrent:
        raise IkunError("recurrent weights")
    known = one.surrogate.bound
    return LayerModel(
        neuron=reading.neuron if known is None else reading.neuron.but(surrogate=known),
        numeric=one.surrogate.probe.gradient if known is None else None,
        steps=one.steps,
        depth=1,
        gain=one.effective_gain or TINY,
        gain_out=one.gain_out * one.passed,
        bias_var=one.bias_var * (1.0 if one.factor is None else one.factor) ** 2,
    )


def _forward(one: Measured, below: list[Predicted], measured: list[Measured], points: list[Any]) -> Predicted:
    if one.copies:
        return Predicted(why="one weight of each neuron outweighs all others (it copies): the theory is one of many alike")
    try:
        model = layer_model(one)
        source, drives, shift = _drives(one, model, below, measured, len(points))
        if shift:
            model = _shifted(model, shift)
        laws = [model.law(p) for p in points]
        steps = [one_law.steps(drive) for one_law, drive in zip(laws, drives, strict=True)]
    except (IkunError, np.linalg.LinAlgError) as error:
        return Predicted(why=str(error))
    rate, rate_se = _over_runs([np.diag(one_step.second) for one_step in steps])
    var_h, var_h_se = _over_runs([one_step.var_h for one_step in steps])
    return Predicted(
        forward=source, model=model, rate=rate, rate_se=rate_se, var_h=var_h, var_h_se=var_h_se,
        drives=drives, laws=laws, seconds=[one_step.second for one_step in steps],
    )  # fmt: skip


def _shifted(model: LayerModel, mean: float) -> LayerModel:
    threshold = model.neuron.threshold - mean
    if threshold < 0:
        raise IkunError("the mean current lies above the threshold")
    return model.but(threshold=threshold)


def _drives(
    one: Measured, model: LayerModel, below: list[Predicted], measured: list[Measured], runs: int
) -> tuple[str, list[Floats], float]:
    """(source, covariance of the current at the membrane for each randomisation, its mean)."""
    sources = one.layer.way.layers
    if one.input is not None and (one.direct or (one.factor is not None and not one.layer.norm)):
        received = one.input / one.height**2
        only = next(iter(sources)) if len(sources) == 1 and not one.layer.way.from_input else None
        if only is not None and only < one.layer.index and _same(measured[only].spikes, received) and below[only].seconds:
            return BELOW, [model.drive(second) for second in below[only].seconds], 0.0
        return INPUT, [model.drive(received)] * runs, 0.0
    if one.current is None or one.current_mean is None:
        raise IkunError("what arrives at its membrane cannot be seen")
    gain = model.filter
    mean = gain @ one.current_mean
    second = gain @ one.current @ gain.T
    if float(np.square(mean).sum()) <= OFF_CENTRE * float(np.trace(second)):
        return CURRENT, [second] * runs, 0.0
    if one.steps > 1:
        raise IkunError("its current has a mean, and the theory over several steps is one of zero mean")
    return CURRENT, [second - np.outer(mean, mean)] * runs, float(mean[0])


def _same(spikes: Floats, received: Floats) -> bool:
    return spikes.shape == received.shape and float(np.abs(spikes - received).max()) <= SAME * max(
        float(np.abs(received).max()), 1e-12
    )


def _backward(measured: list[Measured], predicted: list[Predicted]) -> None:
    above: dict[int, list[int]] = {one.layer.index: [] for one in measured}
    for one in measured:
        for index in one.layer.way.layers:
            above[index].append(one.layer.index)
    arriving: dict[int, list[State]] = {}
    for one, mine in zip(reversed(measured), reversed(predicted), strict=True):
        index = one.layer.index
        if mine.model is None or not one.detach_known:
            mine.why = mine.why or "whether its gradient passes the reset cannot be told"
            continue
        consumers = above[index]
        states = arriving.get(consumers[0]) if len(consumers) == 1 and predicted[consumers[0]].forward == BELOW else None
        if states is None:
            if one.grad_spikes is None:
                continue
            start = State(noise=one.grad_spikes, coupling=np.zeros_like(one.grad_spikes), mean=np.zeros(one.steps))
            states, mine.backward = [start.rescaled()] * len(mine.laws), SPIKES
        else:
            mine.backward = ABOVE
        try:
            stepped = [
                LayerAdjoint(mine.model, law_, drive).step(s)
                for law_, drive, s in zip(mine.laws, mine.drives, states, strict=True)
            ]
        except (IkunError, np.linalg.LinAlgError, FloatingPointError) as error:
            mine.backward, mine.why = None, str(error)
            continue
        grads = [np.diag(carried) * np.exp(state.log_scale) for (carried, _), state in zip(stepped, states, strict=True)]
        mine.grad, mine.grad_se = _over_runs(grads)
        arriving[index] = [further.rescaled() for _, further in stepped]


def _over_runs(runs: list[Floats]) -> tuple[Floats, Floats]:
    values = np.array(runs)
    if len(values) == 1:  # closed form
        return values[0], np.zeros_like(values[0])
    return values.mean(axis=0), values.std(axis=0, ddof=1) / len(values) ** 0.5
