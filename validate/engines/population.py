"""A population of neurons, and the engine that runs it: plain tensor operations anywhere and, but for recurrence, one compiled
pass on the CPU and one fused kernel on CUDA. What they run is `statement`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from ikun_sym.errors import IkunError
from ikun_sym.reading.neuron import HasNeuron, Neuron

from . import compiled, eager, triton_kernel
from .contract import Engine, Response, Returned
from .eager import Eager
from .statement import Statement

Build = Callable[[Statement, torch.device, bool], Engine]
"""(statement, device, whether it was asked for by name) to the engine. Error (IkunError): why there is none."""

ENGINES: dict[str, Build] = {"compiled": compiled.build, "triton": triton_kernel.build, "eager": eager.build}
"""The fastest first."""

AUTO = "auto"
BACKENDS = (AUTO, *ENGINES)


class Choice(NamedTuple):
    """An engine, its name, and why each of the faster ones is not it."""

    name: str
    engine: Engine
    refused: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Population(HasNeuron):
    """`smooth`: the output is f(x) instead of a spike. `backend`: auto is the fastest engine that the device, what is
    installed, and the neuron allow."""

    neuron: Neuron
    smooth: bool = False
    backend: str = AUTO

    def __post_init__(self) -> None:
        if self.backend not in BACKENDS:
            raise IkunError(f"unknown backend {self.backend!r}; known: {', '.join(BACKENDS)}")

    @cached_property
    def statement(self) -> Statement:
        return Statement(neuron=self.neuron, smooth=self.smooth)

    @cached_property
    def _choices(self) -> dict[str, Choice]:
        return {}

    @cached_property
    def stepwise(self) -> Eager:
        """The engine for what is only known step by step."""
        return Eager(self.statement)

    def choice(self, device: torch.device) -> Choice:
        """The engine for this device. Error: the one that was demanded is not to be had."""
        if device.type not in self._choices:
            self._choices[device.type] = self._choose(device)
        return self._choices[device.type]

    def _choose(self, device: torch.device) -> Choice:
        refused: dict[str, str] = {}
        for name in ENGINES if self.backend == AUTO else (self.backend,):
            try:
                engine = ENGINES[name](self.statement, device, self.backend == name)
            except IkunError as error:
                refused[name] = str(error)
                continue
            return Choice(name, engine, refused)
        raise IkunError(f"backend {self.backend}: {refused[self.backend]}; use auto or eager")

    def engine(self, like: Tensor) -> Engine:
        """The engine for tensors like this one."""
        return self.choice(like.device).engine

    def currents(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """x @ weight.T (+ bias), for x [T, B, fan_in] and weight [fan_out, fan_in]."""
        return self.engine(x).currents(x, weight, bias)

    def forward(self, current: Tensor, recurrent: Tensor | None = None, *, keep: bool = False) -> Response:
        """The response to input currents [T, B, n], starting from rest. `recurrent` R [n, n]: weights within the layer.
        `keep`: the currents are not overwritten."""
        if recurrent is not None:
            return self.stepwise.forward(current, keep, recurrent)
        return self.engine(current).forward(current, keep)

    def adjoint(self, h: Tensor, grad_s: Tensor, scale: float | Tensor = 1.0, recurrent: Tensor | None = None) -> Returned:
        """From ∂L/∂s, which is multiplied by `scale`: a number, or a tensor of one on the device of h, which it stays on."""
        if recurrent is not None:
            return self.stepwise.adjoint(h, grad_s, scale, recurrent)
        return self.engine(h).adjoint(h, grad_s, scale)
