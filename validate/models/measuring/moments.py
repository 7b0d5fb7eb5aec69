"""Moments of recorded tensors [T, …], per step: in one pass over the numbers, without copies in float64."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from .surrogate_probe import Floats

COLUMNS = 4096
"""Number of columns (neurons times samples) used for slopes and for T×T moments of long sequences; short ones use more."""

REPLAYED = 2048
"""Columns on which a neuron is replayed: a wrong reading is wrong in every one that has spiked."""

SMALL = 1e-6
"""Numbers whose sum of squares lies beyond the square of this and of its inverse are rescaled before they are squared."""

ENTRIES = 2**21
"""Most numbers from which a T×T moment is computed."""


def together(tensors: Sequence[Tensor]) -> Tensor:
    """[T, …]: stacked, or the tensor whose memory they are, one after the other."""
    first, whole = tensors[0], tensors[0]._base  # torch names it nowhere else
    if whole is not None and whole.numel() == len(tensors) * first.numel() and whole.is_contiguous():
        whole = whole.detach().view(len(tensors), *first.shape)
        if all(p.data_ptr() == w.data_ptr() and p.is_contiguous() for p, w in zip(tensors, whole, strict=True)):
            return whole
    return torch.stack([tensor.detach() for tensor in tensors])


def flat(tensor: Tensor) -> Tensor:
    return tensor.reshape(len(tensor), -1)


def columns(tensor: Tensor, most: int) -> slice:
    """Columns spread evenly over neurons and samples, by an odd stride (widths are often powers of two)."""
    count = tensor[0].numel()
    if count <= most:
        return slice(None)
    stride = count // most | 1
    return slice(0, most * stride, stride)


def mean_square(tensor: Tensor) -> Floats:
    """Over the last axis."""
    norm, size = _of_any_size(tensor, lambda values: torch.linalg.vector_norm(values, dim=-1).double().square())
    return (norm * (size**2 / tensor.shape[-1])).cpu().numpy()


def second(tensor: Tensor) -> Floats:
    """E[x x] over columns, [T, T]."""
    rows = flat(tensor)
    rows = rows[:, columns(tensor, max(COLUMNS, ENTRIES // len(rows)))]
    found, size = _of_any_size(rows, lambda values: (values @ values.T).double())
    return found.cpu().numpy() * (size**2 / rows.shape[1])


def _of_any_size(tensor: Tensor, squared: Callable[[Tensor], Tensor]) -> tuple[Tensor, float]:
    """(sums of squares of tensor / size, size): in float32 or more, and with a size that can be squared in it, which gradients
    need not have. It is looked for only where the sums say so: that is one more pass over the numbers."""
    tensor = tensor.float() if tensor.dtype.itemsize < 4 else tensor
    found = squared(tensor)
    if SMALL**2 < float(found.max()) < 1 / SMALL**2:
        return found, 1.0
    size = max(map(abs, map(float, torch.aminmax(tensor))))
    return (squared(tensor / size), size) if 0 < size < math.inf else (found, 1.0)
