"""Rows on disk: exact, complete after any interruption, and never mixed with another run's."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from ikun_sym.errors import IkunError
from ikun_validate.networks.network import Architecture, Draw
from ikun_validate.verdicts.journal import ROWS, Journal, draw_of, row
from ikun_validate.verdicts.judge import Laboratory, RunSettings
from ikun_validate.verdicts.records import PROVENANCE, conditions, recorded, run_folder

SMALL = Architecture.of(depth=4, width=32, threshold=0.5, gain=8.0, steps=3)
SETTINGS = RunSettings(batch=4)
CLAIM = "theorem1.backward.alpha-one"


def same(a: Draw, b: Draw) -> bool:
    """Equal to the last bit, NaN included."""
    return all(np.asarray(getattr(a, f.name)).tobytes() == np.asarray(getattr(b, f.name)).tobytes() for f in fields(Draw))


def test_a_row_gives_the_draw_back() -> None:
    draw = Laboratory(SETTINGS).draws(SMALL, 1)[0]
    back = draw_of(json.loads(json.dumps(row(SMALL, draw, {}), allow_nan=False)))
    assert same(back, draw)
    assert draw.var_h.shape == back.var_h.shape == (4, 3)


def test_nan_and_infinity_survive() -> None:
    """Silent networks have NaN rates and a gradient of −∞ in the logarithm; JSON knows neither."""
    strange = Draw(
        index=7,
        var_h=np.array([[0.1, np.nan], [np.nan, 1e-300]]),
        rate=np.array([[1 / 3, 0.0], [-0.0, 5e-324]]),
        log_gradient=np.array([-np.inf, np.inf]),
        gradient=np.zeros((2, 2)),
        alive=float("nan"),
    )
    text = json.dumps(row(SMALL, strange, {}), allow_nan=False)
    assert same(draw_of(json.loads(text)), strange)


def laboratory_rows(folder: Path, count: int, *, resume: bool = False) -> bytes:
    folder.mkdir(exist_ok=True)
    with recorded(folder, SETTINGS, [SMALL], resume=resume) as (laboratory, _):
        laboratory.draws(SMALL, count)
    return (folder / ROWS).read_bytes()


def test_gaps_and_a_torn_line_are_made_good(tmp_path: Path) -> None:
    """Threads finish out of order: the file may hold draws 0, 3, 1 and half of another. Every cut gives the same rows."""
    whole = laboratory_rows(tmp_path / "whole", 6)
    lines = whole.splitlines(keepends=True)
    for number, content in enumerate(
        [b"", lines[0][:40], b"".join([lines[0], lines[3], lines[1]]), lines[5] + lines[2][:-1], whole[:-1], whole]
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / ROWS).write_bytes(content)
        assert laboratory_rows(folder, 6, resume=True) == whole


def test_recorded_draws_are_not_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ikun_validate.networks.network import Network

    laboratory_rows(tmp_path / "a", 3)
    made: list[int] = []
    right = Network.draw
    monkeypatch.setattr(Network, "draw", lambda self, seed, index: made.append(index) or right(self, seed, index))
    laboratory_rows(tmp_path / "a", 5, resume=True)
    assert sorted(made) == [3, 4]


def test_a_draw_is_on_disk_before_the_run_ends(tmp_path: Path) -> None:
    with recorded(tmp_path, SETTINGS, [SMALL]) as (laboratory, _):
        assert json.loads((tmp_path / PROVENANCE).read_text(encoding="utf-8"))["settings"]["seed"] == 0
        laboratory.draws(SMALL, 2)
        assert len((tmp_path / ROWS).read_bytes().splitlines()) == 2


@pytest.mark.parametrize(
    ("settings", "architecture", "said"),
    [
        (replace(SETTINGS, seed=1), SMALL, "seed 0, this run has 1"),
        (replace(SETTINGS, batch=8), SMALL, "batch 4, this run has 8"),
        (replace(SETTINGS, dtype="float64"), SMALL, "dtype 'float32'"),
        (SETTINGS, SMALL.but(width=64), "width 32 .here 64."),
    ],
)
def test_rows_of_another_run_are_refused(tmp_path: Path, settings: RunSettings, architecture: Architecture, said: str) -> None:
    laboratory_rows(tmp_path / "a", 2)
    before = (tmp_path / "a" / ROWS).read_bytes()
    with pytest.raises(IkunError, match=said), recorded(tmp_path / "a", settings, [architecture], resume=True):
        pass
    assert (tmp_path / "a" / ROWS).read_bytes() == before


def test_rows_that_name_the_neuron_as_before_are_resumed_or_refused(tmp_path: Path) -> None:
    """Rows used to hold the surrogate as the user had written it, without parameters at their defaults."""
    whole = laboratory_rows(tmp_path / "a", 2)
    before = whole.replace(b'"atan:alpha=2"', b'"ATan"')
    assert before != whole
    (tmp_path / "a" / ROWS).write_bytes(before)
    assert laboratory_rows(tmp_path / "a", 3, resume=True).splitlines()[:2] == before.splitlines()
    for other, said in (
        (b'"surrogate": "sigmoid"', "this run: surrogate 'sigmoid:alpha=4' .here 'atan:alpha=2'.;"),
        (b'"surrogate": "no such"', "this run: surrogate 'no such' .here 'atan:alpha=2'.;"),
    ):
        (tmp_path / "a" / ROWS).write_bytes(whole.replace(b'"surrogate": "atan:alpha=2"', other))
        with pytest.raises(IkunError, match=said), recorded(tmp_path / "a", SETTINGS, [SMALL], resume=True):
            pass


@pytest.mark.parametrize("name", ["ikun", "torch", "device"])
def test_other_versions_and_devices_are_refused(tmp_path: Path, name: str) -> None:
    laboratory_rows(tmp_path / "a", 1)
    other = conditions(SETTINGS) | {name: "another"}
    with pytest.raises(IkunError, match=name):
        Journal(tmp_path / "a" / ROWS, other, [SMALL], resume=True)


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    lines = laboratory_rows(tmp_path / "a", 3).splitlines(keepends=True)
    (tmp_path / "a" / ROWS).write_bytes(lines[0] + b"{nonsense\n" + lines[2])
    with pytest.raises(IkunError, match="line 2"):
        laboratory_rows(tmp_path / "a", 3, resume=True)


def test_without_resume_rows_are_never_touched(tmp_path: Path) -> None:
    whole = laboratory_rows(tmp_path / "a", 2)
    with pytest.raises(IkunError, match="--resume"):
        laboratory_rows(tmp_path / "a", 2)
    assert (tmp_path / "a" / ROWS).read_bytes() == whole


def test_default_folders_are_new_each_time(tmp_path: Path) -> None:
    default = str(tmp_path / "runs" / "claim")
    first, second = (run_folder(None, default, resume=False) for _ in range(2))
    assert (first.name, second.name) == ("claim", "claim-2")
    assert run_folder(None, default, resume=True) == second
    assert run_folder(str(first), default, resume=False) == first


def ikun(out: Path, *more: str) -> list[str]:
    flags = ("--depth", "10", "--width", "512", "--batch", "32", "--draws", "24", "--device", "cpu", "--json")
    return [sys.executable, "-m", "ikun_sym.cli", "validate", CLAIM, *flags, "--out", str(out), *more]


def test_killed_and_resumed_is_as_uninterrupted(tmp_path: Path) -> None:
    """SIGKILL in the middle, then resumed to the end: rows and verdicts are those of one uninterrupted run."""
    # draws one after another: on many cores the run might end before it is killed
    environment = os.environ | {"OMP_NUM_THREADS": "1", "IKUN_CORES": "1"}
    subprocess.run(ikun(tmp_path / "whole"), capture_output=True, timeout=300, check=False, env=environment)
    rows = tmp_path / "killed" / ROWS
    process = subprocess.Popen(ikun(tmp_path / "killed"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        if rows.exists() and rows.read_bytes().count(b"\n") >= 4:
            break
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "the run ended before it was killed"
    assert 4 <= rows.read_bytes().count(b"\n") < 24
    done = subprocess.run(
        ikun(tmp_path / "killed", "--resume"), capture_output=True, text=True, timeout=300, check=False, env=environment
    )
    assert done.returncode in (0, 1, 3), done.stderr
    for name in (ROWS, "verdicts.json"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert len(json.loads((tmp_path / "killed" / PROVENANCE).read_text(encoding="utf-8"))["resumed"]) == 1
    assert not list(rows.parent.glob(".*.tmp"))
