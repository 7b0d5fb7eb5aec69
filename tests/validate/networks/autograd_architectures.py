"""Networks of every architecture written out plainly, step by step, for torch's autograd. Shares no code with the product."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace

import torch
from torch import Tensor
from torch.nn import functional as F

from .autograd import SURROGATES, stepped

Images = list[Tensor]
"""A layer's values at each step."""


@dataclass
class Trace:
    """What gradients are looked at: what a layer is given, and its membranes or, with a membrane shortcut, its currents."""

    given: list[Images] = field(default_factory=list)
    counted: list[Images] = field(default_factory=list)


class Plain:
    """One network: `trace` after a call of `run`, whose result is the last layer's output at each step."""

    def __init__(self, neuron: SimpleNamespace, surrogate: str, weights: list[Tensor], biases: list[Tensor]) -> None:
        self.neuron, self.slope, self.weights, self.biases = neuron, SURROGATES[surrogate], weights, biases
        self.trace = Trace()

    def run(self, x: Images, layer: Callable[[int, Images], Images]) -> Images:
        for number in range(len(self.weights)):
            x = [value.clone().requires_grad_() for value in x]  # a neuron's own reset sees its spike by another way
            for value in x:
                value.retain_grad()
            self.trace.given.append(x)
            x = layer(number, x)
        return x

    def neurons(self, currents: Images, recurrent: Tensor | None = None, count: bool = True) -> Images:
        state, spikes, hidden = None, [], []
        last = None
        for i in currents:
            if recurrent is not None and last is not None:
                i = i + last @ recurrent.T
            h, last, state = stepped(self.neuron, i, state, self.slope)
            h.retain_grad()
            spikes.append(last)
            hidden.append(h)
        if count:
            self.trace.counted.append(hidden)
        return spikes


def normalised(currents: Images, norm: str, threshold: float) -> Images:
    if norm == "batch":
        return [F.batch_norm(i, None, None, training=True, eps=1e-5) for i in currents]
    if norm == "tdbn":
        whole = threshold * F.batch_norm(torch.cat(currents), None, None, training=True, eps=1e-5)
        return list(whole.chunk(len(currents)))
    return currents


def convolved(x: Tensor, weight: Tensor, bias: Tensor, stride: int, groups: int, circular: bool) -> Tensor:
    dimensions, half = weight.dim() - 2, weight.shape[-1] // 2
    layer = (torch.nn.Conv1d if dimensions == 1 else torch.nn.Conv2d)(
        weight.shape[1] * groups,
        len(weight),
        weight.shape[-1],
        stride=stride,
        padding=half,
        groups=groups,
        padding_mode="circular" if circular else "zeros",
        dtype=weight.dtype,
    )
    layer.weight, layer.bias = (torch.nn.Parameter(value, requires_grad=False) for value in (weight, bias))
    return layer(x)


POOLS = {
    (1, "average"): lambda x: F.avg_pool1d(x, 2),
    (2, "average"): lambda x: F.avg_pool2d(x, 2),
    (1, "max"): lambda x: F.max_pool1d(x, 2),
    (2, "max"): lambda x: F.max_pool2d(x, 2),
}


def convolution(
    plain: Plain, x: Images, *, size: int, stride: int, groups: int, circular: bool, pool: str, every: int, norm: str
) -> Images:
    kernel, dimensions = plain.weights[0].shape[-1], plain.weights[0].dim() - 2

    def layer(number: int, x: Images) -> Images:
        images = [value.view(len(value), -1, *(layer.size,) * dimensions) for value in x]  # type: ignore[attr-defined]
        used, there = stride, -(-layer.size // stride)  # type: ignore[attr-defined]
        left = there if pool == "none" else there // 2
        acts = (number + 1) % every == 0 and left >= kernel
        used = stride if acts else 1
        weight, bias = plain.weights[number], plain.biases[number]
        currents = [convolved(value, weight, bias, used, groups, circular) for value in images]
        spikes = plain.neurons(normalised(currents, norm, plain.neuron.threshold))
        if acts and pool != "none":
            spikes = [POOLS[dimensions, pool](s) for s in spikes]
        layer.size = spikes[0].shape[-1]  # type: ignore[attr-defined]
        return [s.flatten(1) for s in spikes]

    layer.size = size  # type: ignore[attr-defined]
    return plain.run(x, layer)


def residual(plain: Plain, x: Images, *, kind: str, norm: str) -> Images:
    stream: list[Images] = []

    def layer(number: int, x: Images) -> Images:
        currents = [value @ plain.weights[number].T + plain.biases[number] for value in x]
        currents = normalised(currents, norm, plain.neuron.threshold)
        if kind == "sew":
            return [value + s for value, s in zip(x, plain.neurons(currents), strict=True)]
        if stream:
            currents = [old + new for old, new in zip(stream[-1], currents, strict=True)]
        for value in currents:
            value.retain_grad()
        stream.append(currents)
        plain.trace.counted.append(currents)
        return plain.neurons(currents, count=False)

    return plain.run(x, layer)


def recurrent(plain: Plain, x: Images) -> Images:
    def layer(number: int, x: Images) -> Images:
        weight, inputs = plain.weights[number], x[0].shape[1]
        below, within = weight[:, :inputs], weight[:, inputs:]
        return plain.neurons([value @ below.T + plain.biases[number] for value in x], within)

    return plain.run(x, layer)


def csnn(plain: Plain, x: Images, *, size: int, norm: str) -> Images:
    def layer(number: int, x: Images) -> Images:
        weight, bias = plain.weights[number], plain.biases[number]
        if number >= 2:
            return plain.neurons([value @ weight.T + bias for value in x])
        side = size // 2**number
        currents = [convolved(value.view(len(value), -1, side, side), weight, bias, 1, 1, False) for value in x]
        spikes = plain.neurons(normalised(currents, norm, plain.neuron.threshold))
        return [F.max_pool2d(s, 2).flatten(1) for s in spikes]

    return plain.run(x, layer)
