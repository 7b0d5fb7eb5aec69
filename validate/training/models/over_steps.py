"""torch's layers over [T, B, …], all T steps as one batch, with torch's own parameters and names.

Where the values are the same at every step (an expanded view), they are computed once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from ...engines.pool import WINDOW
from ..normalisation import normalised
from ..pooling import largest
from ..spike_linear import linear


def together(layer: Callable[[Tensor], Any], x: Tensor) -> Tensor:
    """`layer`, which takes a batch, on all steps at once."""
    if constant(x):
        once = layer(x[0])
        return once.expand(len(x), *once.shape)
    return layer(x.flatten(0, 1)).unflatten(0, x.shape[:2])


def constant(x: Tensor) -> bool:
    """Whether x is one step seen several times."""
    return len(x) > 1 and x.stride(0) == 0


class Linear(nn.Linear):
    """Spikes are added up, what is no spike is multiplied."""

    def forward(self, input: Tensor) -> Tensor:
        return together(lambda x: linear(x, self.weight, self.bias), input)


class Conv2d(nn.Conv2d):
    def forward(self, input: Tensor) -> Tensor:
        return together(super().forward, input)


class BatchNorm1d(nn.BatchNorm1d):
    """Statistics over batch and steps."""

    def forward(self, input: Tensor) -> Tensor:
        return together(super().forward, input)


class BatchNorm2d(nn.BatchNorm2d):
    """Statistics over batch, steps and positions."""

    def forward(self, input: Tensor) -> Tensor:
        return together(self._normalised, input)

    def _normalised(self, x: Tensor) -> Tensor:
        found = normalised(x, self)
        return super().forward(x) if found is None else found


class MaxPool2d(nn.MaxPool2d):
    """The largest of each window of 2 × 2."""

    def __init__(self) -> None:
        super().__init__(WINDOW)

    def forward(self, input: Tensor) -> Tensor:
        return together(largest, input)


class Flatten(nn.Module):
    """[T, B, …] to [T, B, n]."""

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(2)


class Dropout(nn.Module):
    """What is dropped is dropped at every step: a mask for each sample."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or not self.p:
            return x
        return x * nn.functional.dropout(torch.ones_like(x[0]), self.p)

    def extra_repr(self) -> str:
        return f"p={self.p:g}"
