"""Layer-sequential unit variance on this harness's networks: orthonormal weights, rescaled from the first layer on, on data.

Each layer is multiplied by a factor until its membrane potential has standard deviation 1 (Mishkin & Matas 2016), or, in the
variant, until its firing rate is p. Only then is the next layer looked at. At one step H is linear in the factor, and one
measurement is enough; over several the reset makes it a root to be found. The network's own input is the data.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Protocol

import torch
from scipy.optimize import brentq
from torch import Tensor

from ikun_sym.errors import DomainError, NoSolutionError

from ..engines.population import Population
from ..engines.products import times
from .drawing import WEIGHTS, generator, orthonormal
from .network import Network

DECADES = (-4.0, 4.0)
"""Factors that are tried: 1e-4 to 1e4 times orthonormal weights."""

CLOSE = 1e-4
"""Relative width of the factor at which the search ends."""


class Shown(Protocol):
    """Membranes, up to a constant, and spikes of a layer."""

    @property
    def h(self) -> Tensor: ...
    @property
    def s(self) -> Tensor: ...


Excess = Callable[[Shown], float]
"""What is to be 0: it must grow with the weights, from below 0 to above."""


def deviation(wanted: float = 1.0) -> Excess:
    """The standard deviation of H over neurons, samples and steps is `wanted`."""
    return lambda shown: float(shown.h.double().std(correction=0)) - wanted


def rate(wanted: float) -> Excess:
    """The firing rate, averaged over neurons, samples and steps, is `wanted`. Error: a rate not between 0 and ½."""
    if not 0 < wanted < 0.5:
        raise DomainError("rate", wanted, "between 0 and 0.5", "the weights have zero mean")
    return lambda shown: float(shown.s.double().mean()) - wanted


def factor(population: Population, current: Tensor, excess: Excess, where: str) -> float:
    """What to multiply the currents [T, B, n] of a layer with. Error: no factor brings it to the aim; `where` names it."""

    def miss(log_factor: float) -> float:
        return excess(population.forward(math.exp(log_factor) * current))

    return root(miss, where)


def root(miss: Callable[[float], float], where: str, *, close: float = CLOSE, reach: float | None = None) -> float:
    """The factor at whose logarithm `miss`, which grows, is 0, to a relative `close`. `reach`: the first trials are e^±reach,
    then as many more as it takes to enclose it. Error: none of DECADES does it."""
    miss = cache(miss)
    least, most = (decades * math.log(10) for decades in DECADES)
    low, high = (least, most) if reach is None else (-reach, reach)
    while miss(low) >= 0 and low > least:
        low = max(2 * low, least)
    while miss(high) <= 0 and high < most:
        high = min(2 * high, most)
    if not miss(low) < 0 < miss(high):
        raise NoSolutionError(where, f"no factor from {10 ** DECADES[0]:g} to {10 ** DECADES[1]:g} does it", "aim at less")
    return math.exp(float(brentq(miss, low, high, xtol=close)))  # type: ignore[arg-type]


@torch.no_grad()
def lsuv(network: Network, seed: int, index: int, excess: Excess) -> tuple[list[Tensor], Tensor]:
    """(weights, the input that they were fitted on) for draw `index`. Error: a layer that no factor brings to the aim."""
    a = network.architecture
    data = network.input(seed, index)
    weights, x = [], data
    for layer in range(a.depth):
        source = generator(torch.device("cpu"), seed, index, WEIGHTS, layer)
        start = orthonormal(a.neurons(layer + 1), a.neurons(layer), source).to(network.device, network.dtype)
        # currents are linear in the weights: the product is made once
        current = times(x, start.T)
        scale = factor(network.population, current, excess, f"layer {layer + 1}")
        weights.append(scale * start)
        x = network.population.forward(scale * current).s
    return weights, data
