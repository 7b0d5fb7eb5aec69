"""A deep random dense network: drawn, run forward, and differentiated by hand. No autograd graph is built."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ikun_sym.catalogue.neurons import NEURONS
from ikun_sym.catalogue.spec import resolve
from ikun_sym.errors import DomainError, IkunError
from ikun_sym.initialise import DISTRIBUTIONS
from ikun_sym.theory.layer import FORWARD_PASSES

from .arithmetic import derivative, primitive
from .neuron import Population, step_function

INPUTS = ("poisson", "constant")
LOSSES = ("white", "rate", "summed")


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """`gain` K = fan_in · Var(W). `forward`: "spiking" or "smooth". `input_rate`: of Bernoulli spikes (poisson), or the
    value presented at every step (constant). `loss`: the gradient at the last layer's output is random and new at each
    step (white), random and the same at each step (rate), or 1 everywhere (summed)."""

    depth: int = 20
    width: int = 512
    steps: int = 1
    leak: float = 0.0
    reset: str = "hard"
    detach: bool = True
    threshold: float = 1.0
    surrogate: str = "atan"
    gain: float = 1.0
    forward: str = "spiking"
    input: str = "poisson"
    input_rate: float = 0.5
    loss: str = "white"
    distribution: str = "normal"

    def __post_init__(self) -> None:
        for name in ("depth", "width", "steps"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise DomainError(name, value, "an integer of at least 1")
        for name in ("leak", "threshold"):
            if not (np.isfinite(getattr(self, name)) and getattr(self, name) >= 0):
                raise DomainError(name, getattr(self, name), "zero or a positive number")
        if self.leak > 1:
            raise DomainError("leak", self.leak, "at most 1", "the membrane is multiplied by it at each step; 1 is IF")
        if not (np.isfinite(self.gain) and self.gain > 0):
            raise DomainError("gain", self.gain, "a positive number", "it is fan_in · Var(W)")
        if self.input == "poisson" and not 0 <= self.input_rate <= 1:
            raise DomainError("input rate", self.input_rate, "between 0 and 1", "it is a probability of a spike")
        if not np.isfinite(self.input_rate):
            raise DomainError("input rate", self.input_rate, "a finite number")
        for name, allowed in (("input", INPUTS), ("loss", LOSSES), ("distribution", DISTRIBUTIONS)):
            if getattr(self, name) not in allowed:
                raise IkunError(f"unknown {name} {getattr(self, name)!r}; known: {', '.join(allowed)}")
        _ = NEURONS[self.reset], FORWARD_PASSES[self.forward], resolve(self.surrogate)

    @property
    def input_second_moment(self) -> float:
        """E[x²] of the input at one step."""
        return self.input_rate if self.input == "poisson" else self.input_rate**2

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Draw:
    """What one weight draw showed. Arrays are [layers, steps], averaged over the samples that are alive at the last layer.

    `var_h`: mean H²; `rate`: mean output; `log_gradient`: log of the mean of (∂L/∂H)² summed over steps, relative to the
    last layer [layers]; `gradient`: its split over the steps, relative to that sum. `alive`: the share of samples with a
    spike left at the last layer; where it is 0 the arrays are NaN.
    """

    index: int
    var_h: np.ndarray
    rate: np.ndarray
    log_gradient: np.ndarray
    gradient: np.ndarray
    alive: float


class Network:
    """An architecture on a device: `draw(seed, index)` draws weights, runs forward and backward and measures."""

    def __init__(self, architecture: Architecture, *, batch: int = 64, device: str = "cpu", dtype: str = "float32") -> None:
        self.architecture, self.batch = architecture, batch
        self.device, self.dtype = torch.device(device), getattr(torch, dtype)

    @cached_property
    def population(self) -> Population:
        a = self.architecture
        bound = resolve(a.surrogate)
        return Population(
            neuron=NEURONS[a.reset],
            leak=a.leak,
            threshold=a.threshold,
            fire=step_function if a.forward == "spiking" else primitive(bound),
            gradient=derivative(bound),
            detach=a.detach,
        )

    def draw(self, seed: int, index: int) -> Draw:
        """One independent draw of weights, inputs and readout; the same (seed, index) gives the same on a device."""
        generator = torch.Generator(self.device).manual_seed(
            int(np.random.SeedSequence((seed, index)).generate_state(1, np.uint64)[0] >> 1)
        )
        weights = [self._weights(generator) for _ in range(self.architecture.depth)]
        x = self._input(generator)
        return self.measure(weights, x, self._readout(generator), index)

    def _weights(self, generator: torch.Generator) -> Tensor:
        a = self.architecture
        weight = torch.empty(a.width, a.width, device=self.device, dtype=self.dtype)
        std = (a.gain / a.width) ** 0.5
        if a.distribution == "normal":
            return weight.normal_(0.0, std, generator=generator)
        return weight.uniform_(-std * 3**0.5, std * 3**0.5, generator=generator)

    def _shape(self) -> tuple[int, int, int]:
        return self.architecture.steps, self.batch, self.architecture.width

    def _input(self, generator: torch.Generator) -> Tensor:
        x = torch.full(self._shape(), self.architecture.input_rate, device=self.device, dtype=self.dtype)
        return torch.bernoulli(x, generator=generator) if self.architecture.input == "poisson" else x

    def _readout(self, generator: torch.Generator) -> Tensor:
        steps, batch, width = self._shape()
        loss = self.architecture.loss
        if loss == "summed":
            return torch.ones(steps, batch, width, device=self.device, dtype=self.dtype)
        drawn = torch.randn(
            1 if loss == "rate" else steps, batch, width, device=self.device, dtype=self.dtype, generator=generator
        )
        return drawn.expand(steps, batch, width)

    @torch.no_grad()
    def measure(self, weights: list[Tensor], x: Tensor, grad_s: Tensor, index: int = 0) -> Draw:
        """Forward, then the adjoint from the gradient `grad_s` at the last layer's output; [T, B, n] tensors."""
        membranes, outputs = [], []
        for weight in weights:
            h, x = self.population.forward(x @ weight.T)
            membranes.append(h)
            outputs.append(x)
        alive = (outputs[-1] != 0).any(dim=-1).any(dim=0)  # [batch]
        var_h = torch.stack([(h[:, alive].double() ** 2).mean(dim=(1, 2)) for h in membranes])
        rate = torch.stack([s[:, alive].double().mean(dim=(1, 2)) for s in outputs])
        log_total, split, scale = [], [], 0.0
        for weight, h, s in zip(reversed(weights), reversed(membranes), reversed(outputs), strict=True):
            grad_h, grad_i = self.population.adjoint(h, s, grad_s)
            by_step = (grad_h[:, alive].double() ** 2).mean(dim=(1, 2))
            total = float(by_step.sum())
            log_total.append(scale + float(np.log(total)) if total > 0 else -np.inf)
            split.append((by_step / total if total > 0 else by_step).cpu().numpy())
            # The adjoint is linear: rescaling keeps float32 in range at any depth, the logarithm keeps the account.
            size = total**0.5 if 0 < total < np.inf else 1.0
            grad_s = (grad_i / size) @ weight
            scale += 2 * float(np.log(size))
        log_gradient = np.array(log_total[::-1])
        with np.errstate(invalid="ignore"):
            log_gradient = log_gradient - log_gradient[-1]
        return Draw(
            index=index,
            var_h=var_h.cpu().numpy(),
            rate=rate.cpu().numpy(),
            log_gradient=log_gradient,
            gradient=np.array(split[::-1]),
            alive=float(alive.double().mean()),
        )
