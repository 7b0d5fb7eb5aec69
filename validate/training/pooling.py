"""Max pooling in windows of 2 × 2, compiled where that is possible."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from ..engines import pool
from . import twice


def largest(x: Tensor) -> Tensor:
    """F.max_pool2d(x, 2)."""
    found = None if twice.asked() else pool.largest(x.detach())
    return F.max_pool2d(x, pool.WINDOW) if found is None else _Largest.apply(x, *found)


class _Largest(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, found: Tensor, places: Tensor) -> Tensor:
        ctx.like = x.shape
        ctx.save_for_backward(places)
        return found.view_as(found)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> Any:  # type: ignore[override]  # once_differentiable has lost the names
        (places,) = ctx.saved_tensors
        return pool.back(grads[0], places, ctx.like), None, None
