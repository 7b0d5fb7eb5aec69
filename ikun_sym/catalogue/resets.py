"""Every reset, one statement each: how the membrane charges, when it fires and what a spike leaves behind.

    h = charge(v, i, a)       v: membrane after the last step's reset, i: input current, a: adaptation after the last step
    s = 1[h >= fires_at(a)]   (or f(h − fires_at(a)) in a smooth network)
    v = after(h, s, a)
    a = adapt(a, h, s)        only where there is a second state; v and a start at 0

The gradient of a step is differentiated from these expressions; nothing is written twice. Before it reaches a membrane a
current may pass a synapse with memory, and may be scaled by the leak:

    c = SYNAPSE(c, i)         c: synaptic current (norse), c[t] = synaptic_leak c[t-1] + i[t]
    i = DECAYED_INPUT(i)      SpikingJelly's decay_input, i/tau with tau = 1/(1 - leak); norse scales its current so too
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import sympy as sp

from ..errors import IkunError
from ..exact import Number
from ..told import Told
from .parameter import Param, bound_values, plain
from .registry import Registry

v, i, h, s, c, a = sp.symbols("v i h s c a", real=True)
leak = sp.Symbol("leak", nonnegative=True)
synaptic_leak = sp.Symbol("synaptic_leak", nonnegative=True)
threshold = sp.Symbol("threshold", nonnegative=True)

CONSTANTS = (leak, threshold, synaptic_leak)

SYNAPSE: sp.Expr = synaptic_leak * c + i
DECAYED_INPUT: sp.Expr = (1 - leak) * i


@dataclass(frozen=True, kw_only=True)
class Reset(Told):
    """`charge` in v, i and a, linear; `fires_at` in a, the threshold itself at a = 0; `after` in h, s and a; `adapt` in a, h
    and s, None where there is no second state. All may use leak, threshold and the `params`. `name`: what --reset calls it."""

    shown = ("name", "params", "summary")

    name: str
    charge: sp.Expr
    after: sp.Expr
    fires_at: sp.Expr = threshold
    adapt: sp.Expr | None = None
    params: tuple[Param, ...] = ()
    summary: str
    source: str = ""

    def __post_init__(self) -> None:
        own = {param.symbol for param in self.params}
        if taken := {symbol.name for symbol in own} & {symbol.name for symbol in (v, i, h, s, c, a, *CONSTANTS)}:
            raise IkunError(f"reset {self.name!r}: {', '.join(sorted(taken))} have a meaning already")
        second = set() if self.adapt is None else {a}
        for what, expr, variables in (
            ("charge", self.charge, {v, i} | second),
            ("fires_at", self.fires_at, second),
            ("after", self.after, {h, s} | second),
            ("adapt", self.adapt, {a, h, s}),
        ):
            if expr is not None and (stray := expr.free_symbols - variables - own - {leak, threshold}):
                raise IkunError(f"reset {self.name!r}: {what} uses {', '.join(sorted(map(str, stray)))}, which are not its own")
        if any(sp.diff(self.charge, symbol).free_symbols & {v, i, a} for symbol in (v, i, a)):
            raise IkunError(f"reset {self.name!r}: its charge must be linear in the state and the current")
        if sp.expand(self.fires_at.subs(a, 0) - threshold) != 0:
            raise IkunError(f"reset {self.name!r}: it must fire at the threshold where nothing has been adapted yet")

    @property
    def usage(self) -> str:
        """How it is written with its parameters, each at its default."""
        given = ",".join(f"{param.name}={plain(param.default)}" for param in self.params if isinstance(param.default, Fraction))
        return self.name + (f":{given}" if given else "")

    def bind(self, values: Mapping[str, Number] | None = None) -> BoundReset:
        """The reset with numbers for its parameters: the given ones, else the defaults."""
        return BoundReset(rule=self, values=tuple(bound_values("reset", self.name, self.params, values or {}).items()))


@dataclass(frozen=True, kw_only=True)
class BoundReset(Told):
    """A reset whose parameters have exact values."""

    shown = ("spec",)

    rule: Reset
    values: tuple[tuple[str, Fraction], ...]

    @property
    def name(self) -> str:
        return self.rule.name

    @property
    def spec(self) -> str:
        """The text that names it on the command line: parameters at their defaults are left out."""
        defaults = {param.name: param.default for param in self.rule.params}
        given = ",".join(f"{name}={plain(value)}" for name, value in self.values if value != defaults[name])
        return self.name + (f":{given}" if given else "")

    @cached_property
    def constants(self) -> dict[sp.Symbol, float]:
        numbers = dict(self.values)
        return {param.symbol: float(numbers[param.name]) for param in self.rule.params}


RESETS: Registry[Reset] = Registry("reset")

WITHOUT = Reset(name="none", charge=leak * v + i, after=h, summary="leaky integration, no reset")
"""Not for --reset: some models' own neurons have none."""

_V_RESET = Param("v_reset", 0, "real")
"""The membrane returns to it after a spike; it rests at 0, and starts there.

SpikingJelly's v_reset is the membrane's rest as well: there u = v − v_reset is this neuron with v_reset 0 and
threshold − v_reset.
"""

RESETS.register(
    Reset(
        name="hard",
        charge=leak * v + i,
        after=h * (1 - s) + _V_RESET.symbol * s,
        params=(_V_RESET,),
        summary="leaky integrate-and-fire, reset to v_reset, 0 unless given (leak 1: IF)",
    )
)
RESETS.register(
    Reset(
        name="soft",
        charge=leak * v + i,
        after=h - threshold * s,
        summary="leaky integrate-and-fire, the threshold is subtracted",
    )
)
RESETS.register(
    Reset(
        name="delayed",
        charge=v + i,
        after=leak * h - threshold * s,
        summary="leaky integrate-and-fire, the threshold is subtracted one step later, unleaked (snnTorch's default)",
    )
)

# ALIF: a[t] = ρ a[t−1] + s[t], and it fires at θ + β a[t−1]: a spike raises the threshold from the next step on, by β, β ρ, …
_ADAPTATION, _ADAPTATION_LEAK = (
    Param("adaptation", Fraction(1, 5), "nonnegative"),
    Param("adaptation_leak", Fraction(9, 10), "share"),
)
_RAISED = threshold + _ADAPTATION.symbol * a
_TRACE = _ADAPTATION_LEAK.symbol * a + s

RESETS.register(
    Reset(
        name="adaptive",
        charge=v + i,
        after=leak * h - threshold * s,
        fires_at=_RAISED,
        adapt=_TRACE,
        params=(_ADAPTATION, _ADAPTATION_LEAK),
        summary="adaptive threshold (ALIF): fires at θ + adaptation · a, a[t] = adaptation_leak a[t−1] + s[t]; the resting "
        "threshold is subtracted one step later, unleaked",
        source="Bellec et al. 2018, arXiv:1803.09574 (their β is adaptation/(1 − adaptation_leak)); Bellec et al. 2020, Nature "
        "Communications 11:3625 (their β is adaptation)",
    )
)
RESETS.register(
    Reset(
        name="adaptive-hard",
        charge=leak * v + i,
        after=h * (1 - s) + _V_RESET.symbol * s,
        fires_at=_RAISED,
        adapt=_TRACE,
        params=(_ADAPTATION, _ADAPTATION_LEAK, _V_RESET),
        summary="the same adaptive threshold with a reset to v_reset",
        source="norse 1.1, lsnn_feed_forward_step (its beta is adaptation/adaptation_leak)",
    )
)
