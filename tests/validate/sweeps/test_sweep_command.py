"""`ikun sweep` over Dask: JSON, files, resumption, one line for whatever is wrong."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ikun_sym.cli.main import main

pytest.importorskip("torch", reason="the commands need it")


class Ran(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def ikun(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Ran]:
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> Ran:
        with pytest.raises(SystemExit) as caught:
            main(list(arguments))
        out, err = capsys.readouterr()
        return Ran(int(caught.value.code or 0), out, err)

    return call


SWEEP = ["sweep", "meanfield", "--over", "depth=3,4", "--over", "scheme=critical,lsuv", "--out", "o", "--json"]


def test_a_sweep_from_the_beginning_to_its_page(ikun: Callable[..., Ran], tmp_path: Path) -> None:
    """A scheme that needs data fails, cell by cell; a second call computes nothing."""
    pytest.importorskip("distributed", reason="needs the extra `sweep`")
    ran = ikun(*SWEEP, "--workers", "1")
    assert (ran.code, ran.err) == (0, "")
    found: dict[str, Any] = json.loads(ran.out)
    assert found["axes"] == [{"name": "depth", "values": [3, 4]}, {"name": "scheme", "values": ["critical", "lsuv"]}]
    assert [(cell["depth"], cell["scheme"], len(cell["layers"])) for cell in found["cells"]] == [
        (3, "critical", 3),
        (4, "critical", 4),
    ]
    assert [(cell["depth"], cell["scheme"]) for cell in found["failed"]] == [(3, "lsuv"), (4, "lsuv")]
    assert "data" in found["failed"][0]["reason"]
    assert found["missing"] == []
    rows = (tmp_path / "o" / "rows.jsonl").read_bytes()
    assert len(rows.splitlines()) == 4
    assert (tmp_path / "o" / "cells.csv").read_text().startswith("depth,scheme,state,")
    page = (tmp_path / "o" / "report.html").read_text()
    assert "depth = 3, scheme = critical: rate" in page
    assert "<script" not in page
    (tmp_path / "o" / "report.html").unlink()
    sys.modules["distributed"] = None  # type: ignore[assignment]  # from here on its import fails
    try:
        again = ikun(*SWEEP, "--resume")
    finally:
        del sys.modules["distributed"]
    assert json.loads(again.out) == found
    assert (tmp_path / "o" / "rows.jsonl").read_bytes() == rows


def test_without_dask_a_line_names_the_extra(ikun: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] in ("distributed", "dask")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "ikun_validate.sweeps.cluster", raising=False)
    monkeypatch.setitem(sys.modules, "dask", None)
    ran = ikun(*SWEEP)
    assert ran.code == 2
    assert ran.out == ""
    assert len(ran.err.splitlines()) == 1
    assert "ikun[sweep]" in ran.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("meanfield", "--over", "dept=1,2"), "unknown axis 'dept'; did you mean depth"),
        (("meanfield", "--over", "depth=1,x"), "not a valid integer"),
        (("meanfield", "--over", "depth=3,4", "--lek", "1"), "--lek"),
        (("meanfeld", "--over", "depth=3,4"), "unknown command of a sweep 'meanfeld'; did you mean meanfield"),
        (("meanfield", "--over", "depth=3,4", "--workers", "0"), "workers = 0 is not allowed"),
        (("meanfield", "--over", "depth=3,4", "--workers", "1", "--scheduler", "tcp://x:1"), "not both"),
        (("diagram", "depth-gian"), "unknown diagram 'depth-gian'; did you mean depth-gain"),
    ],
)
def test_what_is_wrong_is_one_line(arguments: tuple[str, ...], told: str, ikun: Callable[..., Ran]) -> None:
    pytest.importorskip("distributed", reason="needs the extra `sweep`")
    ran = ikun("sweep", *arguments, *(() if arguments[0] == "diagram" else ("--out", "o")))
    assert (ran.code, len(ran.err.splitlines())) == (2, 1)
    assert told in ran.err


def test_the_diagrams_are_listed_with_the_command_that_makes_each(ikun: Callable[..., Ran]) -> None:
    """And each is one that the sweep's own parser takes, cell by cell."""
    from ikun_validate.sweeps.axes import Axis
    from ikun_validate.sweeps.diagrams import DIAGRAMS
    from ikun_validate.sweeps.grid import find_command, grid_of
    from ikun_validate.sweeps.theory import theory_of

    listed = json.loads(ikun("sweep", "diagram", "--json").out)
    assert {one["name"] for one in listed} == set(DIAGRAMS.names())
    for one in DIAGRAMS:
        params, given = one.flags()
        cells = grid_of(one.command, one.axes(), params, given).cells()
        assert len(cells) == len(one.axes()[0].texts) * len(one.axes()[1].texts)
        assert "layers" in theory_of(cells[0].flags) or "reason" in theory_of(cells[0].flags)
        assert find_command(one.command).answer is not None
    finer = DIAGRAMS["depth-gain"].axes(["scheme.k=3:4:0.5"])
    assert finer == [Axis.parse("scheme.k=3:4:0.5"), Axis.parse(DIAGRAMS["depth-gain"].over[1])]
