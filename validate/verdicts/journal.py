"""The journal of a run: each draw is one line of JSON, written to disk before the run continues, and read back exactly.

A line holds the whole draw: arrays over [layers, steps] as nested lists, floats as the shortest decimals that give the
same float64. JSON has no NaN and no infinity: NaN is null, infinities are the strings "Infinity" and "-Infinity".
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from ikun_sym.errors import IkunError
from ikun_sym.files import write_atomically

from ..networks.network import Architecture, Draw

ROWS = "rows.jsonl"


def row(architecture: Architecture, draw: Draw, conditions: dict[str, Any]) -> dict[str, Any]:
    """One draw as one flat record: conditions, network, and measurements."""
    measured = {f.name: _plain(getattr(draw, f.name)) for f in fields(Draw) if f.name != "index"}
    return {**conditions, **architecture.to_dict(), "draw": draw.index, **measured}


def draw_of(record: dict[str, Any]) -> Draw:
    """The draw that `row` wrote, bit for bit."""
    measured = {f.name: _value(record[f.name]) for f in fields(Draw) if f.name != "index"}
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


class Rows:
    """A file of rows: those that are there, `records`, and new ones appended, each on disk before `append` returns. Threads may
    append concurrently. `key`: a word that every row has. `check`: raises if a row is none of this run's.

    Errors: the file has rows and `resume` is false; that of `check`; a line is damaged; it cannot be written.
    """

    def __init__(self, path: Path, *, key: str, resume: bool, check: Callable[[dict[str, Any]], None]) -> None:
        self.path, self._lock = path, threading.Lock()
        self.records, whole = _read(path, key)
        if self.records and not resume:
            raise IkunError(
                f"{str(path.parent)!r} holds {len(self.records)} rows of an earlier run; "
                "give --resume to continue it, or another --out"
            )
        for record in self.records:
            check(record)
        try:
            self._stream = path.open("ab")
            self._stream.truncate(whole)
        except OSError as error:
            raise IkunError(f"cannot write {str(path)!r}: {error.strerror or error}") from None

    def append(self, record: dict[str, Any]) -> None:
        line = _line(record)
        with self._lock:
            try:
                self._stream.write(line)
                self._stream.flush()
                os.fsync(self._stream.fileno())
            except OSError as error:
                raise IkunError(f"cannot write {str(self.path)!r}: {error.strerror or error}") from None

    def close(self) -> None:
        self._stream.close()

    def rewrite(self, records: Iterable[dict[str, Any]]) -> None:
        """The same rows in another order, all at once."""
        self.close()
        write_atomically(self.path, b"".join(map(_line, records)).decode())


def check_conditions(path: Path, record: dict[str, Any], conditions: dict[str, Any]) -> None:
    """Error: the row was made under other conditions than this run's."""
    for name, here in conditions.items():
        if record.get(name) != here:
            raise IkunError(f"{str(path)!r} has rows of {name} {record.get(name)!r}, this run has {here!r}; {ADVICE}")


ADVICE = "repeat the flags of that run, or give another --out"


class Journal:
    """The file of rows of one run. `conditions`: fields common to all rows. `architectures`: networks that the run may draw.

    Errors: the file has rows and `resume` is false; it has rows of other conditions or networks; a line is damaged.
    """

    def __init__(
        self, path: Path, conditions: dict[str, Any], architectures: Iterable[Architecture], *, resume: bool = False
    ) -> None:
        self.path, self.conditions = path, conditions
        self._order = {_key(architecture.to_dict()): i for i, architecture in enumerate(architectures)}
        self._names = tuple(Architecture().to_dict())
        self._recorded: dict[str, dict[int, Draw]] = {}
        self._rows = Rows(path, key="draw", resume=resume, check=self._check)
        for record in self._rows.records:
            self._recorded.setdefault(self._network(record), {})[record["draw"]] = draw_of(record)

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
        self.close()
        records = read_rows(self.path, "draw")
        self._rows.rewrite(sorted(records, key=lambda record: (self._order[self._network(record)], record["draw"])))

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
        where = str(self.path)
        check_conditions(self.path, record, self.conditions)
        if self._network(record) not in self._order:
            others = [json.loads(key) for key in self._order]
            there = self._described(record)
            near = min(others, key=lambda other: sum(other[n] != there[n] for n in self._names), default={})
            apart = ", ".join(f"{n} {there[n]!r} (here {near.get(n)!r})" for n in self._names if there[n] != near.get(n))
            raise IkunError(f"{where!r} has rows of a network that is not part of this run: {apart}; {ADVICE}")


def _key(architecture: dict[str, Any]) -> str:
    return json.dumps(architecture, sort_keys=True)


def _line(record: dict[str, Any]) -> bytes:
    return (json.dumps(record, allow_nan=False, ensure_ascii=False) + "\n").encode()


def read_rows(path: Path, key: str) -> list[dict[str, Any]]:
    """The records of a file of rows, each of which has the word `key`. A last line cut off by an interruption is ignored."""
    return _read(path, key)[0]


def _read(path: Path, key: str) -> tuple[list[dict[str, Any]], int]:
    """The records of a file, and the number of bytes that they take. A last line cut off by an interruption is ignored.

    Error: an earlier line is not a record.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return [], 0
    except OSError as error:
        raise IkunError(f"cannot read {str(path)!r}: {error.strerror or error}") from None
    records, whole = [], 0
    lines = content.splitlines(keepends=True)
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line) if line.endswith(b"\n") else None
        except ValueError:
            record = None
        if not isinstance(record, dict) or key not in record:
            if number == len(lines):
                break
            raise IkunError(f"{str(path)!r}, line {number}, is not a row of a run; remove it, or give another --out")
        records.append(record)
        whole += len(line)
    return records, whole
