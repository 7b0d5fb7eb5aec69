"""Var(W) of a scheme for one layer, and where each number came from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ..catalogue.schemes import DISTRIBUTIONS
from ..catalogue.schemes.scheme import INDEPENDENT
from ..errors import IkunError, NoSolutionError
from ..mean_field.layer import SpikingLayer
from ..reading.surrogate_spec import Spec, resolve
from .fan import Fan
from .scheme_input import Setting, find_scheme
from .stationary import SchemeAt, State

__all__ = ["DISTRIBUTIONS", "Initialisation", "init_variance"]


@dataclass(frozen=True, kw_only=True)
class Initialisation:
    """Weights of this mean and variance, N(mean, std²) or U(mean ± uniform_bound), drawn as `weights` says (a key of
    `catalogue.schemes.WEIGHTS`). Biases: `bias` each, or U(±bias_bound) if that is not 0.

    `surrogate`: the SPEC to train with, `slope` its slope if the scheme sets it (None: it is the one that was given).
    `needs_data`: what remains to be done on data; "" if nothing does, else `variance` is where that starts.
    """

    scheme: str
    variance: float
    distribution: str
    mean: float = 0.0
    bias: float = 0.0
    bias_bound: float = 0.0
    weights: str = INDEPENDENT
    surrogate: str
    slope: float | None = None
    needs_data: str = ""
    provenance: dict[str, Any]

    @property
    def std(self) -> float:
        return math.sqrt(self.variance)

    @property
    def uniform_bound(self) -> float:
        return math.sqrt(3 * self.variance)

    def to_dict(self) -> dict[str, Any]:
        names = ("scheme", "variance", "std", "uniform_bound", "mean", "distribution", "bias", "bias_bound", "weights")
        document = {name: getattr(self, name) for name in names}
        document |= {"surrogate": self.surrogate, "slope": self.slope}
        if self.slope is None:
            document["reason"] = "slope is null: the scheme leaves the surrogate as it is"
        return document | ({"needs_data": self.needs_data} if self.needs_data else {}) | {"provenance": self.provenance}


def init_variance(
    scheme: str,
    fan_in: int | Fan,
    fan_out: float | None = None,
    *,
    surrogate: Spec = "atan",
    threshold: float = 1.0,
    leak: float | None = None,
    synaptic_leak: float | None = None,
    steps: int = 1,
    reset: str = "hard",
    detach: bool = True,
    decay_input: bool = False,
    rate: float | None = None,
    alpha: float = 1.0,
    second_moment: float | None = None,
    distribution: str | None = None,
) -> Initialisation:
    """Weights, biases and (where the scheme sets it) surrogate slope for a layer of spiking neurons.

    `scheme`: a name, or `name:param=value,…`. `leak` κ; `decay_input`: currents times 1 − κ (SpikingJelly's decay_input).
    `rate`: the firing rate that the scheme aims at. `second_moment`: E[X²] of the layer's input where it is known (a first
    layer); else the layer below is taken to be in the same stationary state. What is None is the scheme's default, else 0.
    Errors: unknown scheme or parameter, zero width, a rate out of reach, a scheme that has no stationary state here.
    """
    entry, own = find_scheme(scheme)
    fan = fan_in if isinstance(fan_in, Fan) else Fan.of(fan_in, fan_out)
    drawn = entry.distribution if distribution is None else distribution
    if drawn not in DISTRIBUTIONS:
        raise IkunError(f"unknown distribution {drawn!r}; known: {', '.join(DISTRIBUTIONS)}")
    bound = resolve(surrogate)
    setting = Setting(
        scheme=entry,
        fan=fan,
        surrogate=bound,
        threshold=threshold,
        leak=leak,
        synaptic_leak=synaptic_leak,
        decay_input=decay_input,
        rate=rate,
        alpha=alpha,
        second_moment=second_moment,
        steps=steps,
        reset=reset,
        detach=detach,
        own=own,
    )
    variance, account = _variance(setting)
    slope, sharpened = account.pop("slope", None), account.pop("sharpened", bound)
    return Initialisation(
        scheme=entry.name,
        variance=variance,
        distribution=drawn,
        mean=setting.value(entry.mean),
        bias=setting.value(entry.bias),
        bias_bound=0.0 if entry.bias_bound is None else setting.value(entry.bias_bound),
        weights=entry.weights,
        surrogate=sharpened.spec,
        slope=slope,
        needs_data=entry.needs_data,
        provenance=account,
    )


def _variance(setting: Setting) -> tuple[float, dict[str, Any]]:
    """Var(W) and its account; `slope` and `sharpened` in the account where the scheme sets the surrogate's slope."""
    from .rules import RULES

    entry, fan = setting.scheme, setting.fan
    account: dict[str, Any] = {"source": entry.source, "fan_in": fan.fan_in, "fan_out": fan.fan_out}
    account["fan_out_is"] = fan.fan_out_is
    if entry.rule:
        rule = RULES[entry.rule]
        found = rule.compute(setting)
        account |= {"formula": rule.formula} | found.account
        if found.surrogate is not None:
            account |= {"slope": found.slope, "sharpened": found.surrogate}
        return found.variance, account
    account["formula"] = entry.written
    account["numbers"] = setting.account()
    if entry.needs_moments:
        layer = SpikingLayer(setting.surrogate, setting.threshold)
        at = SchemeAt(entry, layer, fan, setting.alpha, setting.second_moment, setting)
        state = at.solve()
        return state.gain / fan.fan_in, account | _state(layer, at, state)
    variance = setting.value(entry.variance) if entry.variance is not None else math.nan
    if not (math.isfinite(variance) and variance > 0):
        raise NoSolutionError(
            f"scheme {entry.name!r}",
            f"its variance {entry.written} is {variance:.6g} here",
            "it must be a positive number: change " + ", ".join(sorted(setting.account().keys() - {"fan_in", "fan_out"})),
        )
    return variance, account | _sharpened(setting)


def _sharpened(setting: Setting) -> dict[str, Any]:
    """The surrogate's slope from the scheme's own condition."""
    from .slope import slope_for_moment

    rule = setting.scheme.slope
    if rule is None:
        return {}
    moment, mean, variance = (setting.value(expr) for expr in (rule.moment, rule.mean, rule.variance))
    slope, bound, parameter = slope_for_moment(setting.surrogate, setting.threshold, moment, mean=mean, variance=variance)
    law = f"H ~ N({mean:.6g}, {variance:.6g})"
    return {"law": law, "mean_h": mean, "var_h": variance, "E_g2": moment, "parameter": parameter} | {
        "slope": slope,
        "sharpened": bound,
    }


def _state(layer: SpikingLayer, at: SchemeAt, state: State) -> dict[str, Any]:
    known = at.input_second_moment
    return {
        "surrogate": layer.surrogate.spec,
        "threshold": layer.threshold,
        "alpha": at.alpha,
        "law": f"H ~ N(0, {state.var_h:.6g}), the scheme's own stationary state at one time step",
        "var_h": state.var_h,
        "E_g2": state.m2,
        "rate": state.second_moment_x,
        "input_second_moment": state.second_moment_x if known is None else known,
        "gain": state.gain,
        "backward_factor": state.chi,
        "forward_slope": state.forward_slope,
        "stable": state.stable,
        "from": {
            "var_h": "q = fan_in λ² Var(W) E[X²], solved",
            "E_g2": "E[f'(H − θ)²] under that law",
            "rate": "Q(θ/√q)",
            "input_second_moment": "the rate of the layer below, in the same state" if known is None else "given",
        },
    }
