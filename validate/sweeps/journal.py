"""The journal of a sweep: a row a cell, on disk before the next one counts. Dask keeps nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ikun_sym.errors import IkunError

from ..verdicts.journal import ROWS
from ..verdicts.rows import Rows, check_conditions
from .cell import versions
from .grid import Cell, Grid


def key_of(record: dict[str, Any]) -> str:
    """Of a cell, its seed, and the version of the code: what is the same run."""
    return json.dumps([record["cell"], record["seed"], record["ikun"]], sort_keys=True)


class Journal:
    """`done`: the rows by the text of their cell's key, each counted once. Rows of cells outside the grid stay in the file: it
    may be another part of one picture, or a coarser one.

    Errors: another process writes; the folder has rows and `resume` is false; rows of other flags, axes or versions."""

    def __init__(self, out: Path, grid: Grid, *, resume: bool) -> None:
        self.path = out / ROWS
        names = [axis.name for axis in grid.axes]
        own = {str(json.loads(_json(name))): value for name, value in sorted(grid.flags.items()) if name != "seed"}
        self.conditions: dict[str, Any] = json.loads(_json({**versions(), "command": grid.command, "axes": names, **own}))
        self._cells: dict[str, Cell] = {}
        for cell in grid.cells():
            self._cells[self._key(cell)] = cell
        self.done: dict[str, dict[str, Any]] = {}
        self._rows = Rows(self.path, key="cell", resume=resume, check=self._take_up)

    def _key(self, cell: Cell) -> str:
        return key_of(self._identity(cell))

    def _identity(self, cell: Cell) -> dict[str, Any]:
        return {"ikun": self.conditions["ikun"], "cell": cell.at, "seed": cell.flags.get("seed")}

    def _take_up(self, record: dict[str, Any], number: int) -> None:
        try:
            key = key_of(record)
        except KeyError as error:
            raise IkunError(
                f"{str(self.path)!r}, line {number}, has no {error.args[0]!r}; remove it, or give another --out"
            ) from None
        check_conditions(self.path, record, self.conditions)
        self.done.setdefault(key, record)

    @property
    def missing(self) -> list[Cell]:
        return [cell for key, cell in self._cells.items() if key not in self.done]

    def row(self, cell: Cell) -> dict[str, Any] | None:
        return self.done.get(self._key(cell))

    def keep(self, cell: Cell, found: dict[str, Any]) -> None:
        """Append what a worker has found, on disk when this returns; what is there already stays as it is. Error: the worker's
        code is another."""
        for name, here in versions().items():
            if found.get(name) != here:
                raise IkunError(
                    f"a worker has {name} {found.get(name)}, this process {here}; give its environment the same version"
                )
        key = self._key(cell)
        if key in self.done:
            return
        record = self.conditions | self._identity(cell) | found
        self._rows.append(record)
        self.done[key] = record

    def finish(self) -> None:
        """Sort the rows: those of the grid by their place, before those of others."""
        order = {key: cell.place for key, cell in self._cells.items()}
        self._rows.sort(lambda record: (key_of(record) not in order, order.get(key_of(record), ()), key_of(record)))

    def close(self) -> None:
        self._rows.close()


def states(rows: Iterable[dict[str, Any] | None]) -> dict[str, int]:
    """How many cells are in which state."""
    counts: dict[str, int] = {}
    for row in rows:
        state = "missing" if row is None else row["state"]
        counts[state] = counts.get(state, 0) + 1
    return counts


def _json(value: Any) -> str:
    return json.dumps(value, default=str)
