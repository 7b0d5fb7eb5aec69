"""A second, independent way to the gradient: the network written out plainly, differentiated by torch's autograd.

Shares no code with the product: spikes, resets and surrogates are transcribed here by hand.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

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


def gradients(
    weights: list[Tensor],
    x: Tensor,
    readout: Tensor,
    *,
    surrogate: str,
    threshold: float,
    leak: float,
    reset: str,
    detach: bool,
) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """(H, S, ∂L/∂H) per layer, each [T, B, n], for L = Σ readout · S of the last layer."""
    membranes, outputs = [], []
    for weight in weights:
        v, before = torch.zeros_like(x[0]), torch.zeros_like(x[0])
        hs, ss = [], []
        for t in range(len(x)):
            h = leak * v + x[t] @ weight.T
            if reset == "delayed":
                h = h - threshold * before
            if not h.requires_grad:
                h.requires_grad_()
            h.retain_grad()
            s = Spike.apply(h - threshold, SURROGATES[surrogate])
            assert isinstance(s, Tensor)
            spike = s.detach() if detach else s
            v = {"hard": h - h * spike, "soft": h - threshold * spike, "delayed": h}[reset]
            before = spike
            hs.append(h)
            ss.append(s)
        membranes.append(hs)
        x = torch.stack(ss)
        outputs.append(x)
    (x * readout).sum().backward()
    # a membrane that no later quantity depends on has no gradient: zero
    grads = [torch.stack([torch.zeros_like(h) if h.grad is None else h.grad for h in hs]) for hs in membranes]
    return [torch.stack([h.detach() for h in hs]) for hs in membranes], [s.detach() for s in outputs], grads
