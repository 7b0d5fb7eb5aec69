"""`sweep`: one command over a grid, each cell journalled as it arrives; and what came of it."""

from __future__ import annotations

import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from ikun_sym import told
from ikun_sym.cores import cores
from ikun_sym.errors import IkunError, UnknownNameError
from ikun_sym.files import folder

from .axes import Axis
from .cell import DONE, FAILED, versions
from .grid import Cell, Grid, find_command, grid_of, parameters
from .journal import Journal

Progress = Callable[[dict[str, int]], None]
"""Told how many cells are done, failed, running, waiting."""


@dataclass(frozen=True, kw_only=True)
class Sweep(told.Result):
    """`rows`: of the cells in the order of the grid, None where one is missing."""

    shown = ("command", "axes", "counted")

    command: str
    axes: tuple[Axis, ...]
    cells_: tuple[Cell, ...] = field(repr=False)
    rows: tuple[dict[str, Any] | None, ...] = field(repr=False)

    @property
    def states(self) -> dict[str, int]:
        return {
            "done": len(self._in(DONE)),
            "failed": len(self._in(FAILED)),
            "missing": sum(row is None for row in self.rows),
        }

    @property
    def counted(self) -> str:
        return ", ".join(f"{count} {state}" for state, count in self.states.items())

    def pairs(self) -> list[tuple[Cell, dict[str, Any] | None]]:
        """Each cell with its row."""
        return list(zip(self.cells_, self.rows, strict=True))

    def _in(self, state: str) -> list[tuple[Cell, dict[str, Any]]]:
        return [(cell, row) for cell, row in self.pairs() if row is not None and row["state"] == state]

    @property
    def seed(self) -> Any:
        return self.cells_[0].flags.get("seed")

    def constant_flags(self) -> dict[str, Any]:
        """Those that no axis changes and that are set."""
        first, last = self.cells_[0].flags, self.cells_[-1].flags
        return {name: value for name, value in first.items() if value not in (None, ()) and last[name] == value}

    @property
    def cells(self) -> list[dict[str, Any]]:
        """The axes' values, and the keys of the command's own document."""
        return [_document(cell, row) for cell, row in self._in(DONE)]

    @property
    def failed(self) -> list[dict[str, Any]]:
        return [cell.values | {"reason": row["reason"]} for cell, row in self._in(FAILED)]

    @property
    def missing(self) -> list[dict[str, Any]]:
        return [cell.values for cell, row in self.pairs() if row is None]

    def listed(self) -> list[dict[str, Any]]:
        return self.cells

    def to_dict(self) -> dict[str, Any]:
        axes = [{"name": axis.name, "values": list(axis.values)} for axis in self.axes]
        own = {"cells": self.cells, "missing": self.missing, "failed": self.failed}
        return {"command": self.command, "axes": axes} | own


def _document(cell: Cell, row: dict[str, Any]) -> dict[str, Any]:
    return row["answer"] | cell.values | {"theory": row["theory"]}


def carried_out(
    grid: Grid,
    out: Path,
    *,
    resume: bool = False,
    workers: int | None = None,
    scheduler: str | None = None,
    progress: Progress | None = None,
) -> Sweep:
    """Compute what the journal in `out` lacks. Errors: those of the journal and of the cluster; no cell could be computed."""
    journal = Journal(out, grid, resume=resume)
    try:
        if journal.missing:
            _compute(journal, grid, cores() if workers is None else workers, scheduler, progress or (lambda states: None))
        journal.finish()
    finally:
        journal.close()
    return _checked(swept(grid, journal))


def swept(grid: Grid, journal: Journal) -> Sweep:
    return Sweep(command=grid.command, axes=grid.axes, cells_=tuple(grid.cells()), rows=journal.rows())


def _checked(found: Sweep) -> Sweep:
    if found.rows and len(found.failed) == len(found.rows):
        raise IkunError(f"no cell could be computed; the first one: {found.failed[0]['reason']}")
    return found


def _compute(journal: Journal, grid: Grid, workers: int, scheduler: str | None, progress: Progress) -> None:
    from .cluster import DEATHS, cluster

    waiting, alone = deque(journal.missing), deque[Cell]()
    done, failed = len(journal.states), journal.states.count(FAILED)
    with cluster(min(workers, len(waiting)), scheduler) as there:
        while waiting or alone or there.running:
            there.tend()
            for _ in range(min(there.room, len(waiting))):
                there.begin(grid.command, waiting.popleft())
            if alone and not (waiting or there.running):
                there.begin(grid.command, alone[0])
            finished = there.next()
            if finished is not None:
                cell, found = finished
                if found is None and not (alone and alone[0] is cell):
                    # A dead worker's cells are all blamed: each is tried once more when nothing else runs.
                    alone.append(cell)
                    continue
                if alone and alone[0] is cell:
                    alone.popleft()
                if found is None:
                    reason = f"{DEATHS + 1} workers died of it one after the other, killed or out of memory"
                    found = versions() | {"state": FAILED, "reason": reason, "seconds": None}
                journal.keep(cell, found)
                done, failed = done + 1, failed + (found["state"] == FAILED)
            progress({"done": done - failed, "failed": failed, "running": there.running, "waiting": len(waiting) + len(alone)})


def sweep(
    command: str,
    over: Mapping[str, Iterable[Any]] | Sequence[str],
    *,
    out: str | Path | None = None,
    resume: bool = False,
    workers: int | None = None,
    scheduler: str | None = None,
    **flags: Any,
) -> Sweep:
    """A grid of cases of a command, as `ikun sweep`.

    command: validate, meanfield or train. over: values by axis, a flag's name or flag.parameter ({"depth": [10, 20]}), or texts
    as of --over. out: folder of the journal; None: none is kept. scheduler: address of a running Dask scheduler. workers:
    processes; None: one a core. flags: those of the command, with `_` for `-`.
    Errors (IkunError): flags that the command has not, values that they do not take, a journal of another sweep.
    """
    found = find_command(command)
    if isinstance(over, Mapping):
        axes = [Axis.of(name, values) for name, values in over.items()]
    else:
        axes = [Axis.parse(text) for text in over]
    params, given = words_of(found, flags)
    grid = grid_of(command, axes, params, given)
    if out is not None:
        return carried_out(grid, folder(out), resume=resume, workers=workers, scheduler=scheduler)
    with tempfile.TemporaryDirectory() as kept:
        return carried_out(grid, Path(kept), workers=workers, scheduler=scheduler)


def words_of(command: click.Command, flags: dict[str, Any]) -> tuple[dict[str, Any], set[str]]:
    """The command's flags as click reads them, from Python's words."""
    known = {one.lstrip("-").replace("-", "_"): param for param in parameters(command) for one in param.opts}
    context = click.Command(command.name, params=parameters(command)).make_context(command.name, [])
    params = dict(context.params)
    given = set()
    for word, value in flags.items():
        if word not in known:
            raise UnknownNameError("keyword", word, known)
        param = known[word]
        name = str(param.name)
        many = tuple(value) if param.multiple and not isinstance(value, str) else (value,) if param.multiple else value
        params[name] = param.type_cast_value(context, many)
        given.add(name)
    return params, given
