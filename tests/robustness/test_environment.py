"""Hostile surroundings: an extra that is missing, an output that is full or closed. One line, exit 2, never a traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ikun_sym.cli.extras import extra_with

BLOCKED = """
import sys
class Missing:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] == sys.argv[1]:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Missing)
from ikun_sym.cli.main import main
main(sys.argv[2:])
"""


@pytest.mark.parametrize(
    ("module", "extra"),
    [
        ("torch", "validate"),
        ("torch.nn", "validate"),
        ("sklearn.datasets", "train"),
        ("snntorch", "interop"),
        ("dask", "sweep"),
        ("distributed", "sweep"),
        ("json", None),
    ],
)
def test_an_extra_is_found_by_the_module(module: str, extra: str | None) -> None:
    assert extra_with(module) == extra


def one_line(process: subprocess.CompletedProcess[str], said: str) -> None:
    assert process.returncode == 2, process.stderr
    assert process.stderr.startswith("ikun: error: ")
    assert process.stderr.count("\n") == 1, process.stderr
    assert said in process.stderr


@pytest.mark.parametrize(
    "command",
    [
        "claims",
        "demo",
        pytest.param("fates", marks=pytest.mark.slow),
        pytest.param("validate theorem1", marks=pytest.mark.slow),
        pytest.param("calibrate", marks=pytest.mark.slow),
        pytest.param("benchmark propagate", marks=pytest.mark.slow),
        pytest.param("diagnose a:b --input-shape 3,4", marks=pytest.mark.slow),
    ],
)
def test_without_torch_the_extra_is_named(command: str, tmp_path: Path) -> None:
    process = subprocess.run(
        [sys.executable, "-c", BLOCKED, "torch", *command.split()], capture_output=True, text=True, timeout=120, cwd=tmp_path
    )
    one_line(process, "needs torch, which is not installed; pip install 'ikun[validate]'")
    assert not list(tmp_path.rglob("*.*")), "something was written"


def shell(command: str) -> subprocess.CompletedProcess[str]:
    text = f'"{sys.executable}" -m ikun_sym.cli {command}'
    return subprocess.run(["sh", "-c", text], stderr=subprocess.PIPE, text=True, timeout=120)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="not run: no /dev/full")
def test_a_full_output_is_said() -> None:
    one_line(shell("--help > /dev/full"), "cannot write the output")


def test_a_closed_output_is_said() -> None:
    one_line(shell("--help >&-"), "the output is closed")
    assert shell("--help >&- 2>&-").returncode == 2
