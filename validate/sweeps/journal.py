"""The journal of a sweep: a row a cell, on disk before the next one counts. Dask keeps nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ikun_sym.errors import IkunError

from ..verdicts.journal import ROWS
from ..verdicts.rows import Rows, check_conditions, read_rows
from .cell import versions
from .grid import Cell, Grid


def key_of(record: dict[str, Any]) -> str:
    """Of a cell, its seed, and the version of the code: what is the same run."""
    return json.dumps([record["cell"], record["seed"], record["ikun"]], sort_keys=True)


class Journal:
    """`done`: the state of each row, by its key: rows themselves may be large, and stay on the disk. Each counts once. Rows of
    cells outside the grid stay in the file: they may be another part of one picture, or a coarser one.

    Errors: another process writes; the folder has rows and `resume` is false; rows of other flags, axes or versions."""

    def __init__(self, out: Path, grid: Grid, *, resume: bool) -> None:
        self.path = out / ROWS
        names = [axis.name for axis in grid.axes]
        own = {str(json.loads(_json(name))): value for name, value in sorted(grid.flags.items()) if name != "seed"}
        self.conditions: dict[str, Any] = json.loads(_json({**versions(), "command": grid.command, "axes": names, **own}))
        self._cells: dict[str, Cell] = {}
        for cell in grid.cells():
            self._cells[self._key(cell)] = cell
        self.done: dict[str, str] = {}
        self._rows = Rows(self.path, key="cell", resume=resume, check=self._take_up)
        self._rows.records.clear()

    def _key(self, cell: Cell) -> str:
        return key_of(self._identity(cell))

    def _identity(self, cell: Cell) -> dict[str, Any]:
        return {"ikun": self.conditions["ikun"], "cell": cell.at, "seed": cell.flags.get("seed")}

    def _take_up(self, record: dict[str, Any], number: int) -> None:
        try:
            key, state = key_of(record), record["state"]
        except KeyError as error:
            raise IkunError(
                f"{str(self.path)!r}, line {number}, has no {error.args[0]!r}; remove it, or give another --out"
            ) from None
        check_conditions(self.path, record, self.conditions)
        self.done.setdefault(key, state)

    @property
    def missing(self) -> list[Cell]:
        return [cell for key, cell in self._cells.items() if key not in self.done]

    @property
    def states(self) -> list[str]:
        """Of the grid's cells that are there."""
        return [self.done[key] for key in self._cells if key in self.done]

    def rows(self) -> tuple[dict[str, Any] | None, ...]:
        """Of the grid's cells, in its order; None where there is none."""
        found: dict[str, dict[str, Any]] = {}
        for record in read_rows(self.path, "cell"):
            found.setdefault(key_of(record), record)
        return tuple(found.get(key) for key in self._cells)

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
        self._rows.append(self.conditions | self._identity(cell) | found)
        self.done[key] = found["state"]

    def finish(self) -> None:
        """Sort the rows: those of the grid by their place, before those of others."""
        order = {key: cell.place for key, cell in self._cells.items()}
        self._rows.sort(lambda record: (key_of(record) not in order, order.get(key_of(record), ()), key_of(record)))

    def close(self) -> None:
        self._rows.close()


def _json(value: Any) -> str:
    return json.dumps(value, default=str)
