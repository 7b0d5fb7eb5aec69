"""Where one layer inside the network spends its time: matrix products at this machine's speed, and the rest."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from ..engines.buffers import BUFFERS
from ..engines.products import times
from ..networks.network import Network

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Part:
    """One part of a layer: milliseconds of CPU time (wall time on a GPU), and 10⁹ operations per second, counted as dense."""

    part: str
    milliseconds: float
    gflops: float | None = None


def parts(network: Network, data: tuple[list[Tensor], Tensor, Tensor], repetitions: int = 5) -> list[Part]:
    """Medians for the last layer, fed with the spikes of the layers before it. The first repetition warms up."""
    weights, x, grad = data
    population, weight = network.population, weights[-1]
    taken: dict[str, list[float]] = {}

    def timed(part: str, work: Callable[..., T], *arguments: Tensor) -> T:
        start = _now(network.device)
        result = work(*arguments)
        taken.setdefault(part, []).append((_now(network.device) - start) * 1e3)
        return result

    for w in weights[:-1]:
        x = population.forward(population.currents(x, w)).s
    for _ in range(repetitions + 1):
        BUFFERS.give(timed("drawing the weights", lambda: network.layer_weights(0, 0, 0)))
        BUFFERS.give(timed("product, forward, dense", times, x, weight.T))
        current = timed("product, forward, as it is done", population.currents, x, weight)
        h, s, _, _ = timed("neurons, forward", population.forward, current)
        grad_i = timed("neurons, backward", population.adjoint, h, grad).grad_i
        BUFFERS.give(h, s, timed("product, backward", times, grad_i, weight), grad_i)
    operations = 2 * network.architecture.steps * network.batch * weight.numel()
    medians = {name: statistics.median(values[1:]) for name, values in taken.items()}
    return [
        Part(part=name, milliseconds=ms, gflops=operations / ms / 1e6 if name.startswith("product") else None)
        for name, ms in medians.items()
    ]


def _now(device: torch.device) -> float:
    if device.type == "cpu":
        return time.process_time()
    torch.cuda.synchronize(device)
    return time.perf_counter()
