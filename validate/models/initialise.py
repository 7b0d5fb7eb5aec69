"""`initialise_`: the user's own network, initialised in place by any scheme of the table.

Each layer's weights are drawn for its own fans, threshold, leak, steps and surrogate as they were read and measured; the first
layer's for the second moment of the input it was shown. Where a scheme sets the surrogate's slope, the neuron gets a
surrogate of its own. What could not be done is said, layer by layer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from ikun_sym.catalogue.schemes import SCHEMES
from ikun_sym.errors import IkunError
from ikun_sym.initialise import init_variance

from .diagnosis import Diagnosis, diagnosis_of
from .measure import Measured, measure
from .prediction import LayerModel, layer_model
from .target import first_gain, slope_for, stationary

if TYPE_CHECKING:
    from rich.console import Console

CRITICAL, RATE = "critical", 0.2

CLOSE = 0.02
"""A correction stops when the membrane's standard deviation (or the rate) is within this share of its aim."""

ROUNDS = 4
"""Rescalings of a layer at most."""


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


@dataclass(frozen=True, kw_only=True)
class Initialised:
    scheme: str
    rate: float | None
    changes: tuple[Change, ...]
    before: Diagnosis
    after: Diagnosis

    @property
    def could_not(self) -> list[str]:
        return [f"layer {change.layer} ({change.name}): {what}" for change in self.changes for what in change.could_not]

    def lines(self) -> list[str]:
        """The report in a few lines: equal refusals once."""
        aimed = "" if self.rate is None else f", rate {self.rate:g}"
        changed = [change for change in self.changes if change.gain is not None]
        result = [f"initialise_ {self.scheme}{aimed}: {len(changed)} of {len(self.changes)} layers"]
        grouped: dict[str, list[int]] = {}
        for change in self.changes:
            for what in change.could_not:
                grouped.setdefault(what, []).append(change.layer)
        result += [f"could not ({_places(layers)}): {what}" for what, layers in grouped.items()]
        return [*result, f"before: {self.before.summary()}", f"after: {self.after.summary()}"]

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def to_dict(self) -> dict[str, Any]:
        return {
            "scheme": self.scheme,
            "rate": self.rate,
            "changes": [change.to_dict() for change in self.changes],
            "before": self.before.to_dict(),
            "after": self.after.to_dict(),
        }


def _places(layers: list[int]) -> str:
    return f"layer {layers[0]}" if len(layers) == 1 else f"layers {layers[0]}, …, {layers[-1]}: {len(layers)} of them"


def initialise_(
    model: nn.Module,
    example_input: Any,
    scheme: str = CRITICAL,
    rate: float | None = None,
    *,
    alpha: float = 1.0,
    correct: bool = False,
    steps: int | None = None,
    step_by_step: bool = False,
    seed: int = 0,
) -> Initialised:
    """Draw the weights that feed `model`'s spiking layers by `scheme`, in place; report what was changed, before and after.

    rate: the firing rate aimed at (scheme critical: 0.2 if not given). alpha: IKUN's constant. correct: afterwards rescale each
    layer in turn, first to last, until on this input its membrane (or, with a rate, its firing rate) is what was aimed at
    (LSUV, arXiv:1511.06422). steps, step_by_step, example_input: as for `diagnose`. The weights come from torch's generator,
    seeded with `seed` for this call only.

    Errors (IkunError): those of `diagnose`; a scheme that does not exist, or that no layer admits. Then nothing has been
    changed.
    """
    entry = SCHEMES[scheme] if scheme in SCHEMES or scheme != CRITICAL else None
    critical = scheme == CRITICAL
    if critical and rate is None:
        rate = RATE
    run = {"steps": steps, "step_by_step": step_by_step, "seed": seed}
    measured = measure(model, example_input, **run)
    before = diagnosis_of(model, measured, seed)
    ratios = _fan_ratios(measured)
    plans = [
        _plan(one, scheme if entry is None else entry.name, critical, rate, alpha, ratio)
        for one, ratio in zip(measured, ratios, strict=True)
    ]
    if not any(plan.gain is not None for plan in plans):
        raise IkunError(
            f"scheme {scheme!r} could be applied to no layer: " + "; ".join(dict.fromkeys(plans[0].change.could_not))
        )
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(seed)
        for plan, one in zip(plans, measured, strict=True):
            _apply(plan, one)
    if correct:
        _correct(model, example_input, plans, rate if critical else None, run)
    after = diagnosis_of(model, measure(model, example_input, **run), seed)
    return Initialised(scheme=scheme, rate=rate, changes=tuple(plan.change for plan in plans), before=before, after=after)


@dataclass(kw_only=True)
class Plan:
    """`std`, `bias_bound` of the weights and biases to draw; `spec`: the surrogate to set; `norm`: batch norm's weight."""

    change: Change
    gain: float | None = None
    distribution: str = "normal"
    bias_bound: float = 0.0
    spec: str = ""
    norm: float | None = None
    deviation: float | None = None


def _fan_ratios(measured: list[Measured]) -> list[float]:
    """fan_out/fan_in of the weights that each layer feeds: those bring its gradient. 1 where there are none, or several differ."""
    found: list[list[float]] = [[] for _ in measured]
    for one in measured:
        for below in one.layer.way.layers:
            if (fan := one.layer.fan) is not None:
                found[below].append(fan.fan_out / fan.fan_in)
    return [ratios[0] if len(set(ratios)) == 1 else 1.0 for ratios in found]


def _plan(one: Measured, scheme: str, critical: bool, rate: float | None, alpha: float, fan_ratio: float) -> Plan:
    layer = one.layer
    change = Change(layer=layer.index + 1, name=layer.name, weight=layer.weight_name, surrogate_before=one.surrogate.label)
    change.surrogate = change.surrogate_before
    plan = Plan(change=change)
    if layer.weight is None:
        between = f" ({', '.join(layer.between)})" if layer.between else ""
        change.could_not.append(f"no single weight feeds it{between}")
        return plan
    change.gain_before = one.gain
    try:
        model = layer_model(one)
        if critical:
            assert rate is not None
            _critical(plan, one, model, rate, fan_ratio)
        else:
            _by_scheme(plan, one, model, scheme, alpha)
    except IkunError as error:
        change.could_not.append(str(error))
    return plan


def _critical(plan: Plan, one: Measured, model: LayerModel, rate: float, fan_ratio: float) -> None:
    """Rate-targeted weights; then the slope at which the gradient keeps its size."""
    target = stationary(model, rate)
    plan.gain = target.gain if _fed_by_spikes(one) or one.input is None else first_gain(model, rate, one.input)
    plan.deviation = math.sqrt(target.gain * rate) if model.steps == 1 else None
    if one.layer.norm is not None:
        # behind batch norm the current has the norm's variance, whatever the weights
        plan.norm = math.sqrt(target.gain * float(target.second.trace()) / len(target.second))
        plan.change.done.append(f"batch norm cancels σ_W: its weight set to {plan.norm:.4g}, its bias to 0")
    _slope(plan, one, model, target, fan_ratio)


def _fed_by_spikes(one: Measured) -> bool:
    return bool(one.layer.way.layers) and not one.layer.way.from_input and not one.layer.between


def _slope(plan: Plan, one: Measured, model: LayerModel, target: Any, fan_ratio: float) -> None:
    change, library = plan.change, one.layer.record.library
    if one.surrogate.bound is None or (one.surrogate.fitted and library is None):
        change.could_not.append(f"its surrogate is the user's own function ({one.surrogate.label}): slope left as it is")
        return
    if not one.surrogate.bound.surrogate.name.startswith(f"{library.name if library else ''}."):
        change.could_not.append(
            f"{one.surrogate.label} is not one that {library.name if library else 'torch'} makes: slope left as it is"
        )
        return
    try:
        plan.spec, _ = slope_for(model, target, fan_ratio)
    except IkunError as error:
        change.could_not.append(f"slope left as it is: {error}")


def _by_scheme(plan: Plan, one: Measured, model: LayerModel, scheme: str, alpha: float) -> None:
    fan = one.layer.fan
    assert fan is not None
    if one.surrogate.bound is None and SCHEMES[scheme].needs_moments:
        raise IkunError(f"scheme {scheme!r} needs E[f'²], and {one.surrogate.label} has no entry in the registry; register it")
    known = None if one.input is None or _fed_by_spikes(one) else float(one.input.trace()) / len(one.input)
    found = init_variance(
        scheme,
        fan,
        surrogate=one.surrogate.bound or "linear",
        threshold=model.threshold,
        alpha=alpha,
        second_moment=known or None,
    )
    plan.gain, plan.distribution, plan.bias_bound = found.variance * fan.fan_in, found.distribution, found.bias_bound
    if model.steps > 1 and SCHEMES[scheme].needs_moments:
        plan.change.done.append("the scheme's weights for one time step")
    if one.layer.norm is not None:
        plan.change.could_not.append("batch norm cancels σ_W: forward, these weights change nothing")


def _apply(plan: Plan, one: Measured) -> None:
    if plan.gain is None:
        return
    layer, change = one.layer, plan.change
    weight, fan = layer.weight, layer.fan
    assert weight is not None
    assert fan is not None
    change.gain, change.std = plan.gain, math.sqrt(plan.gain / fan.fan_in)
    _draw(weight, change.std, plan.distribution)
    bias = getattr(layer.owner, "bias", None)
    if isinstance(bias, Tensor):
        bias.uniform_(-plan.bias_bound, plan.bias_bound) if plan.bias_bound else bias.zero_()
    norm = layer.norm
    if plan.norm is not None and norm is not None and norm.weight is not None:
        norm.weight.fill_(plan.norm)
        norm.bias.zero_()
    if plan.spec:
        library = layer.record.library
        assert library is not None
        refused = library.set_surrogate(layer.record.module, plan.spec)
        if refused:
            change.could_not.append(f"{plan.spec} would keep the gradient's size: {refused}")
        else:
            change.surrogate = plan.spec
            change.done.append(f"surrogate {plan.spec}")


def _draw(weight: Tensor, std: float, distribution: str) -> None:
    if distribution == "uniform":
        weight.uniform_(-math.sqrt(3) * std, math.sqrt(3) * std)
    else:
        weight.normal_(0.0, std)


def _correct(model: nn.Module, example: Any, plans: list[Plan], rate: float | None, run: dict[str, Any]) -> None:
    """Layer by layer: measure, rescale the weights by the ratio of standard deviations aimed at and found."""
    for index, plan in enumerate(plans):
        if plan.gain is None or plan.norm is not None:
            continue
        for _ in range(ROUNDS):
            one = measure(model, example, **run)[index]
            factor = _factor(one, plan, rate)
            if not 0 < factor < math.inf or abs(factor - 1) <= CLOSE:
                break
            assert one.layer.weight is not None
            with torch.no_grad():
                one.layer.weight.mul_(factor)
            plan.change.correction *= factor
        if plan.change.correction != 1 and plan.change.gain is not None:
            plan.change.gain *= plan.change.correction**2


def _factor(one: Measured, plan: Plan, rate: float | None) -> float:
    deviation = float(one.var_h.mean()) ** 0.5
    if not deviation > 0:
        return math.nan
    if rate is None:
        return 1.0 / deviation  # LSUV's own aim
    if plan.deviation is not None:
        return plan.deviation / deviation
    # no closed form of the rate: move along the Gaussian's
    from ikun_sym.theory.normal import quantile_of_upper_tail

    found = float(one.rate.mean())
    if not 0 < found < 0.5:
        return 2.0 if found == 0 else 0.7
    return float(quantile_of_upper_tail(found) / quantile_of_upper_tail(rate)) ** 0.7


__all__ = ["Change", "Console", "Initialised", "initialise_"]
