"""Fates of a layer and of a network: what counts as silent, saturated, vanishing, exploding, healthy."""

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
"""In order of precedence: the first that applies is the fate."""

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
