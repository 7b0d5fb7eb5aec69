"""The contestants of the benchmark: the libraries' networks and ours, on given weights, input and readout.

Each computes the spikes of the last layer and the gradient of the readout with respect to the network's input. None computes
weight gradients. The yardstick is the bare matrix products.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ..engines.buffers import BUFFERS
from ..engines.products import times

if TYPE_CHECKING:
    from ..networks.network import Network

Contestant = Callable[[list[Tensor], Tensor, Tensor], tuple[Tensor, Tensor]]


def products(weights: list[Tensor], x: Tensor, grad: Tensor) -> tuple[Tensor, Tensor]:
    """Only the 2 L products, dense, into allocated memory."""
    for weight in weights:
        BUFFERS.give(times(x, weight.T))
    for weight in reversed(weights):
        BUFFERS.give(times(grad, weight))
    return x, grad


def ours(network: Network) -> Contestant:
    def run(weights: list[Tensor], x: Tensor, grad: Tensor) -> tuple[Tensor, Tensor]:
        population, membranes = network.population, []
        given = x, grad
        for weight in weights:
            current = population.currents(x, weight)
            if x is not given[0]:
                BUFFERS.give(x)
            h, x, _, _ = population.forward(current)
            membranes.append(h)
        for weight in reversed(weights):
            h = membranes.pop()
            grad_i = population.adjoint(h, grad).grad_i
            BUFFERS.give(h, *(() if grad is given[1] else (grad,)))
            grad = times(grad_i, weight)
            BUFFERS.give(grad_i)
        return x, grad

    return run


def measured(network: Network) -> Contestant:
    """Everything that a draw measures, without drawing the weights."""

    def run(weights: list[Tensor], x: Tensor, grad: Tensor) -> tuple[Tensor, Tensor]:
        network.measure(weights, x, grad)
        return x, grad

    return run


def drawn(network: Network) -> Contestant:
    """A whole draw: weights, input, readout, and everything that is measured."""

    def run(weights: list[Tensor], x: Tensor, grad: Tensor) -> tuple[Tensor, Tensor]:
        network.draw(0, 0)
        return x, grad

    return run


def _autograd(layer: Callable[[], Callable[[Tensor], Tensor]]) -> Contestant:
    """A library's neurons between the same products, differentiated by autograd. Weights need no gradient."""

    def run(weights: list[Tensor], x: Tensor, grad: Tensor) -> tuple[Tensor, Tensor]:
        x = x.detach().requires_grad_()
        out = x
        for weight in weights:
            out = layer()((out.reshape(-1, out.shape[-1]) @ weight.T).view(*out.shape[:-1], -1))
        return out.detach(), torch.autograd.grad(out, x, grad)[0]

    return run


def spikingjelly(network: Network) -> Contestant:
    """LIFNode, decay_input=False, hard reset to 0, multi-step; with its own fused operators if it has any."""
    from spikingjelly.activation_based import neuron, surrogate

    a = network.architecture

    def layer() -> Any:
        return neuron.LIFNode(
            tau=1 / (1 - a.neuron.leak),
            decay_input=False,
            v_threshold=a.neuron.threshold,
            v_reset=0.0,
            surrogate_function=surrogate.ATan(),
            detach_reset=a.neuron.detach,
            step_mode="m",
        )

    return _autograd(layer)


def snntorch(network: Network) -> Contestant:
    """Leaky with its default reset (subtract, one step later), which it always detaches."""
    import snntorch as snn
    from snntorch import surrogate

    a = network.architecture

    def layer() -> Callable[[Tensor], Tensor]:
        leaky = snn.Leaky(
            beta=a.neuron.leak, threshold=a.neuron.threshold, spike_grad=surrogate.atan(), reset_mechanism="subtract"
        )

        def run(current: Tensor) -> Tensor:
            spikes, mem = [], leaky.init_leaky().to(current.dtype)
            for i in current:
                spike, mem = leaky(i, mem)
                spikes.append(spike)
            return torch.stack(spikes).to(current.dtype)  # its spikes are float32 for every input type

        return run

    return _autograd(layer)


LIBRARIES = {"SpikingJelly": (spikingjelly, "hard"), "snnTorch": (snntorch, "delayed")}
"""Library to its network, and the reset with which our neuron is the same."""


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """A library's network against ours with the same reset. `spikes`: the share of last-layer spikes that differ;
    `gradient`: ‖difference‖/‖gradient‖ at the input. In float64 through all layers: there, rounding decides no spike. In
    float32 through one layer: there, no error is amplified."""

    library: str
    dtype: str
    layers: int
    spikes: float
    gradient: float


def agreement_of(name: str, make: Callable[[Network], Contestant], network: Network) -> Agreement:
    layers = network.architecture.depth
    weights = list(network.weights(1, 0))
    x = network.input(1, 0)[:, :16].contiguous()
    grad = network.readout(1, 0)[:, :16].contiguous()
    theirs, ours_ = make(network)(weights, x, grad), ours(network)(weights, x, grad)
    return Agreement(
        library=name,
        dtype=str(network.dtype).removeprefix("torch."),
        layers=layers,
        spikes=float((theirs[0] != ours_[0]).double().mean()),
        gradient=float((theirs[1] - ours_[1]).norm() / ours_[1].norm()),
    )
