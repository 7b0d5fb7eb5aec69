"""Networks written for Norse."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from .statement import NETWORKS, Network, Shape


class Lif(nn.Module):
    """Dense layers of LIF neurons with synaptic currents; a linear layer, averaged over the steps."""

    def __init__(self, inputs: int, classes: int, depth: int, width: int = 96) -> None:
        import norse.torch as norse

        super().__init__()
        parts: list[nn.Module] = []
        for _ in range(depth):
            parts += [nn.Linear(inputs, width), norse.LIF()]
            inputs = width
        self.layers, self.out = norse.SequentialState(*parts), nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        spikes, _ = self.layers(x.flatten(2))
        return self.out(spikes).mean(0)


class Box(nn.Module):
    """Dense layers of LIF neurons without synapse, stepped by hand."""

    def __init__(self, inputs: int, classes: int, depth: int, width: int = 96) -> None:
        import norse.torch as norse
        from norse.torch.functional.lif_box import LIFBoxParameters

        super().__init__()
        sizes = [inputs, *[width] * depth]
        self.fcs = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        p = LIFBoxParameters(tau_mem_inv=torch.as_tensor(500.0))
        self.cells = nn.ModuleList(norse.LIFBoxCell(p) for _ in range(depth))
        self.out = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        states: list[Any] = [None] * len(self.fcs)
        out = []
        for step in x.flatten(2):
            for index, (fc, cell) in enumerate(zip(self.fcs, self.cells, strict=True)):
                step, states[index] = cell(fc(step), states[index])
            out.append(self.out(step))
        return torch.stack(out).mean(0)


def _lif(shape: Shape, classes: int) -> nn.Module:
    return Lif(math.prod(shape), classes, 2)


def _box(shape: Shape, classes: int) -> nn.Module:
    return Box(math.prod(shape), classes, 4)


for one in (
    Network(
        name="norse-lif-2",
        summary="2 dense layers of 96, LIF with synaptic currents, SuperSpike, 16 steps",
        build=_lif,
        steps=16,
    ),
    Network(name="norse-box-4", summary="4 dense layers of 96, LIFBox, leak 0.5, SuperSpike, 8 steps", build=_box, steps=8),
):
    NETWORKS.register(Network(**{**vars(one), "package": "norse"}))
