"""Why a layer is not healthy, in one sentence with numbers, and the smallest change that cures it."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ikun_sym.errors import IkunError
from ikun_sym.mean_field.normal_law import quantile_of_upper_tail
from ikun_sym.schemes.fixed_rate import critical_gain
from ikun_sym.schemes.rate_targeted_over_time import gain_for_input

from ..layer_fate import FATES, SILENCE
from .cure import does_it, factor_to_threshold
from .gradient_cause import gradient
from .health import SILENT
from .measuring.measure import Measured
from .patient import Finding, Patient
from .plan import AIM, arrives, fed_by_spikes
from .prediction import LayerModel

MATTERS = 0.01
"""Smallest relative change of the critical gain that is reported."""

SILENT_FATE = FATES[SILENCE]

WEAK = 0.5
"""Behind a norm, a standard deviation below this share of the norm's weight means that next to nothing arrives."""

STRONG = 1e-3
"""Variance before a norm beside which its ε does not count."""

ALIKE = 0.05
"""Layers whose gains differ by less are scaled by the same factor."""


def explain(patient: Patient, index: int) -> Finding:
    verdict = patient.health.verdicts[index]
    return EXPLANATIONS[verdict](patient, index)


def _healthy(patient: Patient, index: int) -> Finding:
    return Finding()


def _silent(patient: Patient, index: int) -> Finding:
    one, model = patient.measured[index], patient.model(index)
    if not (float(one.var_h.mean()) > 0 and one.gain > 0):
        return _nothing(patient, index)
    if patient.knob(index).norm:
        return _silent_behind_norm(patient, index)
    if model is None or one.layer.values is None:
        return _unread(patient, index)
    gain, passed = one.effective_gain, _passed(one, model)
    least = unbiased = critical_gain(model, biases=False)
    threshold = f"{unbiased / model.neuron.threshold**2:.4g}·θ² = {unbiased:.4g}"
    if _biases_matter(model):
        least = critical_gain(model)
        threshold += f" ({f'{least:.4g}' if least else 'none'} with its biases, σ_b² = {model.bias_var:.3g})"
    if gain < least:
        cause = f"K = fan_in·Var(W) = {one.gain:.4g}{passed} is below the critical {threshold}: activity dies"
        return Finding(cause=cause, advice=_rescale(patient, index, least))
    carries = f"K = fan_in·Var(W) = {one.gain:.4g}{passed} would carry activity (critical: {threshold})"
    return Finding(
        cause=f"{carries}, but the input that arrives is too weak: {_height(one)}", advice=_for_its_input(patient, index)
    )


def _passed(one: Measured, model: LayerModel) -> str:
    """What multiplies the gain's effect on the way to the membrane."""
    parts = []
    if one.passed != 1:
        parts.append(f"what lies between spikes, weights and neuron multiplies its effect by {one.passed:.4g}")
    if model.neuron.decay_input:
        parts.append(f"decay_input multiplies its effect by (1 − κ)² = {model.input_weight**2:.4g}")
    whole = one.effective_gain * (model.input_weight**2 if model.neuron.decay_input else 1.0)
    return f" ({'; '.join(parts)}: {whole:.4g})" if parts else ""


def _nothing(patient: Patient, index: int) -> Finding:
    """Its membrane does not move, or its biases alone move it."""
    one = patient.measured[index]
    below = patient.below(index, SILENT_FATE)
    if zeros := one.layer.zeros or ([] if one.gain > 0 else [one.layer.weight_name or "that feed it"]):
        names, first = ", ".join(zeros), zeros[0]
        advice = f"set {first} to 1" if patient.knob(index).norm else f"draw {first}{does_it(patient)}"
        return Finding(cause=f"the weights {names} are all zero: nothing passes", advice=advice)
    if below is not None:
        return Finding(
            cause=f"its membrane does not move: nothing arrives, for layer {below + 1} below is silent",
            advice=f"cure layer {below + 1} first",
        )
    if one.layer.way.from_input and not arrives(one.input):
        return Finding(cause="its membrane does not move: the example input is zero", advice="give an input that is not zero")
    return Finding(cause="its membrane does not move: nothing arrives", advice="look at what lies between it and its input")


def _unread(patient: Patient, index: int) -> Finding:
    """Below the threshold nothing is reset, and the membrane is linear in the currents, whatever the neuron."""
    one, below = patient.measured[index], patient.below(index, SILENT_FATE)
    if below is not None:
        return Finding(cause=_height(one), advice=f"cure layer {below + 1} first")
    factor = factor_to_threshold(one)
    if math.isnan(factor):
        return Finding(cause=_height(one), advice="raise the weights that feed it, or lower its threshold")
    return Finding(
        cause=_height(one),
        advice=f"multiply the weights and biases that feed it by about {factor:.3g}, or divide its threshold",
    )


def _height(one: Measured) -> str:
    deviation = float(np.sqrt(one.var_h.mean()))
    if not deviation > 0:
        return "its membrane does not move: nothing arrives"
    told = f"its membrane has standard deviation {deviation:.3g}"
    if one.reading is None:
        return told
    return f"{told}, and its threshold {one.reading.threshold:.3g} is {one.reading.threshold / deviation:.3g} times that"


def _silent_behind_norm(patient: Patient, index: int) -> Finding:
    one, knob = patient.measured[index], patient.knob(index)
    threshold = f"the threshold is {one.reading.threshold:.3g}" if one.reading else "its threshold is not known"
    shift = 0.0 if knob.bias is None else float(knob.bias.detach().mean())
    current = None if one.current is None else math.sqrt(float(np.trace(one.current)) / len(one.current))
    behind = 1.0
    if current is not None and current < WEAK * math.hypot(knob.size, shift) and _strong(one):
        behind = current / math.hypot(knob.size, shift)
    elif current is not None and current < WEAK * math.hypot(knob.size, shift):
        return Finding(
            cause=f"{patient.norm(index)} would set its current to standard deviation {knob.size:.3g}, but what arrives there "
            f"is so weak that its ε counts: {current:.3g} is left; {threshold}",
            advice=_first_of(patient, index),
        )
    sets = f"sets its current to mean {shift:.3g} and standard deviation {knob.size * behind:.3g}"
    factor = f", with the factor {behind:.3g} behind it" if behind != 1 else ""
    cause = f"{patient.norm(index)} cancels σ_W and {sets}{factor}; {threshold}"
    wanted = _norm_size(patient, index)
    if wanted is None:
        advice = f"raise {knob.name}" if knob.there else "give the norm a weight of its own"
        return Finding(cause=cause, advice=f"{advice}, or lower the threshold")
    size, rate = wanted[0] / behind, wanted[1]
    if not knob.there:
        times = size / knob.size
        return Finding(cause=cause, advice=f"multiply what the norm gives by about {times:.3g}, or divide the threshold")
    bias = f" and {patient.name(knob.bias)} to 0" if shift else ""
    return Finding(
        cause=cause,
        advice=f"set {knob.name} to {size:.4g}{bias}, for a firing rate of about {rate:g}{does_it(patient)}",
    )


def _strong(one: Measured) -> bool:
    """Whether so much arrives at a norm that its ε, 1e-5 as a rule, does not count: then what is behind it makes it small."""
    return one.input is not None and one.gain * float(np.trace(one.input)) / len(one.input) > STRONG


def _first_of(patient: Patient, index: int) -> str:
    """The layers below are the ones to look at."""
    rates = [float(one.rate.mean()) for one in patient.measured[: index + 1]]
    first = next((place for place, rate in enumerate(rates) if rate < SILENT), index)
    if first < index:
        return f"cure layer {first + 1} first"
    return f"raise the layers below{does_it(patient)}"


def _rescale(patient: Patient, index: int, least: float) -> str:
    model, target, gain = patient.model(index), patient.target(index), patient.measured[index].effective_gain
    assert model is not None
    ill = [one for one in patient.measured if one.layer.values is not None and _below(patient, one, least)]
    names = list(dict.fromkeys(one.layer.weight_name for one in ill))
    several = f"the weights of {len(names)} layers ({names[0]} … {names[-1]})" if names else "its weights"
    which = names[0] if len(names) == 1 else several
    if target is None:
        return f"multiply {which} by more than {math.sqrt(least / gain):.4g} (K = {least:.4g})"
    factor, wanted = math.sqrt(target.gain / gain), f"K = {target.gain / patient.measured[index].passed:.4g}"
    biases = ", with biases 0" if _biases_matter(model) else ""
    alike = all(abs(one.effective_gain / gain - 1) < ALIKE for one in ill)
    what = f"multiply {which} by {factor:.4g} ({wanted})" if alike else f"bring {which} to {wanted} each, these by {factor:.4g}"
    return f"{what}{biases}, for a firing rate of {target.rate:g}{does_it(patient)}"


def _for_its_input(patient: Patient, index: int) -> str:
    """Weights for what arrives, which is less than a layer like itself sends."""
    one, target, model = patient.measured[index], patient.target(index), patient.model(index)
    below = patient.below(index, SILENT_FATE)
    if below is not None:
        return f"cure layer {below + 1} first"
    if target is not None and model is not None and not fed_by_spikes(one) and arrives(one.input):
        assert one.input is not None
        try:
            wanted = gain_for_input(model.neuron, one.steps, target.rate, one.input) * one.height**2
        except IkunError:
            return "raise its input"
        factor = math.sqrt(wanted / one.effective_gain)
        how = f"multiply {one.layer.weight_name} by {factor:.4g}, for a firing rate of {target.rate:g}"
        return f"{how}{does_it(patient)}"
    return f"raise the weights from the first layer with a falling rate on{does_it(patient)}"


def _biases_matter(model: LayerModel) -> bool:
    """Var(H) = λ² (K p + σ_b²): whether biases lower the critical gain by more than MATTERS. torch's default ones do not."""
    if model.bias_var < MATTERS / 2 * model.neuron.threshold**2:  # they lower it by about σ_b²/(c* p* θ²), c* p* = 0.71
        return False
    return critical_gain(model) < (1 - MATTERS) * critical_gain(model, biases=False)


def _below(patient: Patient, one: Measured, least: float) -> bool:
    same = patient.model(one.layer.index)
    return same is not None and not patient.knob(one.layer.index).norm and one.effective_gain < least


def _saturated(patient: Patient, index: int) -> Finding:
    one, knob = patient.measured[index], patient.knob(index)
    rate = float(one.rate.mean())
    fires = f"neurons fire at {rate:.1%} of the steps" if rate <= 1 else f"neurons send {rate:.3g} spikes a step"
    theta = None if one.reading is None else one.reading.threshold
    if theta is not None and not theta > 0:
        return Finding(cause=f"its threshold is {theta:.3g}: {fires}", advice="give it a positive threshold")
    mean, deviation = _mean_current(one), float(np.sqrt(one.var_h.mean()))
    against = "" if theta is None else f" against a threshold of {theta:.3g}"
    if mean is None or mean < WEAK * (deviation if theta is None else theta):
        told = "" if theta is None else f"its membrane has standard deviation {deviation:.3g}{against}: "
        factor = factor_to_threshold(one)
        lower = f"multiply its weights and biases by about {factor:.3g}" if factor < 1 else "lower its weights and biases"
        return Finding(cause=told + fires, advice=f"{lower}, or raise its threshold{does_it(patient)}")
    cause = f"its current has mean {mean:.3g}{against}: {fires}"
    below = patient.below(index, "saturated")
    if below is not None:
        return Finding(cause=cause, advice=f"cure layer {below + 1} first{does_it(patient)}")
    bias = patient.name(one.layer.bias)
    if knob.norm and knob.bias is not None and float(knob.bias.detach().mean()) > mean / 2:
        size = _norm_size(patient, index)
        weight = "" if size is None else f"{knob.name} to {size[0]:.4g} and "
        advice = f"set {weight}{patient.name(knob.bias)} to 0"
    elif knob.norm:
        advice = f"lower {knob.name or 'what the norm gives'}, or raise its threshold"
    elif bias:
        advice = f"subtract {mean / (one.factor or 1.0):.3g} from {bias}"
    else:
        advice = f"centre each neuron's weights in {one.layer.weight_name}" if one.layer.weight_name else "centre its weights"
    return Finding(cause=cause, advice=f"{advice}{does_it(patient)}")


def _mean_current(one: Measured) -> float | None:
    """As measured, else what weights and biases give by their means; None if neither is known."""
    if one.current_mean is not None:
        return float(one.current_mean.mean())
    layer = one.layer
    if layer.values is None or layer.fan is None:
        return None
    mean = 0.0 if math.isnan(one.input_mean) else layer.fan.fan_in * float(layer.values.detach().mean()) * one.input_mean
    return mean + (0.0 if layer.bias is None else float(layer.bias.detach().mean()))


def _norm_size(patient: Patient, index: int) -> tuple[float, float] | None:
    """(weight of the norm in front of this layer, firing rate that it is for); None if its threshold is not known."""
    one, target = patient.measured[index], patient.target(index)
    if target is not None:
        return math.sqrt(target.gain * target.rate), target.rate
    if one.reading is None or not one.reading.threshold > 0:
        return None
    return one.reading.threshold / float(quantile_of_upper_tail(AIM)), AIM


EXPLANATIONS: dict[str, Callable[[Patient, int], Finding]] = {
    "healthy": _healthy,
    SILENT_FATE: _silent,
    "saturated": _saturated,
    "vanishing": gradient,
    "exploding": gradient,
}

__all__ = ["Finding", "Patient", "explain"]
