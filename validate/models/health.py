"""Verdicts on users' models: the fate of each layer, and of the network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..layer_fate import (
    FADED,
    FATES,
    HEALTHY_SIZES,
    SATURATED,
    SILENT,
    UNINFORMATIVE,
    VERDICTS,
    decisive,
    layer_fates,
    network_fate,
)
from .measuring.measure import Measured
from .measuring.surrogate_probe import Floats

__all__ = ["FADED", "HEALTHY", "SATURATED", "SILENT", "UNINFORMATIVE", "VERDICTS", "Health", "halving", "judge"]

HEALTHY = HEALTHY_SIZES


@dataclass(frozen=True, kw_only=True, eq=False)
class Health:
    """`relative` [L]: Σ_t E[(∂L/∂H)²] of each layer over that of `last`, the last layer with a gradient. `verdicts` [L]: one
    per layer. `verdict`: the network's. `at`: index of the layer that decides it, None if all are healthy.

    `unused` [L]: layers whose spikes nobody uses, as in a membrane read-out: whether they fire does not matter. `gated` [L]:
    layers of residual branches that weights of zero switch off, until they have moved: neither their spikes nor their gradient
    is judged."""

    relative: Floats
    last: int
    verdicts: tuple[str, ...]
    verdict: str
    at: int | None
    unused: NDArray[np.bool_]
    gated: NDArray[np.bool_]


def judge(measured: Sequence[Measured]) -> Health:
    totals = np.array([one.grad.sum(axis=0).mean() for one in measured])
    alive = np.flatnonzero(totals > 0)
    last = int(alive[-1]) if len(alive) else len(totals) - 1
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = totals / (totals[last] or 1.0)
    unused = np.array([not one.sends for one in measured])
    gated = _gated(measured, totals)
    # a rate that is not a number is neither too low nor too high
    rates = np.where(unused | gated, np.nan, [one.rate.mean() for one in measured])
    layers = layer_fates(rates, np.where(gated, 1.0, relative))
    return Health(
        relative=relative,
        last=last,
        verdicts=tuple(FATES[code] for code in layers),
        verdict=FATES[int(network_fate(layers))],
        at=decisive(layers),
        unused=unused,
        gated=gated,
    )


def _gated(measured: Sequence[Measured], totals: Floats) -> NDArray[np.bool_]:
    """Layers in a branch behind weights that are all zero, where signals and gradients take another way around it: activity
    goes on above, or gradients below."""
    found = np.zeros(len(measured), dtype=bool)
    for one in measured:
        index = one.layer.index
        switched = bool(zeros(one)) and not float(one.var_h.mean()) > 0
        if switched and any(float(other.rate.mean()) > SILENT for other in measured[index + 1 :]):
            found[index] = True
        above = [other for other in measured if index in other.layer.way.layers]
        if totals[index] == 0 and above and all(zeros(other) or found[other.layer.index] for other in above):
            found[index] = bool((totals[:index] > 0).any()) or any(len(other.layer.way.layers) > 1 for other in above)
    return found


def zeros(one: Measured) -> list[str]:
    """Names of weights on the way to this layer, of norms or of products, that are all zero."""
    return one.layer.zeros


def halving(values: Floats) -> float | None:
    """Number of layers over which a quantity halves: log 2 over the mean slope of its logarithm, up to the first zero. None if
    it does not fall by half over all layers."""
    used = values[: int(np.argmax(~(values > 0)))] if not (values > 0).all() else values
    if len(used) < 2 or not np.isfinite(used).all():
        return None
    falls = float(np.log(used[0] / used[-1]))
    return (len(used) - 1) * float(np.log(2)) / falls if falls > np.log(2) else None
