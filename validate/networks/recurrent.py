"""Recurrent networks: a layer also sees its own spikes of the step before.

A layer's weights are one matrix [neurons, inputs + neurons]: those of what comes from below, then those within the layer.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ikun_sym.catalogue.architectures import Recurrent
from ikun_sym.errors import IkunError
from ikun_sym.schemes.fan import Fan

from ..engines.contract import Response, Returned
from ..engines.products import times
from . import drawing as streams
from .dense import Watched
from .network import Network
from .register import Variant, draws


@draws(
    Recurrent,
    Variant("recurrent:recurrent_gain=3", 512),
    Variant("recurrent:recurrent_gain=3,autapses=false", 512),
)
class RecurrentNetwork(Network):
    @property
    def topology(self) -> Recurrent:
        found = self.architecture.topology
        assert isinstance(found, Recurrent)
        return found

    @property
    def backend(self) -> str:
        return "eager"

    def weight_shape(self, layer: int) -> tuple[int, ...]:
        neurons, inputs = super().weight_shape(layer)
        return neurons, inputs + neurons

    def fan(self, layer: int) -> Fan:
        """Of what comes from below."""
        return Fan.of(self.architecture.neurons(layer), self.architecture.neurons(layer + 1))

    def passage(self) -> Passage:
        return Passage(self)

    def _fill(self, weight: Tensor, layer: int, generator: torch.Generator) -> None:
        t, neurons = self.topology, len(weight)
        inputs, draw = weight.shape[1] - neurons, streams.DRAWINGS[self.architecture.distribution]
        for part, variance in (
            (weight[:, :inputs], self.gains[layer] / inputs),
            (weight[:, inputs:], t.recurrent_gain / neurons),
        ):
            drawn = torch.empty_like(part, memory_format=torch.contiguous_format)  # drawing into columns is slow
            draw(drawn, variance**0.5, generator)
            part.copy_(drawn)
        if not t.autapses:
            weight[:, inputs:].fill_diagonal_(0)

    def _check_shape(self, layer: int, weight: Tensor, x: Tensor) -> None:
        if weight.dim() != 2 or weight.shape[1] != x.shape[-1] + len(weight):
            raise IkunError(
                f"weights of layer {layer + 1} have shape {tuple(weight.shape)}; "
                f"they must be [neurons, {x.shape[-1]} + neurons], for {x.shape[-1]} inputs and the layer itself"
            )


class Passage(Watched):
    def __init__(self, network: RecurrentNetwork) -> None:
        self.population = network.population

    def forward(self, layer: int, x: Tensor, weight: Tensor, bias: Tensor | None) -> Response:
        below, within = _parts(weight)
        return self.population.forward(self.population.currents(x, below, bias), within)

    def backward(self, layer: int, h: Tensor, grad: Tensor, weight: Tensor, scale: float | Tensor) -> Returned:
        below, within = _parts(weight)
        power, grad_i = self.population.adjoint(h, grad, scale, within)
        self.seen(grad_i)
        return Returned(power, times(grad_i, below) if layer else grad_i)


def _parts(weight: Tensor) -> tuple[Tensor, Tensor]:
    inputs = weight.shape[1] - len(weight)
    return weight[:, :inputs].contiguous(), weight[:, inputs:].contiguous()
