"""Every neuron model, one statement each: how the membrane charges and what a spike leaves behind.

    h = charge(v, i)      v: membrane after the last step's reset, i: input current
    s = 1[h >= threshold] (or f(h - threshold) in a smooth network)
    v = reset(h, s)

The gradient of a step is differentiated from these expressions; nothing is written twice. Before it reaches a membrane a
current may pass a synapse with memory, and may be scaled by the leak:

    c = SYNAPSE(c, i)         c: synaptic current (norse), c[t] = synaptic_leak c[t-1] + i[t]
    i = DECAYED_INPUT(i)      SpikingJelly's decay_input, i/tau with tau = 1/(1 - leak); norse scales its current so too
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from ..errors import IkunError
from ..exact import Number, exact
from .registry import Registry

v, i, h, s, c = sp.symbols("v i h s c", real=True)
leak = sp.Symbol("leak", nonnegative=True)
synaptic_leak = sp.Symbol("synaptic_leak", nonnegative=True)
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


SYNAPSE: sp.Expr = synaptic_leak * c + i
DECAYED_INPUT: sp.Expr = (1 - leak) * i


def hard(v_reset: Number = 0) -> Neuron:
    """The membrane returns to `v_reset` after a spike; it rests at 0, and starts there.

    SpikingJelly's v_reset is the membrane's rest as well: there u = v − v_reset is this neuron with v_reset 0 and
    threshold − v_reset.
    """
    value = exact(v_reset, "v_reset")
    return Neuron(
        name="hard",
        charge=leak * v + i,
        reset=h * (1 - s) + sp.Rational(value) * s,
        summary=f"leaky integrate-and-fire, reset to {v_reset} (leak 1: IF)",
    )


NEURONS: Registry[Neuron] = Registry("reset")

NEURONS.register(hard())
NEURONS.register(
    Neuron(
        name="soft",
        charge=leak * v + i,
        reset=h - threshold * s,
        summary="leaky integrate-and-fire, the threshold is subtracted",
    )
)
NEURONS.register(
    Neuron(
        name="delayed",
        charge=v + i,
        reset=leak * h - threshold * s,
        summary="leaky integrate-and-fire, the threshold is subtracted one step later, unleaked (snnTorch's default)",
    )
)
