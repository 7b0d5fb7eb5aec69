"""Fates of a layer and of a network: what counts as silent, saturated, vanishing, exploding, healthy."""

from __future__ import annotations

from typing import Any

import numpy as np

SILENT = 1e-3
"""Firing rate, mean over the steps, below which a layer carries nothing: one spike in a thousand neuron-steps."""

SATURATED = 0.95
"""Firing rate above which a layer carries nothing: almost all neurons fire whatever comes."""

FADED = 1e-4
"""Second moment of the gradient relative to the last layer's, summed over steps: below, weights move a hundred times slower
than at the end; above 1/FADED, a hundred times faster."""

FATES = ("silent", "saturated", "vanishing", "exploding", "healthy")
"""In the order in which they are given: the first that applies."""

SILENCE, SATURATION, VANISHING, EXPLODING, HEALTHY = range(len(FATES))
FORWARD = (SILENCE, SATURATION)
"""Those that a signal meets on its way forward; the others but the last meet the gradient on its way back."""

Codes = np.ndarray
"""Indices into FATES."""


def layer_fates(rate: Any, gradient: Any) -> Codes:
    """Of layers, from their rates and their second moments of the gradient relative to the last layer's. Arrays of one shape.

    A gradient that is NaN has overflowed; of a layer that is silent or saturated it does not matter.
    """
    rate, gradient = np.asarray(rate), np.asarray(gradient)
    tests = [rate < SILENT, rate > SATURATED, gradient < FADED, gradient <= 1 / FADED]
    return np.select(tests, [SILENCE, SATURATION, VANISHING, HEALTHY], default=EXPLODING)


def network_fate(layers: Codes) -> Codes:
    """Of networks, from those of their layers along the first axis."""
    return layers.min(axis=0)


def decisive(layers: Codes) -> int | None:
    """Index of the layer of one network that decides; None if all are healthy. Forward it is the first, backward the last:
    the one at which the trouble begins on the signal's way."""
    fate = int(network_fate(layers))
    if fate == HEALTHY:
        return None
    places = np.flatnonzero(layers == fate)
    return int(places[0] if fate in FORWARD else places[-1])
