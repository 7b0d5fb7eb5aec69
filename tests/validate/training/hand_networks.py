"""The models that are trained, written out plainly from their parameters and differentiated by torch's autograd.

Shares no code with the product: neurons are those of `resets_by_hand`, layers torch's own functions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ..networks.autograd import SURROGATES, stepped

Layer = Callable[[Tensor], Tensor]


def spikes(current: Tensor, neuron: SimpleNamespace, slope: Layer, recurrent: Tensor | None = None) -> Tensor:
    """S [T, B, …] of currents [T, B, …], step by step; `recurrent` R: i[t] + R s[t−1]."""
    state, found = None, []
    syn = torch.zeros_like(current[0])
    for i in current:
        if recurrent is not None and found:
            i = i + found[-1] @ recurrent.T
        syn = neuron.synaptic_leak * syn + i
        drive = (1 - neuron.leak) * syn if neuron.decay_input else syn
        _, s, state = stepped(neuron, drive, state, slope)
        found.append(s)
    return torch.stack(found)


def amplified(name: str, amplitude: float) -> Layer:
    return lambda x: amplitude * SURROGATES[name](x)


def mlp(p: Iterator[Tensor], x: Tensor, fire: Layer, depth: int) -> Tensor:
    x = x.flatten(2)
    for _ in range(depth):
        x = fire(x @ next(p).T)
    return fire(x @ next(p).T).mean(0)


def normed_mlp(p: Iterator[Tensor], x: Tensor, fire: Layer, depth: int) -> Tensor:
    """With biases and batch norm."""
    x = x.flatten(2)
    for _ in range(depth):
        y = x @ next(p).T + next(p)
        y = y - y.mean((0, 1))
        x = fire(next(p) * y / (y.square().mean((0, 1)) + 1e-5).sqrt() + next(p))
    return fire(x @ next(p).T + next(p)).mean(0)


def csnn(p: Iterator[Tensor], x: Tensor, fire: Layer, norm: bool) -> Tensor:
    steps = len(x)
    for _ in range(2):
        y = F.conv2d(x.flatten(0, 1), next(p), padding=1)
        if norm:
            y = F.batch_norm(y, None, None, next(p), next(p), training=True)
        s = fire(y.unflatten(0, (steps, -1)))
        x = F.max_pool2d(s.flatten(0, 1), 2).unflatten(0, (steps, -1))
    x = fire(x.flatten(2) @ next(p).T)
    return fire(x @ next(p).T).mean(0)


def conv2d(p: Iterator[Tensor], x: Tensor, fire: Layer, depth: int) -> Tensor:
    """Biases, no norm, a pool in every layer while there is room."""
    steps = len(x)
    for _ in range(depth):
        x = fire(F.conv2d(x.flatten(0, 1), next(p), next(p), padding=1).unflatten(0, (steps, -1)))
        if min(x.shape[-2:]) >= 2:
            x = F.max_pool2d(x.flatten(0, 1), 2).unflatten(0, (steps, -1))
    return fire(x.flatten(2) @ next(p).T + next(p)).mean(0)


def sew(p: Iterator[Tensor], x: Tensor, fire: Layer, depth: int) -> Tensor:
    x = fire(x.flatten(2) @ next(p).T)
    for _ in range(depth - 1):
        x = x + fire(x @ next(p).T)
    return fire(x @ next(p).T).mean(0)


def membrane_shortcut(p: Iterator[Tensor], x: Tensor, fire: Layer, depth: int) -> Tensor:
    current = x.flatten(2) @ next(p).T
    for _ in range(depth - 1):
        current = current + fire(current) @ next(p).T
    return fire(fire(current) @ next(p).T).mean(0)


def recurrent(p: Iterator[Tensor], x: Tensor, fire: Callable[..., Tensor], depth: int) -> Tensor:
    x = x.flatten(2)
    for _ in range(depth):
        x = fire(x @ next(p).T, next(p))
    return fire(x @ next(p).T).mean(0)


def membrane(p: Iterator[Tensor], x: Tensor, fire: Layer, leak: float) -> Tensor:
    """One hidden layer, then a membrane that never fires, averaged over the steps."""
    x = fire(x.flatten(2) @ next(p).T)
    weight, u, total = next(p), 0.0, 0.0
    for s in x:
        u = leak * u + s @ weight.T
        total = total + u
    return torch.as_tensor(total / len(x))


NETWORKS: dict[str, tuple[Callable[..., Tensor], dict[str, Any]]] = {
    "mlp:depth=2,width=30": (mlp, {"depth": 2}),
    "mlp:depth=2,width=30,bias=true,norm=batch": (normed_mlp, {"depth": 2}),
    "csnn:channels=3,hidden=4": (csnn, {"norm": True}),
    "csnn:channels=3,hidden=4,norm=none": (csnn, {"norm": False}),
    "conv2d:depth=4,channels=5,every=1,bias=true": (conv2d, {"depth": 4}),
    "residual:depth=3,width=30": (sew, {"depth": 3}),
    "residual:depth=3,width=30,kind=ms": (membrane_shortcut, {"depth": 3}),
    "recurrent:depth=2,width=30": (recurrent, {"depth": 2}),
}
"""A model, and the same by hand: of its parameters in order, the input, the neurons and these words."""
