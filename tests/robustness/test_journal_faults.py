"""Faults at the journal: another writer, files that are not ours, damaged rows, a disk that is full at any write."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ikun_sym.errors import IkunError
from ikun_sym.files import folder
from ikun_validate.networks.network import Architecture
from ikun_validate.verdicts.journal import ROWS, Journal
from ikun_validate.verdicts.judge import Laboratory, RunSettings
from ikun_validate.verdicts.records import PROVENANCE, conditions, recorded

SMALL = Architecture.of(depth=3, width=16, gain=8.0, steps=2)
SETTINGS = RunSettings(batch=4)


def run(out: Path, draws: int, *, resume: bool = False) -> bytes:
    out.mkdir(exist_ok=True)
    with recorded(out, SETTINGS, [SMALL], resume=resume) as (laboratory, _):
        laboratory.draws(SMALL, draws)
    return (out / ROWS).read_bytes()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return run(tmp_path_factory.mktemp("whole") / "a", 4)


def test_a_second_writer_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    with recorded(tmp_path, SETTINGS, [SMALL]) as (laboratory, _):
        laboratory.draws(SMALL, 2)
        before = (tmp_path / ROWS).read_bytes()
        for resume in (False, True):
            with pytest.raises(IkunError, match="another run writes to"):
                Journal(tmp_path / ROWS, conditions(SETTINGS), [SMALL], resume=resume)
        assert (tmp_path / ROWS).read_bytes() == before
    assert len(run(tmp_path, 3, resume=True).splitlines()) == 3, "the lock is free again"


@pytest.mark.parametrize("content", [b"my notes", b'{"mine": 1}', b"my notes\n", b'{"ikun": "0.1.0"}\n', b"\x00\xff\n", b"{"])
@pytest.mark.parametrize("resume", [False, True])
def test_a_file_that_is_not_ours_is_left_as_it_is(tmp_path: Path, content: bytes, resume: bool) -> None:
    (tmp_path / ROWS).write_bytes(content)
    if content == b"{" and resume:  # the first byte of a row: as far as anyone can tell ours, cut off
        assert run(tmp_path, 1, resume=True)
        return
    with pytest.raises(IkunError, match="--out"):
        run(tmp_path, 1, resume=resume)
    assert (tmp_path / ROWS).read_bytes() == content


def test_no_name_is_no_folder() -> None:
    with pytest.raises(IkunError, match="names no folder"):
        folder("")


def changed(line: bytes, **to: Any) -> bytes:
    return (json.dumps({**json.loads(line), **to}) + "\n").encode()


@pytest.mark.parametrize(
    "damage",
    [
        lambda l: changed(l, draw="1"),
        lambda l: changed(l, rate=[[0.1]]),
        lambda l: changed(l, rate="much"),
        lambda l: changed(l, var_h=None),
        lambda l: changed(l, log_gradient={"a": 1}),
        lambda l: changed(l, alive=[1.0]),
        lambda l: b"[1]\n",
        lambda l: l[: len(l) // 2] + b"\n",
        lambda l: l.replace(b'"rate"', b'"rat"'),
    ],
)
def test_a_damaged_row_is_named_by_its_line(tmp_path: Path, whole: bytes, damage: Callable[[bytes], bytes]) -> None:
    lines = whole.splitlines(keepends=True)
    lines[2] = damage(lines[2])
    (tmp_path / ROWS).write_bytes(b"".join(lines))
    with pytest.raises(IkunError, match="line 3, is not a row"):
        run(tmp_path, 5, resume=True)
    assert (tmp_path / ROWS).read_bytes() == b"".join(lines)


def test_a_row_that_is_there_twice_counts_once_and_a_contradiction_is_refused(tmp_path: Path, whole: bytes) -> None:
    lines = whole.splitlines(keepends=True)
    (tmp_path / ROWS).write_bytes(b"".join([*lines, lines[1]]))
    assert run(tmp_path, 4, resume=True) == whole
    (tmp_path / ROWS).write_bytes(b"".join([*lines, changed(lines[1], alive=0.5)]))
    with pytest.raises(IkunError, match="line 5, and an earlier line"):
        run(tmp_path, 4, resume=True)


@pytest.mark.parametrize("damage", ["[]", "{", '{"resumed": 3}', '"text"'])
def test_a_damaged_provenance_is_refused(tmp_path: Path, whole: bytes, damage: str) -> None:
    (tmp_path / ROWS).write_bytes(whole)
    (tmp_path / PROVENANCE).write_text(damage)
    with pytest.raises(IkunError, match="is not the provenance of a run"):
        run(tmp_path, 4, resume=True)


class FullDisk:
    """A stream that takes `room` more bytes, then says that the disk is full."""

    def __init__(self, stream: Any, room: int) -> None:
        self.stream, self.room = stream, room

    def write(self, data: bytes) -> int:
        if self.room == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken = self.stream.write(data[: self.room])
        self.room -= taken
        return taken

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99, 1.0, 1.5, 2.7])
def test_a_full_disk_costs_the_row_that_did_not_fit(tmp_path: Path, whole: bytes, share: float) -> None:
    row = len(whole.splitlines(keepends=True)[0])
    journal = Journal(tmp_path / ROWS, conditions(SETTINGS), [SMALL])
    journal._rows._stream = FullDisk(journal._rows._stream, int(share * row))  # type: ignore[assignment]
    laboratory = Laboratory(SETTINGS)
    draws = laboratory.draws(SMALL, 4)
    try:
        with pytest.raises(IkunError, match="No space left"):
            list(map(partial(journal.keep, SMALL), draws))
    finally:
        journal.close()
    left = (tmp_path / ROWS).read_bytes()
    assert whole.startswith(left)
    assert not left or left.endswith(b"\n")
    assert run(tmp_path, 4, resume=True) == whole


def test_rows_of_another_arithmetic_are_refused_and_rows_of_before_are_not(tmp_path: Path, whole: bytes) -> None:
    ours = conditions(SETTINGS)["arithmetic"].encode()
    (tmp_path / ROWS).write_bytes(whole.replace(b'"arithmetic": "' + ours, b'"arithmetic": "another'))
    with pytest.raises(IkunError, match="arithmetic 'another'"):
        run(tmp_path, 4, resume=True)
    (tmp_path / ROWS).write_bytes(whole.replace(b', "arithmetic": "' + ours + b'"', b""))
    assert len(run(tmp_path, 4, resume=True).splitlines()) == 4


def test_what_a_killed_run_left_beside_the_rows_is_removed(tmp_path: Path) -> None:
    (tmp_path / f".{ROWS}.abc123.tmp").write_text("half")
    (tmp_path / "notes.tmp").write_text("mine")
    run(tmp_path, 1)
    assert sorted(path.suffix for path in tmp_path.iterdir() if path.suffix == ".tmp") == [".tmp"]
    assert (tmp_path / "notes.tmp").exists()
