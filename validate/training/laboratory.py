"""Runs side by side, one process a core, each in the journal before it counts."""

from __future__ import annotations

import contextlib
import hashlib
import json
import multiprocessing
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

import ikun_sym
from ikun_sym.cores import cores
from ikun_sym.errors import IkunError

from ..engines.machine import keep_freed_memory
from ..verdicts.journal import ROWS
from ..verdicts.rows import Rows, check_conditions, read_rows
from .data import Data
from .outcome import Outcome
from .run import PURPOSES, trained
from .trial import Trial, said_by

UNFINISHED = "unfinished"
"""Folder of the states of interrupted runs."""


class TimeEnded(IkunError):
    """What was asked for needs runs for which there was no time. Those that were finished are in the journal."""


@dataclass(frozen=True)
class Job:
    trial: Trial
    index: int
    purpose: str = "pair"

    @property
    def key(self) -> str:
        return _key(self.trial.text, self.index, self.purpose)


def key_of(outcome: Outcome) -> str:
    """Of the job that it came from."""
    return _key(json.dumps(outcome.trial, sort_keys=True), outcome.seed, outcome.purpose)


def _key(trial: str, index: int, purpose: str) -> str:
    return f'[{trial}, {index}, "{purpose}"]'


Progress = Callable[[int, int, str], None]
"""Told (epochs finished in all processes, all epochs, what is running)."""


CONDITIONS = ("ikun", "torch", "device", "base_seed")
"""Words of a row that are the same in a whole run."""


def outcome_of(record: dict[str, Any]) -> Outcome:
    return Outcome.of({name: value for name, value in record.items() if name not in CONDITIONS})


def recorded_runs(path: Path) -> list[Outcome]:
    """Of a file of rows. Errors: it cannot be read; a line is no row of training."""
    if not path.is_file():
        raise IkunError(f"there is no file {str(path)!r}; name the rows.jsonl of a run")
    try:
        return [outcome_of(record) for record in read_rows(path, "purpose")]
    except (KeyError, TypeError, IndexError) as error:
        raise IkunError(f"{str(path)!r} holds rows that are none of ikun train ({type(error).__name__}: {error})") from None


def _plain(value: Any) -> Any:
    """Versions of torch are more than text."""
    return value if isinstance(value, int) else str(value)


class Laboratory:
    """`data`: by the trials' data and samples. `workers` None: one a core, on a GPU one. `out` None: no journal. `seconds`: no
    further run is begun after so many; None: no limit. `save`: keep the best weights of each run, under this folder."""

    def __init__(
        self,
        data: dict[tuple[str, int | None], Data],
        *,
        seed: int = 0,
        out: Path | None = None,
        resume: bool = False,
        workers: int | None = None,
        seconds: float | None = None,
        save: Path | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.data, self.seed, self.out, self.save = data, seed, out, save
        self.device = next(iter(data.values())).train.x.device
        self.workers = (cores() if workers is None else workers) if self.device.type == "cpu" else 1
        self.progress = progress or (lambda done, of, what: None)
        self._ends = float("inf") if seconds is None else time.monotonic() + seconds
        self._done: dict[str, Outcome] = {}
        self._rows: Rows | None = None
        values = ikun_sym.__version__, torch.__version__, self.device.type, seed
        self.conditions: dict[str, Any] = dict(zip(CONDITIONS, map(_plain, values), strict=True))
        if out is not None:
            path = out / ROWS
            self._rows = Rows(
                path, key="purpose", resume=resume, check=lambda row, line: check_conditions(path, row, self.conditions)
            )
            for outcome in map(outcome_of, self._rows.records):
                self._done[key_of(outcome)] = outcome
        self.recorded = len(self._done)

    @property
    def in_time(self) -> bool:
        return time.monotonic() < self._ends

    def close(self) -> None:
        if self._rows is not None:
            self._rows.close()
            with contextlib.suppress(OSError):
                (self.out / UNFINISHED).rmdir()  # type: ignore[operator]  # there is a folder where there are rows

    def outcomes(self, jobs: Iterable[Job]) -> dict[str, Outcome]:
        """By the job's key: those that are recorded, and those that time allows. Jobs are begun in their order."""
        jobs = list(jobs)
        missing = [job for job in jobs if job.key not in self._done]
        for job, outcome in self._made(missing):
            if self._rows is not None:
                self._rows.append(self.conditions | outcome.to_dict())
            self._done[job.key] = outcome
        return {job.key: self._done[job.key] for job in jobs if job.key in self._done}

    def _made(self, jobs: list[Job]) -> Iterator[tuple[Job, Outcome]]:
        whole, done = sum(job.trial.recipe.epochs for job in jobs), _Counter()
        if self.workers == 1 or len(jobs) < 2:
            for job in jobs:
                if not self.in_time:
                    return
                yield job, self.trained(job, lambda job=job: self.progress(done.add(), whole, _said(job)))
            return
        yield from self._in_processes(jobs, whole, done)

    def _in_processes(self, jobs: list[Job], whole: int, done: _Counter) -> Iterator[tuple[Job, Outcome]]:
        """A new run whenever a process is free and there is time."""
        waiting, running = iter(jobs), dict[Future[Outcome], Job]()
        _SHARED[:] = [self, done]
        # Forked, the processes share the data. Where that is not safe they get a copy.
        context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
        count = min(self.workers, len(jobs))
        shared = () if sys.platform == "linux" else (self._bare(), done)
        with ProcessPoolExecutor(count, mp_context=context, initializer=_begin, initargs=shared) as pool:
            try:
                while True:
                    while len(running) < count and self.in_time and (job := next(waiting, None)) is not None:
                        running[pool.submit(_trained, job)] = job
                    if not running:
                        return
                    finished, _ = wait(running, timeout=0.5, return_when=FIRST_COMPLETED)
                    self.progress(done.value, whole, _said(next(iter(running.values()))))
                    for future in finished:
                        yield running.pop(future), future.result()
            except BrokenProcessPool:
                raise IkunError(
                    "a process that trained was killed, as systems do where memory is short; runs that are finished are kept: "
                    "--resume continues, IKUN_CORES=1 needs least"
                ) from None
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                for child in multiprocessing.active_children():
                    child.terminate()
                raise

    def _bare(self) -> Laboratory:
        """Without what a process cannot be given."""
        return Laboratory(self.data, seed=self.seed, workers=1, save=self.save)

    def trained(self, job: Job, advance: Callable[[], object]) -> Outcome:
        name = hashlib.sha256(job.key.encode()).hexdigest()[:16]
        weights = None
        if self.save is not None and job.purpose == PURPOSES[0]:
            weights = (
                self.save / f"{job.trial.scheme.replace(':', '-')}-{job.trial.recipe.optimizer}-{job.index}-{name}.safetensors"
            )
        with said_by(job.trial, f"while it was trained ({_said(job)}); runs that are finished are kept, for --resume"):
            return trained(
                job.trial,
                self.data[job.trial.data, job.trial.samples],
                seed=self.seed,
                index=job.index,
                purpose=job.purpose,
                state=None if self.out is None else self.out / UNFINISHED / f"{name}.pt",
                weights=weights,
                advance=advance,
            )


class _Counter:
    """Epochs that are finished in all processes."""

    def __init__(self) -> None:
        self._count = multiprocessing.Value("l", 0)

    def add(self) -> int:
        with self._count.get_lock():
            self._count.value += 1
            return self._count.value

    @property
    def value(self) -> int:
        return self._count.value


_SHARED: list[Any] = []
"""In a process of its own: the laboratory, and the counter."""


def _begin(*shared: Any) -> None:
    torch.set_num_threads(1)
    keep_freed_memory()
    if shared:
        _SHARED[:] = shared


def _trained(job: Job) -> Outcome:
    laboratory, done = _SHARED
    return laboratory.trained(job, done.add)


def _said(job: Job) -> str:
    return f"{job.trial.scheme}, {job.purpose} {job.index}"
