"""A population of neurons over time, and its adjoint: both read from the neuron's statement in the catalogue."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sympy as sp
import torch
from torch import Tensor

from ikun_sym.catalogue import neurons as catalogue
from ikun_sym.catalogue.neurons import Neuron
from ikun_sym.gaussian.special import lower

from .arithmetic import TorchArithmetic

Elementwise = Callable[[Tensor], Tensor]


_SYMBOLS = {"v": catalogue.v, "i": catalogue.i, "h": catalogue.h, "s": catalogue.s}


@dataclass(frozen=True, kw_only=True)
class _Step:
    charge: Callable[..., Any]
    reset: Callable[..., Any]
    dv_dh: Callable[..., Any]
    dv_ds: Callable[..., Any]
    dh_dv: Callable[..., Any]
    dh_di: Callable[..., Any]


@dataclass(frozen=True, kw_only=True)
class Population:
    """`fire(x)` is the output for x = h − θ (a step, or a smooth f); `gradient(x)` stands for its derivative. With
    `detach` no gradient flows from the spike into its own reset."""

    neuron: Neuron
    leak: float
    threshold: float
    fire: Elementwise
    gradient: Elementwise
    detach: bool

    @cached_property
    def _step(self) -> _Step:
        """The statement's expressions and their partial derivatives as callables."""
        constants = {catalogue.leak: self.leak, catalogue.threshold: self.threshold}

        def compiled(expr: sp.Expr) -> Callable[..., Any]:
            evaluate = lower(sp.expand(expr), TorchArithmetic())
            return lambda **values: evaluate({**constants, **{_SYMBOLS[name]: value for name, value in values.items()}})

        neuron = self.neuron
        return _Step(
            charge=compiled(neuron.charge),
            reset=compiled(neuron.reset),
            dv_dh=compiled(sp.diff(neuron.reset, catalogue.h)),
            dv_ds=compiled(sp.diff(neuron.reset, catalogue.s)),
            dh_dv=compiled(sp.diff(neuron.charge, catalogue.v)),
            dh_di=compiled(sp.diff(neuron.charge, catalogue.i)),
        )

    def forward(self, current: Tensor) -> tuple[Tensor, Tensor]:
        """(h, s), each [T, …], for input currents [T, …], starting from v = 0."""
        step = self._step
        v = torch.zeros_like(current[0])
        membranes, outputs = [], []
        for i in current:
            h = step.charge(v=v, i=i)
            s = self.fire(h - self.threshold)
            v = step.reset(h=h, s=s)
            membranes.append(h)
            outputs.append(s)
        return torch.stack(membranes), torch.stack(outputs)

    def adjoint(self, h: Tensor, s: Tensor, grad_s: Tensor) -> tuple[Tensor, Tensor]:
        """(∂L/∂h, ∂L/∂i), each [T, …], from ∂L/∂s as seen by the layers above.

        δh[t] = f'(x[t]) δs[t] + δv[t] (∂v/∂h + ∂v/∂s f'(x[t])), δv[t−1] = δh[t] ∂h/∂v; a detached reset drops ∂v/∂s.
        """
        step = self._step
        grad_h = torch.empty_like(h)
        grad_v: Tensor | None = None
        for t in range(len(h) - 1, -1, -1):
            slope = self.gradient(h[t] - self.threshold)
            total = slope * grad_s[t]
            if grad_v is not None:
                through = step.dv_dh(h=h[t], s=s[t])
                if not self.detach:
                    through = through + step.dv_ds(h=h[t], s=s[t]) * slope
                total = total + grad_v * through
            grad_h[t] = total
            # charge is linear in v and i, so its derivatives are constants
            grad_v = total * step.dh_dv()
        return grad_h, grad_h * step.dh_di()


def step_function(x: Tensor) -> Tensor:
    """1[x >= 0]."""
    return (x >= 0).to(x.dtype)
