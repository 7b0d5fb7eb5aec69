"""Rate-targeted critical initialisation over several steps: K from the stationary mean field, then the surrogate's slope, or
its amplitude.

K: the gain whose stationary rate, averaged over the steps, is p (`fixed_rate`). Slope: where the stationary factor of
Σ_t E[δH[t]²] from layer to layer is 1. That factor is the largest eigenvalue of G ↦ K_out Fᵀ E[A G Aᵀ] F (`backward`). A is
upper triangular with f'(x[t]) on its diagonal, F lower triangular with λ on its: the map is triangular in (t, t'), its
eigenvalues are λ² K_out E[f'(x[t]) f'(x[t'])], and by Cauchy and Schwarz the largest is

    max over t of λ² K_out E[f'(H[t] − θ)²],

whatever the reset and the second state, and whether the reset is detached. f' times an amplitude A multiplies it by A²: with
the surrogate's slope as it is, A = 1/√factor keeps the gradient as well (amplitude "unit"). On the way there gradients of
earlier layers grow first, by what time carries from step to step: `log_transient` is by how much in the end (white loss).

Sampled with scrambled Sobol sequences: each of several runs solves the whole problem with its own, common to all gains and
slopes that it tries, and the runs' spread is the standard error.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from scipy.special import ndtri

from ..catalogue.surrogate import AMPLITUDE, Bound
from ..errors import DomainError, NoSolutionError
from ..gaussian.moment import float_function
from ..mean_field.covariance import Floats, normal_points, square_root
from ..mean_field.infinite_network import TimeModel
from ..mean_field.layer_law import SampledLaw, law
from ..mean_field.neuron_sample import Array
from ..mean_field.transport import LONGEST_MATRIX
from ..reading.neuron import Neuron
from ..reading.surrogate_spec import resolve
from .fixed_rate import REACHED, FixedPoint, at_rate, forward_slope, lowest_stable_rate
from .root import rising_root
from .slope import Slope, nearest_slope, slope_for_moment, slope_of

ENTRIES, FEWEST = 2**16, 2**10
"""Sampled neurons times steps in a run, and the least number of neurons."""

LONG = 16
"""Up to so many steps there are RUNS[0] runs, beyond RUNS[1]: their cost grows as T³."""

RUNS = (8, 4)

TOLERANCE = 1e-6
"""Of the slope within a run: where f' jumps, the factor is a step function of the slope, and nothing finer has a meaning."""

GAINS = 25.0
"""Logarithms of gains, above and below 0, that are searched for a given input."""

NORMAL_QUANTILES = ndtri((np.arange(4096) + 0.5) / 4096)
"""Points for a mean over N(0, 1)."""

SETTLED, DEEPEST = 1e-6, 2000
"""A layer that changes the logarithm by less ends the transient; DEEPEST layers at most."""

Progress = Callable[[int, int], None]
"""Called with the number of runs done and of all."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RateTarget:
    """The stationary state in which a neuron fires at `rate`, averaged over its steps: `gain` K = fan_in · Var(W), `rates` by
    step, σ_H² the mean of the steps' Var(H), `forward_slope` as `fixed_rate.forward_slope`. Means over the runs, whose states
    are `points`; `se`: standard errors by name, none at one step, which is exact."""

    rate: float
    steps: int
    gain: float
    rates: tuple[float, ...]
    sigma_h: float
    forward_slope: float
    se: dict[str, float]
    points: tuple[FixedPoint, ...]
    seed: int


@dataclass(frozen=True, kw_only=True)
class SlopeTarget:
    """The surrogate with which the gradient keeps its size there. `slope`: None where its amplitude was chosen instead, and
    `parameter` says which of both. `log_transient`: None at one step, for steps beyond LONGEST_MATRIX, where it costs too much,
    and where it does not settle."""

    slope: float | None
    parameter: str
    bound: Bound
    log_transient: float | None
    se: dict[str, float]


def stationary_factor(slope: Array) -> float:
    """max over t of E[f'(x[t])²], from f' [T, samples]."""
    return float(np.square(slope, dtype=float).mean(axis=1).max())


def factor_of(law: SampledLaw, drive: Floats, gain_out: float) -> Callable[[Bound], float]:
    """The stationary factor under currents of covariance `drive`, of a surrogate."""
    model, points = law.model, law.points
    scale = gain_out * model.input_weight**2
    if model.steps == 1:  # closed form
        variance = model.dynamics.input_gain**2 * float(drive[0, 0])
        return lambda bound: scale * float(float_function(bound, "fprime", 2).expectation(-model.neuron.threshold, variance))
    h, _, level = model.dynamics.fire(square_root(drive).astype(points.dtype) @ points)
    x = h - level
    return lambda bound: scale * stationary_factor(np.asarray(float_function(bound, "fprime", 1)(x)))


def stationary_slope(
    slope: Slope, law: SampledLaw, point: FixedPoint, fan_ratio: float = 1.0, near: float | None = None
) -> float:
    """The slope nearest to the surrogate's own at which the stationary factor at `point` is 1; `near`: the one of other points
    sampled, if known. NoSolutionError if none does it."""
    model = law.model
    if model.steps == 1:
        variance, scale = (
            model.dynamics.input_gain**2 * float(point.drive[0, 0]),
            point.gain * fan_ratio * model.input_weight**2,
        )
        return slope_for_moment(slope, model.neuron.threshold, 1 / scale, variance=variance)
    of = factor_of(law, point.drive, point.gain * fan_ratio)

    def factor(value: float) -> float:
        return of(slope.at(value))

    where, aim = f"surrogate {slope.bound.spec} over {model.steps} steps", "a stationary gradient factor of 1"
    closer = {} if near is None else {"start": near, "step": 1.02}
    return nearest_slope(slope, factor, aim, where, tolerance=TOLERANCE, **closer)


def gradient_factor(neuron: Neuron, target: RateTarget, slope: Callable[[Array], Array] | None = None) -> float:
    """By what E[δ²] is multiplied per layer in the target's state, fan_out = fan_in, with the neuron's surrogate as it is;
    `slope`: f', if it is another function."""
    fprime = slope or float_function(neuron.surrogate, "fprime", 1)
    found = []
    for law_, point in zip(laws_of(neuron, target.steps, target.seed), target.points, strict=True):
        model = law_.model
        if target.steps == 1:  # normal quantiles: f' may be any function
            deviation = abs(model.dynamics.input_gain) * math.sqrt(float(point.drive[0, 0]))
            x = deviation * NORMAL_QUANTILES[None, :] - neuron.threshold
        else:
            h, _, level = model.dynamics.fire(square_root(point.drive).astype(law_.points.dtype) @ law_.points)
            x = h - level
        found.append(point.gain * model.input_weight**2 * stationary_factor(np.asarray(fprime(x))))
    return float(np.mean(found))


def log_transient(model: TimeModel, points: Array, drive: Floats, gain_out: float) -> float:
    """By how much Σ_t E[δH²] has grown, beyond its stationary factor, infinitely many layers below a white loss (NaN if it has
    not settled after DEEPEST layers)."""
    one = law(model, points)
    transport, through = one.transport(drive), model.dynamics.input_gain * model.filter
    stationary = gain_out * model.input_weight**2 * stationary_factor(one.trajectory(drive).slope)
    carried, total = transport.apply(np.eye(model.steps)), 0.0
    for _ in range(DEEPEST):
        g = gain_out / stationary * through.T @ carried @ through / np.trace(carried)
        carried = transport.apply(g)
        growth = math.log(float(np.trace(carried)))
        total += growth
        if abs(growth) <= SETTLED:
            return total
    return math.nan


def _forward(neuron: Neuron) -> Neuron:
    """What the spikes depend on: the same neuron with the surrogate and the detachment of all."""
    return replace(neuron, surrogate=_ANY, detach=True)


_ANY = resolve("linear")


@lru_cache(maxsize=8)
def _points(steps: int, seed: int) -> tuple[Array, ...]:
    """Those of each run: the same for all neurons, so that what is found is a function of the neuron."""
    if steps == 1:
        return (np.zeros((1, 2), dtype=np.float32),)  # not looked at
    runs = RUNS[0] if steps <= LONG else RUNS[1]
    samples = max(FEWEST, 2 ** int(math.log2(ENTRIES / steps)))
    streams = np.random.SeedSequence(seed).spawn(runs)
    return tuple(normal_points(samples, steps, np.random.default_rng(one)).astype(np.float32) for one in streams)


def laws_of(neuron: Neuron, steps: int, seed: int = 0) -> list[SampledLaw]:
    """One for each run."""
    model = TimeModel(neuron=neuron, steps=steps)  # refuses numbers of steps that are none
    return [law(model, points) for points in _points(steps, seed)]


_TARGETS: dict[tuple[Neuron, int, float, int], RateTarget] = {}
MOST_TARGETS = 64
"""Networks repeat their layers: so many answers are remembered."""


def rate_target(neuron: Neuron, steps: int, rate: float, *, seed: int = 0, progress: Progress | None = None) -> RateTarget:
    """The gain at which this neuron over so many steps fires at `rate` layer after layer. Everything that asks "which weights
    for this rate" of a dense layer asks here. Errors: as `fixed_rate.at_rate`."""
    if not neuron.threshold > 0:
        raise DomainError("threshold", neuron.threshold, "a positive number", "at threshold 0 every neuron fires half the time")
    key = _forward(neuron), steps, rate, seed
    if key not in _TARGETS:
        if len(_TARGETS) >= MOST_TARGETS:
            _TARGETS.clear()
        _TARGETS[key] = _rate_target(*key, progress)
    return _TARGETS[key]


def _rate_target(neuron: Neuron, steps: int, rate: float, seed: int, progress: Progress | None) -> RateTarget:
    laws = laws_of(neuron, steps, seed)
    points: list[FixedPoint] = []
    for index, one in enumerate(laws):
        if progress:
            progress(index, len(laws))
        points.append(at_rate(one, rate, points[0] if points else None))
    found = {
        "n_var_w": [point.gain for point in points],
        "sigma_h": [math.sqrt(float(np.mean(point.steps.var_h))) for point in points],
        "forward_slope": [forward_slope(one, point) for one, point in zip(laws, points, strict=True)],
    }
    if progress:
        progress(len(laws), len(laws))
    return RateTarget(
        rate=rate,
        steps=steps,
        gain=float(np.mean(found["n_var_w"])),
        rates=tuple(float(x) for x in np.mean([np.diag(point.second) for point in points], axis=0)),
        sigma_h=float(np.mean(found["sigma_h"])),
        forward_slope=float(np.mean(found["forward_slope"])),
        se=_errors(found),
        points=tuple(points),
        seed=seed,
    )


@lru_cache(maxsize=MOST_TARGETS)
def slope_target(neuron: Neuron, target: RateTarget, fan_ratio: float = 1.0, *, transient: bool = False) -> SlopeTarget:
    """The neuron's surrogate with the slope at which Σ_t E[δH²] is multiplied by 1 per layer in the target's state, in the end;
    nearest to its own if there are several. Amplitude "unit": with the amplitude at which it is, the slope as it is.
    `transient`: by how much gradients grow before, too. Errors: a surrogate whose slope cannot do it."""
    family, given = None if neuron.surrogate.unit else slope_of(neuron.surrogate), neuron.surrogate.bare
    neuron = neuron if family else replace(neuron, surrogate=given)
    at, found, logs = given.times if family is None else family.at, [], []
    for one, point in zip(laws_of(neuron, target.steps, target.seed), target.points, strict=True):
        if family is None:
            found.append(unit_amplitude(factor_of(one, point.drive, point.gain * fan_ratio)(given), given))
        else:
            found.append(stationary_slope(family, one, point, fan_ratio, found[0] if found else None))
        if transient and 1 < target.steps <= LONGEST_MATRIX:
            model = replace(one.model, neuron=replace(neuron, surrogate=at(found[-1])))
            logs.append(log_transient(model, one.points, point.drive, point.gain * fan_ratio))
    value, grown = float(np.mean(found)), float(np.mean(logs)) if logs else math.nan
    return SlopeTarget(
        slope=None if family is None else value,
        parameter=AMPLITUDE.name if family is None else family.parameter,
        bound=at(value),
        log_transient=grown if math.isfinite(grown) else None,
        se=_errors({"amplitude" if family is None else "slope": found, "log_transient": logs}),
    )


def unit_amplitude(factor: float, bound: Bound) -> float:
    """A = 1/√factor, of a surrogate with that gradient factor at amplitude 1. Error: it is 0, or not finite."""
    if not 0 < factor < math.inf:
        where = f"surrogate {bound.spec}, amplitude 'unit'"
        raise NoSolutionError(where, f"its gradient factor is {factor:.3g}", "choose another surrogate or another slope")
    return 1 / math.sqrt(factor)


def sharpened(neuron: Neuron, target: RateTarget, fan_ratio: float = 1.0) -> str:
    """The SPEC of that surrogate as one would write it: the slope, or the amplitude, in six digits."""
    found = slope_target(neuron, target, fan_ratio)
    if found.slope is None:
        return found.bound.times(f"{float(found.bound.amplitude):.6g}").spec
    return slope_of(neuron.surrogate).at(float(f"{found.slope:.6g}")).spec


def gain_for_input(neuron: Neuron, steps: int, rate: float, second: Floats) -> float:
    """The gain at which an input of second moment `second` [T, T] makes this neuron fire at `rate`. Error: no gain does."""
    if steps == 1 and second[0, 0] > 0:
        return rate_target(neuron, 1, rate).gain * rate / float(second[0, 0])
    one = laws_of(_forward(neuron), steps, 0)[0]
    unit = one.model.filter @ second @ one.model.filter.T

    def excess(log_gain: float) -> float:
        return float(one.steps(math.exp(log_gain) * unit).rate.mean()) - rate

    found = rising_root(excess, 0.0, step=1.0, least=-GAINS, most=GAINS, close=1e-6, widen=1.0)
    if found is None or abs(excess(found)) > REACHED * rate:
        raise DomainError("rate", rate, "one that this neuron reaches with zero-mean weights")
    return math.exp(found)


@lru_cache(maxsize=MOST_TARGETS)
def lowest_rate(neuron: Neuron, steps: int) -> float:
    """The lowest stable rate of this neuron over so many steps, averaged over them."""
    return lowest_stable_rate(laws_of(neuron, steps, 0)[0])


def advisable_rate(neuron: Neuron, steps: int, rate: float) -> float:
    """`rate`, or if that is not stable, in two digits, a tenth above the lowest that is."""
    lowest = lowest_rate(_forward(neuron), steps)
    return rate if rate > lowest else math.ceil(110 * lowest) / 100


def _errors(found: dict[str, list[float]]) -> dict[str, float]:
    """Standard errors over the runs, where there are several and all have a value."""
    return {
        name: float(np.std(values, ddof=1) / math.sqrt(len(values)))
        for name, values in found.items()
        if len(values) > 1 and np.isfinite(values).all()
    }
