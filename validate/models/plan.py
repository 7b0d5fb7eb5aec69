"""What a scheme asks of one layer of the user's network: weights, biases, surrogate, and what of it is out of reach."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ikun_sym.catalogue.schemes import Scheme
from ikun_sym.errors import IkunError
from ikun_sym.schemes.initialise import Initialisation, initialisation
from ikun_sym.schemes.rate_targeted_over_time import gain_for_input, rate_target, sharpened
from ikun_sym.schemes.scheme_input import Setting

from .measuring.measure import Measured
from .measuring.surrogate_probe import Floats
from .prediction import LayerModel, layer_model

CRITICAL = "critical"
"""The rule whose weights depend on what a layer is fed with, which here is known: the rest is as in `ikun init`."""


@dataclass(kw_only=True)
class Change:
    """What was done to one layer: `gain_before`, `gain`: fan_in · Var(W). `could_not`: what the scheme asks for and the library
    does not allow, or why nothing was done."""

    layer: int
    name: str
    weight: str
    gain_before: float | None = None
    gain: float | None = None
    std: float | None = None
    surrogate_before: str = ""
    surrogate: str = ""
    correction: float = 1.0
    done: list[str] = field(default_factory=list)
    could_not: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        return dict(vars(self))


@dataclass(kw_only=True)
class Plan:
    """`gain` None: the layer is left alone. `spec`: the surrogate to set ("": none); `norm`: batch norm's weight; `deviation`:
    the membrane's standard deviation aimed at, where it is one number."""

    one: Measured
    change: Change
    found: Initialisation | None = None
    gain: float | None = None
    spec: str = ""
    norm: float | None = None
    deviation: float | None = None


@dataclass(frozen=True, kw_only=True)
class Wish:
    """`scheme`, and the values of its own parameters; `rate` None: the scheme's own."""

    scheme: Scheme
    own: Mapping[str, Any]
    rate: float | None
    alpha: float = 1.0

    @property
    def critical(self) -> bool:
        return self.scheme.rule == CRITICAL


def plans_of(measured: list[Measured], wish: Wish) -> list[Plan]:
    ratios = fan_ratios(measured)
    return [_plan(one, wish, ratio) for one, ratio in zip(measured, ratios, strict=True)]


def fan_ratios(measured: list[Measured]) -> list[float]:
    """fan_out/fan_in of the weights that each layer feeds: those bring its gradient. 1 where there are none, or several
    differ."""
    found: list[set[float]] = [set() for _ in measured]
    for one in measured:
        for below in one.layer.way.layers:
            if (fan := one.layer.fan) is not None:
                found[below].add(fan.fan_out / fan.fan_in)
    return [ratios.pop() if len(ratios) == 1 else 1.0 for ratios in found]


def _plan(one: Measured, wish: Wish, fan_ratio: float) -> Plan:
    layer = one.layer
    change = Change(layer=layer.index + 1, name=layer.name, weight=layer.weight_name)
    change.surrogate = change.surrogate_before = one.surrogate.label
    plan = Plan(one=one, change=change)
    if layer.weight is None:
        between = f" ({', '.join(layer.between)})" if layer.between else ""
        change.could_not.append(f"no single weight feeds it{between}")
        return plan
    change.gain_before = one.gain
    try:
        # biases are set by the scheme, too: what they are now is no part of it
        model = replace(layer_model(one), bias_var=0.0)
        (_critical if wish.critical else _by_scheme)(plan, model, wish, fan_ratio)
    except IkunError as error:
        plan.gain = None
        change.could_not.append(str(error))
    return plan


def fed_by_spikes(one: Measured) -> bool:
    return bool(one.layer.way.layers) and not one.layer.way.from_input and not one.layer.between


def _critical(plan: Plan, model: LayerModel, wish: Wish, fan_ratio: float) -> None:
    """Rate-targeted weights; then the slope at which the gradient keeps its size."""
    one, rate, neuron = plan.one, wish.rate, model.neuron
    assert rate is not None
    assert one.layer.fan is not None
    target = rate_target(neuron, model.steps, rate)
    given = None if fed_by_spikes(one) else one.input
    plan.gain = target.gain if given is None else gain_for_input(neuron, model.steps, rate, given)
    plan.found = Initialisation(
        scheme=wish.scheme.name,
        variance=plan.gain / one.layer.fan.fan_in,
        distribution=wish.scheme.distribution,
        weights=wish.scheme.weights,
        bound=neuron.surrogate,
        provenance={},
    )
    plan.deviation = target.sigma_h if model.steps == 1 else None
    if one.layer.norm is not None:
        # behind batch norm the current has the norm's variance, whatever the weights
        plan.norm = math.sqrt(target.gain * target.rate)
        plan.change.done.append(f"batch norm cancels σ_W: its weight set to {plan.norm:.4g}, its bias to 0")
    try:
        _settable(one)
        plan.spec = sharpened(neuron, target, fan_ratio)
    except IkunError as error:
        plan.change.could_not.append(f"slope left as it is: {error}")


def _settable(one: Measured) -> None:
    """Error: a surrogate that its library does not make."""
    library, found = one.layer.record.library, one.surrogate
    if found.bound is None:
        raise IkunError(f"its surrogate is the user's own function, {found.label}")
    if library is None or not library.makes(found.bound.surrogate.name):
        raise IkunError(f"{found.label} is not made by {library.name if library else 'a library'}")


def _by_scheme(plan: Plan, model: LayerModel, wish: Wish, _: float) -> None:
    one, scheme = plan.one, wish.scheme
    fan = one.layer.fan
    assert fan is not None
    if one.surrogate.bound is None and (scheme.needs_moments or scheme.sets_slope):
        raise IkunError(f"scheme {scheme.name!r} needs E[f'²], and the registry holds no {one.surrogate.label}; register it")
    known: dict[str, Any] = {"steps": model.steps, "rate": wish.rate, "alpha": wish.alpha, "own": wish.own}
    found = initialisation(Setting(scheme=scheme, fan=fan, neuron=model.neuron, second_moment=_input_moment(one), **known))
    plan.found, plan.gain = found, found.variance * fan.fan_in
    if model.steps > 1 and scheme.needs_moments:
        plan.change.done.append("the scheme's weights for one time step")
    if one.layer.norm is not None:
        plan.change.could_not.append("batch norm cancels σ_W: forward, these weights change nothing")
    if found.slope is not None:
        try:
            _settable(one)
            plan.spec = found.surrogate
        except IkunError as error:
            plan.change.could_not.append(f"slope left as it is: {error}")


def _input_moment(one: Measured) -> float | None:
    """E[x²] of a layer that spikes alone do not feed."""
    second: Floats | None = one.input
    if second is None or fed_by_spikes(one):
        return None
    return float(np.trace(second)) / len(second) or None
