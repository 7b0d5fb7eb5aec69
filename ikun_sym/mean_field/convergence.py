"""When a recursion over layers has reached its fixed point, as far as sampling can tell."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .covariance import Floats

REMAINING = 0.1
"""A fixed point is reached when what the covariance would still change is below this share of its standard error …"""

EXACT = 1e-9
"""… or below this share of itself."""

SLOWEST = 0.999
"""The slowest approach to a fixed point that is believed, per layer: slower is drift, and no layer is skipped."""


def at_fixed_point(history: Sequence[Floats]) -> bool:
    """Whether the last spike covariance is that of all further layers. From the last two changes Δ, Δ' of the mean over
    runs, of ratio ρ = Δ'/Δ, what remains is Δ'ρ/(1 − ρ)."""
    if len(history) < 3:
        return False
    before, last, now = (values.mean(axis=0) for values in history[-3:])
    scale = float(np.abs(now).max())
    earlier, change = float(np.abs(last - before).max()), float(np.abs(now - last).max())
    if change <= EXACT * scale:
        return True
    ratio = change / earlier if earlier > 0 else 1.0
    runs = len(history[-1])
    if ratio >= SLOWEST or runs == 1:
        return False
    error = float(np.max(history[-1].std(axis=0, ddof=1))) / runs**0.5
    return change * ratio / (1 - ratio) <= REMAINING * error
