"""Ours beside the baseline of each cell, with simultaneous intervals."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...cases.intervals import UNKNOWN, Interval, reserved_mean_interval
from ...training.comparison import ratio_interval
from ...training.outcome import LOOKS
from ...verdicts.verdict import number
from .protocol import CONFIDENCE, PAIRING, PURPOSES, Cell, Results
from .starts import DEFAULT, OURS
from .tasks import TASKS

LOSS, SLOWER = 0.02, 0.10
"""A loss of more accuracy, or so many more epochs, would be a defeat."""

ALIVE = 2.0
"""A network has learnt something if its accuracy is above so many times chance."""

CLASSES = 10
BOTH = (OURS, DEFAULT)


@dataclass(frozen=True, kw_only=True)
class Judged:
    """`accuracy`: ours less the baseline's; `epochs`: ratio of restricted mean epochs to `target`, ours over the baseline's.
    `means`: of each initialisation while the baseline was chosen. `died`: runs of (ours, the library's default) that learnt
    nothing, of `runs` each."""

    cell: Cell
    baseline: str
    pairs: int
    target: float
    ours: float
    theirs: float
    default: float
    accuracy: Interval
    epochs: Interval
    means: dict[str, float]
    died: tuple[int, int]
    runs: int

    @property
    def verdict(self) -> str:
        """worse: surely; not worse: surely; else open."""
        known = self.accuracy.known and self.epochs.known
        if (self.accuracy.known and self.accuracy.high < -LOSS) or (self.epochs.known and self.epochs.low > 1 + SLOWER):
            return "worse"
        return "not worse" if known and self.accuracy.low > -LOSS and self.epochs.high < 1 + SLOWER else "open"

    @property
    def margin(self) -> float:
        """How far it is from a defeat, the nearer of accuracy and epochs, in units of what would be one."""
        epochs = (1 + SLOWER - self.epochs.value) / SLOWER if self.epochs.known else np.inf
        return min((self.accuracy.value + LOSS) / LOSS if self.accuracy.known else np.inf, float(epochs))

    def to_dict(self) -> dict[str, Any]:
        document = dict(vars(self)) | {"cell": vars(self.cell), "verdict": self.verdict, "rank": self.rank}
        document |= {name: number(document[name]) for name in ("target", "ours", "theirs", "default")}
        for name in ("accuracy", "epochs"):
            found: Interval = getattr(self, name)
            document[name] = {end: number(getattr(found, end)) for end in ("value", "low", "high")}
        return document

    @property
    def rank(self) -> float | None:
        """Of ours among all initialisations, 1 the best; equal ones share."""
        if OURS not in self.means:
            return None
        mine = self.means[OURS]
        return 1 + sum(v > mine for v in self.means.values()) + (sum(v == mine for v in self.means.values()) - 1) / 2


def judged(results: Results) -> list[Judged]:
    """The worst first."""
    cells = [cell for cell in results.cells if results.baseline(cell)]
    error = (1 - CONFIDENCE) / (2 * max(1, len(cells)))
    return sorted((_cell(results, cell, error) for cell in cells), key=lambda one: one.margin)


def _cell(results: Results, cell: Cell, error: float) -> Judged:
    baseline, target, budget = results.baseline(cell), results.target(cell), TASKS[cell.task].epochs
    ours, theirs, default = (results.of(cell, start, PAIRING) for start in (OURS, baseline, DEFAULT))
    common = sorted(ours.keys() & theirs.keys())
    times = [np.array([runs[index].epochs_to(target, budget) for index in common]) for runs in (ours, theirs)]
    difference = [ours[index].accuracy - theirs[index].accuracy for index in common]
    known = len(common) >= 2
    all_runs = {start: [run for purpose in PURPOSES for run in results.of(cell, start, purpose).values()] for start in BOTH}
    dead = [sum(run.accuracy <= ALIVE / CLASSES for run in all_runs[start]) for start in BOTH]
    return Judged(
        cell=cell,
        baseline=baseline,
        pairs=len(common),
        target=target,
        ours=_mean([ours[index].accuracy for index in common]),
        theirs=_mean([theirs[index].accuracy for index in common]),
        default=_mean([run.accuracy for run in default.values()]),
        accuracy=reserved_mean_interval(difference, error) if known else UNKNOWN,
        epochs=ratio_interval(times[0], times[1], error, 1 / LOOKS / 4) if known else UNKNOWN,
        means=results.means(cell),
        died=(dead[0], dead[1]),
        runs=len(all_runs[OURS]),
    )


def _mean(values: list[float]) -> float:
    return statistics.mean(values) if values else float("nan")


def mean_ranks(found: list[Judged]) -> dict[str, float]:
    """Over cells, of each initialisation among those that fit; one that does not fit has the last rank."""
    ranks: dict[str, list[float]] = {}
    names = {name for one in found for name in one.means}
    for one in found:
        for name in names:
            mine = one.means.get(name, -1.0)
            values = [one.means.get(other, -1.0) for other in names]
            ranks.setdefault(name, []).append(1 + sum(v > mine for v in values) + (sum(v == mine for v in values) - 1) / 2)
    return dict(sorted(((name, statistics.mean(r)) for name, r in ranks.items()), key=lambda item: item[1]))
