"""Plain networks of every architecture, by torch and its autograd alone: what the infinite-width theory is compared with.

Nothing here comes from the product: the neuron, the surrogate, the pools and the blocks are written out again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

Tensor = torch.Tensor

LEAK, ALPHA = 0.5, 2.0


class Spike(torch.autograd.Function):
    """1[x >= 0], with the derivative (α/2)/(1 + (π α x/2)²)."""

    @staticmethod
    def forward(ctx, x):  # type: ignore[override]
        ctx.save_for_backward(x)
        return (x >= 0).to(x.dtype)

    @staticmethod
    def backward(ctx, *grads):
        (x,) = ctx.saved_tensors
        return grads[0] * (ALPHA / 2) / (1 + (np.pi * ALPHA * x / 2) ** 2)


@dataclass
class Seen:
    """One layer: arrays over steps, `current` with its gradient."""

    h: list[Tensor]
    s: list[Tensor]
    current: list[Tensor]


def neuron(v: Tensor, current: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    h = LEAK * v + current
    s = Spike.apply(h - 1.0)
    return h, s, h * (1 - s.detach())


def layer(inputs: list[Tensor], weigh: Callable[[Tensor], Tensor], recurrent: Tensor | None = None) -> Seen:
    """Currents, membranes and spikes of one layer; `recurrent`: weights from its own spikes of the step before."""
    seen, v, s = Seen([], [], []), None, None
    for x in inputs:
        current = weigh(x)
        if recurrent is not None and s is not None:
            current = current + s @ recurrent.T
        current.retain_grad() if current.requires_grad else current.requires_grad_()
        h, s, v = neuron(torch.zeros_like(current) if v is None else v, current)
        seen.current.append(current)
        seen.h.append(h)
        seen.s.append(s)
    return seen


@dataclass(frozen=True)
class Setting:
    depth: int = 4
    steps: int = 3
    width: int = 256
    batch: int = 16
    gain: float = 8.0
    rate: float = 0.5
    shape: tuple[int, ...] = ()


Build = Callable[[Setting, list[Tensor]], tuple[list[Seen], list[Tensor]]]
"""From the input to what the layers show, and what the loss sees."""


def drawn(fan_in: int, gain: float, *shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float32) * (gain / fan_in) ** 0.5


def measure(build: Build, setting: Setting, draws: int, seed: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Mean over draws of the weights and its standard error: var_h, rate and grad (E[δ²] summed over steps, over that of the
    last layer) by layer, averaged over neurons and positions."""
    torch.manual_seed(seed)
    rows: dict[str, list[list[float]]] = {"var_h": [], "rate": [], "grad": []}
    for _ in range(draws):
        shape = (setting.batch, setting.width, *setting.shape)
        inputs = [(torch.rand(shape) < setting.rate).float() for _ in range(setting.steps)]
        layers, outputs = build(setting, inputs)
        sum((out * torch.randn_like(out)).sum() for out in outputs).backward()  # type: ignore[union-attr]
        rows["var_h"].append([float(np.mean([h.var().item() for h in one.h])) for one in layers])
        rows["rate"].append([float(np.mean([s.mean().item() for s in one.s])) for one in layers])
        grads = [sum(float(c.grad.square().mean()) for c in one.current) for one in layers]  # type: ignore[union-attr]
        rows["grad"].append([g / grads[-1] for g in grads])
    return {
        name: (np.mean(values, axis=0), np.std(values, axis=0, ddof=1) / draws**0.5)
        for name, values in ((name, np.array(v)) for name, v in rows.items())
    }


def convolution(
    *, groups: int = 1, padding: str = "zero", stride: int = 1, pool: str = "none", every: int = 1, stops: int = 10**9
) -> Build:
    """stride and pool in layers every, 2 every, … up to layer `stops`."""

    def build(setting: Setting, inputs: list[Tensor]) -> tuple[list[Seen], list[Tensor]]:
        d, x, layers = len(setting.shape), inputs, []
        convolve = {1: functional.conv1d, 2: functional.conv2d}[d]
        pools = {1: (functional.avg_pool1d, functional.max_pool1d), 2: (functional.avg_pool2d, functional.max_pool2d)}[d]
        for number in range(1, setting.depth + 1):
            acts = number % every == 0 and number <= stops
            fan_in = setting.width // groups * 3**d
            w = drawn(fan_in, setting.gain, setting.width, setting.width // groups, *(3,) * d)

            def weigh(one: Tensor, w: Tensor = w, step: int = stride if acts else 1) -> Tensor:
                mode = "circular" if padding == "circular" else "constant"
                return convolve(functional.pad(one, (1,) * (2 * d), mode=mode), w, stride=step, groups=groups)

            layers.append(layer(x, weigh))
            x = layers[-1].s
            if acts and pool != "none":
                x = [pools[pool == "max"](s, 2) for s in x]
        return layers, x

    return build


def residual(kind: str, gains: Callable[[int, Setting], float]) -> Build:
    """`gains`: fan_in · Var(W) of block 1, 2, …"""

    def build(setting: Setting, inputs: list[Tensor]) -> tuple[list[Seen], list[Tensor]]:
        stream, layers = inputs, []
        for number in range(1, setting.depth + 1):
            w = drawn(setting.width, gains(number, setting), setting.width, setting.width)
            if kind == "sew":
                layers.append(layer(stream, lambda x, w=w: x @ w.T))
                stream = [x + s for x, s in zip(stream, layers[-1].s, strict=True)]
            else:
                before = layers[-1] if layers else None
                fed = [x @ w.T for x in (before.s if before else inputs)]
                if before:
                    fed = [x + c for x, c in zip(fed, before.current, strict=True)]
                layers.append(layer(fed, lambda x: x))
        return layers, stream if kind == "sew" else layers[-1].s

    return build


def recurrent(own: float, autapses: bool = True) -> Build:
    def build(setting: Setting, inputs: list[Tensor]) -> tuple[list[Seen], list[Tensor]]:
        x, layers = inputs, []
        for _ in range(setting.depth):
            w = drawn(setting.width, setting.gain, setting.width, setting.width)
            r = drawn(setting.width, own, setting.width, setting.width)
            if not autapses:
                r.fill_diagonal_(0)
            layers.append(layer(x, lambda one, w=w: one @ w.T, recurrent=r))
            x = layers[-1].s
        return layers, x

    return build
