"""The benchmark of the networks runs, agrees with the libraries and says what it left out."""

from __future__ import annotations

import json
import warnings

import pytest
from click.testing import CliRunner

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    pytest.importorskip("torch", reason="needs the extra `validate`")

TINY = {"width": 24, "depth": 3, "batch": 4, "steps": 3, "repetitions": 1}


@pytest.mark.filterwarnings("ignore")
def test_rows() -> None:
    from ikun_validate.benchmark import LIBRARIES, run

    rows = {row.contestant: row for row in run(**TINY)}
    assert rows["bare products"].ratio == 1
    assert rows["this, eager"].backend == "eager"
    for name in LIBRARIES:
        row = rows[name]
        assert row.note.startswith("not run: ") or (row.spikes == 0 and row.gradient is not None and row.gradient < 1e-6)


@pytest.mark.filterwarnings("ignore")
def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from ikun_validate.benchmark import run

    monkeypatch.setitem(sys.modules, "snntorch", None)
    rows = {row.contestant: row for row in run(**TINY)}
    assert rows["snnTorch"].seconds is None
    assert rows["snnTorch"].note.startswith("not run: ")


@pytest.mark.filterwarnings("ignore")
def test_command() -> None:
    from ikun_validate.benchmark import command

    flags = [part for name, value in TINY.items() for part in (f"--{name}", str(value))]
    done = CliRunner().invoke(command, [*flags, "--device", "cpu", "--json"])
    assert done.exit_code == 0, done.output
    assert {row["contestant"] for row in json.loads(done.stdout)["rows"]} >= {"bare products", "this, eager"}
