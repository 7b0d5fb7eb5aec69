"""Which neuron of the registry a recorded run is, where nothing declares it: solve for its constants, and try every reset."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.optimize import least_squares

from ikun_sym.catalogue.resets import RESETS, WITHOUT, BoundReset
from ikun_sym.errors import IkunError
from ikun_sym.mean_field.neuron_sample import Dynamics
from ikun_sym.reading.neuron import Neuron, resolve_reset

from ..libraries import Reading
from ..libraries.reader import STAND_IN
from .neuron_check import Sample, agrees, error, fires, misfit
from .surrogate_probe import Floats

FITTED = 128
"""Columns from which an adaptive threshold is fitted."""

COARSE = 1e-4
"""Relative rounding of numbers that are not float32: float16, bfloat16."""

NEAR = 0.3
"""Relative misfit beyond which a reset is no hint at what the neuron is."""

STARTS = ((0.2, 0.9), (1.0, 0.5), (0.05, 0.97))
"""(adaptation, its leak) from which the fit sets out."""


@dataclass(frozen=True, kw_only=True)
class Search:
    """`reading` None: no neuron of the registry behaves like this; `understood`: what could be said nevertheless. `factor`: the
    current that the reading means is this times the current given."""

    reading: Reading | None = None
    understood: str = ""
    factor: float = 1.0


def identified(sample: Sample) -> Search:
    """Threshold and input weight from the first step, leak from neurons that did not fire there, reset from those that did."""
    if sample.current is None:
        return Search(understood="its current was not found")
    found = _affine(sample.current[0], sample.x[0], sample.tolerance)
    if found is None:
        return Search(understood="its first membrane is no multiple of its current plus a constant")
    weight, offset = found
    threshold = -offset if abs(offset) > sample.least * float(np.abs(sample.x[0]).max()) else 0.0
    if not weight > 0:
        return Search(understood="its current lowers the membrane")
    leak = 1.0 - weight if weight < 1 - sample.tolerance else 1.0
    if len(sample.x) > 1:
        resting = sample.spikes[0] == 0
        h, rest = (sample.x[0] + threshold)[resting], (sample.x[1] + threshold - weight * sample.current[1])[resting]
        square = float(h @ h)
        if not square > 0:
            return Search(understood=f"its threshold is {threshold:.4g}; nothing shows its leak")
        leak = min(max(float(h @ rest) / square, 0.0), 1.0)
        leak = leak if leak > sample.least else 0.0
    decay_input = abs(weight - 1) > sample.tolerance
    factor = 1.0
    if decay_input and abs(weight - (1 - leak)) > sample.tolerance:
        # any other factor is one of the current
        factor, decay_input = weight, False
        sample = replace(sample, current=sample.current * weight)
    threshold = tidy(threshold, sample.rounding, float(np.abs(sample.x[0]).max()))
    leak = tidy(leak, sample.rounding)
    errors: dict[str, float] = {}
    for reset in _candidates(sample, threshold, leak, decay_input):
        trial = Reading.of(threshold, reset=reset, leak=leak, decay_input=decay_input, detach=True)
        if trial.neuron is None:
            continue
        if agrees(trial, sample):
            return Search(reading=trial, factor=factor)
        errors[reset.name] = misfit(trial.neuron, sample)
    seen = f"threshold {threshold:.4g}, leak {leak:.4g}"
    if not errors:
        return Search(understood=seen)
    if not fires(sample):
        return Search(understood=f"{seen}; it does not spike where its membrane passes the threshold")
    best = min(errors, key=lambda spec: errors[spec])
    if errors[best] > NEAR:
        return Search(understood=f"{seen}; no reset of the registry comes near")
    return Search(understood=f"{seen}; of the resets {best} comes nearest, {errors[best]:.1%} off")


def _candidates(sample: Sample, threshold: float, leak: float, decay_input: bool) -> Iterator[BoundReset]:
    yield from (reset.bind() for reset in RESETS if reset.adapt is None)
    fired = sample.spikes[0] == 1
    if len(sample.x) > 1 and fired.any() and leak > 0:
        weight = 1 - leak if decay_input else 1.0
        assert sample.current is not None
        after = (sample.x[1] + threshold - weight * sample.current[1])[fired] / leak
        yield resolve_reset("hard", v_reset=tidy(float(np.median(after)), sample.rounding))
    yield WITHOUT.bind()
    if len(sample.x) > 2 and sample.spikes[:-1].any():
        yield from _adaptive(sample, threshold, leak, decay_input)


def _adaptive(sample: Sample, threshold: float, leak: float, decay_input: bool) -> Iterator[BoundReset]:
    """Resets with a second state: their parameters by least squares on the replay."""
    columns = np.argsort(-sample.spikes.sum(axis=0), kind="stable")[:FITTED]
    small = replace(sample, x=sample.x[:, columns], spikes=sample.spikes[:, columns], current=sample.current[:, columns])  # type: ignore[index]
    for rule in (reset for reset in RESETS if reset.adapt is not None):
        best: tuple[float, Any] | None = None

        def miss(values: Floats, name: str = rule.name) -> Floats:
            neuron = _neuron(name, values, threshold, leak, decay_input)
            return np.full(small.x.size, 1e3) if neuron is None else _differences(neuron, small)

        for start in STARTS:
            with np.errstate(all="ignore"):
                fit = least_squares(miss, start, bounds=((0, 0), (np.inf, 1)), xtol=1e-12, ftol=1e-12, gtol=1e-12, max_nfev=15)
            if best is None or fit.cost < best[0]:
                best = float(fit.cost), fit.x
            if fit.cost < 1e-8 * small.x.size:
                break
        if best is None:
            continue
        for values in (np.array([tidy(float(value), sample.rounding) for value in best[1]]), best[1]):
            if (neuron := _neuron(rule.name, values, threshold, leak, decay_input)) is not None:
                yield neuron.reset


def _neuron(name: str, values: Floats, threshold: float, leak: float, decay_input: bool) -> Neuron | None:
    adaptation, adaptation_leak = (float(value) for value in values)
    try:
        reset = resolve_reset(name, adaptation=adaptation, adaptation_leak=adaptation_leak)
        return Neuron.of(surrogate=STAND_IN, threshold=threshold, reset=reset, leak=leak, decay_input=decay_input, detach=True)
    except IkunError:
        return None


def _differences(neuron: Neuron, sample: Sample) -> Floats:
    dynamics = Dynamics(neuron, np.zeros_like)
    assert sample.current is not None
    drive = sample.current * (1 - neuron.leak if neuron.decay_input else 1.0)
    state, found = dynamics.at_rest(drive[0]), []
    for x, s, current in zip(sample.x, sample.spikes, drive, strict=True):
        recorded = x + dynamics.level(state)
        found.append(dynamics.step(state, current)[0].h - recorded)
        state = dynamics.state_after(recorded, s, state.a)
    return np.concatenate(found)


def _affine(x: Floats, y: Floats, tolerance: float) -> tuple[float, float] | None:
    """(weight, offset) if y = weight · x + offset, else None."""
    design = np.stack([x, np.ones_like(x)], axis=1)
    solution, _, rank, _ = np.linalg.lstsq(design, y, rcond=None)
    if rank < 2 or error(design @ solution, y) > tolerance:
        return None
    return float(solution[0]), float(solution[1])


def tidy(value: float, rounding: float = 0.0, among: float = 1.0) -> float:
    """Rounded to four digits if float32 cannot tell the difference, to three if coarser numbers cannot. `among`: the size of
    the numbers that it was found from."""
    digits, room = (3, rounding) if rounding > COARSE else (4, 2e-6)
    short = float(f"{value:.{digits}g}")
    return short if abs(short - value) <= max(room * max(1.0, abs(value)), rounding * among) else value
