"""The infinite-width prediction for deep spiking networks over any number of steps, with standard errors. Here: dense
networks; `architectures` has the others.

Forward, layer by layer: the covariance of the currents gives that of the spikes, which gives the next layer's currents.
Backward: see backward.py. What has no closed form is sampled with `randomisations` independent scrambled Sobol sequences
of `samples` points; each runs the *whole* recursion on its own, forward and backward, and what is reported is the mean of
the runs and its standard error, so that an error made in one layer is carried through all later ones. Gradients are
averaged as logarithms, for over many layers they span orders of magnitude.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..catalogue.architectures import Dense
from ..cores import cores
from ..errors import DomainError, IkunError
from .backward import Gradients, descend
from .convergence import at_fixed_point
from .covariance import Floats, normal_points
from .infinite_network import TimeModel
from .layer_law import SampledLaw, exact_backward, exact_forward, law
from .neuron_sample import Steps
from .prediction import Recursions, TimePrediction, collect

SAMPLES = 2**15
RANDOMISATIONS = 8

MEMORY = 2**28
"""Sampled numbers held at a time, over all randomisations: 1 GiB of float32."""


@dataclass(frozen=True, eq=False)
class Ascent:
    """`drives` [level][randomisation]: covariances of the currents; `steps` likewise. The last level is that of all further
    layers; `settled` says that it is a fixed point and not merely the last layer."""

    drives: list[list[Floats]]
    steps: list[list[Steps]]
    settled: bool


def predict(
    model: TimeModel,
    *,
    samples: int = SAMPLES,
    randomisations: int = RANDOMISATIONS,
    seed: int = 0,
    workers: int | None = None,
) -> TimePrediction:
    """Every layer's var_h, rate and grad_var. `samples` (a power of 2) per randomisation; `workers` threads, by default one
    per processor. The same seed gives the same numbers, whatever the number of workers."""
    found = run(model, samples=samples, randomisations=randomisations, seed=seed, workers=workers)
    return collect(model, found)


def run(model: TimeModel, *, samples: int, randomisations: int, seed: int, workers: int | None = None) -> Recursions:
    """The randomisations that a prediction is made of."""
    _check(model, samples, randomisations)
    if model.copied or not isinstance(model.topology, Dense):
        from .architectures import run_through, theory_of

        theory = theory_of(model.topology, model)
        _check_size(samples * theory.dimension * randomisations)
        how = {"samples": samples, "randomisations": randomisations, "seed": seed}
        return run_through(model, theory, **how, workers=workers or cores())
    runs = 1 if exact_forward(model) and exact_backward(model) else randomisations
    streams = [np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(runs)]
    with ThreadPoolExecutor(max_workers=min(runs, workers or cores())) as pool:

        def each(function: Callable[..., Any], *arguments: Sequence[Any]) -> list[Any]:
            return list(pool.map(function, *arguments))

        points = each(lambda stream: normal_points(samples, model.steps, stream).astype(np.float32), streams)
        laws = [law(model, p) for p in points]
        ascent = ascend(model, laws, each)
        by_run = list(zip(*ascent.drives, strict=True))
        gradients: list[Gradients] = each(lambda one, drives: descend(model, one, drives), laws, by_run)
    return Recursions(drives=ascent.drives, steps=ascent.steps, gradients=gradients, settled=ascent.settled, samples=samples)


def ascend(model: TimeModel, laws: Sequence[SampledLaw], each: Callable[..., list[Any]]) -> Ascent:
    """Layer by layer until the depth or a fixed point of all runs' mean is reached."""
    seconds = [model.input_second_moment] * len(laws)
    drives: list[list[Floats]] = []
    steps: list[list[Steps]] = []
    history: list[Floats] = []  # [runs, T, T] per level
    for _ in range(model.depth):
        drives.append([model.drive(second) for second in seconds])
        steps.append(each(lambda one, drive: one.steps(drive), laws, drives[-1]))
        seconds = [one.second for one in steps[-1]]
        history.append(np.array(seconds))
        if at_fixed_point(history):
            return Ascent(drives, steps, settled=True)
    return Ascent(drives, steps, settled=False)


def _check(model: TimeModel, samples: int, randomisations: int) -> None:
    if samples < 2 or samples & (samples - 1):
        raise DomainError("samples", samples, "a power of 2", "Sobol sequences are balanced at powers of 2")
    if randomisations < 2:
        raise DomainError("randomisations", randomisations, "at least 2", "the standard error is computed from them")
    _check_size(samples * model.steps * randomisations)


def _check_size(size: int) -> None:
    if size > MEMORY:
        raise IkunError(f"{size:g} sampled currents at once are not allowed; at most {MEMORY}: reduce samples")
