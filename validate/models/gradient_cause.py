"""Why a gradient vanishes or explodes, and what cures it."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from .cure import WEIGHTS, alone, at_rates_of_theory, cure_of, does_it, factor_to_threshold, slope
from .measuring.measure import Measured
from .patient import Finding, Patient
from .plan import fan_ratios

LARGE = 0.5
"""Membranes whose deviation must fall by more than this to be near the threshold are too large for their surrogate."""


def gradient(patient: Patient, index: int) -> Finding:
    """Name the layer with the most extreme gradient factor between this layer and the last."""
    one, health = patient.measured[index], patient.health
    if one.surrogate.defects:
        return Finding(cause=f"{one.surrogate.label}: {one.surrogate.defects[0]}", advice="choose another surrogate")
    relative, last = health.relative, health.last
    growing = health.verdicts[index] == "exploding"
    links = range(index, last) if index < last else range(last, last + 1)
    worst = _worst(patient, links, growing)
    link = patient.measured[worst]
    above = [other for other in patient.measured if worst in other.layer.way.layers]
    if relative[index] == 0 and above and all(other.layer.zeros for other in above):
        names = above[0].layer.zeros
        return Finding(
            cause=f"{', '.join(names)}, above layer {worst + 1}, is all zero: no gradient passes, and no weights below move",
            advice=f"set {names[0]} to 1" if patient.knob(above[0].layer.index).norm else f"draw {names[0]}",
        )
    where = f"layer {worst + 1} ({link.layer.name})"
    moment = float(link.slope2.mean())
    if moment == 0:
        cause = (
            f"at {where} f' is zero at every membrane ({link.surrogate.label}; {_distance(link)}): "
            "no gradient passes, and the weights below do not move"
        )
        return Finding(cause=cause, advice=_cure(patient, index, worst) or _by_hand(patient, index, worst, growing))
    out = above[0].gain_out * above[0].passed if above and above[0].layer.fan is not None else math.nan
    per_layer = (relative[index] / relative[last]) ** (1 / max(1, last - index)) if relative[index] > 0 else 0.0
    cause = (
        f"going back from layer {last + 1}, E[δ²] is multiplied by {per_layer:.3g} per layer; "
        f"the {'largest' if growing else 'smallest'} factor is at {where}: E[f'²] = {moment:.3g} ({link.surrogate.label})"
        + (f" times fan_out·Var(W) = {out:.4g} of the layer above" if math.isfinite(out) else "")
    )
    return Finding(cause=cause, advice=_cure(patient, index, worst) or _by_hand(patient, index, worst, growing))


def _worst(patient: Patient, links: range, growing: bool) -> int:
    relative, last = patient.health.relative, patient.health.last
    with np.errstate(divide="ignore", invalid="ignore"):
        factors = {link: float(relative[link] / relative[min(link + 1, last)]) for link in links}
    pick: Callable[..., int] = max if growing else min
    worst = pick(factors, key=lambda link: factors[link] if math.isfinite(factors[link]) else (math.inf if growing else 0.0))
    dead = [place for place in links if not float(patient.measured[place].slope2.mean())]
    return dead[-1] if dead else worst


def _distance(one: Measured) -> str:
    deviation = float(np.sqrt(one.var_h.mean()))
    theta = f", θ = {one.reading.threshold:.3g}" if one.reading else ""
    return f"membranes have standard deviation {deviation:.3g}{theta}"


def _cure(patient: Patient, index: int, worst: int) -> str:
    """What `initialise_` does, where by the theory it keeps the gradient within bounds: the weights alone, else the slopes,
    too. "" where neither does, or where the theory does not cover a layer on the way."""
    target, one = patient.target(worst), patient.measured[worst]
    if target is None or any(patient.target(place) is None for place in range(index, patient.health.last)):
        return ""
    call, ratio = cure_of(patient), fan_ratios(list(patient.measured))[worst]
    weights = f"weights of K = {target.gain / one.passed:.4g} (rate {target.rate:.3g})"
    if patient.knob(worst).norm:
        weights = f"a norm's weight of {math.sqrt(target.gain * target.rate):.4g} (rate {target.rate:.3g})"
    if call == WEIGHTS:
        factor = f"then E[δ²] is multiplied by about {alone(patient, worst, ratio):.3g} per layer"
        return f"{weights}: {factor}; or call {at_rates_of_theory(patient)}, which gives all layers such weights"
    if not call:
        return ""
    return f"use {slope(patient, worst, ratio)} with {weights}: then the gradient keeps its size{does_it(patient)}"


def _by_hand(patient: Patient, index: int, worst: int, growing: bool) -> str:
    relative, last = patient.health.relative, patient.health.last
    above = range(index + 1, len(patient.measured))
    if ill := [place for place in above if patient.health.verdicts[place] in ("silent", "saturated")]:
        return f"cure layer {ill[0] + 1} first"
    factor = factor_to_threshold(patient.measured[worst])
    if not growing and factor < LARGE:
        return f"multiply the weights and biases that feed layers {index + 1} to {last + 1} by about {factor:.3g}"
    if not relative[index] > 0 or not np.isfinite(relative[index]) or index == last:
        return "choose a surrogate with longer tails, or bring the membranes nearer to the threshold"
    factor = (relative[index] / relative[last]) ** (-0.5 / (last - index))
    return (
        f"multiply what the surrogates return as gradients by about {factor:.3g} in layers {index + 1} to {last + 1}, "
        f"or choose a {'flatter' if growing else 'steeper'} one"
    )
