"""What a user would write by hand to look into a network: forward hooks on the neurons and one call of autograd.

Shares no code with the product: currents are the neurons' inputs, membranes are integrated from them here, and since a current
enters its membrane with a constant weight, ∂L/∂H is ∂L/∂(neuron's input) over that weight.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn


class Seen(NamedTuple):
    """One layer: per step, mean over everything else."""

    rate: Tensor
    var_h: Tensor
    grad: Tensor


def by_hand(model: nn.Module, x: Tensor, kinds: tuple[type, ...], seed: int = 0) -> list[Seen]:
    """Layers of integrate-and-fire neurons, hard reset to 0, threshold 1, [T, …] in and out, in the order of their calls."""
    inputs: list[Tensor] = []
    spikes: list[Tensor] = []

    def hook(module: nn.Module, args: tuple[Any, ...], output: Tensor) -> None:
        inputs.append(args[0])
        spikes.append(output.detach())

    handles = [module.register_forward_hook(hook) for module in model.modules() if isinstance(module, kinds)]
    torch.manual_seed(seed)
    out = model(x)
    loss = (torch.randn_like(out) * out).sum()
    gradients = torch.autograd.grad(loss, inputs)
    for handle in handles:
        handle.remove()
    return [_seen(i.detach(), s, g) for i, s, g in zip(inputs, spikes, gradients, strict=True)]


def _seen(current: Tensor, spikes: Tensor, gradient: Tensor) -> Seen:
    v, hs = torch.zeros_like(current[0]), []
    for i, s in zip(current, spikes, strict=True):
        h = v + i
        assert torch.equal(s, (h >= 1).to(s.dtype)), "not an integrate-and-fire neuron of threshold 1"
        v = h * (1 - s)
        hs.append(h)
    flat = torch.stack(hs).flatten(1)
    return Seen(spikes.flatten(1).mean(1), flat.var(1, unbiased=False), gradient.flatten(1).square().mean(1))
