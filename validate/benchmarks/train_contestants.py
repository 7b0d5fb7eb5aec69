"""The contestants of `ikun benchmark train`: one optimiser step of the same network in each library, and its bare products.

The network is built once by this project; the others get the same layers, in the form in which each library is fastest, the
same weights and the same data.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ikun_sym.errors import IkunError
from ikun_sym.reading.neuron import Neuron

from ..training.models import Classifier
from ..training.spiking import SpikingLayer

Step = Callable[[], Tensor]
"""One optimiser step; its loss."""

RATE, MOMENTUM = 1e-4, 0.9
"""Of SGD: small, so that the network stays the same from step to step."""


def chain(model: nn.Module) -> list[nn.Module]:
    """The layers of a model that is one after the other, read-out included. Error: it is not."""
    if isinstance(model, Classifier) and isinstance(head := getattr(model.head, "neurons", None), SpikingLayer):
        layers = [*model.layers, model.head.linear, head]
        if all(isinstance(one, SpikingLayer) or not list(one.children()) for one in layers):
            return layers
    raise IkunError("the libraries are given chains of layers read out by rates: mlp or csnn, with parameters")


def stepper(network: nn.Module, answer: Callable[[], Tensor], target: Tensor) -> Step:
    """Forward, loss (squares of rates), backward, SGD with momentum."""
    optimiser = torch.optim.SGD(network.parameters(), lr=RATE, momentum=MOMENTUM)

    def step() -> Tensor:
        with torch.enable_grad():
            optimiser.zero_grad()
            loss = (answer() - target).square().mean()
            loss.backward()
            optimiser.step()
        return loss.detach()

    return step


def spikingjelly(layers: list[nn.Module], x: Tensor, neuron: Neuron) -> tuple[nn.Module, Callable[[], Tensor]]:
    """All steps at once, its fastest mode; IFNode or LIFNode with decay_input=False, hard reset to 0."""
    from spikingjelly.activation_based import functional, layer, surrogate
    from spikingjelly.activation_based import neuron as nodes

    words: dict[str, Any] = {
        "v_threshold": neuron.threshold,
        "v_reset": 0.0,
        "detach_reset": neuron.detach,
        "surrogate_function": surrogate.ATan(),
        "step_mode": "m",
    }

    def node() -> nn.Module:
        return nodes.IFNode(**words) if neuron.leak == 1 else nodes.LIFNode(1 / (1 - neuron.leak), decay_input=False, **words)

    kinds = {"Linear": layer.Linear, "Conv2d": layer.Conv2d, "BatchNorm2d": layer.BatchNorm2d}
    network = nn.Sequential(*(node() if isinstance(one, SpikingLayer) else _like(one, kinds, layer) for one in layers))
    functional.set_step_mode(network, "m")
    _same_weights(network, layers, x)

    def answer() -> Tensor:
        functional.reset_net(network)
        return network(x).mean(0)

    return network, answer


def _like(one: nn.Module, kinds: dict[str, Any], layer: Any) -> nn.Module:
    """The library's layer of the same name and sizes."""
    name = type(one).__name__
    if isinstance(one, nn.Linear):
        return kinds[name](one.in_features, one.out_features, bias=one.bias is not None)
    if isinstance(one, nn.Conv2d):
        kernel, padding = one.kernel_size, one.padding
        return kinds[name](one.in_channels, one.out_channels, kernel, padding=padding, bias=one.bias is not None)
    if isinstance(one, nn.BatchNorm2d):
        return kinds[name](one.num_features)
    if isinstance(one, nn.MaxPool2d):
        return layer.MaxPool2d(one.kernel_size, one.stride)
    if name == "Flatten":
        return layer.Flatten()
    raise IkunError(f"the libraries are given no {name}; leave it out of the model")


def snntorch(layers: list[nn.Module], x: Tensor, neuron: Neuron) -> tuple[nn.Module, Callable[[], Tensor]]:
    """Leaky with its default reset, one step late, in a loop over the steps; every other layer sees all steps at once."""
    import snntorch as snn
    from snntorch import surrogate

    def leaky() -> nn.Module:
        return snn.Leaky(neuron.leak, threshold=neuron.threshold, spike_grad=surrogate.atan(), reset_mechanism="subtract")

    kinds = {"Linear": nn.Linear, "Conv2d": nn.Conv2d, "BatchNorm2d": nn.BatchNorm2d}
    network = nn.ModuleList(leaky() if isinstance(one, SpikingLayer) else _like(one, kinds, nn) for one in layers)
    _same_weights(network, layers, x)

    def answer() -> Tensor:
        out = x
        for one in network:
            out = _looped(one, out) if isinstance(one, snn.Leaky) else one(out.flatten(0, 1)).unflatten(0, x.shape[:2])
        return out.mean(0)

    return network, answer


def _looped(leaky: Any, current: Tensor) -> Tensor:
    mem, spikes = leaky.init_leaky().to(current), []
    for i in current:
        spike, mem = leaky(i, mem)
        spikes.append(spike)
    return torch.stack(spikes).to(current.dtype)  # its spikes are float32 for every input type


def _same_weights(network: nn.Module, layers: list[nn.Module], x: Tensor) -> None:
    network.to(x)
    given = [p for one in layers for p in one.parameters()]
    weights = [p for p in network.parameters() if p.requires_grad]
    with torch.no_grad():
        for parameter, weight in zip(weights, given, strict=True):
            parameter.copy_(weight)


LIBRARIES = {"SpikingJelly": (spikingjelly, "hard"), "snnTorch": (snntorch, "delayed")}
"""Library to its network, and the reset with which our neuron is the same."""


def products(layers: list[nn.Module], x: Tensor) -> Step:
    """Only the products of an optimiser step, dense, into memory that is there: forward, for the weights, and, but for the
    first layer, whose input needs no gradient, for the input."""
    work: list[Callable[[], object]] = []
    out = x
    with torch.no_grad():
        for one in layers:
            below, out = out, one(out)
            if isinstance(one, nn.Linear | nn.Conv2d):
                given = below.flatten(0, 1).contiguous()
                work.append((_linear if isinstance(one, nn.Linear) else _convolution)(one, given, first=not work))
    done = torch.zeros(())

    def step() -> Tensor:
        with torch.no_grad():
            for products_of_layer in work:
                products_of_layer()
        return done

    return step


def _linear(one: Any, x: Tensor, *, first: bool) -> Callable[[], object]:
    weight = one.weight.detach()
    grad = torch.randn(len(x), len(weight), dtype=x.dtype, device=x.device)
    out, at_x, at_weight = torch.empty_like(grad), torch.empty_like(x), torch.empty_like(weight)

    def run() -> None:
        torch.mm(x, weight.T, out=out)
        torch.mm(grad.T, x, out=at_weight)
        if not first:
            torch.mm(grad, weight, out=at_x)

    return run


def _convolution(one: Any, x: Tensor, *, first: bool) -> Callable[[], object]:
    weight = one.weight.detach()
    grad = torch.randn_like(F.conv2d(x, weight, padding=one.padding))
    back = torch.ops.aten.convolution_backward

    def run() -> None:
        F.conv2d(x, weight, padding=one.padding)
        back(grad, x, weight, None, one.stride, one.padding, one.dilation, False, [0, 0], 1, [not first, True, False])

    return run
