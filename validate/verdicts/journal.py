"""The journal of a run: each draw is one line of JSON, written to disk before the run continues, and read back exactly.

A line holds the whole draw: arrays over [layers, steps] as nested lists, floats as the shortest decimals that give the
same float64. JSON has no NaN and no infinity: NaN is null, infinities are the strings "Infinity" and "-Infinity".
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from ikun_sym.errors import IkunError

from ..networks.network import Architecture, Draw
from .rows import ADVICE, Rows, check_conditions, not_a_row

ROWS = "rows.jsonl"

OF_PAIRS = ("overlap", "gradient_correlation")
"""What only rows of pairs of inputs have."""


def row(architecture: Architecture, draw: Draw, conditions: dict[str, Any]) -> dict[str, Any]:
    """One draw as one flat record: conditions, network, and measurements."""
    measured = {f.name: _plain(getattr(draw, f.name)) for f in fields(Draw) if f.name != "index"}
    measured = {name: value for name, value in measured.items() if not (name in OF_PAIRS and value is None)}
    return {**conditions, **architecture.to_dict(), "draw": draw.index, **measured}


def draw_of(record: dict[str, Any]) -> Draw:
    """The draw that `row` wrote, bit for bit."""
    names = [f.name for f in fields(Draw) if f.name != "index" and (f.name not in OF_PAIRS or f.name in record)]
    measured = {name: _value(record[name]) for name in names}
    return Draw(index=record["draw"], **measured)


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist() if np.isfinite(value).all() else [_plain(entry) for entry in value]
    number = value.item() if isinstance(value, np.generic) else value
    if isinstance(number, float) and not np.isfinite(number):
        return None if np.isnan(number) else "Infinity" if number > 0 else "-Infinity"
    return number


def _value(plain: Any) -> Any:
    if isinstance(plain, list):
        return np.array([_value(entry) for entry in plain], dtype=float)
    return plain if isinstance(plain, int | float) else float("nan" if plain is None else plain)


class Journal:
    """The file of rows of one run. `conditions`: fields common to all rows. `architectures`: networks that the run may draw.

    One process writes at a time; each draw of a network is one row.

    Errors: another process writes; the file has content and `resume` is false; it has rows of other conditions or networks; a
    line is not a row, or says otherwise than an earlier one of the same draw.
    """

    def __init__(
        self, path: Path, conditions: dict[str, Any], architectures: Iterable[Architecture], *, resume: bool = False
    ) -> None:
        self.path, self.conditions = path, conditions
        self._order = {_key(architecture.to_dict()): i for i, architecture in enumerate(architectures)}
        self._names = tuple(Architecture().to_dict())
        self._recorded: dict[str, dict[int, Draw]] = {}
        self._rows = Rows(path, key="draw", resume=resume, check=self._take_up)

    def _take_up(self, record: dict[str, Any], number: int) -> None:
        self._check(record)
        draw, known = self._draw(number, record), self._recorded.setdefault(self._network(record), {})
        if draw.index in known and not _same(known[draw.index], draw):
            raise IkunError(
                f"{str(self.path)!r}, line {number}, and an earlier line say two things of draw {draw.index} of one network; "
                "remove one of them, or give another --out"
            )
        known[draw.index] = draw

    def _draw(self, number: int, record: dict[str, Any]) -> Draw:
        """The draw of a line. Error: a measurement is missing, or not an array over [layers, steps]."""
        try:
            draw = draw_of(record)
            layers, steps = np.shape(draw.var_h)
            shapes = tuple(np.shape(x) for x in (draw.rate, draw.gradient, draw.log_gradient, draw.alive))
        except (KeyError, ValueError, TypeError):
            raise not_a_row(self.path, number) from None
        pairs = {np.shape(x) for x in (draw.overlap, draw.gradient_correlation) if x is not None}
        right = shapes == ((layers, steps), (layers, steps), (layers,), ()) and pairs <= {(layers,)}
        if not (right and isinstance(draw.index, int)):
            raise not_a_row(self.path, number)
        return draw

    @property
    def recorded(self) -> int:
        """Number of draws in the file when the run began."""
        return sum(map(len, self._recorded.values()))

    def recall(self, architecture: Architecture) -> dict[int, Draw]:
        """The recorded draws of a network, by index."""
        return dict(self._recorded.get(_key(architecture.to_dict()), {}))

    def keep(self, architecture: Architecture, draw: Draw) -> None:
        """Append a draw. It is on disk when this returns. Threads may call it concurrently."""
        self._rows.append(row(architecture, draw, self.conditions))

    def close(self) -> None:
        self._rows.close()

    def sort(self) -> None:
        """Sort the rows by network, then by draw, whatever the order in which they were made."""
        self._rows.sort(lambda record: (self._order[self._network(record)], record["draw"]))

    def _network(self, record: dict[str, Any]) -> str:
        return _key(self._described(record))

    def _described(self, record: dict[str, Any]) -> dict[str, Any]:
        """The network of a row in the words of today: rows of before name surrogates without their parameters, say."""
        given = {name: record.get(name) for name in self._names}
        try:
            found = Architecture.of(**{n: tuple(v) if isinstance(v, list) else v for n, v in given.items()})
            return json.loads(_key(found.to_dict()))
        except (IkunError, TypeError):
            return given

    def _check(self, record: dict[str, Any]) -> None:
        check_conditions(self.path, record, self.conditions)
        if self._network(record) not in self._order:
            others = [json.loads(key) for key in self._order]
            there = self._described(record)
            near = min(others, key=lambda other: sum(other[n] != there[n] for n in self._names), default={})
            apart = ", ".join(f"{n} {there[n]!r} (here {near.get(n)!r})" for n in self._names if there[n] != near.get(n))
            raise IkunError(f"{str(self.path)!r} has rows of a network that is not part of this run: {apart}; {ADVICE}")


def _key(architecture: dict[str, Any]) -> str:
    return json.dumps(architecture, sort_keys=True)


def _same(one: Draw, other: Draw) -> bool:
    return all(_plain(getattr(one, f.name)) == _plain(getattr(other, f.name)) for f in fields(Draw))
