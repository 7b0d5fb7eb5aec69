"""The layer's step and its adjoint as plain tensor operations: any device, no compiler."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import sympy as sp
import torch
from torch import Tensor

from ikun_sym.expressions.lowering import Evaluator, lower
from ikun_sym.for_torch.expressions import TorchArithmetic, derivative, primitive

from .buffers import BUFFERS
from .contract import Response, Returned, membrane_dtype
from .products import times
from .statement import VARIABLES, Statement


def power(x: Tensor) -> Tensor:
    """Σ x² over the last axis, squared and summed in one pass and handed over in float64."""
    return torch.linalg.vector_norm(x, dim=-1).double() ** 2


def build(statement: Statement, device: torch.device, asked: bool) -> Eager:
    return Eager(statement)


class Eager:
    def __init__(self, statement: Statement) -> None:
        def evaluated(evaluate: Evaluator, **values: Any) -> Any:
            return evaluate({**statement.constants, **{VARIABLES[name]: value for name, value in values.items()}})

        def callable_of(expr: sp.Expr) -> Callable[..., Any]:
            return partial(evaluated, lower(expr, TorchArithmetic()))

        self.statement = {name: callable_of(expr) for name, expr in statement.expressions.items()}
        neuron = statement.neuron
        self.threshold, self.detach, self.adapts = neuron.threshold, neuron.detach, neuron.adapts
        self.memory = neuron.synaptic_leak != 0
        self.fire = primitive(neuron.surrogate) if statement.smooth else step_function
        self.gradient = derivative(neuron.surrogate)

    def currents(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return times(x, weight.T, bias)

    def _argument(self, h: Tensor, a: Tensor | None) -> Tensor:
        """x, from the second state before the step."""
        return h - (self.threshold if a is None else self.statement["fires_at"](a=a))

    def forward(self, current: Tensor, keep: bool = False, recurrent: Tensor | None = None) -> Response:
        step = self.statement
        drive = current.to(membrane_dtype(current.dtype), copy=keep)
        s = BUFFERS.take(current.shape, current.dtype, current.device)
        v = c = torch.zeros_like(drive[0])
        a = v if self.adapts else None
        for t, i in enumerate(drive):
            if recurrent is not None and t:
                i = i + s[t - 1] @ recurrent.T
            c = step["current"](c=c, i=i) if self.memory else i
            second = {} if a is None else {"a": a}
            h = step["charge"](v=v, c=c, **second)
            fired = self.fire(self._argument(h, a))
            v = step["after"](h=h, s=fired, **second)
            if a is not None:
                a = step["adapt"](a=a, h=h, s=fired)
            # the current of a step is not needed again: the membrane takes its place
            drive[t].copy_(h)
            s[t] = fired
        return Response(drive, s, power(drive), s.sum(dim=-1, dtype=drive.dtype).double())

    def _before(self, h: Tensor) -> list[Tensor | None]:
        """The second state before each step, again from the membranes."""
        if not self.adapts:
            return [None] * len(h)
        found: list[Tensor | None] = []
        a = torch.zeros_like(h[0])
        for one in h:
            found.append(a)
            a = self.statement["adapt"](a=a, h=one, s=self.fire(self._argument(one, a)))
        return found

    def slopes(self, h: Tensor) -> Tensor:
        """f'(x[t]) from the membranes of all steps."""
        return torch.stack([self.gradient(self._argument(one, a)) for one, a in zip(h, self._before(h), strict=True)])

    def adjoint(self, h: Tensor, grad_s: Tensor, scale: float | Tensor, recurrent: Tensor | None = None) -> Returned:
        step, before = self.statement, self._before(h)
        back = {name: float(step[name]()) for name in step if name.startswith("back_")}
        grad_i = BUFFERS.take(h.shape, grad_s.dtype, h.device)
        powers: list[Tensor] = []
        grad_v: Tensor | None = None
        grad_c: Tensor | None = None
        grad_a: Tensor | None = None
        for t in range(len(h) - 1, -1, -1):
            a = before[t]
            x = self._argument(h[t], a)
            slope = self.gradient(x)
            total = slope * grad_s[t]
            if isinstance(scale, Tensor) or scale != 1.0:
                total *= scale
            if recurrent is not None and t + 1 < len(h):
                total = total + slope * (grad_i[t + 1] @ recurrent)
            known = {} if grad_v is None else {"h": h[t], "s": self.fire(x)} | ({} if a is None else {"a": a})
            if a is not None:
                total, grad_a = self._two_states(known, total, slope, grad_v, grad_a, back["back_a"], a)
            elif grad_v is not None:
                through = step["dv_dh"](**known)
                if not self.detach:
                    through = through + step["dv_ds"](**known) * slope
                total = total + grad_v * through
            powers.append(power(total))
            grad_v = total * back["back_v"]
            here = total if back["back_c"] == 1 else total * back["back_c"]
            if self.memory and grad_c is not None:
                here = here + grad_c * back["back_synapse"]
            grad_c = here
            grad_i[t] = here if back["back_i"] == 1 else here * back["back_i"]
        return Returned(torch.stack(powers[::-1]), grad_i)

    def _two_states(
        self,
        known: dict[str, Tensor],
        at_x: Tensor,
        slope: Tensor,
        grad_v: Tensor | None,
        grad_a: Tensor | None,
        charged: float,
        a: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """(δh[t], δa[t−1]) from δv[t] and δa[t]; `at_x` is what of δx[t] comes from the layers above."""
        step, total, below = self.statement, at_x, torch.zeros_like(a)
        if grad_v is not None and grad_a is not None:
            spiking = 0.0 if self.detach else step["dv_ds"](**known)
            at_x = at_x + slope * (spiking * grad_v + step["da_ds"](**known) * grad_a)
            total = at_x + step["dv_dh"](**known) * grad_v + step["da_dh"](**known) * grad_a
            below = step["dv_da"](**known) * grad_v + step["da_da"](**known) * grad_a
        return total, below - step["raised"](a=a) * at_x + charged * total


def step_function(x: Tensor) -> Tensor:
    """1[x >= 0]."""
    return (x >= 0).to(x.dtype)
