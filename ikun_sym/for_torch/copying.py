"""The permutation in weights that copy."""

from __future__ import annotations

import torch
from torch import Tensor


@torch.no_grad()
def copy_one(weight: Tensor, c: float, source: torch.Generator | None = None) -> None:
    """Adds c where neuron i meets the input that it copies: a random permutation, repeated where there are more neurons than
    inputs, a part of it where there are fewer; in a kernel at the tap over the position itself."""
    rows, columns = weight.shape[:2]
    rounds = [torch.randperm(columns, generator=source, device=weight.device) for _ in range(-(-rows // columns))]
    centre = tuple((size - 1) // 2 for size in weight.shape[2:])
    weight[(torch.arange(rows), torch.cat(rounds)[:rows], *centre)] += c
