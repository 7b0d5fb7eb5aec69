"""The layer's step and its adjoint as plain tensor operations: any device, no compiler."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import sympy as sp
import torch
from torch import Tensor

from ikun_sym.catalogue import neurons as catalogue
from ikun_sym.expressions.lowering import Evaluator, lower
from ikun_sym.for_torch.expressions import TorchArithmetic, derivative, primitive

from .buffers import BUFFERS
from .population import Response, Returned
from .products import times

if TYPE_CHECKING:
    from .population import Population

_SYMBOLS = {symbol.name: symbol for symbol in (catalogue.v, catalogue.i, catalogue.h, catalogue.s, catalogue.c)}


def membrane_dtype(dtype: torch.dtype) -> torch.dtype:
    """Membranes and sums over time are at least float32, whatever the products are in."""
    return torch.promote_types(dtype, torch.float32)


def power(x: Tensor) -> Tensor:
    """Σ x² over the last axis, squared and summed in one pass and handed over in float64."""
    return torch.linalg.vector_norm(x, dim=-1).double() ** 2


def build(population: Population, device: torch.device) -> Eager:
    return Eager(population)


class Eager:
    def __init__(self, population: Population) -> None:
        def evaluated(evaluate: Evaluator, **values: Any) -> Any:
            return evaluate({**population.constants, **{_SYMBOLS[name]: value for name, value in values.items()}})

        def callable_of(expr: sp.Expr) -> Callable[..., Any]:
            return partial(evaluated, lower(expr, TorchArithmetic()))

        self.statement = {name: callable_of(expr) for name, expr in population.expressions.items()}
        self.threshold = population.threshold
        self.memory = population.synaptic_leak != 0
        self.detach = population.detach
        self.fire = primitive(population.surrogate) if population.smooth else step_function
        self.gradient = derivative(population.surrogate)

    def currents(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return times(x, weight.T, bias)

    def forward(self, current: Tensor, recurrent: Tensor | None = None) -> Response:
        step = self.statement
        drive = current.to(membrane_dtype(current.dtype))
        s = BUFFERS.take(current.shape, current.dtype, current.device)
        v = c = torch.zeros_like(drive[0])
        for t, i in enumerate(drive):
            if recurrent is not None and t:
                i = i + s[t - 1] @ recurrent.T
            c = step["current"](c=c, i=i) if self.memory else i
            h = step["charge"](v=v, c=c)
            fired = self.fire(h - self.threshold)
            v = step["reset"](h=h, s=fired)
            # the current of a step is not needed again: the membrane takes its place
            drive[t].copy_(h)
            s[t] = fired
        return Response(drive, s, power(drive), s.sum(dim=-1, dtype=drive.dtype).double())

    def adjoint(self, h: Tensor, grad_s: Tensor, scale: float | Tensor, recurrent: Tensor | None = None) -> Returned:
        step = self.statement
        back = {name: float(step[name]()) for name in ("back_v", "back_c", "back_synapse", "back_i")}
        grad_i = BUFFERS.take(h.shape, grad_s.dtype, h.device)
        powers: list[Tensor] = []
        grad_v: Tensor | None = None
        grad_c: Tensor | None = None
        for t in range(len(h) - 1, -1, -1):
            x = h[t] - self.threshold
            slope = self.gradient(x)
            total = slope * grad_s[t]
            if isinstance(scale, Tensor) or scale != 1.0:
                total *= scale
            if recurrent is not None and t + 1 < len(h):
                total = total + slope * (grad_i[t + 1] @ recurrent)
            if grad_v is not None:
                fired = self.fire(x)
                through = step["dv_dh"](h=h[t], s=fired)
                if not self.detach:
                    through = through + step["dv_ds"](h=h[t], s=fired) * slope
                total = total + grad_v * through
            powers.append(power(total))
            grad_v = total * back["back_v"]
            here = total if back["back_c"] == 1 else total * back["back_c"]
            if self.memory and grad_c is not None:
                here = here + grad_c * back["back_synapse"]
            grad_c = here
            grad_i[t] = here if back["back_i"] == 1 else here * back["back_i"]
        return Returned(torch.stack(powers[::-1]), grad_i)


def step_function(x: Tensor) -> Tensor:
    """1[x >= 0]."""
    return (x >= 0).to(x.dtype)
