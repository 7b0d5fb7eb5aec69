"""Check a neuron against its reading: replay recorded currents, membranes, spikes and gradients by the registry's statement.

Forward, each step from the *recorded* one before, h[t] = charge(after(h[t−1], s[t−1]), i[t]): an error does not grow along the
sequence, and a spike that rounding turns over does no harm. Backward likewise, with the measured f'.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ikun_sym.mean_field.neuron_sample import Dynamics, current_filter
from ikun_sym.reading.neuron import Neuron

from ..libraries import Reading
from .surrogate_probe import Floats

TOLERANCE = 2e-3
"""Relative. float32 rounding in a membrane stays below 1e-4; a wrong leak or reset gives 1e-2 or more."""

LEAST = 1e-6
"""Smallest threshold, relative to the largest membrane."""

ROUNDINGS = 4
"""So many roundings one step may add up to, where the network's numbers are coarser than that: bfloat16, float16."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Some neurons of a layer over all steps, each array [T, m]: argument of the spike function, spikes, current, measured f',
    and the gradients at the spikes (from other layers only) and at the membrane. `rounding`: relative, of its numbers."""

    x: Floats
    spikes: Floats
    current: Floats | None
    slope: Floats
    grad_spikes: Floats | None
    grad_membrane: Floats
    rounding: float = 0.0

    @property
    def tolerance(self) -> float:
        return max(TOLERANCE, ROUNDINGS * self.rounding)

    @property
    def least(self) -> float:
        """Share of the largest membrane below which a threshold is rounding. It is a mean over neurons: their errors are not
        its own, and membranes may be hundreds of times it."""
        return max(LEAST, ROUNDINGS * self.rounding)


def agrees(reading: Reading, sample: Sample) -> bool | None:
    """Whether the recorded membranes obey the reading; None if no current was recorded."""
    if reading.neuron is None or sample.current is None:
        return None
    return fires(sample) and misfit(reading.neuron, sample) <= sample.tolerance


def fires(sample: Sample) -> bool:
    """Whether those spike that are above the threshold, as far as rounding can tell."""
    clear = np.abs(sample.x) > sample.tolerance * float(np.abs(sample.x).max(initial=0))
    return bool(((sample.spikes > 0) == (sample.x > 0))[clear].all())


def misfit(neuron: Neuron, sample: Sample) -> float:
    """Largest difference between the replayed and the recorded membranes, relative to the largest membrane."""
    return error(*_membranes(neuron, sample))


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


def error(ours: Floats, theirs: Floats) -> float:
    scale = float(np.abs(theirs).max(initial=0)) or 1.0
    return float(np.abs(ours - theirs).max(initial=0)) / scale


def detached(reading: Reading, sample: Sample) -> bool | None:
    """Whether the reset is detached: the declared answer if it explains the gradients, else the other answer if that does; None
    if neither does, or the data cannot tell."""
    neuron = reading.neuron
    if neuron is None or neuron.adapts or sample.grad_spikes is None:
        return None
    for candidate in (neuron.detach, not neuron.detach):
        if _gradient_error(replace(neuron, detach=candidate), sample) <= sample.tolerance:
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
    return error(sample.slope * sample.grad_spikes + through * after, sample.grad_membrane)
