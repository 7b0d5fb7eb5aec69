"""The weights at which a chosen firing rate is a stationary state of the user's own neuron over its own steps, and the
surrogate's slope at which the gradient then keeps its size.

One step: closed form (`theory.critical`). More: the spikes' covariance is iterated from layer to layer with the gain chosen
anew at each so that the mean rate stays; what this converges to is stationary at that rate. It is stable if the network, its
gain now held and its activity disturbed, comes back to the rate. Activity dies below the gain at which a network that starts
lively is silent some layers on.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache, wraps
from typing import Any

import numpy as np
from scipy.optimize import brentq

from ikun_sym.errors import DomainError, IkunError, NoSolutionError
from ikun_sym.theory.covariance import normal_points
from ikun_sym.theory.critical import critical, gain_of_rate
from ikun_sym.theory.gradient import LayerAdjoint, State
from ikun_sym.theory.layer_law import SampledLaw
from ikun_sym.theory.slope import slope_of

from .prediction import LayerModel
from .probe import Floats

SAMPLES = 2**12
LAYERS = 60
"""Layers after which an iteration must have settled."""

SETTLED = 1e-4

DEAD = 1e-3
"""Share of its activity below which a network has died."""

DISTURBED = 1.1
"""Factor on the activity from which a stable state must be reached again."""

BACK = 0.1
"""Share of the rate within which it counts as reached: the slowest approach near the lowest stable rate leaves that much."""

LIVELY = 0.3
"""Firing rate at which a network starts whose activity is to die or not."""

MARGIN = 1.03
"""Above the critical gain of one step, where the least stable rate is looked at."""

PRECISION = 0.01
"""Of the critical gain, relative."""

SLOPES = np.geomspace(0.02, 200, 25)


@dataclass(frozen=True, kw_only=True)
class Target:
    """`gain`: fan_in · Var(W) of the weights themselves, a decayed input allowed for; `second`: E[S S] of the state."""

    rate: float
    gain: float
    second: Floats


def _remembered(function: Callable) -> Callable:
    """Equal neurons have equal answers: networks repeat their layers. The key is all that the answer depends on."""
    known: dict[tuple, Any] = {}

    @wraps(function)
    def answer(model: LayerModel, *arguments: Any, **keywords: Any) -> Any:
        neuron = (
            model.statement,
            model.threshold,
            model.leak,
            model.synaptic_leak,
            model.decay_input,
            model.detach,
            model.steps,
        )
        rest = tuple(argument.rate if isinstance(argument, Target) else argument for argument in arguments)
        key = (*neuron, model.bound, *rest, *sorted(keywords.items()))
        if key not in known:
            known[key] = function(model, *arguments, **keywords)
        return known[key]

    return answer


@_remembered
def critical_gain(model: LayerModel) -> float:
    """The least fan_in · Var(W) at which activity survives through any number of layers."""
    if model.steps == 1:
        return critical().scale.value * model.threshold**2 / _input_weight(model) ** 2
    forward, one_step = _forward(model), critical().scale.value * model.threshold**2 / _input_weight(model) ** 2
    lively = LIVELY**2 + (LIVELY - LIVELY**2) * np.eye(model.steps)
    high = one_step
    while not _survives(forward, high, lively):
        high *= 2
        if high > 1e6 * one_step:
            raise NoSolutionError("activity of this neuron", "dies at every gain", "look at its reset and leak")
    low = high / 2
    while _survives(forward, low, lively) and low > 1e-6 * one_step:
        low, high = low / 2, low
    while high / low > 1 + PRECISION:
        middle = math.sqrt(low * high)
        low, high = (low, middle) if _survives(forward, middle, lively) else (middle, high)
    return high


@_remembered
def stationary(model: LayerModel, rate: float, check: bool = True) -> Target:
    """Errors: a rate out of reach or (with `check`) not stable."""
    if not model.threshold > 0:
        raise DomainError("threshold", model.threshold, "above the membrane's rest")
    if model.steps == 1:
        gain, _, _ = gain_of_rate(rate, model.threshold)
        return Target(rate=rate, gain=gain / _input_weight(model) ** 2, second=np.array([[rate]]))
    if not 0 < rate < 1:
        raise DomainError("rate", rate, "between 0 and 1")
    forward = _forward(model)
    second, gain = rate**2 + (rate - rate**2) * np.eye(model.steps), 1.0
    for _ in range(LAYERS):
        gain = _clamped(forward, second, rate, gain)
        following = forward(gain * second)
        change, second = float(np.abs(following - second).max()), following
        if change <= SETTLED * rate:
            break
    if check and not _comes_back(forward, gain, second, rate):
        least = _lowest_rate(model, forward)
        where = f"one that is stable for {model.steps} steps of this neuron: about {least:.2g} or more"
        raise DomainError("rate", rate, where, "below, the activity of the first step dies with depth, then that of the second")
    return Target(rate=rate, gain=gain, second=second)


def _lowest_rate(model: LayerModel, forward: Callable[[Floats], Floats]) -> float:
    """The mean rate of a network whose first active step is just alive: there a membrane is like one of a single step."""
    gain = MARGIN * critical().scale.value * model.threshold**2 / _input_weight(model) ** 2
    second = LIVELY**2 + (LIVELY - LIVELY**2) * np.eye(model.steps)
    for _ in range(LAYERS):
        second = forward(gain * second)
    return float(np.trace(second)) / len(second)


def first_gain(model: LayerModel, rate: float, second: Floats) -> float:
    """fan_in · Var(W) at which an input of second moment `second` makes the layer fire at this rate."""
    if model.steps == 1:
        return stationary(model, rate, False).gain * rate / float(second[0, 0])
    return _clamped(_forward(model), second, rate, 1.0)


@_remembered
def slope_for(model: LayerModel, target: Target, fan_ratio: float = 1.0) -> tuple[str, float]:
    """(SPEC with its slope set, slope) at which Σ_t E[δH²] is multiplied by 1 per layer in the target's state; nearest to the
    present slope if there are several. Errors: a surrogate without slope, or none does it."""
    family = slope_of(model.bound)
    present = family.default

    def excess(slope: float) -> float:
        sharper = family.at(float(slope))
        trial = replace(model, surrogate=sharper, gain=target.gain, gain_out=target.gain * fan_ratio, bias_var=0.0)
        factor = _gradient_factor(trial, target.second)
        return math.log(factor) if factor > 0 else -math.inf

    slopes = present * SLOPES
    values = [excess(slope) for slope in slopes]
    found = [
        brentq(excess, low, high, rtol=1e-6)  # type: ignore[arg-type]
        for low, high, a, b in zip(slopes, slopes[1:], values, values[1:], strict=False)
        if math.isfinite(a) and math.isfinite(b) and a * b <= 0
    ]
    if not found:
        low, high = (math.exp(v) for v in (min(v for v in values if math.isfinite(v)), max(values)))
        raise NoSolutionError(
            f"surrogate {model.bound.spec} at firing rate {target.rate:g}",
            f"no {family.parameter} keeps the gradient's size: its factor per layer stays between {low:.3g} and {high:.3g}",
            "choose another surrogate or another rate",
        )
    best = float(min(found, key=lambda slope: abs(math.log(slope / present))))  # type: ignore[arg-type]
    best = float(f"{best:.6g}")
    return family.at(best).spec, best


def _input_weight(model: LayerModel) -> float:
    return float(model.filter[0, 0]) * model.dynamics.input_gain


@lru_cache(maxsize=8)
def _points(steps: int) -> Any:
    return normal_points(SAMPLES, steps, np.random.default_rng(0)).astype(np.float32)


def _forward(model: LayerModel) -> Callable[[Floats], Floats]:
    """Gain times E[x x] to E[S S]; the same random numbers at each call, so that it is a function."""
    points = _points(model.steps)
    law, unit = SampledLaw(model, points), replace(model, gain=1.0, bias_var=0.0)

    def forward(current: Floats) -> Floats:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return law.steps(unit.drive(current)).second

    return forward


def _clamped(forward: Callable[[Floats], Floats], second: Floats, rate: float, near: float) -> float:
    def excess(log_gain: float) -> float:
        return float(np.trace(forward(math.exp(log_gain) * second))) / len(second) - rate

    low = high = math.log(near)
    while excess(low) > 0 and low > -25:
        low -= 1.0
    while excess(high) < 0 and high < 25:
        high += 1.0
    if excess(low) > 0 or excess(high) < 0:
        raise DomainError("rate", rate, "one that this neuron reaches with zero-mean weights")
    return math.exp(brentq(excess, low, high, xtol=1e-6)) if low < high else near  # type: ignore[arg-type]


def _survives(forward: Callable[[Floats], Floats], gain: float, second: Floats) -> bool:
    dead = DEAD * float(np.trace(second))
    for _ in range(LAYERS):
        before, second = second, forward(gain * second)
        if float(np.trace(second)) < dead:
            return False
        if float(np.abs(second - before).max()) <= SETTLED * float(np.abs(second).max()):
            return True
    return True


def _comes_back(forward: Callable[[Floats], Floats], gain: float, second: Floats, rate: float) -> bool:
    for disturbed in (second * DISTURBED, second / DISTURBED):
        for _ in range(LAYERS):
            disturbed = forward(gain * disturbed)
        if abs(float(np.trace(disturbed)) / len(second) / rate - 1) > BACK:
            return False
    return True


def _gradient_factor(model: LayerModel, second: Floats) -> float:
    """The stationary factor per layer of Σ_t E[δH²]: the leading eigenvalue of the layer's map of covariances."""
    points = _points(model.steps)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        adjoint = LayerAdjoint(model, model.law(points), model.drive(second))
        steps = model.steps
        state, factor = State(noise=np.eye(steps) / steps, coupling=np.zeros((steps, steps)), mean=np.zeros(steps)), 0.0
        for _ in range(LAYERS):
            try:
                _, below = adjoint.step(state)
            except IkunError:
                return math.inf
            before, factor = factor, float(np.trace(below.noise))
            if not 0 < factor < math.inf:
                return max(factor, 0.0) if factor < math.inf else math.inf
            state = State(noise=below.noise / factor, coupling=state.coupling, mean=state.mean)
            if abs(factor / before - 1) < 1e-9 if before else False:
                break
    return factor
