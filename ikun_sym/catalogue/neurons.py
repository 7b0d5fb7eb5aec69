"""Every neuron model, one statement each: how the membrane charges and what a spike leaves behind.

    h = charge(v, i)      v: membrane after the last step's reset, i: input current
    s = 1[h >= threshold] (or f(h - threshold) in a smooth network)
    v = reset(h, s)

The gradient of a step is differentiated from these expressions; nothing is written twice.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from ..errors import IkunError
from .registry import Registry

v, i, h, s = sp.symbols("v i h s", real=True)
leak = sp.Symbol("leak", nonnegative=True)
threshold = sp.Symbol("threshold", nonnegative=True)


@dataclass(frozen=True, kw_only=True)
class Neuron:
    """`charge` in v, i; `reset` in h, s; both may use leak and threshold. `name` is what --reset calls it."""

    name: str
    charge: sp.Expr
    reset: sp.Expr
    summary: str

    def __post_init__(self) -> None:
        constants = {leak, threshold}
        for what, expr, allowed in (("charge", self.charge, {v, i}), ("reset", self.reset, {h, s})):
            if stray := expr.free_symbols - allowed - constants:
                raise IkunError(f"neuron {self.name!r}: {what} uses {sorted(map(str, stray))}")


NEURONS: Registry[Neuron] = Registry("reset")

NEURONS.register(
    Neuron(
        name="hard",
        charge=leak * v + i,
        reset=h * (1 - s),
        summary="leaky integrate-and-fire, reset to 0 (leak 1: IF)",
    )
)
NEURONS.register(
    Neuron(
        name="soft",
        charge=leak * v + i,
        reset=h - threshold * s,
        summary="leaky integrate-and-fire, the threshold is subtracted",
    )
)
