"""Batch norm in training, compiled where that is possible."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from ..engines import batch_norm
from . import twice


def normalised(x: Tensor, norm: nn.BatchNorm2d) -> Tensor | None:
    """What `norm` makes of x [N, C, H, W], its running statistics brought up to date. None: leave it to torch."""
    count = x.numel() // x.shape[1]
    if twice.asked() or not (norm.training and norm.track_running_stats and norm.momentum is not None and count > 1):
        return None
    with torch.no_grad():
        found = batch_norm.normalised(x, norm.weight, norm.bias, norm.eps)
        if found is None:
            return None
        for running, now in ((norm.running_mean, found.mean), (norm.running_var, found.variance * (count / (count - 1)))):
            assert running is not None
            running.lerp_(now.to(running.dtype), norm.momentum)
        assert norm.num_batches_tracked is not None
        norm.num_batches_tracked.add_(1)
    return _Normalised.apply(x, norm.weight, norm.bias, found)


class _Normalised(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, found: batch_norm.Normalised) -> Tensor:
        ctx.save_for_backward(x, weight, found.mean, found.factor)
        return found.y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> Any:  # type: ignore[override]  # once_differentiable has lost the names
        x, weight, mean, factor = ctx.saved_tensors
        found = batch_norm.back(grads[0], x, weight, mean, factor)
        return found.x, found.weight.to(weight.dtype), found.bias.to(weight.dtype), None
