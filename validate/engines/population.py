"""A population of neurons over time: its dynamics and their derivatives, read from the neuron's statement in the catalogue.

    c[t] = SYNAPSE(c[t−1], i[t]),  h[t] = charge(v[t−1], c[t]),  s[t] = fire(h[t] − θ),  v[t] = reset(h[t], s[t])

with c[−1] = v[−1] = 0, and c scaled by DECAYED_INPUT where asked for. Backward, from δs as the layers above see it:

    δh[t] = f'(x[t]) δs[t] + δv[t] (∂v/∂h + ∂v/∂s f'(x[t])),  δv[t−1] = δh[t] ∂h/∂v,  x = h − θ
    δc[t] = ∂h/∂c δh[t] + ∂c/∂c δc[t+1],  δi[t] = ∂c/∂i δc[t]

where a detached reset drops ∂v/∂s. Where spikes go back into their own layer, i[t] ← i[t] + R s[t−1] and
δs[t] ← δs[t] + Rᵀ δi[t+1]. Three engines run this: plain tensor operations anywhere and, but for recurrence, one compiled pass
on the CPU and one fused kernel on CUDA.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple, Protocol

import sympy as sp
import torch
from torch import Tensor

from ikun_sym.catalogue import neurons as catalogue
from ikun_sym.catalogue.neurons import Neuron
from ikun_sym.catalogue.surrogate import Bound
from ikun_sym.errors import IkunError

if TYPE_CHECKING:
    from .eager import Eager

ENGINES = {"compiled": "compiled", "triton": "triton_kernel", "eager": "eager"}
"""Each engine's module, whose `build(population, device)` gives it or an error that says why not: the fastest first."""

AUTO = "auto"
BACKENDS = (AUTO, *ENGINES)


class Response(NamedTuple):
    """What a layer does: h and s, [T, B, n]; per step and sample Σ h² and Σ s over the neurons, [T, B] in float64."""

    h: Tensor
    s: Tensor
    power: Tensor
    activity: Tensor


class Returned(NamedTuple):
    """What a layer hands back: Σ (∂L/∂h)² over the neurons, [T, B] in float64, and ∂L/∂i, [T, B, n]."""

    power: Tensor
    grad_i: Tensor


class Engine(Protocol):
    """`forward` may overwrite the currents, `adjoint` may overwrite h and grad_s: each is used once. What is handed out may
    be given to the buffers once it is not looked at again."""

    def currents(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor: ...
    def forward(self, current: Tensor) -> Response: ...
    def adjoint(self, h: Tensor, grad_s: Tensor, scale: float | Tensor) -> Returned: ...


class Choice(NamedTuple):
    """An engine, its name, and why each of the faster ones is not it."""

    name: str
    engine: Engine
    refused: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Population:
    """`smooth`: the output is f(h − θ) instead of a spike. With `detach` no gradient flows from the output into its own
    reset. `backend`: auto is the fastest engine that the device, what is installed, and the surrogate allow."""

    neuron: Neuron
    surrogate: Bound
    leak: float
    threshold: float
    detach: bool
    smooth: bool = False
    synaptic_leak: float = 0.0
    decay_input: bool = False
    backend: str = "auto"

    def __post_init__(self) -> None:
        if self.backend not in BACKENDS:
            raise IkunError(f"unknown backend {self.backend!r}; known: {', '.join(BACKENDS)}")

    @property
    def constants(self) -> dict[sp.Symbol, float]:
        return {
            catalogue.leak: float(self.leak),
            catalogue.threshold: float(self.threshold),
            catalogue.synaptic_leak: float(self.synaptic_leak),
        }

    @cached_property
    def expressions(self) -> dict[str, sp.Expr]:
        """The statement and its partial derivatives. Charge, synapse and scaling are linear: `back_…` are numbers."""
        neuron, decay = self.neuron, catalogue.DECAYED_INPUT if self.decay_input else catalogue.i
        charge = neuron.charge.subs(catalogue.i, decay.subs(catalogue.i, catalogue.c))
        found = {
            "current": catalogue.SYNAPSE,
            "charge": charge,
            "reset": neuron.reset,
            "dv_dh": sp.diff(neuron.reset, catalogue.h),
            "dv_ds": sp.S.Zero if self.detach else sp.diff(neuron.reset, catalogue.s),
            "back_v": sp.diff(charge, catalogue.v),
            "back_c": sp.diff(charge, catalogue.c),
            "back_synapse": sp.diff(catalogue.SYNAPSE, catalogue.c),
            "back_i": sp.diff(catalogue.SYNAPSE, catalogue.i),
        }
        return {name: sp.expand(expr) for name, expr in found.items()}

    @cached_property
    def _choices(self) -> dict[str, Choice]:
        return {}

    @cached_property
    def stepwise(self) -> Eager:
        """The engine for what is only known step by step."""
        from .eager import Eager

        return Eager(self)

    def choice(self, device: torch.device) -> Choice:
        """The engine for this device. Error: the one that was demanded is not to be had."""
        if device.type not in self._choices:
            self._choices[device.type] = self._choose(device)
        return self._choices[device.type]

    def _choose(self, device: torch.device) -> Choice:
        refused: dict[str, str] = {}
        for name in ENGINES if self.backend == AUTO else (self.backend,):
            try:
                engine = import_module(f".{ENGINES[name]}", __package__).build(self, device)
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

    def forward(self, current: Tensor, recurrent: Tensor | None = None) -> Response:
        """The response to input currents [T, B, n], starting from rest. `recurrent` R [n, n]: weights within the layer."""
        if recurrent is not None:
            return self.stepwise.forward(current, recurrent)
        return self.engine(current).forward(current)

    def adjoint(self, h: Tensor, grad_s: Tensor, scale: float | Tensor = 1.0, recurrent: Tensor | None = None) -> Returned:
        """From ∂L/∂s, which is multiplied by `scale`: a number, or a tensor of one on the device of h, which it stays on."""
        if recurrent is not None:
            return self.stepwise.adjoint(h, grad_s, scale, recurrent)
        return self.engine(h).adjoint(h, grad_s, scale)
