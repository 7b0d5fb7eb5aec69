"""The same networks as plain autograd operations, so that gradients of gradients exist.

The engines' own gradients end at the first derivative. Within `twice_differentiable()` the layers here run their neuron's
statement step by step; a spike is a step whose derivative is A f', and A f' is differentiated in its turn. What the second
derivative then is belongs to the surrogate, not to the network: see `flatness`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ikun_sym.expressions.lowering import lower
from ikun_sym.for_torch.expressions import TorchArithmetic
from ikun_sym.for_torch.init import spike_function
from ikun_sym.reading.neuron import Neuron

from ..engines.statement import VARIABLES, Statement

_ON: ContextVar[bool] = ContextVar("twice_differentiable", default=False)


@contextmanager
def twice_differentiable() -> Iterator[None]:
    before = _ON.set(True)
    try:
        yield
    finally:
        _ON.reset(before)


def asked() -> bool:
    return _ON.get()


def spikes(current: Tensor, recurrent: Tensor | None, neuron: Neuron) -> Tensor:
    """[T, B, …] to [T, B, …], from rest; a detached reset takes the spike for a constant (an adaptation does not)."""
    statement = Statement(neuron=neuron)
    step = {
        name: partial(_evaluated, lower(expr, TorchArithmetic()), statement) for name, expr in statement.expressions.items()
    }
    fire, found = spike_function(neuron.surrogate), []
    v = c = torch.zeros_like(current[0])
    a = v if neuron.adapts else None
    for t, i in enumerate(current):
        if recurrent is not None and t:
            i = i + (found[-1].flatten(1) @ recurrent.T).view_as(i)
        c = step["current"](c=c, i=i) if neuron.synaptic_leak else i
        second = {} if a is None else {"a": a}
        h = step["charge"](v=v, c=c, **second)
        s = fire(h - (neuron.threshold if a is None else step["fires_at"](a=a)))
        v = step["after"](h=h, s=s.detach() if neuron.detach else s, **second)
        if a is not None:
            a = step["adapt"](a=a, h=h, s=s)
        found.append(s)
    return torch.stack(found)


def _evaluated(evaluate: Any, statement: Statement, **values: Tensor) -> Any:
    return evaluate({**statement.constants, **{VARIABLES[name]: value for name, value in values.items()}})
