"""Networks of torch alone, with a neuron of the user's own."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from .statement import IMAGES, NETWORKS, Network, Shape


class Triangle(torch.autograd.Function):
    """1 where x >= 0; the gradient is max(0, 1 − |x|)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return (x >= 0).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        (x,) = ctx.saved_tensors
        return grads[0] * (1 - x.abs()).clamp(min=0)


Triangle.__module__ = "plain_networks"  # stands for a user's: functions of this package are not taken for neurons
spike: Any = Triangle.apply


class Neurons(nn.Module):
    """[T, B, …]: leaky, threshold 1; soft or hard reset, detached."""

    def __init__(self, leak: float, soft: bool) -> None:
        super().__init__()
        self.leak, self.soft = leak, soft

    def forward(self, current: Tensor) -> Tensor:
        v, out = torch.zeros_like(current[0]), []
        for step in current:
            h = self.leak * v + step
            s = spike(h - 1)
            v = h - s.detach() if self.soft else h * (1 - s.detach())
            out.append(s)
        return torch.stack(out)


class Dense(nn.Module):
    def __init__(self, inputs: int, classes: int, depth: int, leak: float, soft: bool, width: int = 96) -> None:
        super().__init__()
        parts: list[nn.Module] = []
        for _ in range(depth):
            parts += [nn.Linear(inputs, width), Neurons(leak, soft)]
            inputs = width
        self.layers, self.out = nn.Sequential(*parts), nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.layers(x.flatten(2))).mean(0)


class Recurrent(nn.Module):
    """One layer whose spikes come back through weights of its own."""

    def __init__(self, inputs: int, classes: int, leak: float = 0.9, width: int = 96) -> None:
        super().__init__()
        self.leak = leak
        self.fc, self.back, self.out = nn.Linear(inputs, width), nn.Linear(width, width, bias=False), nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        current = self.fc(x.flatten(2))
        v, s, out = torch.zeros_like(current[0]), torch.zeros_like(current[0]), []
        for step in current:
            h = self.leak * v + step + self.back(s)
            s = spike(h - 1)
            v = h * (1 - s.detach())
            out.append(s)
        return self.out(torch.stack(out)).mean(0)


class OverSteps(nn.Module):
    """A layer of pictures, all steps at once."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x.flatten(0, 1)).unflatten(0, x.shape[:2])


class Convolutions(nn.Module):
    def __init__(self, shape: Shape, classes: int, depth: int = 6, channels: int = 8) -> None:
        super().__init__()
        parts: list[nn.Module] = []
        inside, size = shape[0], shape[1]
        for index in range(depth):
            stride = 2 if index in (0, depth // 2) else 1
            parts += [OverSteps(nn.Conv2d(inside, channels, 3, padding=1, stride=stride)), Neurons(0.5, soft=False)]
            inside, size = channels, math.ceil(size / stride)
        self.layers, self.out = nn.Sequential(*parts), nn.Linear(inside * size**2, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.layers(x).flatten(2)).mean(0)


def _soft(shape: Shape, classes: int) -> nn.Module:
    return Dense(math.prod(shape), classes, 6, leak=0.9, soft=True)


def _recurrent(shape: Shape, classes: int) -> nn.Module:
    return Recurrent(math.prod(shape), classes)


NETWORKS.register(
    Network(
        name="plain-soft-6", summary="6 dense layers of 96, leak 0.9, soft reset, triangular surrogate, 4 steps", build=_soft
    )
)
NETWORKS.register(
    Network(
        name="plain-recurrent",
        summary="1 recurrent layer of 96, leak 0.9, hard reset, triangular surrogate, 10 steps",
        build=_recurrent,
        steps=10,
    )
)
NETWORKS.register(
    Network(
        name="plain-conv-6",
        summary="6 convolutions of 8 channels, leak 0.5, hard reset, triangular surrogate, 2 steps",
        build=Convolutions,
        steps=2,
        tasks=IMAGES,
    )
)
