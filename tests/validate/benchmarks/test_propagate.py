"""The benchmark of the networks runs, agrees with the libraries and says what it left out."""

from __future__ import annotations

import json
import warnings

import pytest
from click.testing import CliRunner

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    torch = pytest.importorskip("torch", reason="needs the extra `validate`")

TINY = {"width": 24, "depth": 3, "batch": 4, "steps": 3, "repetitions": 1}


@pytest.mark.filterwarnings("ignore")
def test_rows_and_agreement() -> None:
    from ikun_validate.benchmarks.contestants import LIBRARIES
    from ikun_validate.benchmarks.propagate import BARE, EAGER, OURS, run

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
    from ikun_validate.benchmarks.propagate import BARE, EAGER, OURS, _targets

    times = {BARE: [(9.0, 1.0)], OURS: [(9.0, 10.0)], EAGER: [(9.0, 1.3)], "SpikingJelly": [(9.0, 10.0)]}
    found = {t.target: t for t in _targets("float32", times, "cpu")}
    assert (found["this / bare products"].measured, found["this / bare products"].met) == (10, False)
    assert found["this, eager / bare products"].met
    assert (found["SpikingJelly / this"].measured, found["SpikingJelly / this"].met) == (1, False)
    assert "snnTorch / this" not in found


@pytest.mark.filterwarnings("ignore")
def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from ikun_validate.benchmarks.propagate import run

    monkeypatch.setitem(sys.modules, "snntorch", None)
    rows = {row.contestant: row for row in run(**TINY).rows}
    assert rows["snnTorch"].seconds is None
    assert rows["snnTorch"].note.startswith("not run: ")


@pytest.mark.filterwarnings("ignore")
def test_command() -> None:
    from ikun_validate.benchmarks.propagate import command

    flags = [part for name, value in TINY.items() for part in (f"--{name}", str(value))]
    done = CliRunner().invoke(command, [*flags, "--device", "cpu", "--json"])
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert {row["contestant"] for row in document["rows"]} >= {"bare products", "this, eager"}
    assert document["machine"]["threads"] >= 1
    assert document["settings"]["dtype"] == "float32", "the CPU's default"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_without_cuda_it_is_not_run_and_says_why() -> None:
    from ikun_validate.benchmarks.propagate import command

    done = CliRunner().invoke(command, ["--device", "cuda"])
    assert (done.exit_code, done.output) == (0, "not run: torch sees no CUDA device here\n")
    document = json.loads(CliRunner().invoke(command, ["--device", "cuda", "--json", "--depth", "7"]).stdout)
    assert (document["status"], document["reason"]) == ("not run", "torch sees no CUDA device here")
    asked = {name: document["settings"][name] for name in ("width", "depth", "steps", "batch", "dtype")}
    assert asked == {"width": 4096, "depth": 7, "steps": 16, "batch": 256, "dtype": "bfloat16"}
    assert CliRunner().invoke(command, ["--device", "cudaa"]).exit_code != 0


def test_the_targets_of_a_gpu_go_by_the_clock() -> None:
    """Planted: 50 ms for products of 30 ms is 60 % of their rate; CPU time does not count."""
    from ikun_validate.benchmarks.propagate import BARE, OURS, _row, _targets

    times = {BARE: [(0.030, 9.0)], OURS: [(0.050, 1.0)], "SpikingJelly": [(0.240, 1.0)]}
    found = {t.target: t for t in _targets("bfloat16", times, "cuda:1")}
    assert found["this / bare products"].met
    assert not found["SpikingJelly / this"].met
    row = _row(OURS, "bfloat16", times, "triton", "cuda:1", operations=10**13)
    assert (row.share, row.teraflops) == (pytest.approx(0.6), pytest.approx(200))


def test_a_contestant_without_memory_is_dropped_and_named() -> None:
    from ikun_validate.benchmarks.interleaved import interleaved

    def hungry(weights: list, x: torch.Tensor, grad: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 80 GiB")

    one = torch.ones(1)
    contestants = {"modest": lambda weights, x, grad: (x, grad), "hungry": hungry}
    times, dropped = interleaved(contestants, ([one], one, one), 2, 9.0, torch.device("cpu"), {}, lambda what: None)
    assert [len(seen) for seen in times.values()] == [2]
    assert dropped == {"hungry": "not run: CUDA out of memory"}
