"""Fates of a layer and of a network: what counts as silent, saturated, vanishing, exploding, uninformative, healthy."""

from __future__ import annotations

from typing import Any

import numpy as np

SILENT = 1e-3
"""Firing rate (mean over the steps) below which a layer counts as silent: one spike in a thousand neuron-steps."""

SATURATED = 0.95
"""Firing rate above which a layer counts as saturated: almost all neurons fire, whatever the input."""

FADED = 1e-4
"""Σ_t E[δ²] of a layer over that of the last layer. Below FADED the gradient counts as vanishing: weights move a hundred times
slower than in the last layer. Above 1/FADED it counts as exploding: a hundred times faster."""

FATES = ("silent", "saturated", "vanishing", "exploding", "healthy")
"""Of sizes, in order of precedence: the first that applies is the fate."""

HEALTHY_SIZES, UNINFORMATIVE = FATES[-1], "uninformative"

VERDICTS = (*FATES[:-1], UNINFORMATIVE, HEALTHY_SIZES)
"""All fates of a network, in order of precedence. Uninformative is one whose sizes are right: `informative` is not true."""

SILENCE, SATURATION, VANISHING, EXPLODING, HEALTHY = range(len(FATES))
FORWARD = (SILENCE, SATURATION)
"""Fates of the forward pass. Vanishing and exploding are fates of the backward pass."""

Codes = np.ndarray
"""Indices into FATES."""


def layer_fates(rate: Any, gradient: Any) -> Codes:
    """Fates of layers from `rate`, their firing rates, and `gradient`, their Σ_t E[δ²] over the last layer's. Equal shapes.

    NaN stands for a gradient that has overflowed. In a silent or saturated layer the gradient is ignored.
    """
    rate, gradient = np.asarray(rate), np.asarray(gradient)
    tests = [rate < SILENT, rate > SATURATED, gradient < FADED, gradient <= 1 / FADED]
    return np.select(tests, [SILENCE, SATURATION, VANISHING, HEALTHY], default=EXPLODING)


def network_fate(layers: Codes) -> Codes:
    """Fates of networks from the fates of their layers (first axis)."""
    return layers.min(axis=0)


def decisive(layers: Codes) -> int | None:
    """Index of the layer that decides the fate of one network; None if all are healthy. It is where the trouble begins: the
    first such layer for a forward fate, the last for a backward one."""
    fate = int(network_fate(layers))
    if fate == HEALTHY:
        return None
    places = np.flatnonzero(layers == fate)
    return int(places[0] if fate in FORWARD else places[-1])


def informative(apart: Any, agree: Any) -> bool:
    """Whether some layer has both: two inputs are told apart in it, and their gradients agree.

    The one rule of `ikun diagnose` and `ikun fates`, provisional: it is not calibrated on training. `apart`, `agree` [L]: lower
    ends of 99 % intervals, of how much overlaps still differ between pairs of inputs, and of the correlation of two inputs'
    gradients. Both are 0 where layers have settled: above 0 there is something to learn from."""
    return bool(((np.asarray(apart) > 0) & (np.asarray(agree) > 0)).any())


def told_to(apart: Any) -> int:
    """Inputs are told apart in all layers up to this one, from 1; 0: in none."""
    lost = np.flatnonzero(~(np.asarray(apart) > 0))
    return int(lost[0]) if len(lost) else len(apart)


def agree_from(agree: Any) -> int:
    """From this layer on, from 1, gradients agree in all; one beyond the last: in none."""
    lost = np.flatnonzero(~(np.asarray(agree) > 0))
    return int(lost[-1]) + 2 if len(lost) else 1
