"""Every command and every Python block of the README works as it stands there."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.selection import spread
from tests.validate.models.examples import agrees

README = Path(__file__).parents[1] / "README.md"
BLOCKS = re.findall(r"```(\w+)(?: (\S+))?\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.S)
LINES = [line for language, _, block in BLOCKS if language == "sh" for line in block.splitlines() if line.strip()]
COMMANDS = [line for line in LINES if not line.startswith("#")]
PYTHON = [block for language, name, block in BLOCKS if language == "python" and not name]
FILES = {name: block for _, name, block in BLOCKS if name}
"""Files that the reader is told to have, by name."""

QUOTED = {
    command.strip(): [line.removeprefix("> ").removesuffix(" […]") for line in quote.splitlines() if line.strip("> ")]
    for command, quote in re.findall(r"([^\n]+)\n```\n\n((?:>[^\n]*\n)+)", README.read_text(encoding="utf-8"))
}
"""What the README quotes of a command's output."""

SILENT = "ikun diagnose my_model:build --input-shape 4,32,256"
"""The command that finds a network unhealthy."""


def run(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(arguments, cwd=folder, capture_output=True, text=True, timeout=300, check=False)


def test_the_readme_has_commands() -> None:
    assert len([c for c in COMMANDS if c.startswith("ikun ")]) >= 10
    assert PYTHON
    assert SILENT in COMMANDS
    assert len(QUOTED) >= 2
    assert set(QUOTED) <= set(COMMANDS)


def test_it_opens_with_the_readers_network() -> None:
    """Before any other heading: what the tool does for its reader, two commands, and what they print."""
    first = re.split(r"^## ", README.read_text(encoding="utf-8"), flags=re.M)[1]
    assert first.startswith("Your own network\n")
    assert re.findall(r"^ikun .*", first, flags=re.M) == list(QUOTED)


LONG = [c for c in COMMANDS if c.startswith("ikun fates")]
"""They take half a minute."""


@pytest.mark.parametrize(
    "command",
    [
        *spread([c for c in COMMANDS if c.startswith("ikun ") and c not in LONG], 2),
        *[pytest.param(c, marks=pytest.mark.slow) for c in LONG],
    ],
)
def test_command(command: str, tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    if command.startswith("ikun diagnose"):
        pytest.importorskip("spikingjelly", reason="the README's model is one of SpikingJelly's")
    found = run([sys.executable, "-m", "ikun_sym.cli", *shlex.split(command)[1:]], tmp_path)
    assert found.returncode == (1 if command == SILENT else 0), found.stderr
    assert found.stdout
    for line in QUOTED.get(command, []):
        assert quoted(line, found.stdout), f"{line!r} is not in the output: {found.stdout[-600:]}"


def quoted(line: str, output: str) -> bool:
    """Whether the output holds the line, however it is folded; numbers may differ by a fifth."""
    words, found = line.split(), output.split()
    return any(agrees(line, " ".join(found[i : i + len(words)])) for i in range(len(found) - len(words) + 1))


def test_a_quotation_can_be_wrong() -> None:
    output = "│ 1 │ IFNode │\nSequential: silent at layer 2\ncause: K = 0.33 is below the critical\n6.034"
    assert quoted("cause: K = 0.34 is below the critical 6.034", output)
    assert not quoted("cause: K = 0.44 is below the critical 6.034", output)
    assert not quoted("Sequential: silent at layer 5", output)
    assert not quoted("Sequential: healthy", output)


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
