"""A deep random network: drawn, run forward, and differentiated by hand. No autograd graph is built. `Network` is the dense
one; those of other architectures are in `architectures`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import torch
from torch import Tensor

from ikun_sym.errors import DomainError, IkunError
from ikun_sym.for_torch.copying import copy_one
from ikun_sym.schemes.fan import Fan
from ikun_sym.told import Told

from ..engines.buffers import BUFFERS
from ..engines.population import Population
from . import drawing as streams
from .architecture import INPUTS, LOSSES, Architecture
from .dense import Dense, Passage
from .log_gradient import Account
from .pairs import Pairs, shared_input

__all__ = ["INPUTS", "LOSSES", "Architecture", "Draw", "Network"]

KEPT = 2**30
"""Weights of more bytes than this are drawn again for the backward pass instead of being kept."""


@dataclass(frozen=True, kw_only=True)
class Draw(Told):
    """What one weight draw showed. Arrays are [layers, steps], averaged over the samples that are alive at the last layer.

    `var_h`: variance of H over neurons and samples; `rate`: mean output; `log_gradient`: log of the mean of (∂L/∂H)² summed
    over steps, relative to the last layer [layers]; `gradient`: its split over the steps. `alive`: the share of samples with a
    spike left at the last layer; where it is 0 the arrays are NaN. `overlap`, `gradient_correlation`: of the two inputs of a
    pair, by layer; None where samples are no pairs.
    """

    shown = ("index", "alive")

    index: int
    var_h: np.ndarray
    rate: np.ndarray
    log_gradient: np.ndarray
    gradient: np.ndarray
    alive: float
    overlap: np.ndarray | None = None
    gradient_correlation: np.ndarray | None = None


class Network:
    """A dense architecture on a device: `draw(seed, index)` draws weights, runs forward and backward and measures.

    `dtype` bfloat16 is that of weights, products and what passes between layers; membranes are float32 then. `keep`: hold
    the weights until the backward pass, or draw them again; None: by their size. The numbers are the same.
    """

    def __init__(
        self,
        architecture: Architecture,
        *,
        batch: int = 64,
        device: str = "cpu",
        dtype: str = "float32",
        backend: str = "auto",
        keep: bool | None = None,
    ) -> None:
        self.architecture, self.batch, self._backend = architecture, architecture.samples or batch, backend
        if architecture.input_overlap is not None and self.batch % 2:
            raise DomainError("batch", self.batch, "an even number with input_overlap", "samples come in pairs")
        self.device, self.dtype = torch.device(device), getattr(torch, dtype)
        self.keep = self.weight_bytes <= KEPT if keep is None else keep

    @property
    def weight_bytes(self) -> int:
        """Of all layers together."""
        return sum(math.prod(self.weight_shape(k)) for k in range(self.architecture.depth)) * self.dtype.itemsize

    @property
    def bytes(self) -> int:
        """What a draw holds at its fullest: weights, if they are kept, and membranes."""
        a, wide = self.architecture, torch.promote_types(self.dtype, torch.float32)
        membranes = sum(self.neurons(k + 1) for k in range(a.depth)) * a.steps * self.batch * wide.itemsize
        return membranes + (self.weight_bytes if self.keep else 0)

    def neurons(self, layer: int) -> int:
        """Of a layer, at all its positions together; layer 0 is the input."""
        return self.architecture.neurons(layer)

    @property
    def outputs(self) -> int:
        """Values that the last layer hands on."""
        return self.neurons(self.architecture.depth)

    def weight_shape(self, layer: int) -> tuple[int, ...]:
        """Of the layer with this number, the first being 0: [neurons or channels, what feeds one of them…]."""
        return self.architecture.neurons(layer + 1), self.architecture.neurons(layer)

    def fan(self, layer: int) -> Fan:
        """Of the weights into the layer with this number, the first being 0."""
        neurons, inputs = self.weight_shape(layer)
        return Fan.of(inputs, neurons)

    @cached_property
    def gains(self) -> tuple[float, ...]:
        """fan_in · Var(W) of every layer."""
        return self.architecture.gains

    def passage(self) -> Passage:
        """The way of one draw through the layers."""
        return Dense(self.population, self.architecture.depth - 1)

    @property
    def backend(self) -> str:
        """What runs the neurons, by name."""
        return self.population.choice(self.device).name

    @cached_property
    def population(self) -> Population:
        a = self.architecture
        return Population(neuron=a.neuron, smooth=a.forward == "smooth", backend=self._backend)

    def draw(self, seed: int, index: int) -> Draw:
        """One independent draw of weights, biases, inputs and readout; the same (seed, index) gives the same on a device."""
        depth = self.architecture.depth
        weights = self.weights(seed, index)
        biases = None
        if self.architecture.bias_var:
            biases = [self._bias(self._stream(seed, index, streams.BIAS, layer), layer) for layer in range(depth)]
        x = self.input(seed, index)
        draw = self.measure(weights, x, self.readout(seed, index), index, biases)
        BUFFERS.give(x, *(weights if isinstance(weights, list) else ()))
        return draw

    def weights(self, seed: int, index: int) -> Sequence[Tensor]:
        """The weights of every layer, [fan_out, fan_in] each: held, or drawn when asked for."""

        make, layers = partial(self.layer_weights, seed, index), range(self.architecture.depth)
        return [make(layer) for layer in layers] if self.keep else streams.Regenerated(len(layers), make)

    def layer_weights(self, seed: int, index: int, layer: int) -> Tensor:
        """[fan_out, fan_in], of the layer with this number, the first being 0."""
        return self._weights(self._stream(seed, index, streams.WEIGHTS, layer), layer)

    def input(self, seed: int, index: int) -> Tensor:
        """[T, B, n]."""
        return self._input(self._stream(seed, index, streams.INPUT))

    def readout(self, seed: int, index: int) -> Tensor:
        """The gradient at the last layer's output, [T, B, n]."""
        return self._readout(self._stream(seed, index, streams.READOUT))

    def _stream(self, seed: int, index: int, stream: int, layer: int = 0) -> torch.Generator:
        return streams.generator(self.device, seed, index, stream, layer)

    def _weights(self, generator: torch.Generator, layer: int = 0) -> Tensor:
        """Of the layer with this number, the first being 0."""
        shape = self.weight_shape(layer)
        weight = BUFFERS.take(shape, torch.promote_types(self.dtype, torch.float32), self.device)
        self._fill(weight, layer, generator)
        if weight.dtype == self.dtype:
            return weight
        rounded = BUFFERS.take(weight.shape, self.dtype, self.device).copy_(weight)
        BUFFERS.give(weight)
        return rounded

    def _fill(self, weight: Tensor, layer: int, generator: torch.Generator) -> None:
        """Draw the weights of a layer in place: Var(W) = K/fan_in."""
        std = (self.gains[layer] / math.prod(weight.shape[1:])) ** 0.5
        streams.DRAWINGS[self.architecture.distribution](weight, std, generator)
        if self.architecture.copied:
            copy_one(weight, self.architecture.copied, generator)

    def _bias(self, generator: torch.Generator, layer: int) -> Tensor:
        bias = torch.empty(self.weight_shape(layer)[0], device=self.device, dtype=torch.float32)
        return bias.normal_(0.0, self.architecture.bias_var**0.5, generator=generator).to(self.dtype)

    def _input(self, generator: torch.Generator) -> Tensor:
        a = self.architecture
        x = torch.full((a.steps, self.batch, self.neurons(0)), float(a.input_rate), device=self.device)
        if a.input_overlap is not None:
            return shared_input(x, a.input_overlap, generator).to(self.dtype)
        return (torch.bernoulli(x, generator=generator) if a.input == "poisson" else x).to(self.dtype)

    def _readout(self, generator: torch.Generator) -> Tensor:
        a = self.architecture
        shape = (a.steps, self.batch, self.outputs)
        if a.loss == "summed":
            return torch.ones(shape, device=self.device, dtype=self.dtype)
        steps = 1 if a.loss == "rate" else a.steps
        drawn = torch.randn(steps, *shape[1:], device=self.device, generator=generator, dtype=torch.float32)
        if a.input_overlap is not None:
            drawn = drawn[:, ::2].repeat_interleave(2, dim=1)  # both of a pair have the same loss
        return drawn.to(self.dtype).expand(shape)

    @torch.no_grad()
    def measure(
        self,
        weights: Sequence[Tensor],
        x: Tensor,
        grad_s: Tensor,
        index: int = 0,
        biases: Sequence[Tensor] | None = None,
    ) -> Draw:
        """Forward, then the adjoint from the gradient `grad_s` at the last layer's output; [T, B, n] tensors. Error: shapes
        that do not fit, or numbers that are not finite."""
        self._check(weights, x, grad_s)
        membranes: list[Tensor] = []
        squares, means, activities, passage = [], [], [], self.passage()
        pairs = None if self.architecture.input_overlap is None else Pairs(self.architecture.neuron.threshold)
        if pairs:
            passage.watch(pairs.gradient)
        for layer, weight in enumerate(weights):
            self._check_shape(layer, weight, x)
            h, x, power, activity = passage.forward(layer, x, weight, None if biases is None else biases[layer])
            membranes.append(h)
            if pairs:
                pairs.membranes(h)
            squares.append(power)
            if self.architecture.steps > 1:
                means.append(h.sum(dim=-1))
            activities.append(activity)
        if grad_s.shape != x.shape:
            raise IkunError(f"the gradient has shape {tuple(grad_s.shape)}; it must be that of the output, {tuple(x.shape)}")
        widths = torch.tensor([h.shape[-1] for h in membranes], dtype=torch.float64)[:, None, None]
        var_h, rate = (torch.stack(sums).cpu() / widths for sums in (squares, activities))
        if not bool(torch.isfinite(var_h).all()):
            self._blame(weights, var_h)
        alive = (rate[-1] != 0).any(dim=0)  # [batch]
        log_gradient, split = self._backward(passage, weights, membranes, grad_s, alive)
        variance = var_h[..., alive].mean(dim=-1)
        if means:  # a reset leaves the membranes a mean of their own; at the first step weights of zero mean leave none
            mean = (torch.stack(means).cpu().double() / widths)[..., alive].mean(dim=-1)
            mean[:, 0] = 0
            variance -= mean**2
        overlap, correlation = pairs.result(alive) if pairs else (None, None)
        return Draw(
            index=index,
            var_h=variance.numpy(),
            rate=rate[..., alive].mean(dim=-1).numpy(),
            log_gradient=log_gradient,
            gradient=split,
            alive=float(alive.double().mean()),
            overlap=overlap,
            gradient_correlation=correlation,
        )

    def _backward(
        self, passage: Passage, weights: Sequence[Tensor], membranes: list[Tensor], grad_s: Tensor, alive: Tensor
    ) -> tuple[np.ndarray, np.ndarray]:
        """(log_gradient, gradient) of a draw. Each membrane is dropped when its layer has been passed."""
        account = Account(alive, self.device)
        for layer in range(len(weights) - 1, -1, -1):
            h = membranes.pop()
            neurons = h.shape[-1]
            power, grad_s = passage.backward(layer, h, grad_s, weights[layer], account.factor)
            account.enter(power, neurons)
        return account.result()

    def _check(self, weights: Sequence[Tensor], x: Tensor, grad_s: Tensor) -> None:
        if len(weights) != self.architecture.depth:
            raise IkunError(f"{len(weights)} weight matrices for depth {self.architecture.depth}; give one per layer")
        for name, array in (("input", x), ("gradient", grad_s)):
            if array.dim() != 3 or array.shape[0] != self.architecture.steps:
                raise IkunError(
                    f"the {name} has shape {tuple(array.shape)}; it must be [{self.architecture.steps}, samples, neurons]"
                )
            if not bool(torch.isfinite(array).all()):
                raise IkunError(f"the {name} holds NaN or infinity; give finite numbers")

    def _check_shape(self, layer: int, weight: Tensor, x: Tensor) -> None:
        fan_in = x.shape[-1]
        if weight.dim() != 2 or weight.shape[1] != fan_in:
            raise IkunError(
                f"weights of layer {layer + 1} have shape {tuple(weight.shape)}; "
                f"they must be [neurons, {fan_in}], for {fan_in} inputs"
            )

    def _blame(self, weights: Sequence[Tensor], var_h: Tensor) -> None:
        """Membranes that are not finite: say whether the weights are, for overflow is a finding and NaN weights are not."""
        layer = int((~torch.isfinite(var_h)).any(dim=(1, 2)).nonzero()[0])
        if not bool(torch.isfinite(weights[layer]).all()):
            raise IkunError(f"the weights of layer {layer + 1} hold NaN or infinity; give finite numbers")
