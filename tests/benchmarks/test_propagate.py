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
def test_rows_and_agreement() -> None:
    from ikun_validate.benchmark import BARE, EAGER, OURS, run
    from ikun_validate.contestants import LIBRARIES

    result = run(**TINY)
    rows = {row.contestant: row for row in result.rows}
    assert rows[BARE].ratio == rows[OURS].speed == 1
    assert rows[EAGER].backend == "eager"
    for name in LIBRARIES:
        agreed = {a.dtype: a for a in result.agreement if a.library == name}
        assert rows[name].note.startswith("not run: ") or (
            agreed["float64"].spikes == 0 and agreed["float64"].gradient < 1e-6 and agreed["float32"].gradient < 1e-5
        )
    assert all(part.milliseconds >= 0 for part in result.parts)


def test_targets_say_what_was_measured() -> None:
    """Planted times: 10 times the bare products is a miss, and so is a library as fast as this."""
    from ikun_validate.benchmark import BARE, EAGER, OURS, _targets

    times = {BARE: [(9.0, 1.0)], OURS: [(9.0, 10.0)], EAGER: [(9.0, 1.3)], "SpikingJelly": [(9.0, 10.0)]}
    found = {t.target: t for t in _targets("float32", times, "cpu")}
    assert (found["this / bare products"].measured, found["this / bare products"].met) == (10, False)
    assert found["this, eager / bare products"].met
    assert (found["SpikingJelly / this"].measured, found["SpikingJelly / this"].met) == (1, False)
    assert "snnTorch / this" not in found


@pytest.mark.filterwarnings("ignore")
def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from ikun_validate.benchmark import run

    monkeypatch.setitem(sys.modules, "snntorch", None)
    rows = {row.contestant: row for row in run(**TINY).rows}
    assert rows["snnTorch"].seconds is None
    assert rows["snnTorch"].note.startswith("not run: ")


@pytest.mark.filterwarnings("ignore")
def test_command() -> None:
    from ikun_validate.benchmark import command

    flags = [part for name, value in TINY.items() for part in (f"--{name}", str(value))]
    done = CliRunner().invoke(command, [*flags, "--device", "cpu", "--json"])
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert {row["contestant"] for row in document["rows"]} >= {"bare products", "this, eager"}
    assert document["machine"]["threads"] >= 1
