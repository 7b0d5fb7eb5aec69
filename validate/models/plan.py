"""What a scheme asks of one layer of the user's network: weights, biases, surrogate, and what of it is out of reach."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from torch import nn

from ikun_sym.catalogue.schemes import SCHEMES, Scheme
from ikun_sym.catalogue.schemes import rate as rate_symbol
from ikun_sym.catalogue.schemes.scheme import COPYING
from ikun_sym.errors import IkunError
from ikun_sym.schemes.initialise import Initialisation, initialisation
from ikun_sym.schemes.rate_targeted_over_time import advisable_rate, gain_for_input, rate_target, sharpened
from ikun_sym.schemes.scheme_input import Setting
from ikun_sym.told import Told

from .knob import Knob, knob_of
from .measuring.measure import Measured
from .measuring.surrogate_probe import Floats
from .prediction import LayerModel, layer_model

CRITICAL = "critical"
"""The rule whose weights depend on what a layer is fed with, which here is known: the rest is as in `ikun init`."""

AIM = float(SCHEMES[CRITICAL].defaults[rate_symbol])
"""The firing rate aimed at unless another is asked for; where it is not stable, the lowest advisable one of the neuron."""


@dataclass(kw_only=True)
class Change(Told):
    """What was done to one layer: `gain_before`, `gain`: fan_in · Var(W). `rate`: the firing rate aimed at, if any. `left`: why
    nothing was done, where nothing need be. `gradient_factor`: by what E[δ²] is multiplied from the layer above to this one,
    measured afterwards. `could_not`: what the scheme asks for and the library does not allow, or why nothing was done."""

    layer: int
    name: str
    weight: str
    gain_before: float | None = None
    gain: float | None = None
    std: float | None = None
    rate: float | None = None
    gradient_factor: float | None = None
    surrogate_before: str = ""
    surrogate: str = ""
    correction: float = 1.0
    left: str = ""
    done: list[str] = field(default_factory=list)
    could_not: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        return dict(vars(self))


@dataclass(kw_only=True)
class Plan:
    """`gain` None: the layer is left alone. `spec`: the surrogate to set ("": none); `norm`: the size of a norm's weight;
    `rate`: the firing rate aimed at, `least`: the one that will do where no weights reach it; `deviation`: the membrane's
    standard deviation aimed at, where it is one number. `knob`: what sets the size of the current."""

    one: Measured
    change: Change
    knob: Knob
    found: Initialisation | None = None
    gain: float | None = None
    spec: str = ""
    norm: float | None = None
    rate: float | None = None
    least: float | None = None
    deviation: float | None = None

    def take_back(self) -> None:
        """Nothing of it was kept."""
        self.change.gain = self.change.std = None
        self.change.correction = 1.0
        self.change.done.clear()
        self.take_back_slope()

    def take_back_slope(self) -> None:
        self.change.surrogate = self.change.surrogate_before
        self.change.done[:] = [note for note in self.change.done if not note.startswith("surrogate ")]


@dataclass(frozen=True, kw_only=True)
class Wish:
    """`scheme`, and the values of its own parameters; `rate` None: the scheme's own. `slopes`: whether it may set them."""

    scheme: Scheme
    own: Mapping[str, Any]
    rate: float | None
    alpha: float = 1.0
    slopes: bool = True

    @property
    def critical(self) -> bool:
        return self.scheme.rule == CRITICAL


def plans_of(model: nn.Module, measured: list[Measured], wish: Wish) -> list[Plan]:
    ratios = fan_ratios(measured)
    read = {below for one in measured for below in one.layer.way.layers}
    return [
        _plan(one, knob_of(model, one), _wish_for(one, wish, read), ratio) for one, ratio in zip(measured, ratios, strict=True)
    ]


def _wish_for(one: Measured, wish: Wish, read: set[int]) -> Wish:
    """Weights that copy make sense between spikes and layers that go on with them: a first layer, which encodes the input, and
    a last one with fewer neurons than it reads, which are classes, get independent weights for the same rate."""
    if wish.scheme.weights != COPYING or (fed_by_spikes(one) and (one.layer.index in read or _as_wide(one))):
        return wish
    rate = wish.scheme.defaults[rate_symbol] if wish.rate is None else wish.rate
    return Wish(scheme=SCHEMES[CRITICAL], own={}, rate=float(rate), alpha=wish.alpha, slopes=False)


def _as_wide(one: Measured) -> bool:
    values = one.layer.values
    return values is not None and values.shape[0] >= values.shape[1]


def fan_ratios(measured: list[Measured]) -> list[float]:
    """fan_out/fan_in of the weights that each layer feeds: those bring its gradient. 1 where there are none, or several
    differ."""
    found: list[set[float]] = [set() for _ in measured]
    for one in measured:
        for below in one.layer.way.layers:
            if (fan := one.layer.fan) is not None:
                found[below].add(fan.fan_out / fan.fan_in)
    return [ratios.pop() if len(ratios) == 1 else 1.0 for ratios in found]


def _plan(one: Measured, knob: Knob, wish: Wish, fan_ratio: float) -> Plan:
    layer = one.layer
    change = Change(layer=layer.index + 1, name=layer.name, weight=layer.weight_name)
    change.surrogate = change.surrogate_before = one.surrogate.label
    plan = Plan(one=one, change=change, knob=knob)
    if layer.writer is None:
        between = f" ({', '.join(layer.between)})" if layer.between else ""
        change.could_not.append(layer.computed or f"no single weight feeds it{between}")
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


def arrives(second: Floats | None) -> bool:
    """Whether an input has been seen that is not zero."""
    return second is not None and bool(np.trace(second) > 0)


def _critical(plan: Plan, model: LayerModel, wish: Wish, fan_ratio: float) -> None:
    """Rate-targeted weights; then the slope at which the gradient keeps its size."""
    one, neuron = plan.one, model.neuron
    assert one.layer.fan is not None
    if not neuron.threshold > 0:
        raise IkunError("its threshold is 0, where every neuron fires half the time, whatever the weights")
    rate = advisable_rate(neuron, model.steps, AIM) if wish.rate is None else wish.rate
    target = rate_target(neuron, model.steps, rate)
    plan.rate = plan.change.rate = rate
    plan.gain = target.gain / one.passed
    if not fed_by_spikes(one) and arrives(one.input):
        assert one.input is not None
        # what arrives may be nothing yet, or as weak as the old network made it: `settle_` looks again
        with suppress(IkunError):
            plan.gain = gain_for_input(neuron, model.steps, rate, one.input) * one.height**2 / one.passed
    plan.found = Initialisation(
        scheme=wish.scheme.name,
        variance=plan.gain / one.layer.fan.fan_in,
        distribution=wish.scheme.distribution,
        weights=wish.scheme.weights,
        bound=neuron.surrogate,
        provenance={},
    )
    plan.deviation = target.sigma_h if model.steps == 1 else None
    if plan.knob.norm:
        # behind a norm the current has the norm's variance, whatever the weights
        plan.norm = math.sqrt(target.gain * target.rate)
        if not plan.knob.there:
            plan.change.could_not.append("a norm without a weight of its own cancels σ_W: give it one, or lower the threshold")
    if not wish.slopes:
        return
    try:
        settable(one)
        plan.spec = sharpened(neuron, target, fan_ratio)
    except IkunError as error:
        plan.change.could_not.append(f"slope left as it is: {error}")


def settable(one: Measured) -> None:
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
    if plan.knob.norm:
        plan.change.could_not.append("a norm cancels σ_W: forward, these weights change nothing")
    if found.slope is not None and wish.slopes:
        try:
            settable(one)
            plan.spec = found.surrogate
        except IkunError as error:
            plan.change.could_not.append(f"slope left as it is: {error}")


def _input_moment(one: Measured) -> float | None:
    """E[x²] of a layer that spikes alone do not feed."""
    second: Floats | None = one.input
    if second is None or fed_by_spikes(one):
        return None
    return float(np.trace(second)) / len(second) or None
