"""Forward and backward passes through many layers, connected by weights or by the law of their sums.

`Between.group` consecutive samples form one network: they share its weights, and a norm mixes them. Each network's gradient is
rescaled on its own, by an exact power of two per layer, so that float32 stays in range at any depth.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from ..engines.population import Population
from .grid import THRESHOLD, Time

Floats = np.ndarray


class Between(Protocol):
    """The connection from one layer to the next; layers count from 0, tensors are [T, B, n]. `group`: samples per network."""

    group: int
    wakes: bool
    """Whether a layer may spike when the one below is silent."""

    def currents(self, x: Tensor, layer: int) -> Tensor:
        """Currents of the layer, from the spikes (or the input) x below."""
        ...

    def returned(self, grad_i: Tensor, layer: int) -> Tensor:
        """Gradient at those spikes, from the gradient at the layer's currents."""
        ...


@dataclass(frozen=True, eq=False)
class Signal:
    """`membranes` [T, B, n] of every layer, up to the first that stays silent. `var_h`, `rate` [L, networks]: variance
    of H over the neurons, and firing rate, averaged over the steps and the network's samples."""

    membranes: list[Tensor]
    var_h: Floats
    rate: Floats


def population(spec: str, time: Time) -> Population:
    """Neurons whose backward pass uses this surrogate."""
    return Population.of(surrogate=spec, leak=time.leak, threshold=THRESHOLD)


@torch.no_grad()
def forward(neurons: Population, between: Between, x: Tensor, depth: int) -> Signal:
    """Forward pass of the input x through `depth` layers."""
    membranes, var_h, rate = [], [], []
    for layer in range(depth):
        if layer and not between.wakes and not rate[-1].any():  # all later layers are silent
            var_h += [np.zeros_like(rate[-1])] * (depth - layer)
            rate += [rate[-1]] * (depth - layer)
            break
        h, x, power, activity = neurons.forward(between.currents(x, layer))
        count = h.shape[-1]
        mean = h.mean(dim=-1, dtype=torch.float64)
        membranes.append(h)
        var_h.append(_grouped((power / count - mean**2).mean(dim=0), between.group).mean(dim=1).cpu().numpy())
        rate.append(_grouped((activity / count).mean(dim=0), between.group).mean(dim=1).cpu().numpy())
    return Signal(membranes, np.array(var_h), np.array(rate))


@torch.no_grad()
def backward(
    neurons: Population,
    between: Between,
    membranes: Sequence[Tensor],
    grad_s: Tensor,
    seen: Callable[[Tensor], None] | None = None,
) -> Floats:
    """[L, networks]: log of Σ_t Σ_i (∂L/∂h_i[t])², summed over a network's samples, of each layer over the last. `grad_s`:
    gradient at the last layer's spikes. −∞: no gradient; NaN: overflow of float32 within a layer. `seen` is shown the gradient
    at each layer's currents, the last layer first."""
    logs: list[Tensor] = []
    group = between.group
    scale = torch.zeros(grad_s.shape[1] // group, dtype=torch.float64, device=grad_s.device)
    for layer in range(len(membranes) - 1, -1, -1):
        # the engine may overwrite its arguments
        grad_i = neurons.adjoint(membranes[layer].clone(), grad_s, 1.0)
        if seen is not None:
            seen(grad_i.grad_i)
        total = _grouped(grad_i.power.to(scale.device).sum(dim=0), group).sum(dim=1)
        logs.append(scale + total.log())
        if not layer:
            break
        usable = torch.isfinite(total) & (total > 0)
        size = torch.where(usable, torch.exp2(torch.round(torch.log2(torch.where(usable, total, 1.0)) / 2)), 1.0)
        scale = scale + 2 * size.log()
        each = size.repeat_interleave(group)[None, :, None].to(grad_i.grad_i.dtype)
        grad_s = between.returned(grad_i.grad_i, layer) / each
    found = torch.stack(logs[::-1]).cpu().numpy()
    with np.errstate(invalid="ignore"):
        return np.where(np.isneginf(found[-1]), -np.inf, found - found[-1])


def _grouped(values: Tensor, group: int) -> Tensor:
    """[B] reshaped to [networks, samples per network]."""
    return values.reshape(-1, group)


def seed_of(*key: int) -> int:
    """A seed for torch from whole numbers."""
    return int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0] >> np.uint64(1))


def half_way(logs: Floats) -> int | None:
    """First index at which a quantity, given by its logarithms, is at most half of its first value; None if there is none."""
    with np.errstate(invalid="ignore"):
        below = np.flatnonzero(logs <= logs[0] - math.log(2)) if len(logs) else []
    return int(below[0]) if len(below) else None
