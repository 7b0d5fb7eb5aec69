"""The journal of a run: each draw is one line of JSON, written to disk before the run continues, and read back exactly.

A line holds the whole draw: arrays over [layers, steps] as nested lists, floats as the shortest decimals that give the
same float64. JSON has no NaN and no infinity: NaN is null, infinities are the strings "Infinity" and "-Infinity".
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from ikun_sym.errors import IkunError
from ikun_sym.files import write_atomically

from ..networks.network import Architecture, Draw
from .one_writer import one_writer

ROWS = "rows.jsonl"

OF_PAIRS = ("overlap", "gradient_correlation")
"""What only rows of pairs of inputs have."""


SINCE = ("arithmetic",)
"""Conditions that rows of before do not name."""


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
        self._lock = threading.Lock()
        self._recorded: dict[str, dict[int, Draw]] = {}
        self._one_writer = one_writer(path)
        try:
            self._take_up(resume)
            # unbuffered: a row that does not fit on the disk must not be tried again when the file is closed
            self._stream = path.open("ab", buffering=0)
            self._stream.truncate(self._whole)
        except OSError as error:
            self._one_writer.release()
            raise IkunError(f"cannot write {str(path)!r}: {error.strerror or error}") from None
        except BaseException:
            self._one_writer.release()
            raise
        for left in path.parent.glob(f".{path.name}.*.tmp"):  # of a run that was killed while it sorted
            left.unlink(missing_ok=True)

    def _take_up(self, resume: bool) -> None:
        """The rows that are there; `_whole`: the number of bytes that they take."""
        rows, self._whole, anything = _read(self.path)
        if anything and not resume:
            raise IkunError(
                f"{str(self.path.parent)!r} holds {len(rows)} rows of an earlier run; "
                "give --resume to continue it, or another --out"
            )
        for number, record in rows:
            self._check(record)
            draw, known = self._draw(number, record), self._recorded.setdefault(self._network(record), {})
            if draw.index in known and not _same(known[draw.index], draw):
                raise IkunError(
                    f"{str(self.path)!r}, line {number}, and an earlier line say two things of draw {draw.index} of one "
                    "network; remove one of them, or give another --out"
                )
            known[draw.index] = draw

    def _draw(self, number: int, record: dict[str, Any]) -> Draw:
        """The draw of a line. Error: a measurement is missing, or not an array over [layers, steps]."""
        try:
            draw = draw_of(record)
            layers, steps = np.shape(draw.var_h)
            shapes = tuple(np.shape(x) for x in (draw.rate, draw.gradient, draw.log_gradient, draw.alive))
        except (KeyError, ValueError, TypeError):
            raise _not_a_row(self.path, number) from None
        if not isinstance(draw.index, int) or shapes != ((layers, steps), (layers, steps), (layers,), ()):
            raise _not_a_row(self.path, number)
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
        line = _line(row(architecture, draw, self.conditions))
        with self._lock:
            try:
                written = 0
                while written < len(line):
                    written += self._stream.write(line[written:])
                os.fsync(self._stream.fileno())
                self._whole += len(line)
            except OSError as error:
                with suppress(OSError):
                    self._stream.truncate(self._whole)  # half a row would spoil the next one
                raise IkunError(f"cannot write {str(self.path)!r}: {error.strerror or error}") from None

    def close(self) -> None:
        self._stream.close()
        self._one_writer.release()

    def sort(self) -> None:
        """Sort the rows by network, then by draw, whatever the order in which they were made."""
        self._stream.close()
        rows, _, _ = _read(self.path)
        placed = {(self._order[self._network(record)], record["draw"]): record for _, record in rows}
        write_atomically(self.path, b"".join(_line(placed[place]) for place in sorted(placed)).decode())

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
        where, advice = str(self.path), "repeat the flags of that run, or give another --out"
        for name, here in self.conditions.items():
            if record.get(name, here if name in SINCE else None) != here:
                raise IkunError(f"{where!r} has rows of {name} {record.get(name)!r}, this run has {here!r}; {advice}")
        if self._network(record) not in self._order:
            others = [json.loads(key) for key in self._order]
            there = self._described(record)
            near = min(others, key=lambda other: sum(other[n] != there[n] for n in self._names), default={})
            apart = ", ".join(f"{n} {there[n]!r} (here {near.get(n)!r})" for n in self._names if there[n] != near.get(n))
            raise IkunError(f"{where!r} has rows of a network that is not part of this run: {apart}; {advice}")


def _key(architecture: dict[str, Any]) -> str:
    return json.dumps(architecture, sort_keys=True)


def _line(record: dict[str, Any]) -> bytes:
    return (json.dumps(record, allow_nan=False, ensure_ascii=False) + "\n").encode()


BEGINNING = b'{"ikun": '
"""What each row of ours begins with: its first condition."""


def _read(path: Path) -> tuple[list[tuple[int, dict[str, Any]]], int, bool]:
    """The records of a file with their line numbers, the number of bytes that they take, and whether the file holds anything.

    A last line of ours that an interruption cut off is ignored. Error: another line is not a record.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return [], 0, False
    except OSError as error:
        raise IkunError(f"cannot read {str(path)!r}: {error.strerror or error}") from None
    rows, whole = [], 0
    for number, line in enumerate(content.splitlines(keepends=True), 1):
        if not line.endswith(b"\n") and BEGINNING.startswith(line[: len(BEGINNING)]):
            break
        try:
            record = json.loads(line)
        except ValueError:
            record = None
        if not isinstance(record, dict) or "draw" not in record:
            raise _not_a_row(path, number)
        rows.append((number, record))
        whole += len(line)
    return rows, whole, bool(content)


def _not_a_row(path: Path, number: int) -> IkunError:
    return IkunError(f"{str(path)!r}, line {number}, is not a row of a run; remove it, or give another --out")


def _same(one: Draw, other: Draw) -> bool:
    return all(np.array_equal(getattr(one, f.name), getattr(other, f.name), equal_nan=True) for f in fields(Draw))
