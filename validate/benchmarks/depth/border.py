"""The border of what can be trained, in terms of ξ and ξ_b: `ikun_sym.mean_field.information.trainable`, fitted and tested.

Logistic regression of "learnt" on 1/ξ, 1/ξ_b, ln L and whether the read-out fires; L* is where half of the networks learn. What
is fitted: every second cell of the phase diagrams, whose read-out fires, and of `border.csv`, a sweep of `ikun train` with one
that does not, to which L* belongs. What it is tested on: the other cells, and the runs of this benchmark.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from ikun_sym.errors import IkunError
from ikun_sym.mean_field.infinite_network import TimeModel
from ikun_sym.mean_field.information import information
from ikun_sym.mean_field.information.trainable import AT_BEST, FIRING, OF_COHERENCE, OF_INFORMATION, border
from ikun_sym.schemes.fan import Fan
from ikun_sym.schemes.for_network import weights_of

from .cells import CELLS
from .curves import WIDTH, neuron_of
from .judging import judged
from .protocol import Results
from .starts import STARTS

HERE = Path(__file__).parent
SWEEP = HERE / "border.csv"
DIAGRAMS = HERE.parents[1] / "sweeps" / "diagrams"
TESTED = ("depth-gain", "depth-steps", "leak-steps", "rate-slope")
COMMAND = (
    "ikun sweep train --scheme lecun:k=7 --model mlp:depth=4,width=128 --surrogate atan:alpha=1 --steps 1 --loss membrane "
    "--epochs 30 --lr 0.002 --seeds 1 --target 0.8 --over surrogate.alpha=0.5,1,1.5,2,3,4 --over model.depth=6,10,14,20"
)
LEARNT = 0.5
"""Test accuracy from which on a network has learnt, as in the phase diagrams."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """ξ, ξ_b (layers), L, and whether such a network learnt. `fires`: its read-out."""

    reach: float
    coherence_reach: float
    layers: float
    learnt: bool
    fires: bool = False

    @property
    def expected(self) -> bool:
        return self.layers <= border(self.reach, self.coherence_reach) * (FIRING if self.fires else 1.0)


def of_sweep(path: Path, fires: bool = False) -> list[Point]:
    """Cells of which theory says something: below the critical scale it does not."""
    with path.open(newline="") as stream:
        return [
            Point(
                reach=float(cell["theory reach"]),
                coherence_reach=float(cell["theory coherence_reach"]),
                layers=float(cell["theory layers"]),
                learnt=float(cell["test accuracy"]) >= LEARNT,
                fires=fires,
            )
            for cell in csv.DictReader(stream)
            if cell["state"] == "done" and cell["theory reach"] and cell["theory coherence_reach"]
        ]


def of_runs(results: Results) -> list[Point]:
    """Dense cells at one step, by their mean accuracy."""
    found = []
    for one in judged(results):
        start, cell = STARTS[one.start], CELLS[one.cell.name]
        if start.theory and cell.name.startswith("digits") and (said := _depths(start.name, cell.name)) is not None:
            found.append(Point(reach=said[0], coherence_reach=said[1], layers=cell.depth, learnt=one.mean >= LEARNT))
    return found


@lru_cache(maxsize=32)
def _depths(start: str, cell: str) -> tuple[float, float] | None:
    trial = CELLS[cell].trial(STARTS[start])
    try:
        fields = neuron_of(trial, weights_of(trial.scheme, Fan(WIDTH, WIDTH), trial.neuron).fields)
    except IkunError:
        return None
    said = information(TimeModel(input_rate=0.2, **fields))
    return None if said.reach is None or said.coherence_reach is None else (said.reach, said.coherence_reach)


def fitted(points: Sequence[Point]) -> tuple[float, float, float, float]:
    """AT_BEST, OF_INFORMATION, OF_COHERENCE, FIRING: the ridge of 0.01 keeps the scale finite where all points are divided."""
    terms = np.array([[1.0, -1 / p.reach, -1 / p.coherence_reach, p.fires, -np.log(p.layers)] for p in points])
    sign = np.array([1.0 if p.learnt else -1.0 for p in points])

    def loss(weights: np.ndarray) -> float:
        return float(np.logaddexp(0, -sign * (terms @ weights)).sum() + 0.01 * (weights[1:] ** 2).sum())

    found = minimize(loss, np.ones(5)).x
    best, information, coherence, fires = (float(value) for value in found[:4] / found[4])
    return best, information, coherence, float(np.exp(fires))


def all_cells() -> dict[str, list[Point]]:
    """By the sweep: those of a read-out that fires, and ours."""
    return {name: of_sweep(DIAGRAMS / f"{name}.csv", fires=True) for name in TESTED} | {"border": of_sweep(SWEEP)}


def errors(points: Iterable[Point]) -> tuple[int, int, int]:
    """(learnt against expectation, did not learn against expectation, all)."""
    points = list(points)
    deeper = sum(p.learnt and not p.expected for p in points)
    return deeper, sum(p.expected and not p.learnt for p in points), len(points)


def said_of_border(results: Results) -> list[str]:
    cells = all_cells()
    parts = [(f"{name}, {said}", some[k::2]) for k, said in enumerate(("fitted", "left out")) for name, some in cells.items()]
    parts.append(("runs of this page", of_runs(results)))
    rows = [(name, *errors(some)) for name, some in parts]
    return [
        "## `trainable_depth`",
        "",
        f"The border L* = {np.exp(AT_BEST):.3g} · exp(−{OF_INFORMATION:g}/ξ − {OF_COHERENCE:g}/ξ_b) of `ikun meanfield` and "
        f"`ikun diagnose`, at which half of the networks have learnt (test accuracy {LEARNT:g}). Fitted to every second cell "
        "of the phase diagrams and of a sweep with a read-out that does not fire (`validate/benchmarks/depth/border.csv`),",
        "",
        f"    {COMMAND}",
        "",
        f"It belongs to that read-out; where the read-out fires, L* is {FIRING:g} times as large. β, the noise of finite "
        "width, is no part of it: widths are 128 and 256. Adam, 30 or 40 epochs.",
        "",
        "| networks | learnt, though deeper than L* | did not, though no deeper | of |",
        "| --- | --- | --- | --- |",
        *("| " + " | ".join(map(str, one)) + " |" for one in rows),
        "",
    ]
