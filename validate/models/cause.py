"""Why a layer is not healthy, in one sentence with numbers, and the smallest change that cures it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ikun_sym.catalogue.schemes import SCHEMES
from ikun_sym.catalogue.schemes import rate as rate_symbol
from ikun_sym.errors import IkunError
from ikun_sym.mean_field.normal_law import quantile_of_upper_tail
from ikun_sym.schemes.fixed_rate import critical_gain
from ikun_sym.schemes.rate_targeted_over_time import advisable_rate, rate_target, sharpened

from .health import SILENT, Health
from .measuring.measure import Measured
from .plan import CRITICAL
from .prediction import LayerModel, Predicted

RATE = float(SCHEMES[CRITICAL].defaults[rate_symbol])
"""The firing rate that the advice aims at, as `initialise_` does: well above the lowest stable rate, 0.117 at one step."""


MATTERS = 0.01
"""Smallest relative change of the critical gain that is reported."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    cause: str = ""
    advice: str = ""


@dataclass(frozen=True)
class Patient:
    """Everything that an explanation may use."""

    measured: Sequence[Measured]
    predicted: Sequence[Predicted]
    health: Health

    def model(self, index: int) -> LayerModel | None:
        return self.predicted[index].model


def explain(patient: Patient, index: int) -> Finding:
    verdict = patient.health.verdicts[index]
    return EXPLANATIONS[verdict](patient, index)


def _healthy(patient: Patient, index: int) -> Finding:
    return Finding()


def _silent(patient: Patient, index: int) -> Finding:
    one, model = patient.measured[index], patient.model(index)
    if one.layer.norm is not None:
        return _silent_behind_norm(one)
    if model is None or one.layer.weight is None:
        return Finding(cause=_height(one), advice="raise the weights that feed it, or lower its threshold")
    gain, decayed = one.gain, ""
    if model.neuron.decay_input:
        passed = model.input_weight**2
        decayed = f" (decay_input multiplies its effect by (1 − κ)² = {passed:.4g}: {gain * passed:.4g})"
    least = unbiased = critical_gain(model, biases=False)
    threshold = f"{unbiased / model.neuron.threshold**2:.4g}·θ² = {unbiased:.4g}"
    if _biases_matter(model):
        least = critical_gain(model)
        threshold += f" ({f'{least:.4g}' if least else 'none'} with its biases, σ_b² = {model.bias_var:.3g})"
    if gain < least:
        cause = f"K = fan_in·Var(W) = {gain:.4g}{decayed} is below the critical {threshold}: activity dies"
        return Finding(cause=cause, advice=_rescale(patient, index, gain, least))
    carries = f"K = fan_in·Var(W) = {gain:.4g}{decayed} would carry activity (critical: {threshold})"
    cause = f"{carries}, but the input that arrives is too weak: {_height(one)}"
    return Finding(cause=cause, advice="look at the first layer with a falling rate, or raise the input")


def _height(one: Measured) -> str:
    deviation = float(np.sqrt(one.var_h.mean()))
    threshold = one.reading.threshold if one.reading else math.nan
    if not deviation > 0:
        return "its membrane does not move: nothing arrives"
    ratio = f"its threshold {threshold:.3g} is {threshold / deviation:.3g} times that"
    return f"its membrane has standard deviation {deviation:.3g}, and {ratio}"


def _silent_behind_norm(one: Measured) -> Finding:
    norm, threshold = one.layer.norm, one.reading.threshold if one.reading else math.nan
    scale = float(norm.weight.detach().abs().mean()) if norm is not None and norm.weight is not None else 1.0
    shift = float(norm.bias.detach().mean()) if norm is not None and norm.bias is not None else 0.0
    cause = (
        f"batch norm cancels σ_W and sets its current to mean {shift:.3g} and standard deviation {scale:.3g}; "
        f"the threshold is {threshold:.3g}"
    )
    weight = threshold / float(quantile_of_upper_tail(RATE))
    return Finding(cause=cause, advice=f"set the norm's weight to {weight:.4g} for rate {RATE:g} at one step")


def _rescale(patient: Patient, index: int, gain: float, least: float) -> str:
    model = patient.model(index)
    assert model is not None
    names = [one.layer.weight_name for one in patient.measured if one.layer.weight is not None and _below(patient, one, least)]
    several = f"the weights of {len(names)} layers ({names[0]} … {names[-1]})" if names else "its weights"
    which = names[0] if len(names) == 1 else several
    advice = f"multiply {which} by at least {math.sqrt(least / gain):.4g} (K = {least:.4g})"
    try:
        rate = advisable_rate(model.neuron, model.steps, RATE)
        wanted = rate_target(model.neuron, model.steps, rate).gain
    except IkunError:
        return advice
    biases = ", with biases 0" if _biases_matter(model) else ""
    better = f"For a firing rate of {rate:g}, by {math.sqrt(wanted / gain):.4g} (K = {wanted:.4g}){biases}"
    return f"{advice}. {better}: initialise_(model, x, rate={rate:g}) does it"


def _biases_matter(model: LayerModel) -> bool:
    """Var(H) = λ² (K p + σ_b²): whether biases lower the critical gain by more than MATTERS. torch's default ones do not."""
    if model.bias_var < MATTERS / 2 * model.neuron.threshold**2:  # they lower it by about σ_b²/(c* p* θ²), c* p* = 0.71
        return False
    return critical_gain(model) < (1 - MATTERS) * critical_gain(model, biases=False)


def _below(patient: Patient, one: Measured, least: float) -> bool:
    same = patient.model(one.layer.index)
    return same is not None and one.layer.norm is None and one.gain < least


def _saturated(patient: Patient, index: int) -> Finding:
    one = patient.measured[index]
    if one.current_mean is None:
        return Finding(
            cause="almost every neuron fires at every step", advice="centre its weights and biases, or raise its threshold"
        )
    mean, threshold = float(one.current_mean.mean()), one.reading.threshold if one.reading else math.nan
    return Finding(
        cause=f"its current has mean {mean:.3g} against a threshold of {threshold:.3g}: "
        f"neurons fire at {float(one.rate.mean()):.1%} of the steps",
        advice=f"subtract {mean:.3g} from its biases, or centre its weights",
    )


def _gradient(patient: Patient, index: int) -> Finding:
    """Vanishing and exploding: name the layer with the most extreme gradient factor between this layer and the last."""
    one, health = patient.measured[index], patient.health
    if defects := [note for note in one.surrogate.notes if "gradient is" in note]:
        return Finding(cause=f"{one.surrogate.label}: {defects[0]}", advice="choose another surrogate")
    relative = health.relative
    last = len(relative) - 1
    growing = health.verdicts[index] == "exploding"
    links = range(index, last) if index < last else range(last, last + 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        factors = {link: float(relative[link] / relative[min(link + 1, last)]) for link in links}
    pick: Callable[..., int] = max if growing else min
    worst = pick(factors, key=lambda link: factors[link] if math.isfinite(factors[link]) else (math.inf if growing else 0.0))
    if dead := [place for place in links if not float(patient.measured[place].slope2.mean())]:
        worst = dead[-1]
    link = patient.measured[worst]
    name, moment = link.layer.name, float(link.slope2.mean())
    if moment == 0:
        return Finding(
            cause=f"at layer {worst + 1} ({name}) f' is zero at every membrane ({link.surrogate.label}; {_distance(link)}): "
            "no gradient passes, and the weights below do not move",
            advice=_slope_advice(patient, worst)
            or "choose a surrogate with longer tails, or bring the membranes nearer to the threshold",
        )
    above = [other for other in patient.measured if worst in other.layer.way.layers]
    out = above[0].gain_out if above and above[0].layer.weight is not None else math.nan
    per_layer = (relative[index] / relative[last]) ** (1 / max(1, last - index)) if relative[index] > 0 else 0.0
    cause = (
        f"going back from layer {last + 1}, E[δ²] is multiplied by {per_layer:.3g} per layer; "
        f"the {'largest' if growing else 'smallest'} factor is at layer {worst + 1} ({name}): "
        f"E[f'²] = {moment:.3g} ({link.surrogate.label})"
        + (f" times fan_out·Var(W) = {out:.4g} of the layer above" if math.isfinite(out) else "")
    )
    return Finding(
        cause=cause, advice=_slope_advice(patient, worst) or "initialise_ with scheme critical, or another surrogate"
    )


def _distance(one: Measured) -> str:
    deviation, threshold = float(np.sqrt(one.var_h.mean())), one.reading.threshold if one.reading else math.nan
    return f"membranes have standard deviation {deviation:.3g}, θ = {threshold:.3g}"


def _slope_advice(patient: Patient, index: int) -> str:
    """The slope at which the gradient keeps its size, with the weights for RATE."""
    model, one = patient.model(index), patient.measured[index]
    if model is None or one.surrogate.bound is None:
        return ""
    measured = float(one.rate.mean())
    try:
        wanted = max(RATE, measured) if measured < 0.45 else RATE
        target = rate_target(model.neuron, model.steps, advisable_rate(model.neuron, model.steps, wanted))
        spec = sharpened(model.neuron, target)
    except IkunError as error:
        return f"no slope does it, so the weights must: {error}" if measured >= SILENT else ""
    weights = f"weights of K = {target.gain:.4g} (rate {target.rate:.3g})"
    return f"use {spec} with {weights}: then the gradient keeps its size. initialise_ does it"


EXPLANATIONS: dict[str, Callable[[Patient, int], Finding]] = {
    "healthy": _healthy,
    "silent": _silent,
    "saturated": _saturated,
    "vanishing": _gradient,
    "exploding": _gradient,
}
