"""A border of what can be trained in terms of ξ and ξ_b, fitted to the phase diagrams: L* = exp(a − b/ξ − c/ξ_b).

Logistic regression of "learnt" on 1/ξ, 1/ξ_b and ln L; L* is where half of the networks learn. Fitted to every second cell,
tested on the others and on the runs of this benchmark.
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
from ikun_sym.schemes.fan import Fan
from ikun_sym.schemes.for_network import weights_of

from .cells import CELLS
from .curves import WIDTH, neuron_of
from .judging import judged
from .protocol import Results
from .starts import STARTS

SWEEP = Path(__file__).with_name("border.csv")
DIAGRAMS = Path(__file__).parents[2] / "sweeps" / "diagrams"
TESTED = ("depth-gain", "depth-steps", "leak-steps", "rate-slope")
COMMAND = (
    "ikun sweep train --scheme lecun:k=7 --model mlp:depth=4,width=128 --surrogate atan:alpha=1 --steps 1 --loss membrane "
    "--epochs 30 --lr 0.002 --seeds 1 --target 0.8 --over surrogate.alpha=0.5,1,2,4 --over model.depth=6,10,14,20"
)
LEARNT = 0.5
"""Test accuracy from which on a network has learnt, as in the phase diagrams."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """ξ, ξ_b (layers), L, and whether such a network learnt."""

    reach: float
    coherence_reach: float
    layers: float
    learnt: bool


@dataclass(frozen=True, kw_only=True)
class Border:
    at_best: float
    information: float
    coherence: float

    def expects(self, point: Point) -> bool:
        loss = self.information / point.reach + self.coherence / point.coherence_reach
        return float(np.log(point.layers)) <= self.at_best - loss


def of_sweep(path: Path) -> list[Point]:
    """Cells of which theory says something: below the critical scale it does not."""
    with path.open(newline="") as stream:
        return [
            Point(
                reach=float(cell["theory reach"]),
                coherence_reach=float(cell["theory coherence_reach"]),
                layers=float(cell["theory layers"]),
                learnt=float(cell["test accuracy"]) >= LEARNT,
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


def fitted(points: Sequence[Point]) -> Border:
    """The ridge of 0.01 keeps the scale finite where all points are divided."""
    terms = np.array([[1.0, -1 / p.reach, -1 / p.coherence_reach, -np.log(p.layers)] for p in points])
    sign = np.array([1.0 if p.learnt else -1.0 for p in points])

    def loss(weights: np.ndarray) -> float:
        return float(np.logaddexp(0, -sign * (terms @ weights)).sum() + 0.01 * (weights[1:] ** 2).sum())

    found = minimize(loss, np.ones(4)).x
    best, information, coherence = (float(value) for value in found[:3] / found[3])
    return Border(at_best=best, information=information, coherence=coherence)


def errors(found: Border, points: Iterable[Point]) -> tuple[int, int, int]:
    """(learnt against expectation, did not learn against expectation, all)."""
    points = list(points)
    deeper = sum(p.learnt and not found.expects(p) for p in points)
    return deeper, sum(found.expects(p) and not p.learnt for p in points), len(points)


def said_of_border(results: Results) -> list[str]:
    cells = {name: of_sweep(DIAGRAMS / f"{name}.csv") for name in TESTED}
    found = fitted([point for some in cells.values() for point in some[::2]])
    parts = [(f"{name}, {said}", some[k::2]) for k, said in enumerate(("fitted", "left out")) for name, some in cells.items()]
    silent = of_sweep(SWEEP)
    parts += [("a read-out that does not fire", silent), ("cells of this page", of_runs(results))]
    deepest = {
        p.coherence_reach: max(q.layers for q in silent if q.learnt and q.coherence_reach == p.coherence_reach) for p in silent
    }
    return [
        "## A border, and why `trainable_depth` is not one",
        "",
        f"L* = {np.exp(found.at_best):.0f} · exp(−{found.information:.2f}/ξ − {found.coherence:.2f}/ξ_b) is where half of the "
        f"networks have learnt (test accuracy {LEARNT:g}), fitted to every second cell of the phase diagrams (digits, width "
        "128, 30 epochs, spikes of the last layer against the classes). β, the noise of finite width, is no part of it: it is "
        "the same in nearly all cells.",
        "",
        "| networks | learnt, though deeper than L* | did not, though no deeper | of |",
        "| --- | --- | --- | --- |",
        *("| " + " | ".join(map(str, (name, *errors(found, some)))) + " |" for name, some in parts),
        "",
        "It belongs to that read-out. Where the last layer does not fire (`validate/benchmarks/depth/border.csv`, made by",
        "",
        f"    {COMMAND}",
        "",
        "), coherence counts for much less: of 6, 10, 14 and 20 layers of one ξ, "
        f"{silent[0].reach:.2f}, the deepest that learnt have "
        + ", ".join(f"{layers:g} at ξ_b = {agree:.2f}" for agree, layers in deepest.items())
        + ". How that border moves with ξ no sweep says yet: so `trainable_depth` stays null.",
        "",
    ]
