"""A layer of spiking neurons for torch: currents in, spikes out, and the engines' own adjoint as its gradient.

    s = spikes of the neuron's statement driven by the currents i;  ∂L/∂i from ∂L/∂s by the adjoint of the same statement,
    with A f'(x) in the place of the spike's derivative, x = h − threshold

The neurons run in validate/engines: compiled on the CPU, Triton on CUDA, plain tensors anywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from ikun_sym.errors import IkunError
from ikun_sym.reading.neuron import Neuron
from ikun_sym.reading.surrogate_spec import Spec

from ..engines.population import AUTO, Population
from . import twice
from .sloped import sloped

Watcher = Callable[[Tensor, Tensor], None]
"""Told the membranes before the reset and the spikes of a pass, [T, B, …], without gradient."""


class SpikingLayer(nn.Module):
    """Currents [T, B, …] to spikes [T, B, …], 0 and 1 in the type of the currents; every pass starts from rest.

    neuron:    what the neurons are
    surrogate: a SPEC in the place of the neuron's own surrogate; `slope`: its sharpness in the place of the SPEC's
    amplitude: A > 0, a factor of the spike's gradient, in the place of the surrogate's own
    features:  a number n makes the layer recurrent, of n neurons: i[t] ← i[t] + R s[t−1], R the parameter `recurrent` [n, n]
    backend:   auto, or an engine by name
    watch:     told what happened inside in each pass; None: nobody
    """

    def __init__(
        self,
        neuron: Neuron | None = None,
        surrogate: Spec | None = None,
        *,
        slope: float | None = None,
        amplitude: float | None = None,
        features: int | None = None,
        backend: str = AUTO,
    ) -> None:
        super().__init__()
        self.neuron = sloped(neuron or Neuron(), surrogate, slope)
        if amplitude is not None:
            self.neuron = self.neuron.but(amplitude=amplitude)
        self.backend = backend
        _ = self.population  # which refuses what cannot be
        self.watch: Watcher | None = None
        self.recurrent: nn.Parameter | None = None
        if features is not None:
            self.recurrent = nn.Parameter(torch.empty(features, features))
            nn.init.kaiming_uniform_(self.recurrent, a=5**0.5)  # torch's own for a linear layer

    @cached_property
    def population(self) -> Population:
        return Population(neuron=self.neuron, backend=self.backend)

    def __getstate__(self) -> dict[str, Any]:
        """Without what belongs to this process: loaded libraries."""
        return {name: value for name, value in vars(self).items() if name != "population"}

    def forward(self, current: Tensor) -> Tensor:
        self._check(current)
        if twice.asked():
            return twice.spikes(current, self.recurrent, self.neuron)
        return _Spikes.apply(current, self.recurrent, self.population, self.watch)

    def gradient_at(self, h: Tensor) -> Tensor:
        """A f'(x[t]) at the membranes of a pass, [T, B, …]."""
        return self.population.stepwise.slopes(h)

    def _check(self, current: Tensor) -> None:
        if current.dim() < 3 or not current.is_floating_point():
            raise IkunError(
                f"currents have shape {tuple(current.shape)} and type {current.dtype}; they must be floats [steps, batch, …]"
            )
        if self.recurrent is not None and current.shape[2:] != self.recurrent.shape[:1]:
            raise IkunError(f"currents have shape {tuple(current.shape)}; this layer has {len(self.recurrent)} neurons")

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={value}" for name, value in self.neuron.to_dict().items() if value != _USUAL[name])


class _Spikes(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, current: Tensor, recurrent: Tensor | None, population: Population, watch: Watcher | None) -> Tensor:
        flat = current.reshape(*current.shape[:2], -1)
        h, s, _, _ = population.forward(flat, recurrent, keep=True)
        if watch is not None:
            watch(h.view(current.shape), s.view(current.shape))
        ctx.population = population
        ctx.save_for_backward(h, *(() if recurrent is None else (recurrent, s)))
        return s.view(current.shape)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> Any:  # type: ignore[override]  # once_differentiable has lost the names
        (grad_s,) = grads
        h, *own = ctx.saved_tensors
        recurrent, s = own or (None, None)
        _, grad_i = ctx.population.adjoint(h, grad_s.reshape(h.shape), 1.0, recurrent)
        grad_r = None
        if s is not None and ctx.needs_input_grad[1]:
            grad_r = grad_i[1:].flatten(0, 1).T @ s[:-1].flatten(0, 1)
        return grad_i.view(grad_s.shape), grad_r, None, None


_USUAL = Neuron().to_dict()
