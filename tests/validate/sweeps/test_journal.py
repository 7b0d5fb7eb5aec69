"""The journal of a sweep: what counts, what is made again, what refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ikun_sym.errors import IkunError

pytest.importorskip("torch", reason="the journal's versions need it")

from ikun_validate.sweeps.axes import Axis
from ikun_validate.sweeps.cell import versions
from ikun_validate.sweeps.grid import Grid, find_command, grid_of
from ikun_validate.sweeps.journal import Journal
from ikun_validate.sweeps.sweep import swept, words_of


def grid(*over: str, **flags: Any) -> Grid:
    params, given = words_of(find_command("meanfield"), flags)
    return grid_of("meanfield", [Axis.parse(text) for text in over or ("depth=4,6", "gain=7,9")], params, given)


def found(number: float) -> dict[str, Any]:
    return versions() | {"state": "done", "answer": {"number": number}, "theory": {}, "seconds": 0.1}


def lines(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "rows.jsonl").read_text().splitlines()]


def begun(out: Path, count: int = 3) -> None:
    journal = Journal(out, grid(), resume=False)
    for number, cell in enumerate(journal.missing[:count]):
        journal.keep(cell, found(number))
    journal.close()


def test_what_is_recorded_is_not_made_again(tmp_path: Path) -> None:
    begun(tmp_path)
    journal = Journal(tmp_path, grid(), resume=True)
    assert [cell.values for cell in journal.missing] == [{"depth": 6, "gain": 9}]
    assert [row and row["answer"]["number"] for row in swept(grid(), journal).rows] == [0, 1, 2, None]
    journal.close()


def test_a_cell_that_ran_twice_counts_once(tmp_path: Path) -> None:
    begun(tmp_path)
    text = (tmp_path / "rows.jsonl").read_text()
    (tmp_path / "rows.jsonl").write_text(text + text.splitlines(keepends=True)[1])
    journal = Journal(tmp_path, grid(), resume=True)
    assert len(journal.done) == 3
    journal.keep(grid().cells()[0], found(99))  # nor does a second answer replace the first
    journal.keep(journal.missing[0], found(3))
    journal.finish()
    journal.close()
    assert [row["answer"]["number"] for row in lines(tmp_path)] == [0, 1, 2, 3]


def test_a_row_that_was_cut_off_is_made_again(tmp_path: Path) -> None:
    begun(tmp_path)
    whole = (tmp_path / "rows.jsonl").read_bytes()
    (tmp_path / "rows.jsonl").write_bytes(whole[:-40])
    journal = Journal(tmp_path, grid(), resume=True)
    assert [cell.values for cell in journal.missing] == [{"depth": 6, "gain": 7}, {"depth": 6, "gain": 9}]
    for number, cell in enumerate(journal.missing, 2):
        journal.keep(cell, found(number))
    journal.close()
    assert [row["answer"]["number"] for row in lines(tmp_path)] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"leak": 0.5}, "leak 0.0, this run has 0.5"),
        ({"surrogate": "erf"}, "surrogate 'atan', this run has 'erf'"),
        ({"over": ("depth=4,6", "leak=0,1")}, "axes"),
    ],
)
def test_a_changed_flag_refuses(other: dict[str, Any], told: str, tmp_path: Path) -> None:
    begun(tmp_path)
    with pytest.raises(IkunError, match=told):
        Journal(tmp_path, grid(*other.pop("over", ()), **other), resume=True)
    with pytest.raises(IkunError, match="--resume"):
        Journal(tmp_path, grid(), resume=False)
    Journal(tmp_path, grid(), resume=True).close()  # the refused ones hold no lock


def test_another_seed_is_another_run_and_a_finer_grid_the_same(tmp_path: Path) -> None:
    begun(tmp_path, 4)
    journal = Journal(tmp_path, grid(seed=1), resume=True)
    assert len(journal.missing) == 4
    journal.close()
    finer = grid("depth=4,5,6", "gain=7,9")
    journal = Journal(tmp_path, finer, resume=True)
    assert [cell.values["depth"] for cell in journal.missing] == [5, 5]
    journal.close()


def test_rows_of_other_code_refuse_wherever_they_come_from(tmp_path: Path) -> None:
    begun(tmp_path)
    journal = Journal(tmp_path, grid(), resume=True)
    with pytest.raises(IkunError, match=r"a worker has ikun 0\.0, this process"):
        journal.keep(journal.missing[0], found(1) | {"ikun": "0.0"})
    journal.close()
    rows = lines(tmp_path)
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row | {"ikun": "0.0"}) + "\n" for row in rows))
    with pytest.raises(IkunError, match=r"rows of ikun '0\.0'"):
        Journal(tmp_path, grid(), resume=True)


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    begun(tmp_path)
    path = tmp_path / "rows.jsonl"
    path.write_text(path.read_text().replace('"seed": 0, ', "", 1))
    with pytest.raises(IkunError, match="line 1, has no 'seed'"):
        Journal(tmp_path, grid(), resume=True)
