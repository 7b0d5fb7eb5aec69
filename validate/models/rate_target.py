"""The weights at which a chosen firing rate is a stationary state of the user's own neuron over its own steps, and the
surrogate's slope at which the gradient then keeps its size: `theory.fixed_rate` and `theory.time_design` on one set of points.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any, TypeVar

import numpy as np
from scipy.optimize import brentq

from ikun_sym.errors import DomainError
from ikun_sym.mean_field.covariance import normal_points
from ikun_sym.schemes.critical_scale import gain_of_rate
from ikun_sym.schemes.fixed_rate import FixedPoint, at_first_rate, at_rate, lowest_stable_rate
from ikun_sym.schemes.rate_targeted_over_time import stationary_slope
from ikun_sym.schemes.slope import slope_of

from .measuring.surrogate_probe import Floats
from .prediction import LayerModel

SAMPLES = 2**12

T = TypeVar("T")

LEAST, MOST = -25, 25
"""Of the logarithm of a gain that is searched."""


def _remembered(function: Callable[..., T]) -> Callable[..., T]:
    """Equal neurons have equal answers: networks repeat their layers. The key is all that the answer depends on."""
    known: dict[tuple[Any, ...], T] = {}

    @wraps(function)
    def answer(model: LayerModel, *arguments: Any) -> T:
        neuron = (
            model.statement,
            model.threshold,
            model.leak,
            model.synaptic_leak,
            model.decay_input,
            model.detach,
            model.steps,
        )
        rest = tuple(argument.rate if isinstance(argument, FixedPoint) else argument for argument in arguments)
        key = (*neuron, model.bound, *rest)
        if key not in known:
            known[key] = function(model, *arguments)
        return known[key]

    return answer


@_remembered
def stationary(model: LayerModel, rate: float) -> FixedPoint:
    """Its `gain` is fan_in · Var(W) of the weights themselves, a decayed input allowed for. Errors: a rate out of reach or not
    stable."""
    if not model.threshold > 0:
        raise DomainError("threshold", model.threshold, "above the membrane's rest")
    law = model.law(_points(model.steps))
    if model.steps > 1:
        return at_rate(law, rate)
    gain_of_rate(rate, model.threshold)  # the errors of one step
    return at_first_rate(law, rate)


@_remembered
def advisable_rate(model: LayerModel, rate: float) -> float:
    """`rate`, or if that is not stable, in two digits, a tenth above the lowest that is."""
    lowest = lowest_stable_rate(model.law(_points(model.steps)))
    return rate if rate > lowest else math.ceil(110 * lowest) / 100


def first_gain(model: LayerModel, rate: float, second: Floats) -> float:
    """fan_in · Var(W) at which an input of second moment `second` makes the layer fire at this rate."""
    if model.steps == 1:
        return stationary(model, rate).gain * rate / float(second[0, 0])
    law = model.law(_points(model.steps))
    unit = model.filter @ second @ model.filter.T

    def excess(log_gain: float) -> float:
        return float(law.steps(math.exp(log_gain) * unit).rate.mean()) - rate

    low = high = 0.0
    while excess(low) > 0 and low > LEAST:
        low -= 1
    while excess(high) < 0 and high < MOST:
        high += 1
    if excess(low) > 0 or excess(high) < 0:
        raise DomainError("rate", rate, "one that this neuron reaches with zero-mean weights")
    return math.exp(brentq(excess, low, high, xtol=1e-6)) if low < high else 1.0  # type: ignore[arg-type]


@_remembered
def slope_for(model: LayerModel, target: FixedPoint, fan_ratio: float = 1.0) -> tuple[str, float]:
    """(SPEC with its slope set, slope) at which Σ_t E[δH²] is multiplied by 1 per layer in the target's state, in the end;
    nearest to the present slope if there are several. Errors: a surrogate without slope, or none does it."""
    family = slope_of(model.bound)
    slope = float(f"{stationary_slope(family, model.law(_points(model.steps)), target, fan_ratio):.6g}")
    return family.at(slope).spec, slope


@lru_cache(maxsize=8)
def _points(steps: int) -> Any:
    """The same random numbers at each call, so that what is found is a function of the neuron."""
    return normal_points(SAMPLES, steps, np.random.default_rng(0)).astype(np.float32)
