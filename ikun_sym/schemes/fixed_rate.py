"""The stationary state of a deep network over time that has a wanted firing rate.

A layer maps the spikes' T×T second moment C to S(K F C Fᵀ), K the gain, F the current's filter. Every membrane starts at 0, so
the first step knows nothing of time: its rate p₁ obeys the map of one step, and K = θ²/(λ² a₁² p₁), a₁ = Q⁻¹(p₁), as there.
If it falls silent the second step is a first step at the same K, and falls silent too, and so on: **over any number of steps,
whatever leaks and reset, activity needs K >= c* θ²/λ², and p₁ > p*** (`critical_scale`). So p₁ from p* to ½ runs through all
stationary states in which no step is silent. The rate averaged over the steps grows with it. Some resets suppress later steps
(delayed, to below rest, adaptive thresholds). Then the lowest stable rate belongs to the smallest p₁ at which every step stays
active.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..errors import DomainError, NoSolutionError
from ..mean_field.covariance import Floats
from ..mean_field.infinite_network import TimeModel
from ..mean_field.layer_law import SampledLaw
from ..mean_field.neuron_sample import Steps
from ..mean_field.normal_law import quantile_of_upper_tail
from .critical_scale import critical, gain_of_rate, least_gain
from .root import rising_root

CLOSE = 5e-6
"""Change of the mean of C and of its diagonal in one layer at which a fixed point counts as reached: below the error of
sampling. Single entries may hover by a sample, for a sampled spike is there or not."""

LAYERS, KEPT = 60, 15
"""If that is not reached after LAYERS layers the mean of the last KEPT is taken."""

FIRST_WIDTH = 2e-3
"""Of the first interval around a guess of p₁."""

HIGHEST = 0.499
"""Of p₁: there K is 3e5 θ², and the rate of all steps as close to ½ as is of use."""


SILENT, PATIENCE = 1e-2, 3
"""A step whose rate is below SILENT p₁ after PATIENCE times LAYERS layers is silent."""

WAKING = 5e-4
"""Width of the interval of p₁ in which the last silent step wakes."""

REACHED = 3e-2
"""Relative error of the rate beyond which it counts as missed: above what 1024 samples leave at 40 steps
(6e-3), below a jump."""


@dataclass(frozen=True, kw_only=True)
class FixedPoint:
    """K, C [T, T], the current's covariance and what a layer shows there."""

    gain: float
    second: Floats
    drive: Floats
    steps: Steps

    @property
    def rate(self) -> float:
        """Averaged over the steps."""
        return float(np.mean(np.diag(self.second)))


def critical_gain(model: TimeModel, *, biases: bool = True) -> float:
    """c* θ²/λ² at zero bias: the least K at which activity lasts through any number of layers, whatever the steps, leak and
    reset, for the first step's rate sees no other step. With biases `least_gain`, of the first step's upper branch."""
    return least_gain(float(model.neuron.threshold / abs(model.input_weight)), model.bias_var if biases else 0.0)


def at_first_rate(law: SampledLaw, first: float, start: Floats | None = None) -> FixedPoint:
    """The fixed point whose first step has the rate `first`, reached from all steps active."""
    model = law.model
    a = float(quantile_of_upper_tail(first))
    gain = (model.neuron.threshold / a / model.input_weight) ** 2 / first
    steps = model.steps
    second = first / 2 * (np.ones((steps, steps)) + np.eye(steps)) if start is None else start.copy()
    last: list[Floats] = []
    for layer in range(LAYERS):
        second[0, 0] = first  # known, and the slowest of all to settle
        image = law.steps(gain * model.filter @ second @ model.filter.T).second
        difference = image - second
        change = max(abs(float(difference.mean())), abs(float(np.trace(difference))) / steps)
        second = image.copy()
        if change <= CLOSE:
            break
        if layer >= LAYERS - KEPT:
            last.append(image)
    if last:
        second = np.mean(last, axis=0)
    second[0, 0] = first
    drive = gain * model.filter @ second @ model.filter.T
    return FixedPoint(gain=gain, second=second, drive=drive, steps=law.steps(drive))


def lowest_stable(law: SampledLaw) -> FixedPoint:
    """The fixed point of the least gain in which no step is silent."""
    low, high = critical().rate.value, HIGHEST
    if (point := _all_active(law, low)) is not None:
        return point
    if (least := _all_active(law, high)) is None:
        raise NoSolutionError("activity at every step", "some step is silent at every gain", "look at its reset and leak")
    while high - low > WAKING:
        middle = (low + high) / 2
        if (point := _all_active(law, middle)) is None:
            low = middle
        else:
            high, least = middle, point
    return least


def _all_active(law: SampledLaw, first: float) -> FixedPoint | None:
    point = None
    for _ in range(PATIENCE):
        point = at_first_rate(law, first, None if point is None else point.second)
        if np.diag(point.second).min() < SILENT * first:
            return None
    return point


def setting_of(model: TimeModel) -> str:
    """The neuron and its steps, for messages."""
    one = model.neuron
    synapse = f", synaptic leak {one.synaptic_leak:g}" if one.synaptic_leak else ""
    return f"{model.steps} steps, leak {one.leak:g}{synapse}, {one.reset.spec} reset"


def lowest_stable_rate(law: SampledLaw) -> float:
    """The rate, averaged over the steps, at the least gain at which every step's activity lasts."""
    return lowest_stable(law).rate


def at_rate(law: SampledLaw, rate: float, near: FixedPoint | None = None) -> FixedPoint:
    """The fixed point whose rate, averaged over the steps, is `rate`; `near`: the one of other points sampled, if known.

    Error: a rate that is not stable in this setting, or not below ½.
    """
    if law.model.steps == 1:
        gain_of_rate(rate, law.model.neuron.threshold)  # its errors
        return at_first_rate(law, rate)
    least = critical().rate.value
    if near is None:
        end = lowest_stable(law)
        lowest, least = end.rate, float(end.second[0, 0])
        if not lowest < rate < 0.5:
            allowed = f"above {lowest:.4f}, the lowest stable firing rate with {setting_of(law.model)}, and below 0.5"
            raise DomainError("rate", rate, allowed)
    known = None if near is None else near.second

    def excess(p: float) -> float:
        nonlocal known
        point = at_first_rate(law, p, known)
        known = point.second
        return point.rate - rate

    guess = rate if near is None else float(near.second[0, 0])
    first = rising_root(excess, guess, step=FIRST_WIDTH, least=least, most=HIGHEST, close=CLOSE, enough=CLOSE / 10)
    if first is None:
        raise NoSolutionError("rate", f"it is not reached while the first step's rate is below {HIGHEST}", "choose a lower one")
    point = at_first_rate(law, first, known)
    if abs(point.rate / rate - 1) > REACHED:
        raise NoSolutionError(
            f"rate {rate:g}", f"the nearest fixed point found fires at {point.rate:.4g}", "choose a higher one"
        )
    return point


def forward_slope(law: SampledLaw, point: FixedPoint) -> float:
    """1/(1 + d log K/d log p) along the curve of fixed points: below 1 where more gain means more spikes, and then activity
    returns to the fixed point from layer to layer. At one step, q = K p(q), it is d log q'/d log q."""
    if law.model.steps == 1:
        return law.model.layer.forward_slope(law.model.dynamics.input_gain**2 * float(point.drive[0, 0]))
    first = float(point.second[0, 0])
    around = (max(first * (1 - STEP), critical().rate.value), min(first * (1 + STEP), HIGHEST))
    low, high = (at_first_rate(law, p, point.second) for p in around)
    return 1 / (1 + math.log(high.gain / low.gain) / math.log(high.rate / low.rate))


STEP = 0.03
"""Relative, of p₁: large beside the error of sampling, small beside what bends the curve."""
