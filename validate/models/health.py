"""Verdicts: when a layer, and a network, counts as healthy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .measure import Measured
from .probe import Floats

SILENT = 1e-3
"""Firing rate, mean over the steps, below which a layer carries nothing: one spike in a thousand neuron-steps."""

SATURATED = 0.95
"""Firing rate above which a layer carries nothing: almost all neurons fire whatever comes."""

FADED = 1e-4
"""Second moment of the gradient relative to the last layer's, summed over steps: below, weights move a hundred times slower
than at the end; above 1/FADED, a hundred times faster."""

VERDICTS = ("silent", "saturated", "vanishing", "exploding", "healthy")
"""In the order in which they are given: the first that applies."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Health:
    """`relative` [L]: Σ_t E[(∂L/∂H)²] of each layer over the last layer's that has any; `verdicts` [L]; `verdict`: the
    network's."""

    relative: Floats
    verdicts: tuple[str, ...]
    verdict: str

    @property
    def at(self) -> int | None:
        """Index of the layer that decides; None if all are healthy. Forward it is the first, backward the last: the one at
        which the trouble begins on the signal's way."""
        places = [index for index, verdict in enumerate(self.verdicts) if verdict == self.verdict]
        if self.verdict == "healthy":
            return None
        return places[-1] if self.verdict in ("vanishing", "exploding") else places[0]


def judge(measured: list[Measured]) -> Health:
    totals = np.array([one.grad.sum(axis=0).mean() for one in measured])
    alive = totals[totals > 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = totals / (alive[-1] if len(alive) else 1.0)
    verdicts = tuple(
        _verdict(float(one.rate.mean()), float(gradient), float(total))
        for one, gradient, total in zip(measured, relative, totals, strict=True)
    )
    return Health(relative=relative, verdicts=verdicts, verdict=min(verdicts, key=VERDICTS.index))


def _verdict(rate: float, gradient: float, total: float) -> str:
    if rate < SILENT:
        return "silent"
    if rate > SATURATED:
        return "saturated"
    if total == 0 or gradient < FADED:
        return "vanishing"
    # NaN: infinite gradients
    return "healthy" if gradient <= 1 / FADED else "exploding"


def halving(values: Floats) -> float | None:
    """Layers over which a quantity halves, from the mean slope of its logarithm along the layers up to where it is zero; None
    if over all of them it does not fall by half."""
    used = values[: int(np.argmax(~(values > 0)))] if not (values > 0).all() else values
    if len(used) < 2 or not np.isfinite(used).all():
        return None
    falls = float(np.log(used[0] / used[-1]))
    return (len(used) - 1) * float(np.log(2)) / falls if falls > np.log(2) else None
