"""The protocol: so many seeds of each initialisation in each cell, all with one learning rate.

A run ends early, and counts as never, where its training accuracy has stayed below CHANCE over its first PATIENCE epochs: with
ten classes a network that answers the same to every input is right in a tenth. The test part is looked at once, at the end.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

import ikun_sym

from ...training.data import Data, load_data
from ...training.laboratory import UNFINISHED
from ...training.outcome import Look, Outcome
from ...training.run import trained
from ...training.train import one_thread
from ...verdicts.rows import Rows, check_conditions
from .cells import CELLS
from .curves import CURVES, Layers, layers_of
from .starts import STARTS

CHANCE, PATIENCE = 0.15, 8

KEY = "cell"
CONDITIONS = ("ikun", "torch", "base_seed")


@dataclass(frozen=True, kw_only=True)
class Extent:
    """`cells`, `starts`: which; `seeds`: at most so many of each."""

    cells: tuple[str, ...]
    starts: tuple[str, ...]
    seeds: int = 1000

    def only(self, cells: Sequence[str], starts: Sequence[str]) -> Extent:
        """Of these cells and initialisations, where any are named. Error: an unknown name."""
        named = tuple(CELLS[name].name for name in cells), tuple(STARTS[name].name for name in starts)
        return replace(self, cells=named[0] or self.cells, starts=named[1] or self.starts)


FULL = Extent(cells=tuple(CELLS.names()), starts=tuple(STARTS.names()))
QUICK = Extent(cells=("digits-20",), starts=("copy", "critical"), seeds=3)


@dataclass(frozen=True, order=True)
class Job:
    cell: str
    start: str
    index: int


@dataclass(frozen=True, kw_only=True)
class Row:
    """`accuracy`: on the test part, of the last weights; `curve`: training accuracy at the end of each epoch. `ended`: why so
    early, "" if not. `layers`: before training, of the first seeds. `seconds`: of processor time."""

    accuracy: float
    train_accuracy: float
    curve: tuple[float, ...]
    ended: str = ""
    layers: Layers = field(default_factory=dict)
    seconds: float = 0.0


@dataclass
class Results:
    """`skipped`: cells that this machine cannot run, and why."""

    runs: dict[Job, Row] = field(default_factory=dict)
    skipped: tuple[str, ...] = ()

    def of(self, cell: str, start: str) -> list[Row]:
        """By the number of the seed."""
        return [row for job, row in sorted(self.runs.items()) if (job.cell, job.start) == (cell, start)]


def never(curve: list[Look]) -> str:
    """Why a run has no further epoch."""
    ends = [look["train_accuracy"] for look in curve if look["validation_accuracy"] is not None]
    if len(ends) < PATIENCE or max(ends) >= CHANCE:
        return ""
    return f"training accuracy below {CHANCE:g} over {PATIENCE} epochs"


def jobs_of(extent: Extent) -> Iterator[Job]:
    """Seed by seed, so that what is there of an interrupted run says something of every cell."""
    cells, starts = [c for c in CELLS if c.name in extent.cells], [s for s in STARTS if s.name in extent.starts]
    for index in range(min(extent.seeds, max(max(cell.seeds.values()) for cell in cells))):
        for start in starts:
            for cell in cells:
                if index < cell.seeds.get(start.name, 0):
                    yield Job(cell.name, start.name, index)


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
    """Run what the rows in `out` have not. `seconds`: no run is begun after so many. `part` (k, n): seeds k, k + n, …, for n
    processes with folders of their own."""
    ends = float("inf") if seconds is None else time.monotonic() + seconds
    absent = [cell.name for cell in CELLS if cell.name in extent.cells and cell.needs_folder and folder is None]
    results = Results(skipped=tuple(f"{name}: neither --data-dir nor $IKUN_DATA names a folder" for name in absent))
    conditions: dict[str, Any] = dict(zip(CONDITIONS, (ikun_sym.__version__, str(torch.__version__), seed), strict=True))
    path = out / "rows.jsonl"
    rows = Rows(path, key=KEY, resume=resume, check=lambda row, line: check_conditions(path, row, conditions))
    try:
        results.runs |= dict(map(read_row, rows.records))
        with one_thread():
            for job in jobs_of(extent):
                if job in results.runs or job.cell in absent or job.index % part[1] != part[0]:
                    continue
                if time.monotonic() >= ends:
                    break
                advance(len(results.runs), f"{job.cell}: {job.start}, seed {job.index}")
                row = _run(job, folder, seed, out / UNFINISHED)
                rows.append(conditions | row_of(job, row))
                results.runs[job] = row
    finally:
        rows.close()
    return results


def _run(job: Job, folder: str | None, seed: int, states: Path) -> Row:
    trial = CELLS[job.cell].trial(STARTS[job.start])
    data = _data(trial.data, trial.samples, folder, trial.recipe.steps)
    state = states / f"{job.cell}-{job.start}-{job.index}.pt"
    layers = layers_of(trial, data, seed=seed, index=job.index) if job.index < CURVES else {}
    return row_from(trained(trial, data, state=state, give_up=never, seed=seed, index=job.index), layers)


def row_from(outcome: Outcome, layers: Layers) -> Row:
    ends = [look for look in outcome.curve if look["validation_accuracy"] is not None]
    return Row(
        accuracy=round(outcome.test_accuracy or 0.0, 4),
        train_accuracy=round(outcome.train_accuracy, 4),
        curve=tuple(round(look["train_accuracy"], 4) for look in ends),
        ended=outcome.health,
        layers=layers,
        seconds=round(outcome.seconds, 1),
    )


@lru_cache(maxsize=8)
def _data(name: str, samples: int | None, folder: str | None, steps: int) -> Data:
    return load_data(name, folder=folder, steps=steps).only(samples)


def row_of(job: Job, row: Row) -> dict[str, Any]:
    return vars(job) | vars(row) | {"curve": list(row.curve)}


def read_row(record: dict[str, Any]) -> tuple[Job, Row]:
    job = Job(*(record[name] for name in ("cell", "start", "index")))
    names = ("accuracy", "train_accuracy", "ended", "layers", "seconds")
    return job, Row(curve=tuple(record["curve"]), **{name: record[name] for name in names})


def of_rows(records: Sequence[dict[str, Any]]) -> Results:
    """What is recorded, on whatever machine."""
    return Results(runs=dict(map(read_row, records)))
