"""Var(W) of a scheme for one layer, and where each number came from."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from ..catalogue import schemes as words
from ..catalogue.schemes import DISTRIBUTIONS
from ..catalogue.schemes.scheme import INDEPENDENT
from ..catalogue.surrogate import Bound
from ..errors import IkunError, NoSolutionError
from ..gaussian.moment import float_function
from ..mean_field.infinite_network import TimeModel
from ..mean_field.layer import SpikingLayer
from ..told import Result
from .fan import Fan
from .rate_targeted_over_time import unit_amplitude
from .rules import RULES, Found
from .scheme_input import Setting, find_scheme
from .slope import slope_for_moment, slope_of
from .stationary import SchemeAt, State

__all__ = ["DISTRIBUTIONS", "Initialisation", "init_variance", "initialisation"]


@dataclass(frozen=True, kw_only=True)
class Initialisation(Result):
    """Weights of this mean and variance, N(mean, std²) or U(mean ± uniform_bound), drawn as `weights` says (a key of
    `catalogue.schemes.WEIGHTS`); `copied`: the constant of those that copy. Biases: `bias` each, or U(±bias_bound) if that is
    not 0.

    `surrogate` (`bound`): the SPEC to train with, `slope` its slope if the scheme sets it (None: it is the one that was given).
    `needs_data`: what remains to be done on data; "" if nothing does, else `variance` is where that starts. `state`: the
    stationary state that the variance was computed at, for schemes that are defined so.
    """

    shown = (
        "scheme",
        "variance",
        "copied",
        "std",
        "uniform_bound",
        "mean",
        "bias",
        "surrogate",
        "slope",
        "weights",
    )

    scheme: str
    variance: float
    copied: float = 0.0
    distribution: str
    mean: float = 0.0
    bias: float = 0.0
    bias_bound: float = 0.0
    weights: str = INDEPENDENT
    bound: Bound
    slope: float | None = None
    needs_data: str = ""
    state: State | None = None
    provenance: dict[str, Any]

    @property
    def surrogate(self) -> str:
        return self.bound.spec

    @property
    def std(self) -> float:
        return math.sqrt(self.variance)

    @property
    def uniform_bound(self) -> float:
        return math.sqrt(3 * self.variance)

    def to_dict(self) -> dict[str, Any]:
        names = ("scheme", "variance", "std", "uniform_bound", "mean", "distribution", "bias", "bias_bound", "weights")
        document = {name: getattr(self, name) for name in names}
        document |= {"copied": self.copied} if self.copied else {}
        document |= {"surrogate": self.surrogate, "slope": self.slope, "amplitude": float(self.bound.amplitude)}
        if self.slope is None:
            document["reason"] = "slope is null: the scheme leaves the surrogate as it is"
        return document | ({"needs_data": self.needs_data} if self.needs_data else {}) | {"provenance": self.provenance}


def init_variance(
    scheme: str,
    fan_in: int | Fan,
    fan_out: float | None = None,
    *,
    steps: int = 1,
    rate: float | None = None,
    alpha: float = 1.0,
    second_moment: float | None = None,
    distribution: str | None = None,
    **neuron: Any,
) -> Initialisation:
    """Weights, biases and (where the scheme sets it) surrogate slope for a layer of spiking neurons.

    `scheme`: a name, or `name:param=value,…`. `neuron`: surrogate, threshold, leak κ, synaptic_leak, decay_input (currents
    times 1 − κ), reset, v_reset, detach. `rate`: the firing rate that the scheme aims at. `second_moment`: E[X²] of the layer's
    input where it is known (a first layer); else the layer below is taken to be in the same stationary state. A leak,
    synaptic_leak or rate that is None or missing is the scheme's default, else 0.
    Errors: unknown scheme or parameter, zero width, a rate out of reach, a scheme that has no stationary state here.
    """
    entry, own = find_scheme(scheme)
    fan = fan_in if isinstance(fan_in, Fan) else Fan.of(fan_in, fan_out)
    known = {"rate": rate, "alpha": alpha, "second_moment": second_moment, "steps": steps, "own": own}
    return initialisation(Setting.of(entry, fan, neuron, **known), distribution)


def initialisation(setting: Setting, distribution: str | None = None) -> Initialisation:
    """The same for a setting."""
    entry, told = setting.scheme, setting.neuron.surrogate
    drawn = entry.distribution if distribution is None else distribution
    if drawn not in DISTRIBUTIONS:
        raise IkunError(f"unknown distribution {drawn!r}; known: {', '.join(DISTRIBUTIONS)}")
    if told.unit and not (entry.rule and RULES[entry.rule].stationary):
        found = _with_unit_amplitude(setting)
    else:
        found = _found(setting)
    account: dict[str, Any] = {"source": entry.source, "fan_in": setting.fan.fan_in, "fan_out": setting.fan.fan_out}
    return Initialisation(
        scheme=entry.name,
        variance=found.variance,
        copied=found.copied,
        distribution=drawn,
        mean=setting.value(entry.mean),
        bias=setting.value(entry.bias),
        bias_bound=0.0 if entry.bias_bound is None else setting.value(entry.bias_bound),
        weights=entry.weights,
        bound=setting.neuron.surrogate if found.surrogate is None else found.surrogate,
        slope=found.slope,
        needs_data=entry.needs_data,
        state=found.state,
        provenance=account | {"fan_out_is": setting.fan.fan_out_is} | found.account,
    )


def _with_unit_amplitude(setting: Setting) -> Found:
    """What the scheme says without regard to the amplitude, then the amplitude at which the gradient keeps its size: by the
    scheme's own condition if it has one, else in the state where its layers settle."""
    from .gradient_factor import with_unit_amplitude

    entry, bare = setting.scheme, setting.neuron.surrogate.bare
    plain = replace(setting, neuron=replace(setting.neuron, surrogate=bare))
    if entry.slope is not None:
        found = _found(replace(plain, scheme=replace(entry, slope=None)))
        moment, mean, variance = (setting.value(expr) for expr in (entry.slope.moment, entry.slope.mean, entry.slope.variance))
        own = float(float_function(bare, "fprime", 2).expectation(mean - setting.neuron.threshold, variance))
        bound, source = bare.times(unit_amplitude(own / moment, bare)), f"A² E[f'²] = {moment:.6g}, the scheme's own condition"
    else:
        found = _found(plain)
        if reason := _unsettled(setting, found):
            raise IkunError(f"scheme {entry.name!r}, amplitude 'unit': {reason}; give the amplitude as a number")
        gain, ratio = found.variance * setting.fan.fan_in, setting.fan.fan_out / setting.fan.fan_in
        model = TimeModel(neuron=setting.neuron, steps=setting.steps, gain=gain)
        bound, source = with_unit_amplitude(model, ratio), "the gradient's stationary factor per layer is 1"
    account = found.account | {"amplitude": {"value": float(bound.amplitude), "from": source}}
    return replace(found, surrogate=bound, account=account)


def _unsettled(setting: Setting, found: Found) -> str:
    """Why no stationary state of such layers is known here; "" if one is."""
    entry = setting.scheme
    if entry.needs_moments:
        return "it sets the weights from E[f'²], which the amplitude changes"
    if entry.needs_data:
        return "its weights depend on data"
    if entry.weights == "row-centred":
        return "rows of weights that sum to 0 have a stationary state of their own"
    if setting.value(entry.mean) or setting.value(entry.bias) or entry.bias_bound is not None:
        return "its weights or biases have a mean, or its biases a spread, that its stationary state would need"
    return ""


def _found(setting: Setting) -> Found:
    entry, neuron = setting.scheme, setting.neuron
    if entry.rule:
        rule = RULES[entry.rule]
        found = rule.compute(setting)
        return replace(found, account={"formula": rule.formula} | found.account)
    account: dict[str, Any] = {"formula": entry.written, "numbers": setting.account()}
    if entry.needs_moments:
        at = SchemeAt(setting, SpikingLayer(neuron.surrogate, neuron.threshold))
        state = at.solve()
        return Found(variance=state.gain / setting.fan.fan_in, state=state, account=account | _state(at, state))
    variance = setting.value(entry.variance) if entry.variance is not None else math.nan
    if not (math.isfinite(variance) and variance > 0):
        raise NoSolutionError(
            f"scheme {entry.name!r}",
            f"its variance {entry.written} is {variance:.6g} here",
            "it must be a positive number: change " + ", ".join(sorted(setting.account().keys() - {"fan_in", "fan_out"})),
        )
    return _sharpened(setting, Found(variance=variance, account=account))


def _sharpened(setting: Setting, found: Found) -> Found:
    """With the surrogate's slope from the scheme's own condition, if it has one."""
    rule = setting.scheme.slope
    if rule is None:
        return found
    moment, mean, variance = (setting.value(expr) for expr in (rule.moment, rule.mean, rule.variance))
    family = slope_of(setting.neuron.surrogate)
    slope = slope_for_moment(family, setting.neuron.threshold, moment, mean=mean, variance=variance)
    told = {"law": f"H ~ N({mean:.6g}, {variance:.6g})", "mean_h": mean, "var_h": variance, "E_g2": moment}
    account = found.account | told | {"parameter": family.parameter}
    return replace(found, slope=slope, surrogate=family.at(slope), account=account)


SIGMAS = {
    words.var_x: "the variance of the spikes, p(1 − p); scheme ikun-second-moment, as exported init_, takes p",
    words.second_x: "the second moment of the spikes, p, as in exported init_; scheme ikun takes their variance, p(1 − p)",
}
"""Which σ_X² of Theorem 1 a scheme takes."""


def _sigma(at: SchemeAt, state: State) -> dict[str, Any]:
    known = at.setting.second_moment
    values = {words.var_x: state.variance_x, words.second_x: state.second_moment_x}
    used = next((symbol for symbol in SIGMAS if symbol in at.scheme.symbols), None)
    if used is None:
        return {}
    told = {"value": values[used], "from": SIGMAS[used]} if known is None else {"value": known, "from": "E[X²], given"}
    return {"sigma_x2": told}


def _state(at: SchemeAt, state: State) -> dict[str, Any]:
    known, layer = at.setting.second_moment, at.layer
    return {
        "surrogate": layer.surrogate.spec,
        "threshold": layer.threshold,
        "alpha": at.setting.alpha,
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
    } | _sigma(at, state)
