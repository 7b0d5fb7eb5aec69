"""The product of weights with spikes, and the gradient of both, as sums instead of products where spikes are few.

y = x Wᵀ + b;  ∂L/∂W = Σ_rows ∂L/∂y xᵀ and y itself add up what meets a spike (validate/engines/spike_product.py);
∂L/∂x = ∂L/∂y W and ∂L/∂b are dense.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from ..engines import spike_product
from . import twice


def linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """F.linear for x [..., fan_in], whatever x is."""
    spikes = spike_product.packed(x.detach()) if x.dtype == weight.dtype and not twice.asked() else None
    return F.linear(x, weight, bias) if spikes is None else _Sums.apply(x, spikes, weight, bias)


class _Sums(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, spikes: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(spikes, weight)
        return spike_product.product(spikes, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> Any:  # type: ignore[override]  # once_differentiable has lost the names
        (grad,), (spikes, weight) = grads, ctx.saved_tensors
        at_x, _, at_weight, at_bias = ctx.needs_input_grad
        return (
            grad @ weight if at_x else None,
            None,
            spike_product.outer(spikes, grad) if at_weight else None,
            grad.flatten(0, -2).sum(0) if at_bias else None,
        )
