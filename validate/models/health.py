"""Verdicts on users' models: the fate of each layer, and of the network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..layer_fate import FADED, FATES, SATURATED, SILENT, decisive, layer_fates, network_fate
from .measuring.measure import Measured
from .measuring.surrogate_probe import Floats

__all__ = ["FADED", "SATURATED", "SILENT", "VERDICTS", "Health", "halving", "judge"]

VERDICTS = FATES


@dataclass(frozen=True, kw_only=True, eq=False)
class Health:
    """`relative` [L]: Σ_t E[(∂L/∂H)²] of each layer over that of the last layer with a gradient. `verdicts` [L]: one per layer.
    `verdict`: the network's. `at`: index of the layer that decides it, None if all are healthy."""

    relative: Floats
    verdicts: tuple[str, ...]
    verdict: str
    at: int | None


def judge(measured: list[Measured]) -> Health:
    totals = np.array([one.grad.sum(axis=0).mean() for one in measured])
    alive = totals[totals > 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = totals / (alive[-1] if len(alive) else 1.0)
    layers = layer_fates([one.rate.mean() for one in measured], relative)
    return Health(
        relative=relative,
        verdicts=tuple(FATES[code] for code in layers),
        verdict=FATES[int(network_fate(layers))],
        at=decisive(layers),
    )


def halving(values: Floats) -> float | None:
    """Number of layers over which a quantity halves: log 2 over the mean slope of its logarithm, up to the first zero. None if
    it does not fall by half over all layers."""
    used = values[: int(np.argmax(~(values > 0)))] if not (values > 0).all() else values
    if len(used) < 2 or not np.isfinite(used).all():
        return None
    falls = float(np.log(used[0] / used[-1]))
    return (len(used) - 1) * float(np.log(2)) / falls if falls > np.log(2) else None
