"""What a network answers: [T, B, …] to a number for each class, [B, classes]."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from ..spiking import SpikingLayer
from .over_steps import Linear


class Rates(nn.Module):
    """A spiking neuron for each class: its firing rate, Σ_t s[t]/T."""

    def __init__(self, inputs: int, classes: int, bias: bool, neurons: Callable[[], SpikingLayer]) -> None:
        super().__init__()
        self.linear = Linear(inputs, classes, bias=bias)
        self.neurons = neurons()

    def forward(self, x: Tensor) -> Tensor:
        return self.neurons(self.linear(x)).mean(0)


class Membranes(nn.Module):
    """A neuron that never fires for each class: its membrane u[t] = κ u[t−1] + i[t], averaged over the steps; κ and what
    becomes of a current are the other neurons'."""

    def __init__(self, inputs: int, classes: int, bias: bool, neurons: Callable[[], SpikingLayer]) -> None:
        super().__init__()
        self.linear = Linear(inputs, classes, bias=bias)
        neuron = neurons().neuron
        self.leak, self.factor = neuron.leak, neuron.input_factor

    def forward(self, x: Tensor) -> Tensor:
        steps = len(x)
        # Σ_t u[t] = Σ_s i[s] (1 + κ + … + κ^{T−1−s}): one weighted sum of the inputs, before the product
        powers = torch.tensor([self.leak**k for k in range(steps)], dtype=x.dtype, device=x.device)
        weights = self.factor / steps * powers.cumsum(0).flip(0)
        out = torch.einsum("t,tbn->bn", weights, x) @ self.linear.weight.T
        return out if self.linear.bias is None else out + weights.sum() * self.linear.bias


READOUTS: Mapping[str, type[Rates] | type[Membranes]] = {"rate": Rates, "membrane": Membranes}
