"""Check a neuron against its reading: replay recorded currents, membranes, spikes and gradients by the registry's statement.

Forward, each step from the *recorded* one before, h[t] = charge(after(h[t−1], s[t−1]), i[t]): an error does not grow along the
sequence, and a spike that rounding turns over does no harm. Backward likewise, with the measured f'. In plain torch nothing
declares the constants; there they are solved for, and every reset of the registry is tried.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from ikun_sym.catalogue.resets import RESETS, WITHOUT, BoundReset
from ikun_sym.mean_field.neuron_sample import Dynamics, current_filter
from ikun_sym.reading.neuron import Neuron, resolve_reset

from ..libraries import Reading
from .surrogate_probe import Floats

TOLERANCE = 2e-3
"""Relative. float32 rounding in a membrane stays below 1e-4; a wrong leak or reset gives 1e-2 or more."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Some neurons of a layer over all steps, each array [T, m]: argument of the spike function, spikes, current, measured f',
    and the gradients at the spikes (from other layers only) and at the membrane."""

    x: Floats
    spikes: Floats
    current: Floats | None
    slope: Floats
    grad_spikes: Floats | None
    grad_membrane: Floats


def agrees(reading: Reading, sample: Sample) -> bool | None:
    """Whether the recorded membranes obey the reading; None if no current was recorded."""
    if reading.neuron is None or sample.current is None:
        return None
    return _error(*_membranes(reading.neuron, sample)) <= TOLERANCE


def _membranes(neuron: Neuron, sample: Sample) -> tuple[Floats, Floats]:
    """Every membrane from the recorded step before, and as it was recorded."""
    assert sample.current is not None
    dynamics = _dynamics(neuron)
    drive = current_filter(neuron, len(sample.x)) @ sample.current
    found, recorded, state = np.empty_like(drive), np.empty_like(drive), dynamics.at_rest(drive[0])
    for t, current in enumerate(drive):
        found[t] = dynamics.step(state, current)[0].h
        recorded[t] = sample.x[t] + dynamics.level(state)
        state = dynamics.state_after(recorded[t], sample.spikes[t], state.a)
    return found, recorded


def _dynamics(neuron: Neuron) -> Dynamics:
    """Its surrogate is not looked at: slopes are measured."""
    return Dynamics(neuron, np.zeros_like)


def _error(ours: Floats, theirs: Floats) -> float:
    scale = float(np.abs(theirs).max(initial=0)) or 1.0
    return float(np.abs(ours - theirs).max(initial=0)) / scale


def detached(reading: Reading, sample: Sample) -> bool | None:
    """Whether the reset is detached: the declared answer if it explains the gradients, else the other answer if that does; None
    if neither does, or the data cannot tell."""
    neuron = reading.neuron
    if neuron is None or neuron.adapts or sample.grad_spikes is None:
        return None
    for candidate in (neuron.detach, not neuron.detach):
        if _gradient_error(replace(neuron, detach=candidate), sample) <= TOLERANCE:
            return candidate
    return None


def _gradient_error(neuron: Neuron, sample: Sample) -> float:
    assert sample.grad_spikes is not None
    dynamics, h, s = _dynamics(neuron), sample.x + neuron.threshold, sample.spikes
    through = dynamics.partial("after", "h")(h=h, s=s)
    if not neuron.detach:
        through = through + dynamics.partial("after", "s")(h=h, s=s) * sample.slope
    through = np.broadcast_to(through * dynamics.membrane_gain, h.shape)
    after = np.concatenate([sample.grad_membrane[1:], np.zeros_like(h[:1])])
    return _error(sample.slope * sample.grad_spikes + through * after, sample.grad_membrane)


def identified(sample: Sample) -> Reading | None:
    """Identify the neuron of a plain torch layer from the recorded run: threshold and input weight from the first step, leak
    from neurons that did not fire there, reset from neurons that did. None if no neuron of the registry behaves like this."""
    if sample.current is None:
        return None
    found = _affine(sample.current[0], sample.x[0])
    if found is None or not found[0] > 0:
        return None
    weight, offset = found
    threshold = -offset
    leak = 1.0 - weight if weight < 1 - TOLERANCE else 1.0
    if len(sample.x) > 1:
        resting = sample.spikes[0] == 0
        h, rest = (sample.x[0] + threshold)[resting], (sample.x[1] + threshold - weight * sample.current[1])[resting]
        square = float(h @ h)
        if not square > 0:
            return None
        leak = min(max(float(h @ rest) / square, 0.0), 1.0)
    decay_input = abs(weight - 1) > TOLERANCE
    if decay_input and abs(weight - (1 - leak)) > TOLERANCE:
        return None
    threshold, leak = _tidy(threshold), _tidy(leak)
    for reset in _candidates(sample, threshold, leak, decay_input):
        trial = Reading.of(threshold, reset=reset, leak=leak, decay_input=decay_input, detach=True)
        if trial.neuron is not None and agrees(trial, sample):
            return trial
    return None


def _candidates(sample: Sample, threshold: float, leak: float, decay_input: bool) -> Iterable[BoundReset]:
    yield from (reset.bind() for reset in RESETS)
    fired = sample.spikes[0] == 1
    if len(sample.x) > 1 and fired.any() and leak > 0:
        weight = 1 - leak if decay_input else 1.0
        assert sample.current is not None
        after = (sample.x[1] + threshold - weight * sample.current[1])[fired] / leak
        yield resolve_reset("hard", v_reset=_tidy(float(np.median(after))))
    yield WITHOUT.bind()


def _affine(x: Floats, y: Floats) -> tuple[float, float] | None:
    """(weight, offset) if y = weight · x + offset, else None."""
    design = np.stack([x, np.ones_like(x)], axis=1)
    solution, _, rank, _ = np.linalg.lstsq(design, y, rcond=None)
    if rank < 2 or _error(design @ solution, y) > TOLERANCE:
        return None
    return float(solution[0]), float(solution[1])


def _tidy(value: float) -> float:
    """Rounded to four digits if float32 cannot tell the difference."""
    short = float(f"{value:.4g}")
    return short if abs(short - value) <= 2e-6 * max(1.0, abs(value)) else value
