"""The amplitude of a spike function that is there already: any library's, or your own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ..catalogue.surrogate import AMPLITUDE
from ..exact import Number


class _TimesBackward(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, amplitude: float) -> Tensor:
        ctx.amplitude = amplitude
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return grads[0] * ctx.amplitude, None


class Amplified(torch.nn.Module):
    """x ↦ spike(x), with A times its surrogate gradient: the values are the same, ∂/∂x is A f'(x). `amplitude` A > 0.

    A module, so that it stands wherever a library keeps its surrogate function; `spike` may be a module or a function of one
    tensor. What is amplified once more has the product of both. Error: an amplitude that is not a positive number.
    """

    def __init__(self, spike: Callable[[Tensor], Tensor], amplitude: Number) -> None:
        super().__init__()
        if isinstance(spike, Amplified):
            amplitude, spike = float(AMPLITUDE.check(amplitude)) * spike.amplitude, spike.spike
        self.spike, self.amplitude = spike, float(AMPLITUDE.check(amplitude))

    def forward(self, x: Tensor) -> Tensor:
        return self.spike(_TimesBackward.apply(x, self.amplitude))

    def extra_repr(self) -> str:
        return f"amplitude={self.amplitude:g}"
