"""Every command and every Python block of the README works as it stands there."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.selection import spread

README = Path(__file__).parents[1] / "README.md"
BLOCKS = re.findall(r"```(\w+)(?: (\S+))?\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.S)
LINES = [line for language, _, block in BLOCKS if language == "sh" for line in block.splitlines() if line.strip()]
COMMANDS = [line for line in LINES if not line.startswith("#")]
PYTHON = [block for language, name, block in BLOCKS if language == "python" and not name]
FILES = {name: block for _, name, block in BLOCKS if name}
"""Files that the reader is told to have, by name."""

SILENT = "ikun diagnose my_model:build --input-shape 4,32,256"
"""The command that finds a network unhealthy."""


def run(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(arguments, cwd=folder, capture_output=True, text=True, timeout=300, check=False)


def test_the_readme_has_commands() -> None:
    assert len([c for c in COMMANDS if c.startswith("ikun ")]) >= 10
    assert PYTHON
    assert SILENT in COMMANDS


@pytest.mark.parametrize("command", spread([c for c in COMMANDS if c.startswith("ikun ")], 2))
def test_command(command: str, tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    if command.startswith("ikun diagnose"):
        pytest.importorskip("spikingjelly", reason="the README's model is one of SpikingJelly's")
    found = run([sys.executable, "-m", "ikun_sym.cli", *shlex.split(command)[1:]], tmp_path)
    assert found.returncode == (1 if command == SILENT else 0), found.stderr
    assert found.stdout


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith("make ")])
def test_make_targets_exist(command: str) -> None:
    found = run(["make", "-n", *shlex.split(command)[1:]], README.parent)
    assert found.returncode == 0, found.stderr


def test_no_other_commands() -> None:
    assert all(c.startswith(("ikun ", "make ")) for c in COMMANDS)


@pytest.mark.parametrize("block", PYTHON, ids=range(len(PYTHON)))
def test_python(block: str, tmp_path: Path) -> None:
    found = run([sys.executable, "-W", "error", "-c", block], tmp_path)
    assert found.returncode == 0, found.stderr
    for comment in re.findall(r"print\(.*\)  # (\S.*)", block):
        if comment[0].isdigit() or comment.startswith("proved"):
            assert comment in found.stdout
