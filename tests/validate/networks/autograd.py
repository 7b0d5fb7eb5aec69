"""A second, independent way to the gradient: the network written out plainly, differentiated by torch's autograd.

Shares no code with the product: spikes and surrogates are transcribed here by hand, neurons in `resets_by_hand`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from tests.reference.resets_by_hand import BY_HAND

SURROGATES: dict[str, Callable[[Tensor], Tensor]] = {
    "atan": lambda x: 1 / (1 + (math.pi * x) ** 2),
    "sigmoid": lambda x: 4 * torch.sigmoid(4 * x) * torch.sigmoid(-4 * x),
    "triangular": lambda x: torch.clamp(1 - x.abs(), min=0),
    "fast_sigmoid": lambda x: 1 / (1 + 25 * x.abs()) ** 2,
}
"""f' at the default parameters."""


class Spike(torch.autograd.Function):
    """A step forward, the given derivative backward."""

    @staticmethod
    def forward(ctx, x, slope):  # type: ignore[no-untyped-def]
        ctx.save_for_backward(x)
        ctx.slope = slope
        return (x >= 0).to(x.dtype)

    @staticmethod
    def backward(ctx, grad):  # type: ignore[no-untyped-def]
        (x,) = ctx.saved_tensors
        return grad * ctx.slope(x), None


def stepped(
    neuron: SimpleNamespace, drive: Tensor, state: Any, slope: Callable[[Tensor], Tensor]
) -> tuple[Tensor, Tensor, Any]:
    """(h, s, state after) of one step."""
    step = BY_HAND[neuron.reset]
    return step(drive, state, neuron, lambda x: Spike.apply(x, slope), lambda s: s.detach() if neuron.detach else s)


def gradients(
    weights: list[Tensor],
    biases: list[Tensor],
    x: Tensor,
    readout: Tensor,
    slope: Callable[[Tensor], Tensor],
    neuron: SimpleNamespace,
) -> tuple[list[Tensor], list[Tensor], list[Tensor], list[Tensor]]:
    """(H, S, ∂L/∂H, ∂L/∂I) per layer, each [T, B, n], for L = Σ readout · S of the last layer; I = W x + b."""
    membranes, outputs, currents = [], [], []
    for weight, bias in zip(weights, biases, strict=True):
        syn, state = torch.zeros(x.shape[1], weight.shape[0], dtype=x.dtype), None
        hs, ss, cs = [], [], []
        for t in range(len(x)):
            i = (x[t] @ weight.T + bias).requires_grad_()
            i.retain_grad()
            syn = neuron.synaptic_leak * syn + i
            drive = (1 - neuron.leak) * syn if neuron.decay_input else syn
            h, s, state = stepped(neuron, drive, state, slope)
            h.retain_grad()
            hs.append(h)
            ss.append(s)
            cs.append(i)
        membranes.append(hs)
        currents.append(cs)
        x = torch.stack(ss)
        outputs.append(x)
    (x * readout).sum().backward()

    def grads(layers: list[list[Tensor]]) -> list[Tensor]:
        # what no later quantity depends on has no gradient: zero
        return [torch.stack([torch.zeros_like(h) if h.grad is None else h.grad for h in hs]) for hs in layers]

    hidden = [torch.stack([h.detach() for h in hs]) for hs in membranes]
    return hidden, [s.detach() for s in outputs], grads(membranes), grads(currents)
