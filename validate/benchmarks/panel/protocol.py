"""The protocol: the baseline to beat is chosen on seeds of its own, then compared with `initialise_` in pairs of other seeds.

A cell is a network and a task. Of every initialisation CHOOSING runs are made. The one besides ours with the best mean test
accuracy is the cell's baseline. Then ours, the baseline and the library's default are trained on PAIRS further seeds, the same
data in the same order for all three. The target of a cell is 90 % of the training accuracy that its baseline ended with while
it was chosen. Intervals hold together: the error 1 − CONFIDENCE is divided over cells and over accuracy and epochs.
A run counts as long as its initialisation does what it did: each row says the revision.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

import ikun_sym

from ...training.data import Data
from ...training.train import one_thread
from ...verdicts.rows import Rows, check_conditions
from .networks import NETWORKS
from .starts import DEFAULT, OURS, STARTS
from .tasks import TASKS
from .training import Outcome, seed_of, trained

CHOOSING, PAIRING = "choosing", "pair"
PURPOSES = (CHOOSING, PAIRING)
CONFIDENCE = 0.95
SHARE = 0.9
"""Of the baseline's training accuracy: the target."""

FIRST = 4

KEY = "network"
CONDITIONS = ("ikun", "torch", "base_seed")


@dataclass(frozen=True, kw_only=True)
class Extent:
    """`every`: one of so many cells; `choosing`, `pairs`: seeds of a cell."""

    every: int = 1
    choosing: int = 2
    pairs: int = 12


FULL, QUICK = Extent(), Extent(every=4, choosing=1, pairs=4)


@dataclass(frozen=True, order=True)
class Cell:
    network: str
    task: str

    def __str__(self) -> str:
        return f"{self.network}, {self.task}"


@dataclass(frozen=True, order=True)
class Job:
    cell: Cell
    start: str
    purpose: str
    index: int


@dataclass
class Results:
    """`runs`: what is known. `skipped`: networks and tasks that this machine has not, and why."""

    cells: tuple[Cell, ...]
    runs: dict[Job, Outcome] = field(default_factory=dict)
    skipped: tuple[str, ...] = ()

    def of(self, cell: Cell, start: str, purpose: str) -> dict[int, Outcome]:
        """By the number of the seed, without those that were refused."""
        return {
            job.index: run
            for job, run in self.runs.items()
            if (job.cell, job.start, job.purpose) == (cell, start, purpose) and not run.refused
        }

    def means(self, cell: Cell) -> dict[str, float]:
        """Mean test accuracy of each initialisation while the baseline was chosen, on seeds that all have."""
        found = {start: self.of(cell, start, CHOOSING) for start in STARTS.names()}
        found = {start: runs for start, runs in found.items() if runs}
        common = set[int].intersection(*map(set, found.values())) if found else set()
        return {start: statistics.mean(runs[index].accuracy for index in common) for start, runs in found.items() if common}

    def baseline(self, cell: Cell) -> str:
        """The best besides ours; "" if nothing is known."""
        means = {start: mean for start, mean in self.means(cell).items() if start != OURS}
        return max(means, key=lambda start: means[start], default="")

    def target(self, cell: Cell) -> float:
        runs = self.of(cell, self.baseline(cell), CHOOSING).values()
        return SHARE * statistics.mean(run.curve[-1] or 0.0 for run in runs)


def cells_of(extent: Extent, folder: str | None) -> tuple[tuple[Cell, ...], tuple[str, ...]]:
    """(those that this machine can run, why others are left out)."""
    tasks = {task.name: task.missing(folder) for task in TASKS}
    networks = {network.name: network.missing for network in NETWORKS}
    every = [Cell(network.name, task) for network in NETWORKS for task in network.tasks][:: extent.every]
    cells = tuple(cell for cell in every if not (networks[cell.network] or tasks[cell.task]))
    left = [cell for cell in every if cell not in cells]
    reasons = dict.fromkeys(networks[cell.network] or tasks[cell.task] for cell in left)
    return cells, tuple(reasons)


def jobs_of(results: Results, extent: Extent) -> Iterator[Job]:
    """Cell by cell the choice of the baseline and FIRST pairs, so that what is there of an interrupted run says something; then
    seed by seed. Baselines are asked for when they are known."""
    for cell in results.cells:
        for index in range(extent.choosing):
            for start in STARTS.names():
                yield Job(cell, start, CHOOSING, index)
        for index in range(min(FIRST, extent.pairs)):
            yield from _pair(results, cell, index)
    for index in range(FIRST, extent.pairs):
        for cell in results.cells:
            yield from _pair(results, cell, index)


def _pair(results: Results, cell: Cell, index: int) -> Iterator[Job]:
    for start in dict.fromkeys((OURS, results.baseline(cell), DEFAULT)):
        if start:
            yield Job(cell, start, PAIRING, index)


def carried_out(
    extent: Extent,
    *,
    folder: str | None,
    out: Path,
    resume: bool,
    seed: int = 0,
    seconds: float | None = None,
    part: tuple[int, int] = (0, 1),
    advance: Callable[[int, str], object] = lambda done, what: None,
) -> Results:
    """Run what the rows in `out` have not. `seconds`: no run is begun after so many. `part` (k, n): every n-th cell from the
    k-th, for n processes with folders of their own."""
    ends = float("inf") if seconds is None else time.monotonic() + seconds
    cells, skipped = cells_of(extent, folder)
    results = Results(cells=cells[part[0] :: part[1]], skipped=skipped)
    conditions: dict[str, Any] = dict(zip(CONDITIONS, (ikun_sym.__version__, str(torch.__version__), seed), strict=True))
    path = out / "rows.jsonl"
    rows = Rows(path, key=KEY, resume=resume, check=lambda row, line: check_conditions(path, row, conditions))
    try:
        results.runs |= dict(valid(rows.records))
        with one_thread():
            for job in jobs_of(results, extent):
                if job in results.runs:
                    continue
                if time.monotonic() >= ends:
                    break
                advance(len(results.runs), f"{job.cell}: {job.start}, {job.purpose} {job.index}")
                outcome = _run(job, folder, seed)
                rows.append(conditions | row_of(job, outcome))
                results.runs[job] = outcome
    finally:
        rows.close()
    return results


def _run(job: Job, folder: str | None, seed: int) -> Outcome:
    network, task = NETWORKS[job.cell.network], TASKS[job.cell.task]
    data = _data(task.name, folder, network.steps if task.steps > 1 else 1)
    return trained(network, task, STARTS[job.start], data, seed_of(seed, PURPOSES.index(job.purpose), job.index))


@lru_cache(maxsize=8)
def _data(task: str, folder: str | None, steps: int) -> Data:
    return TASKS[task].read(folder, steps)


def row_of(job: Job, outcome: Outcome) -> dict[str, Any]:
    words = {"network": job.cell.network, "task": job.cell.task}
    words |= {"start": job.start, "revision": STARTS[job.start].revision, "purpose": job.purpose, "seed": job.index}
    return words | outcome.to_dict()


def valid(records: Iterable[dict[str, Any]]) -> Iterator[tuple[Job, Outcome]]:
    """Without runs of starts that have been changed since, or are no longer. Rows of before say no revision: the first."""
    for row in records:
        if row["start"] in STARTS.names() and STARTS[row["start"]].revision == row.get("revision", 1):
            yield read_row(row)


def read_row(row: dict[str, Any]) -> tuple[Job, Outcome]:
    job = Job(Cell(row["network"], row["task"]), row["start"], row["purpose"], row["seed"])
    fields = ("accuracy", "refused", "seconds", "before")
    return job, Outcome(curve=tuple(row["curve"]), **{name: row[name] for name in fields})


def of_rows(records: Sequence[dict[str, Any]], extent: Extent = FULL) -> Results:
    """What is recorded, on whatever machine."""
    runs = dict(valid(records))
    known = {job.cell for job in runs}
    every = [Cell(network.name, task) for network in NETWORKS for task in network.tasks][:: extent.every]
    return Results(cells=tuple(cell for cell in every if cell in known), runs=runs)
