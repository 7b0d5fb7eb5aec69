"""Which call of `initialise_` cures a network, by the theory: the default, or one that sets slopes, too."""

from __future__ import annotations

import math
from copy import deepcopy
from itertools import accumulate

from ikun_sym.errors import IkunError
from ikun_sym.mean_field.normal_law import quantile_of_upper_tail
from ikun_sym.schemes.rate_targeted_over_time import gradient_factor, sharpened

from .default_scheme import band_of
from .health import FADED
from .measuring.measure import Measured
from .patient import Patient
from .plan import AIM, CRITICAL, fan_ratios, settable

SHARE = 0.9
"""Of the range in which gradients are healthy, on a logarithmic scale: so far the theory is trusted in one draw."""

WEIGHTS, SLOPES = "initialise_(model, x)", f'initialise_(model, x, "{CRITICAL}")'

HOW = {WEIGHTS: "which finds each layer's factor by measuring", SLOPES: "slopes included"}


def cure_of(patient: Patient) -> str:
    """The call that makes the network healthy, "" if neither does by what is known of it."""
    return patient.once(_cure_of)


def _cure_of(patient: Patient) -> str:
    ratios = fan_ratios(list(patient.measured))
    places = [place for place in range(len(ratios)) if patient.target(place) is not None]
    if not places:
        return ""
    if all(band_of(one, patient.measured).holds(float(one.rate.mean())) for one in patient.measured if one.sends):
        return ""  # they have the rates that it gives
    logs = [math.log(alone(patient, place, ratios[place]) or 1e-300) for place in places if place < patient.health.last]
    sums = list(accumulate(reversed(logs)))
    if all(abs(total) < SHARE * math.log(1 / FADED) for total in sums):
        return WEIGHTS
    return SLOPES if all(slope(patient, place, ratios[place]) for place in places) else ""


def does_it(patient: Patient) -> str:
    """To be put behind what can be done by hand."""
    call = cure_of(patient)
    return f"; or call {call}, {HOW[call]}" if call else ""


def at_rates_of_theory(patient: Patient) -> str:
    """The call that gives all layers the weights of the theory, at the lowest rate that all of them can hold."""
    targets = [patient.target(place) for place in range(len(patient.measured))]
    rate = max(target.rate for target in targets if target is not None)
    return f"initialise_(model, x, rate={math.ceil(rate * 1000 - 1e-9) / 1000:g})"


def factor_to_threshold(one: Measured) -> float:
    """By what a membrane that is linear in its currents must be multiplied to pass the threshold at the rate AIM; NaN where
    that is not known."""
    deviation = math.sqrt(float(one.var_h.mean(axis=1).max()))
    if one.reading is None or not one.reading.threshold > 0 or not deviation > 0:
        return math.nan
    return one.reading.threshold / float(quantile_of_upper_tail(AIM)) / deviation


def alone(patient: Patient, place: int, ratio: float = 1.0) -> float:
    """By what E[δ²] is multiplied per layer with the weights for the target rate and the surrogate as it is."""
    model, target, found = patient.ready(place), patient.target(place), patient.measured[place].surrogate
    assert model is not None
    assert target is not None
    key = model.neuron, target.steps, target.rate, found.probe.values.tobytes()
    if key not in patient.factors:
        fprime = None if found.bound is not None else found.probe.gradient
        patient.factors[key] = gradient_factor(model.neuron, target, fprime)
    return patient.factors[key] * ratio


def slope(patient: Patient, place: int, ratio: float) -> str:
    """The surrogate that keeps the gradient's size at the target, if its library lets it be set; else ""."""
    model, target, one = patient.ready(place), patient.target(place), patient.measured[place]
    assert model is not None
    assert target is not None
    try:
        settable(one)
        spec = sharpened(model.neuron, target, ratio)
    except IkunError:
        return ""
    library = one.layer.record.library
    assert library is not None
    try:
        refused = library.set_surrogate(deepcopy(one.layer.record.module), spec)
    except Exception:  # a module that holds a graph cannot be copied: then it is not known
        refused = ""
    return "" if refused else spec
