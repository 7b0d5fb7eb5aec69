"""Plain torch networks, written by hand, on which two inputs are followed; and digits to follow."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

SLOPE, GAIN, RATE = 3.645559047713008, 7.058893612092734, 0.2
"""Sigmoid slope and K of the critical weights of rate 0.2 at threshold 1: THEORY's, not asked of the product."""


def digits(count: int) -> Tensor:
    """[count, 64], in [0, 1], shuffled."""
    data = pytest.importorskip("sklearn.datasets", reason="needs the extra `train`").load_digits().data
    order = torch.randperm(len(data), generator=torch.Generator().manual_seed(1))
    return torch.tensor(data / 16, dtype=torch.float32)[order][:count]


class Spike(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:  # type: ignore[override]
        ctx.save_for_backward(x)
        return (x >= 0).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:  # type: ignore[override]
        (x,) = ctx.saved_tensors
        s = torch.sigmoid(SLOPE * x)
        return grad * SLOPE * s * (1 - s)


class Fire(nn.Module):
    def forward(self, h: Tensor) -> Tensor:
        return Spike.apply(h - 1)


class Net(nn.Module):
    """[B, inputs] to [B, out]; critical weights at one time step. `shortcut`: a membrane adds to the one below, and gains fall
    with depth, so that sizes stay. `membranes`: those of the last call."""

    def __init__(
        self, depth: int = 24, width: int = 256, inputs: int = 64, *, out: int = 10, shortcut: bool = False, seed: int = 0
    ) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        fans = [inputs] + [width] * (depth - 1)
        self.shortcut, self.membranes = shortcut, []
        self.weights = nn.ModuleList(nn.Linear(fan, width, bias=False) for fan in fans)
        self.fire = nn.ModuleList(Fire() for _ in fans)
        self.head = nn.Linear(width, out)
        self.head.weight.data = torch.randn(out, width, generator=generator)
        for layer, (linear, fan) in enumerate(zip(self.weights, fans, strict=True)):
            # E[x²] of digits is 0.225; a spike's is the rate
            gain = GAIN * (RATE / 0.225 if layer == 0 else 1 / (layer + 1) if shortcut else 1)
            linear.weight.data = torch.randn(width, fan, generator=generator) * (gain / fan) ** 0.5

    def forward(self, x: Tensor) -> Tensor:
        h: Any = 0.0
        self.membranes = []
        for linear, fire in zip(self.weights, self.fire, strict=True):
            h = linear(x) + h if self.shortcut else linear(x)
            self.membranes.append(h)
            x = fire(h)
        return self.head(x)


class Steps(nn.Module):
    """[T, B, inputs] to [T, B, 1]: integrate and fire, reset by subtraction, which the gradient passes."""

    def __init__(self, depth: int = 3, width: int = 40, inputs: int = 64) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(5)
        fans = [inputs] + [width] * (depth - 1)
        self.weights = nn.ModuleList(nn.Linear(fan, width, bias=False) for fan in fans)
        self.head = nn.Linear(width, 1)
        self.head.weight.data = torch.randn(1, width, generator=generator)
        self.membranes: list[list[Tensor]] = []
        for linear, fan in zip(self.weights, fans, strict=True):
            linear.weight.data = torch.randn(width, fan, generator=generator) * (GAIN / fan) ** 0.5

    def forward(self, xs: Tensor) -> Tensor:
        self.membranes = [[] for _ in self.weights]
        v: list[Any] = [0.0] * len(self.weights)
        out = []
        for x in xs:
            for layer, linear in enumerate(self.weights):
                h = v[layer] + linear(x)
                self.membranes[layer].append(h)
                x = Spike.apply(h - 1)
                v[layer] = h - x
            out.append(self.head(x))
        return torch.stack(out)


def plain() -> Net:
    return Net()


def with_shortcuts() -> Net:
    return Net(shortcut=True)
