"""Rate-targeted critical initialisation over several steps: K from the stationary mean field, then the surrogate's slope.

K: the gain whose stationary rate, averaged over the steps, is p (`fixed_rate`). Slope: where the stationary factor of
Σ_t E[δH[t]²] from layer to layer is 1. That factor is the largest eigenvalue of G ↦ K_out Fᵀ E[A G Aᵀ] F (`gradient`). A is
upper triangular with f'(x[t]) on its diagonal, F lower triangular with λ on its: the map is triangular in (t, t'), its
eigenvalues are λ² K_out E[f'(x[t]) f'(x[t'])], and by Cauchy and Schwarz the largest is

    max over t of λ² K_out E[f'(H[t] − θ)²],

whatever the reset and whether it is detached. On the way there gradients of earlier layers grow first, by what time carries
from step to step: `log_transient` is by how much in the end (white loss).

Sampled with scrambled Sobol sequences: each of several runs solves the whole problem with its own, common to all gains and
slopes that it tries, and the runs' spread is the standard error.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ..catalogue.surrogate import Bound
from ..gaussian.moment import float_function
from ..mean_field.covariance import Floats, normal_points, square_root
from ..mean_field.infinite_network import TimeModel
from ..mean_field.layer_law import SampledLaw, law
from ..mean_field.neuron_sample import Array
from ..mean_field.transport import LONGEST_MATRIX
from .fixed_rate import FixedPoint, at_rate, forward_slope
from .slope import Slope, nearest_slope, slope_of

ENTRIES, FEWEST = 2**16, 2**10
"""Sampled neurons times steps in a run, and the least number of neurons."""

LONG = 16
"""Up to so many steps there are RUNS[0] runs, beyond RUNS[1]: their cost grows as T³."""

RUNS = (8, 4)

TOLERANCE = 1e-6
"""Of the slope within a run: where f' jumps, the factor is a step function of the slope, and nothing finer has a meaning."""

EXACT = 1e-14
"""The same at one step, where the factor has a closed form."""

SETTLED, DEEPEST = 1e-6, 2000
"""A layer that changes the logarithm by less ends the transient; DEEPEST layers at most."""

Progress = Callable[[int, int], None]
"""Called with the number of runs done and of all."""


@dataclass(frozen=True, kw_only=True)
class TimeDesign:
    """Means over the runs; `se`: their standard errors, by name. `rates`: per step. `log_transient`: None for steps beyond
    LONGEST_MATRIX, where it costs too much, or where it does not settle."""

    gain: float
    slope: float
    parameter: str
    bound: Bound
    sigma_h: float
    forward_slope: float
    rates: tuple[float, ...]
    log_transient: float | None
    se: dict[str, float]


def stationary_factor(slope: Array) -> float:
    """max over t of E[f'(x[t])²], from f' [T, samples]."""
    return float(np.square(slope, dtype=float).mean(axis=1).max())


def stationary_slope(
    slope: Slope, law: SampledLaw, point: FixedPoint, fan_ratio: float = 1.0, near: float | None = None
) -> float:
    """The slope nearest to the surrogate's own at which the stationary factor at `point` is 1; `near`: the one of other points
    sampled, if known. NoSolutionError if none does it."""
    model, points = law.model, law.points
    h, _ = model.dynamics.fire(square_root(point.drive).astype(points.dtype) @ points)
    x, scale = h - model.threshold, point.gain * fan_ratio * model.input_weight**2
    variance = model.dynamics.input_gain**2 * float(point.drive[0, 0])

    def factor(value: float) -> float:
        sharper = slope.at(value)
        if model.steps == 1:  # closed form
            return scale * float(float_function(sharper, "fprime", 2).expectation(-model.threshold, variance))
        return scale * stationary_factor(np.asarray(float_function(sharper, "fprime", 1)(x)))

    over = "" if model.steps == 1 else f" over {model.steps} steps"
    where, aim = f"surrogate {slope.bound.spec}{over}", "a stationary gradient factor of 1"
    closer = {} if near is None else {"start": near, "step": 1.02}
    return nearest_slope(slope, factor, aim, where, tolerance=EXACT if model.steps == 1 else TOLERANCE, **closer)


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


def design_over_time(
    rate: float, model: TimeModel, fan_ratio: float = 1.0, *, seed: int = 0, progress: Progress | None = None
) -> TimeDesign:
    """`model`: the neuron and its steps; its gain, depth, input and loss do not matter. Errors: as `fixed_rate.at_rate`, and
    a surrogate whose slope cannot do it."""
    slope = slope_of(model.bound)
    runs = RUNS[0] if model.steps <= LONG else RUNS[1]
    samples = max(FEWEST, 2 ** int(math.log2(ENTRIES / model.steps)))
    found: list[tuple[FixedPoint, dict[str, float]]] = []
    for index, child in enumerate(np.random.SeedSequence(seed).spawn(runs)):
        if progress:
            progress(index, runs)
        points = normal_points(samples, model.steps, np.random.default_rng(child)).astype(np.float32)
        near = found[0] if found else None
        found.append(_run(rate, slope, model, points, fan_ratio, near))
    if progress:
        progress(runs, runs)
    columns = {name: [values[name] for _, values in found] for name in found[0][1]}
    means = {name: float(np.mean(values)) for name, values in columns.items()}
    return TimeDesign(
        gain=means["n_var_w"],
        slope=means["slope"],
        parameter=slope.parameter,
        bound=slope.at(means["slope"]),
        sigma_h=means["sigma_h"],
        forward_slope=means["forward_slope"],
        rates=tuple(float(x) for x in np.mean([np.diag(point.second) for point, _ in found], axis=0)),
        log_transient=means["log_transient"] if math.isfinite(means["log_transient"]) else None,
        se={
            name: float(np.std(values, ddof=1) / math.sqrt(runs))
            for name, values in columns.items()
            if np.isfinite(values).all()
        },
    )


def _run(
    rate: float,
    slope: Slope,
    model: TimeModel,
    points: Array,
    fan_ratio: float,
    near: tuple[FixedPoint, dict[str, float]] | None,
) -> tuple[FixedPoint, dict[str, float]]:
    """The problem on one set of points, starting from the solution on another."""
    one = law(model, points)
    point = at_rate(one, rate, near[0] if near else None)
    value = stationary_slope(slope, one, point, fan_ratio, near[1]["slope"] if near else None)
    transient = math.nan
    if model.steps <= LONGEST_MATRIX:
        sharpened = replace(model, surrogate=slope.at(value))
        transient = log_transient(sharpened, points, point.drive, point.gain * fan_ratio)
    return point, {
        "n_var_w": point.gain,
        "slope": value,
        "sigma_h": math.sqrt(float(np.mean(point.steps.var_h))),
        "forward_slope": forward_slope(one, point),
        "log_transient": transient,
    }
