"""What runs a layer of neurons: what it is asked and what it answers. Engines and those who use them share this and no more."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch
from torch import Tensor


class Response(NamedTuple):
    """What a layer does: h and s, [T, B, n]; per step and sample Σ h² and Σ s over the neurons, [T, B] in float64."""

    h: Tensor
    s: Tensor
    power: Tensor
    activity: Tensor


class Returned(NamedTuple):
    """What a layer hands back: Σ (∂L/∂h)² over the neurons, [T, B] in float64, and ∂L/∂i, [T, B, n]."""

    power: Tensor
    grad_i: Tensor


class Engine(Protocol):
    """`forward` may overwrite the currents unless it is told to `keep` them; `adjoint` leaves what it is given. Callers may
    recycle returned tensors through BUFFERS."""

    def currents(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor: ...
    def forward(self, current: Tensor, keep: bool = False) -> Response: ...
    def adjoint(self, h: Tensor, grad_s: Tensor, scale: float | Tensor) -> Returned: ...


def membrane_dtype(dtype: torch.dtype) -> torch.dtype:
    """Membranes and sums over time are at least float32, whatever the products are in."""
    return torch.promote_types(dtype, torch.float32)
