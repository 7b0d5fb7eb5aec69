"""The prediction of any architecture that states a recursion: all layers forward, all layers back, for each randomisation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import NoSolutionError
from ..backward import SETTLED, Gradients
from ..convergence import at_fixed_point
from ..covariance import Floats, normal_points
from ..infinite_network import TimeModel
from ..neuron_sample import Steps
from ..prediction import Recursions
from .recursion import Adjoint, Passed, Recursion, Theory

Each = Callable[..., list[Any]]


@dataclass(frozen=True, eq=False)
class Descent:
    """One run's gradients, and by layer what of them differs over positions, relative to the last layer's total."""

    gradients: Gradients
    positions: list[dict[str, Floats]]


def run_through(model: TimeModel, theory: Theory, *, samples: int, randomisations: int, seed: int, workers: int) -> Recursions:
    """What layers show is averaged over positions; `positions` has that of each."""
    runs = 1 if theory.exact else randomisations
    streams = [np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(runs)]
    with ThreadPoolExecutor(max_workers=min(runs, workers)) as pool:

        def each(function: Callable[..., Any], *arguments: Sequence[Any]) -> list[Any]:
            return list(pool.map(function, *arguments))

        points = each(lambda stream: normal_points(samples, theory.dimension, stream).astype(np.float32), streams)
        recursions = [theory.make(model, p) for p in points]
        levels, settled = ascend(model, theory, recursions, each)
        by_run = list(zip(*levels, strict=True))
        descents: list[Descent] = each(lambda one, passed: descend(model, one, passed), recursions, by_run)
    drives = [[one.drive for one in level] for level in levels]
    steps: list[list[Steps]] = [[one.steps for one in level] for level in levels]
    return Recursions(
        drives=drives,
        steps=steps,
        gradients=[one.gradients for one in descents],
        settled=settled,
        samples=samples,
        positions=_positions(model, levels, descents),
    )


def ascend(model: TimeModel, theory: Theory, recursions: Sequence[Recursion], each: Each) -> tuple[list[list[Passed]], bool]:
    """[level][run], to the depth or a fixed point of all runs' mean among layers that are alike."""
    states = [one.start() for one in recursions]
    levels: list[list[Passed]] = []
    history: list[Floats] = []
    for number in range(1, model.depth + 1):
        found = each(lambda one, state, number=number: one.forward(number, state), recursions, states)
        levels.append([passed for passed, _ in found])
        states = [state for _, state in found]
        if theory.special is not None and number > theory.special:
            history.append(np.array(states))
            if at_fixed_point(history):
                return levels, True
    return levels, False


def descend(model: TimeModel, recursion: Recursion, levels: Sequence[Passed]) -> Descent:
    """From the last layer to the first, in log scale; `levels`: the first layers, the last of them that of all further ones."""
    log_total, shares = np.full(model.depth, -np.inf), np.zeros((model.depth, model.steps, model.steps))
    positions: list[dict[str, Floats]] = [{} for _ in range(model.depth)]
    state, log_scale = recursion.loss(), 0.0
    adjoint: Adjoint | None = None
    known, layer = -1, model.depth - 1
    while layer >= 0:
        level = min(layer, len(levels) - 1)
        if adjoint is None or level != known:
            adjoint, known = levels[level].adjoint(), level
        with np.errstate(over="ignore", invalid="ignore"):  # refused below
            carried, raw, places = adjoint(state)
        total = float(np.trace(carried))
        if not np.isfinite(total) or not np.isfinite(raw).all():
            raise NoSolutionError(
                f"{model.neuron.surrogate.spec}, {model.steps} steps",
                "within one layer gradients grow beyond float64",
                "detach the reset, take fewer steps or a flatter surrogate",
            )
        if not total > 0:
            break
        log_total[layer], shares[layer] = log_scale + np.log(total), carried / total
        positions[layer] = {name: values / total for name, values in places.items()}
        size = float(np.abs(raw).max())
        if not size > 0:
            break
        below, grown = raw / size, float(np.log(size))
        first_alike = len(levels) - 1
        if layer > first_alike and below.shape == state.shape and np.abs(below - state).max() <= SETTLED:
            # an eigenvector of the layer's map: all layers alike multiply it by the same factor
            for further in range(first_alike, layer):
                log_total[further] = log_total[layer] + grown * (layer - further)
                shares[further], positions[further] = shares[layer], positions[layer]
            log_scale, layer = log_scale + grown * (layer - first_alike), first_alike
        state, log_scale, layer = below, log_scale + grown, layer - 1
    return Descent(Gradients(log_total=log_total, shares=shares), positions)


def _positions(model: TimeModel, levels: list[list[Passed]], descents: list[Descent]) -> tuple[dict[str, Floats], ...]:
    """By layer, means over the runs. `grad_var` is relative to its own layer's mean over positions, summed over the steps."""
    found = []
    for index in range(model.depth):
        level = levels[min(index, len(levels) - 1)]
        entry = {name: np.mean([one.positions[name] for one in level], axis=0) for name in level[0].positions}
        for name in descents[0].positions[index]:
            entry[name] = np.mean([one.positions[index][name] for one in descents if name in one.positions[index]], axis=0)
        found.append(entry)
    return tuple(found)
