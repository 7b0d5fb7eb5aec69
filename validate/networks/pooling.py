"""Pooling over windows that do not overlap, and its adjoint; [T·B, channels, positions…]. Positions that fill no window are
dropped."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

from ikun_sym.catalogue.architectures.convolution import WINDOW

Return = Callable[[Tensor], Tensor]
"""From the gradient at the pooled values to that at the values."""


def _size(x: Tensor) -> tuple[int, ...]:
    return tuple(x.shape[2:])


def keep(x: Tensor) -> tuple[Tensor, Return]:
    """No pooling."""
    return x, lambda grad: grad


def average(x: Tensor) -> tuple[Tensor, Return]:
    """The mean of a window."""
    pool = {1: F.avg_pool1d, 2: F.avg_pool2d}[x.dim() - 2]
    size = _size(x)

    def back(grad: Tensor) -> Tensor:
        grad = grad / WINDOW ** len(size)
        for dim, whole in enumerate(size, 2):
            grad = grad.repeat_interleave(WINDOW, dim)
            missing = [0, 0] * (grad.dim() - dim - 1) + [0, whole - grad.shape[dim]]
            grad = F.pad(grad, missing)
        return grad

    return pool(x, WINDOW), back


def largest(x: Tensor) -> tuple[Tensor, Return]:
    """The maximum of a window. The gradient goes to the first of equals, in the order of memory, as torch has it."""
    pool = {1: F.max_pool1d, 2: F.max_pool2d}[x.dim() - 2]
    pooled, where = pool(x, WINDOW, return_indices=True)
    shape, where = x.shape, where.flatten(2)

    def back(grad: Tensor) -> Tensor:
        found = torch.zeros(*shape[:2], shape[2:].numel(), dtype=grad.dtype, device=grad.device)
        return found.scatter_(2, where, grad.flatten(2)).view(shape)

    return pooled, back


POOLINGS: Mapping[str, Callable[[Tensor], tuple[Tensor, Return]]] = {"none": keep, "average": average, "max": largest}
"""By the catalogue's word: from values, the pooled ones and the way back."""
