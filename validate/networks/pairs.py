"""Two inputs at a time: samples 2i and 2i + 1 of a batch are a pair. How many spikes they share in each layer, and how far
their gradients agree.

    overlap = Σ S S' / √(Σ S Σ S'),      gradient correlation = Σ δ δ' / √(Σ δ² Σ δ'²)

sums over a layer's neurons, steps and pairs, S its neurons' spikes (h >= θ), δ the gradient at its currents: that at H times a
constant, where no synapse filters currents. Samples run side by side in any case, so that pairs cost two products a layer.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ikun_sym.errors import DomainError, NoTheoryError
from ikun_sym.reading.neuron import Neuron

from ..engines.contract import membrane_dtype


def shared_input(rate: Tensor, overlap: float, generator: torch.Generator) -> Tensor:
    """Spikes [T, B, n] with E[x x'] = overlap · rate between the two of a pair, and independent else: given x, x' fires with
    the probability `overlap` where x does, and (1 − overlap) rate/(1 − rate) where it does not."""
    p = rate[:, ::2]
    first = torch.bernoulli(p, generator=generator)
    given = torch.where(first > 0, torch.full_like(p, overlap), (1 - overlap) * p / (1 - p))
    both = torch.stack([first, torch.bernoulli(given.clamp(0, 1), generator=generator)], dim=2)
    return both.reshape(rate.shape)


def check(neuron: Neuron, kind: str, rate: float, overlap: float) -> None:
    """Error: inputs that no pair can have, or neurons whose spikes and gradients are not told here."""
    if kind != "poisson":
        raise DomainError("input", kind, "poisson with input_overlap", "two constant inputs of one value are one input")
    if not rate <= overlap <= 1:
        raise DomainError("input_overlap", overlap, f"between the input rate, {rate:g}, and 1")
    if neuron.adapts or neuron.synaptic_leak:
        raise NoTheoryError("pairs of inputs are measured for neurons with one state and no synapse; leave input_overlap out")


class Pairs:
    """The account of one draw. Layers are passed once up, then once down."""

    def __init__(self, threshold: float) -> None:
        self.threshold = threshold
        self._spikes: list[Tensor] = []
        self._gradients: list[Tensor] = []

    def membranes(self, h: Tensor) -> None:
        """Of a layer on the way up, [T, B, n]."""
        self._spikes.append(_sums((h >= self.threshold).to(membrane_dtype(h.dtype))))

    def gradient(self, grad_i: Tensor) -> None:
        """At a layer's currents, times any scale, on the way down."""
        self._gradients.append(_sums(grad_i))

    def result(self, alive: Tensor) -> tuple[np.ndarray, np.ndarray]:
        """(overlap, gradient correlation) of every layer, the first one first, over the pairs of which both are `alive`."""
        both = alive.reshape(-1, 2).all(dim=1)
        return tuple(_ratios(torch.stack(sums).cpu()[..., both]) for sums in (self._spikes, self._gradients[::-1]))  # type: ignore[return-value]  # of two


def _sums(x: Tensor) -> Tensor:
    """[3, pairs]: of x x', x², x'² over steps and neurons."""
    wide = x.to(membrane_dtype(x.dtype))
    a, b = wide[:, ::2], wide[:, 1::2]
    return torch.stack([(one * other).sum(dim=-1, dtype=torch.float64).sum(dim=0) for one, other in ((a, b), (a, a), (b, b))])


def _ratios(sums: Tensor) -> np.ndarray:
    between, first, second = sums.sum(dim=-1).numpy().T
    with np.errstate(divide="ignore", invalid="ignore"):
        return between / np.sqrt(first * second)
