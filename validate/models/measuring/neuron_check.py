"""Check a neuron against its reading: replay recorded currents, membranes, spikes and gradients by the registry's statement.

Forward, h[t] = charge(reset(h[t−1], s[t−1]), i[t]), each step from the *recorded* previous one. So errors do not grow along the
sequence, and a spike flipped by rounding does no harm. Backward likewise, with the measured f'. In plain torch nothing declares
the constants: they are solved for, and every reset of the registry is tried.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from ikun_sym.catalogue import neurons as catalogue
from ikun_sym.catalogue.neurons import NEURONS, Neuron, hard
from ikun_sym.mean_field.neuron_sample import compiled, current_filter, partial

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
    if reading.statement is None or sample.current is None:
        return None
    return _error(_membranes(reading, sample), sample.x + reading.threshold) <= TOLERANCE


def _membranes(reading: Reading, sample: Sample) -> Floats:
    assert reading.statement is not None
    assert sample.current is not None
    constants = {catalogue.leak: reading.leak, catalogue.threshold: reading.threshold}
    charge, reset = compiled(reading.statement.charge, constants), compiled(reading.statement.reset, constants)
    h, s = sample.x + reading.threshold, sample.spikes
    drive = current_filter(reading.leak, reading.synaptic_leak, reading.decay_input, len(h)) @ sample.current
    before = np.concatenate([np.zeros_like(h[:1]), np.broadcast_to(reset(h=h, s=s), h.shape)[:-1]])
    return charge(v=before, i=drive)


def _error(ours: Floats, theirs: Floats) -> float:
    scale = float(np.abs(theirs).max(initial=0)) or 1.0
    return float(np.abs(ours - theirs).max(initial=0)) / scale


def detached(reading: Reading, sample: Sample) -> bool | None:
    """Whether the reset is detached: the declared answer if it explains the gradients, else the other answer if that does; None
    if neither does, or the data cannot tell."""
    if reading.statement is None or sample.grad_spikes is None:
        return None
    for candidate in (reading.detach, not reading.detach):
        if _gradient_error(replace(reading, detach=candidate), sample) <= TOLERANCE:
            return candidate
    return None


def _gradient_error(reading: Reading, sample: Sample) -> float:
    statement = reading.statement
    assert statement is not None
    assert sample.grad_spikes is not None
    constants = {catalogue.leak: reading.leak, catalogue.threshold: reading.threshold}
    h, s = sample.x + reading.threshold, sample.spikes
    through = compiled(partial(statement.reset, catalogue.h), constants)(h=h, s=s)
    if not reading.detach:
        through = through + compiled(partial(statement.reset, catalogue.s), constants)(h=h, s=s) * sample.slope
    through = np.broadcast_to(through * compiled(partial(statement.charge, catalogue.v), constants)(), h.shape)
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
    base = Reading(threshold=_tidy(threshold), statement=None, leak=_tidy(leak), decay_input=decay_input, detach=True)
    for statement in _candidates(base, sample):
        trial = replace(base, statement=statement)
        if base.threshold >= 0 and agrees(trial, sample):
            return trial
    return None


def _candidates(base: Reading, sample: Sample) -> Iterable[Neuron]:
    yield from NEURONS
    fired = sample.spikes[0] == 1
    if len(sample.x) > 1 and fired.any() and base.leak > 0:
        weight = 1 - base.leak if base.decay_input else 1.0
        assert sample.current is not None
        after = (sample.x[1] + base.threshold - weight * sample.current[1])[fired] / base.leak
        yield hard(_tidy(float(np.median(after))))
    yield Neuron(name="none", charge=catalogue.leak * catalogue.v + catalogue.i, reset=catalogue.h, summary="no reset")


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
