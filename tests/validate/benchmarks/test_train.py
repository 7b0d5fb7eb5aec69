"""The benchmark of training steps runs, agrees with the libraries and says what it left out."""

from __future__ import annotations

import json
import sys
import warnings
from dataclasses import replace

import pytest
from click.testing import CliRunner

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    torch = pytest.importorskip("torch", reason="needs the extra `validate`")

from ikun_sym.errors import IkunError
from ikun_validate.benchmarks.train import EAGER, _targets, command, run
from ikun_validate.benchmarks.train_contestants import LIBRARIES
from ikun_validate.benchmarks.train_workloads import BARE, OURS, WORKLOADS, drawn

TINY = {
    "mlp": replace(WORKLOADS["mlp"], model="mlp:depth=2,width=24", shape=(20,), steps=3, batch=9),
    "csnn": replace(WORKLOADS["csnn"], model="csnn:channels=2", shape=(1, 8, 8), steps=3, batch=9),
}


@pytest.fixture(autouse=True)
def own_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process that runs the tests keeps its habits."""
    monkeypatch.setattr("ikun_validate.engines.machine.keep_freed_memory", lambda: None)


@pytest.mark.filterwarnings("ignore")
def test_rows_rates_and_agreement() -> None:
    result = run(TINY, repetitions=1)
    for name, workload in TINY.items():
        rows = {row.contestant: row for row in result.rows if row.workload == name}
        assert list(rows)[:3] == [BARE, OURS, EAGER] or set(rows) >= {BARE, OURS, EAGER}
        assert rows[OURS].ratio == rows[BARE].limit == 1
        assert rows[EAGER].backend == "eager"
        assert len(result.rates[name]) == (3 if name == "mlp" else 4)
        assert all(0 < rate < 1 for rate in result.rates[name]), workload
        for library in LIBRARIES:
            agreed = {a.library: a for a in result.agreement if a.workload == name}
            # snnTorch's spikes are float32, and so are the gradients that pass them
            bound = 1e-10 if library == "SpikingJelly" else 1e-6
            assert rows[library].note.startswith("not run: ") or (
                agreed[library].loss < 1e-12 and 0 <= agreed[library].gradient < bound
            )


def test_networks_fire_as_they_should() -> None:
    """Sizes of the real runs; rates that the workloads promise."""
    from ikun_validate.benchmarks.train_workloads import rates

    for name, (low, high) in {"mlp": (0.08, 0.22), "csnn": (0.1, 0.3)}.items():
        given = drawn(WORKLOADS[name], "cpu", batch=16)
        found = rates(given.network("hard", "auto"), given.x)
        assert low < min(found) <= max(found) < high, name


def test_targets_say_what_was_measured() -> None:
    """Planted: 1.4 times SpikingJelly's speed is a miss, 90 % of the products' rate is not."""
    times = {BARE: [(9.0, 0.9)], OURS: [(9.0, 1.0)], "SpikingJelly": [(0.1, 1.4)]}
    found = {t.target: t for t in _targets("mlp", WORKLOADS["mlp"], times, "cpu")}
    assert (found["SpikingJelly / this"].measured, found["SpikingJelly / this"].met) == (1.4, False)
    assert found["bare products / this"].met
    del times["SpikingJelly"]
    assert len(_targets("mlp", WORKLOADS["mlp"], times, "cpu")) == 1


@pytest.mark.filterwarnings("ignore")
def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "snntorch", None)
    rows = {row.contestant: row for row in run({"mlp": TINY["mlp"]}, repetitions=1).rows}
    assert rows["snnTorch"].seconds is None
    assert rows["snnTorch"].note.startswith("not run: ")


@pytest.mark.filterwarnings("ignore")
def test_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(WORKLOADS, "mlp", TINY["mlp"])
    done = CliRunner().invoke(command, ["--workload", "mlp", "--batch", "5", "--repetitions", "1", "--device", "cpu", "--json"])
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert document["workloads"]["mlp"]["batch"] == 5
    assert document["machine"]["threads"] >= 1
    assert {row["contestant"] for row in document["rows"]} >= {BARE, OURS, EAGER}
    shown = CliRunner().invoke(command, ["--workload", "mlp", "--repetitions", "1", "--device", "cpu"])
    assert "bare products / this" in shown.output


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--workload", "mpl"], "did you mean mlp"),
        (["--batch", "0"], "--batch = 0 is not allowed"),
        (["--repetitions", "0"], "repetitions = 0"),
        (["--device", "cudaa"], "unknown device"),
    ],
)
def test_bad_input_gets_one_line(flags: list[str], told: str) -> None:
    done = CliRunner().invoke(command, flags)
    assert isinstance(done.exception, IkunError)
    assert told in str(done.exception)
