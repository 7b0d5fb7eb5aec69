"""Networks written for snnTorch, in the style of its tutorials: a loop over the steps, states held by hand."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from .statement import IMAGES, NETWORKS, Network, Shape


class Leaky(nn.Module):
    """Dense layers of Leaky neurons; the last one's membranes are averaged over the steps."""

    def __init__(self, inputs: int, classes: int, depth: int, width: int = 96, **settings: Any) -> None:
        import snntorch

        super().__init__()
        sizes = [inputs, *[width] * depth]
        self.fcs = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        self.lifs = nn.ModuleList(snntorch.Leaky(**settings) for _ in range(depth))
        self.out = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        mems = [lif.init_leaky() for lif in self.lifs]  # type: ignore[operator]
        out = []
        for step in x.flatten(2):
            for index, (fc, lif) in enumerate(zip(self.fcs, self.lifs, strict=True)):
                step, mems[index] = lif(fc(step), mems[index])
            out.append(self.out(step))
        return torch.stack(out).mean(0)


class Convolutional(nn.Module):
    """Tutorial 6: convolution, max pool, Leaky, twice; a linear layer."""

    def __init__(self, shape: Shape, classes: int, channels: int = 8, **settings: Any) -> None:
        import snntorch

        super().__init__()
        size = shape[1] // 2 // 2
        self.one, self.two = nn.Conv2d(shape[0], channels, 3, padding=1), nn.Conv2d(channels, channels, 3, padding=1)
        self.lif1, self.lif2 = snntorch.Leaky(**settings), snntorch.Leaky(**settings)
        self.pool, self.out = nn.MaxPool2d(2), nn.Linear(channels * size**2, classes)

    def forward(self, x: Tensor) -> Tensor:
        mem1, mem2, out = self.lif1.init_leaky(), self.lif2.init_leaky(), []
        for step in x:
            spikes, mem1 = self.lif1(self.pool(self.one(step)), mem1)
            spikes, mem2 = self.lif2(self.pool(self.two(spikes)), mem2)
            out.append(self.out(spikes.flatten(1)))
        return torch.stack(out).mean(0)


class Recurrent(nn.Module):
    """One layer of RLeaky with all-to-all recurrent weights."""

    def __init__(self, inputs: int, classes: int, width: int = 96, **settings: Any) -> None:
        import snntorch

        super().__init__()
        self.fc, self.out = nn.Linear(inputs, width), nn.Linear(width, classes)
        self.lif = snntorch.RLeaky(all_to_all=True, linear_features=width, **settings)

    def forward(self, x: Tensor) -> Tensor:
        spikes, mem = self.lif.init_rleaky()
        out = []
        for step in x.flatten(2):
            spikes, mem = self.lif(self.fc(step), spikes, mem)
            out.append(self.out(spikes))
        return torch.stack(out).mean(0)


def dense(depth: int, **settings: Any) -> Any:
    return lambda shape, classes: Leaky(math.prod(shape), classes, depth, **settings)


def _sigmoid() -> Any:
    from snntorch import surrogate

    return surrogate.fast_sigmoid(slope=25)


SNNTORCH = "snntorch"
for one in (
    Network(
        name="snntorch-tutorial",
        summary="tutorial 5: 1 dense layer of 96, Leaky, beta 0.95, soft delayed reset, 25 steps",
        build=dense(1, beta=0.95),
        steps=25,
    ),
    Network(
        name="snntorch-mlp-3",
        summary="3 dense layers of 96, Leaky, beta 0.5, fast sigmoid 25, 8 steps",
        build=lambda shape, classes: dense(3, beta=0.5, spike_grad=_sigmoid())(shape, classes),
        steps=8,
    ),
    Network(
        name="snntorch-zero-5",
        summary="5 dense layers of 96, Leaky, beta 0.8, reset to zero, 8 steps",
        build=dense(5, beta=0.8, reset_mechanism="zero"),
        steps=8,
    ),
    Network(
        name="snntorch-conv",
        summary="tutorial 6: 2 convolutions of 8 channels, max pools, Leaky, beta 0.5, fast sigmoid 25, 8 steps",
        build=lambda shape, classes: Convolutional(shape, classes, beta=0.5, spike_grad=_sigmoid()),
        steps=8,
        tasks=IMAGES,
    ),
    Network(
        name="snntorch-recurrent",
        summary="1 recurrent layer of 96, RLeaky, beta 0.9, 10 steps",
        build=lambda shape, classes: Recurrent(math.prod(shape), classes, beta=0.9),
        steps=10,
    ),
):
    NETWORKS.register(Network(**{**vars(one), "package": SNNTORCH}))
