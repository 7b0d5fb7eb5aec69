"""Rows of records: one line of JSON each, on disk before the run continues, written by one process at a time."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from ikun_sym.errors import IkunError
from ikun_sym.files import write_atomically

from .one_writer import one_writer

ADVICE = "repeat the flags of that run, or give another --out"

SINCE = ("arithmetic",)
"""Conditions that rows of before do not name."""

BEGINNING = b'{"ikun": '
"""What each row of ours begins with: its first condition."""


class Rows:
    """A file of rows: those that are there, `records`, and new ones appended, each on disk before `append` returns. Threads may
    append concurrently. `key`: a word that every row has. `check`: raises if a row is none of this run's; it is told the row
    and its line.

    Errors: another process writes; the file has content and `resume` is false; that of `check`; a line is not a row; it cannot
    be written.
    """

    def __init__(self, path: Path, *, key: str, resume: bool, check: Callable[[dict[str, Any], int], None]) -> None:
        self.path, self.key, self._lock = path, key, threading.Lock()
        self._one_writer = one_writer(path)
        try:
            rows, self._whole, anything = _read(path, key)
            if anything and not resume:
                raise IkunError(
                    f"{str(path.parent)!r} holds {len(rows)} rows of an earlier run; "
                    "give --resume to continue it, or another --out"
                )
            for number, record in rows:
                check(record, number)
            self.records = [record for _, record in rows]
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

    def append(self, record: dict[str, Any]) -> None:
        line = _line(record)
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

    def sort(self, place: Callable[[dict[str, Any]], Any]) -> None:
        """The rows by their place, one each, whatever the order in which they were made. None is appended after it."""
        self._stream.close()
        placed = {place(record): record for record in read_rows(self.path, self.key)}
        write_atomically(self.path, b"".join(_line(placed[where]) for where in sorted(placed)).decode())

    def close(self) -> None:
        self._stream.close()
        self._one_writer.release()


def check_conditions(path: Path, record: dict[str, Any], conditions: dict[str, Any]) -> None:
    """Error: the row was made under other conditions than this run's."""
    for name, here in conditions.items():
        if record.get(name, here if name in SINCE else None) != here:
            raise IkunError(f"{str(path)!r} has rows of {name} {record.get(name)!r}, this run has {here!r}; {ADVICE}")


def read_rows(path: Path, key: str) -> list[dict[str, Any]]:
    """The records of a file of rows, each of which has the word `key`. A last line cut off by an interruption is ignored."""
    return [record for _, record in _read(path, key)[0]]


def not_a_row(path: Path, number: int) -> IkunError:
    return IkunError(f"{str(path)!r}, line {number}, is not a row of a run; remove it, or give another --out")


def _line(record: dict[str, Any]) -> bytes:
    return (json.dumps(record, allow_nan=False, ensure_ascii=False) + "\n").encode()


def _read(path: Path, key: str) -> tuple[list[tuple[int, dict[str, Any]]], int, bool]:
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
        if not isinstance(record, dict) or key not in record:
            raise not_a_row(path, number)
        rows.append((number, record))
        whole += len(line)
    return rows, whole, bool(content)
