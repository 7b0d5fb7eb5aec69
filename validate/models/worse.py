"""Whether a change made a network worse, by any of the measures that a diagnosis judges by."""

from __future__ import annotations

import numpy as np

from .health import FADED, Health

BEYOND = 10.0
"""A gradient that vanishes or explodes already has become worse if its extreme has moved by this factor."""


def worse(before: Health, after: Health) -> list[str]:
    """What is worse, in words; empty if nothing is. Gradients count also in silent layers, where no verdict rests on them."""
    found = []
    for fate in ("silent", "saturated"):
        then, now = (sum(verdict == fate for verdict in health.verdicts) for health in (before, after))
        if now > then:
            found.append(f"{now} of {len(after.verdicts)} layers {fate}, before {then}")
    (least_then, most_then), (least, most) = _extremes(before), _extremes(after)
    if most > 1 / FADED and most > BEYOND * most_then:
        found.append(f"E[δ²] grows to {most:.3g} times that of the last layer, before {most_then:.3g}")
    if least < FADED and least * BEYOND < least_then:
        found.append(f"E[δ²] falls to {least:.3g} of that of the last layer, before {least_then:.3g}")
    return found


def _extremes(health: Health) -> tuple[float, float]:
    judged = np.where(health.gated, 1.0, health.relative)
    values = np.where(np.isfinite(judged), judged, np.inf)
    return float(values.min(initial=np.inf)), float(values.max(initial=0.0))
