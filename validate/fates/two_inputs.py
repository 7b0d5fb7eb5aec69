"""Whether inputs are told apart in networks whose sizes are right, and whether their gradients agree, layer by layer.

A network has INPUTS of them, partners 2i and 2i + 1 with a share SHARED of their spikes in common, all others independent. In
each layer

    apart = mean overlap of partners − mean overlap of all others,      agree = mean correlation of the gradients of all pairs

(`models.measuring.pairs`). Where layers have settled both are 0 in expectation: overlaps no longer depend on what the inputs
had in common, and gradients have nothing to do with each other. Intervals are over networks.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..engines.population import Population
from ..layer_fate import agree_from, informative, told_to
from ..models.measuring.pairs import cosines
from ..models.quantity import half_width
from ..networks.pairs import shared_input
from .forward_backward import Between, Floats, Signal, backward
from .grid import INPUT_RATE, THRESHOLD, Time

INPUTS = 8
"""Of a network: 4 pairs of partners, 28 pairs."""

SHARED = 0.8

LEAST = 3
"""Networks below which an interval over them says nothing."""

PARTNERS = np.kron(np.eye(INPUTS // 2), 1 - np.eye(2)).astype(bool)
OTHERS = ~(PARTNERS | np.eye(INPUTS, dtype=bool))


def inputs(source: torch.Generator, time: Time, networks: int, width: int, device: torch.device) -> Tensor:
    """Spikes [T, networks · INPUTS, width]."""
    rate = torch.full((time.steps, networks * INPUTS, width), INPUT_RATE, device=device)
    return shared_input(rate, SHARED, source)


def apart(signal: Signal) -> Floats:
    """[L, networks]; 0 in layers that no spike reaches."""
    found = np.zeros(signal.rate.shape)
    for layer, h in enumerate(signal.membranes):
        overlaps = _of_networks((h >= THRESHOLD).to(h.dtype))
        found[layer] = [one[PARTNERS].mean() - one[OTHERS].mean() for one in overlaps]
    return found


def agree(neurons: Population, between: Between, membranes: Sequence[Tensor], readout: Tensor) -> Floats:
    """[L, networks]; `readout`: at the last layer's spikes, one a network."""
    found: list[list[float]] = []

    def seen(grad_i: Tensor) -> None:
        found.append([float(one[PARTNERS | OTHERS].mean()) for one in _of_networks(grad_i)])

    backward(neurons, between, membranes, readout.repeat_interleave(INPUTS, dim=1), seen)
    return np.array(found[::-1])


def _of_networks(values: Tensor) -> list[Floats]:
    return [cosines(values[:, start : start + INPUTS]) for start in range(0, values.shape[1], INPUTS)]


class Told:
    """Of networks of one depth: `apart` and `agree` [networks, L], and what follows from them by `layer_fate.informative`."""

    def __init__(self, apart: Sequence[Sequence[float]], agree: Sequence[Sequence[float]]) -> None:
        self.apart, self.agree = np.array(apart, dtype=float), np.array(agree, dtype=float)

    @property
    def known(self) -> bool:
        return len(self.apart) >= LEAST

    @cached_property
    def means(self) -> Floats:
        """[2, L]: of apart and agree."""
        return np.array([self.apart.mean(axis=0), self.agree.mean(axis=0)])

    @cached_property
    def errors(self) -> Floats:
        """Standard errors over the networks."""
        return np.array([one.std(axis=0, ddof=1) for one in (self.apart, self.agree)]) / len(self.apart) ** 0.5

    @cached_property
    def lowest(self) -> Floats:
        """Lower ends of the intervals."""
        return self.means - half_width(1.0, len(self.apart)) * self.errors

    @property
    def informative(self) -> bool:
        return informative(*self.lowest)

    def summary(self) -> str:
        if not self.known:
            return f"two inputs followed in {len(self.apart)} networks only"
        return f"told apart up to layer {told_to(self.lowest[0])}, gradients agree from {agree_from(self.lowest[1])}"

    def to_dict(self) -> dict[str, Any] | None:
        if not self.known:
            return None
        return {
            "informative": self.informative,
            "told_to": told_to(self.lowest[0]),
            "agree_from": agree_from(self.lowest[1]),
            "networks": len(self.apart),
        }


def alike(one: Told, other: Told) -> bool:
    """Whether two samples of networks differ nowhere by more than chance: Welch's t at each layer, with the smaller sample's
    freedom, at a level of CHANCE over all layers together."""
    from scipy.stats import t

    freedom = min(len(one.apart), len(other.apart)) - 1
    error = np.hypot(one.errors, other.errors)
    with np.errstate(divide="ignore", invalid="ignore"):
        far = np.nan_to_num(np.abs(one.means - other.means) / error, nan=0.0)
    return bool(far.max() <= t.ppf(1 - CHANCE / 2 / far.size, freedom))


CHANCE = 0.01
