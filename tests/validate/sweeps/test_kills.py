"""kill -9 of the client, of a worker, of the scheduler, at random moments: after --resume the rows equal those of a sweep that
nobody disturbs, nothing twice, nothing missing."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("distributed", reason="needs the extra `sweep`")

pytestmark = pytest.mark.slow

GRID = ["--over", "depth=4:18:2", "--over", "gain=7:17:2", "--samples", "512", "--randomisations", "4"]
CELLS = 8 * 6
ENVIRONMENT = os.environ | {"IKUN_CORES": "2"}


def client(out: Path, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "ikun_sym.cli", "sweep", "meanfield", *GRID, "--out", str(out), "--resume", *more]
    return subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def rows(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "rows.jsonl").read_text().splitlines()]


def said(found: list[dict[str, Any]]) -> list[str]:
    """Rows without the time that they took."""
    return sorted(
        json.dumps({name: value for name, value in row.items() if name != "seconds"}, sort_keys=True) for row in found
    )


def children(pid: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
            command = path.with_name("cmdline").read_bytes()
        except OSError:
            continue
        if int(fields[1]) == pid and b"sweeps.worker" in command and fields[0] != "Z":
            found.append(int(path.parent.name))
    return sorted(found)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The rows of a sweep that nobody disturbs."""
    out = tmp_path_factory.mktemp("whole")
    process = client(out, "--workers", "2")
    assert process.communicate()[1] == ""
    found = rows(out)
    assert len(found) == CELLS
    assert {row["state"] for row in found} == {"done"}
    return said(found)


def finished(out: Path, whole: list[str], *more: str) -> None:
    """Continue to the end, and compare."""
    process = client(out, *(more or ("--workers", "2")))
    told = process.communicate()[1]
    assert process.returncode == 0, told
    assert said(rows(out)) == whole


@pytest.mark.parametrize("seed", range(7))
def test_the_client_is_killed(seed: int, tmp_path: Path, whole: list[str]) -> None:
    process = client(tmp_path, "--workers", "2")
    moment = random.Random(seed)
    if seed:  # else at any moment of its start
        while not (tmp_path / "rows.jsonl").exists() or len(rows_so_far(tmp_path)) < moment.randrange(1, CELLS - 4):
            time.sleep(0.02)
    time.sleep(moment.random())
    workers = children(process.pid)
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 20
    while any(map(alive, workers)):
        assert time.monotonic() < deadline, "the workers outlive their client"
        time.sleep(0.1)
    finished(tmp_path, whole)


def rows_so_far(out: Path) -> list[str]:
    return [line for line in (out / "rows.jsonl").read_text().splitlines(keepends=True) if line.endswith("\n")]


@pytest.mark.parametrize("seed", range(7))
def test_a_worker_is_killed_and_the_sweep_goes_on(seed: int, tmp_path: Path, whole: list[str]) -> None:
    process = client(tmp_path, "--workers", "2")
    moment, killed = random.Random(100 + seed), 0
    while process.poll() is None and killed < 2:
        there = children(process.pid)
        if there:
            time.sleep(2 * moment.random())
            victim = moment.choice(there)
            if process.poll() is None and alive(victim):
                os.kill(victim, signal.SIGKILL)
                killed += 1
        time.sleep(0.05)
    told = process.communicate()[1]
    assert process.returncode == 0, told
    assert killed
    assert said(rows(tmp_path)) == whole


@contextmanager
def a_cluster(folder: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A scheduler and two workers that were there before: its address, and its process."""
    file = folder / "scheduler.json"
    address = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file)]
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": ENVIRONMENT}
    scheduler = subprocess.Popen([sys.executable, "-m", "distributed.cli.dask_scheduler", *address], **quiet)
    while not file.exists():
        assert scheduler.poll() is None
        time.sleep(0.1)
    where = json.loads(file.read_text())["address"]
    one = [sys.executable, "-m", "distributed.cli.dask_worker", where, "--nthreads", "1", "--no-dashboard", "--no-nanny"]
    workers = [subprocess.Popen([*one, "--death-timeout", "2"], **quiet) for _ in range(2)]
    try:
        yield where, scheduler
    finally:
        for process in (scheduler, *workers):
            process.kill()
            process.wait()


@pytest.mark.parametrize("seed", range(6))
def test_the_scheduler_is_killed(seed: int, tmp_path: Path, whole: list[str]) -> None:
    out, moment = tmp_path / "out", random.Random(200 + seed)
    with a_cluster(tmp_path) as (address, scheduler):
        process = client(out, "--scheduler", address)
        wanted = moment.randrange(0, CELLS - 4)
        while not (out / "rows.jsonl").exists() or len(rows_so_far(out)) < wanted:
            assert process.poll() is None, process.communicate()[1]
            time.sleep(0.02)
        time.sleep(moment.random() / 2)
        scheduler.kill()
        told = process.communicate()[1]
    if process.returncode:  # it may have been done already
        assert process.returncode == 2
        assert len(told.splitlines()) == 1
        assert "--resume" in told
    finished(out, whole)
