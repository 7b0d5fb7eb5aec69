"""Convolutional networks: kernels over positions, a normalisation where asked for, neurons, pooling of their spikes.

Between layers a sample is a row of channels · positions values, channel by channel, as neurons see it.
"""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from ikun_sym.catalogue.architectures import conv1d, conv2d
from ikun_sym.catalogue.architectures import convolution as catalogue
from ikun_sym.errors import IkunError
from ikun_sym.schemes.fan import Fan

from ..engines.contract import Response, Returned
from .convolution import Convolution
from .dense import Passage, Watched
from .network import Network
from .normalisation import NORMS, Return
from .pooling import POOLINGS
from .register import Variant, draws


@draws(
    conv1d.Conv1d,
    Variant("conv1d:padding=circular", 192),
    Variant("conv1d:size=6", 192),
    Variant("conv1d:size=9,stride=2,every=2,groups=2", 192),
    Variant("conv1d:pool=average,every=2,padding=circular", 192),
    Variant("conv1d:pool=max,every=2", 192),
)
@draws(conv2d.Conv2d, Variant("conv2d:size=4", 128), Variant("conv2d:size=4,kernel=1,pool=max,every=2", 128))
class Convolutional(Network):
    """`Architecture.neurons` counts channels."""

    @property
    def topology(self) -> catalogue.Convolution:
        found = self.architecture.topology
        assert isinstance(found, catalogue.Convolution)
        return found

    @cached_property
    def layers(self) -> tuple[catalogue.ConvolutionLayer, ...]:
        return self.topology.layers(self.architecture.depth)

    def channels(self, layer: int) -> int:
        """Layer 0 is the input."""
        return self.architecture.neurons(layer)

    def neurons(self, layer: int) -> int:
        size = self.layers[layer - 1].after if layer else self.topology.size
        return self.channels(layer) * size**self.topology.dimensions

    @property
    def outputs(self) -> int:
        return self.channels(self.architecture.depth) * self.layers[-1].output ** self.topology.dimensions

    def weight_shape(self, layer: int) -> tuple[int, ...]:
        topology = self.topology
        fan_in = self.channels(layer) // topology.groups
        return self.channels(layer + 1), fan_in, *(topology.kernel,) * topology.dimensions

    def fan(self, layer: int) -> Fan:
        t, channels = self.topology, (self.channels(layer), self.channels(layer + 1))
        return Fan.of_convolution(*channels, t.groups, t.kernel, self.layers[layer].stride, t.dimensions)

    def _fill(self, weight: Tensor, layer: int, generator: torch.Generator) -> None:
        for group in weight.chunk(self.topology.groups):  # orthogonal within each
            super()._fill(group, layer, generator)

    def convolution(self, layer: int) -> Convolution:
        t = self.topology
        return Convolution(
            dimensions=t.dimensions,
            kernel=t.kernel,
            stride=self.layers[layer].stride,
            groups=t.groups,
            circular=t.padding == "circular",
        )

    def passage(self) -> Passage:
        return Convolving(self)

    def _check_shape(self, layer: int, weight: Tensor, x: Tensor) -> None:
        if tuple(weight.shape) != self.weight_shape(layer):
            raise IkunError(
                f"weights of layer {layer + 1} have shape {tuple(weight.shape)}; they must be {self.weight_shape(layer)}"
            )


class _Back(NamedTuple):
    """The ways back through a layer's pool and its normalisation."""

    pool: Return
    norm: Return


class Convolving(Watched):
    """[T, B, channels · positions] between layers."""

    def __init__(self, network: Convolutional) -> None:
        self.network, self.population = network, network.population
        self._back: dict[int, _Back] = {}

    def forward(self, layer: int, x: Tensor, weight: Tensor, bias: Tensor | None) -> Response:
        network, geometry, (steps, samples, _) = self.network, self.network.layers[layer], x.shape
        here = network.convolution(layer)
        images = x.reshape(steps * samples, -1, *(geometry.size,) * here.dimensions)
        current = here.forward(images, weight, bias).reshape(steps, samples, len(weight), -1)
        current, norm = NORMS[network.topology.norm](current, network.population.neuron.threshold)
        h, s, power, activity = self.population.forward(current.reshape(steps, samples, -1))
        spikes = s.view(steps * samples, len(weight), *(geometry.after,) * here.dimensions)
        pooled, pool = POOLINGS[geometry.pool](spikes)
        self._back[layer] = _Back(pool, norm)
        return Response(h, pooled.reshape(steps, samples, -1), power, activity)

    def backward(self, layer: int, h: Tensor, grad: Tensor, weight: Tensor, scale: float | Tensor) -> Returned:
        geometry, (steps, samples, _), back = self.network.layers[layer], grad.shape, self._back.pop(layer)
        here = self.network.convolution(layer)
        pooled = grad.reshape(steps * samples, len(weight), *(geometry.output,) * here.dimensions)
        grad_s = back.pool(pooled).reshape(steps, samples, -1)
        power, grad_i = self.population.adjoint(h, grad_s, scale)
        self.seen(grad_i)
        if not layer:
            return Returned(power, grad_i)
        grad_i = back.norm(grad_i.view(steps, samples, len(weight), -1))
        images = grad_i.reshape(steps * samples, len(weight), *(geometry.after,) * here.dimensions)
        return Returned(power, here.backward(images, weight, geometry.size).view(steps, samples, -1))
