"""`make demo` says what it does; what pip says is shown only if pip fails. With stand-ins for python, pip and ikun."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

MAKEFILE = Path(__file__).parents[1] / "Makefile"

PYTHON = """#!/bin/sh
mkdir -p .venv/bin
cp pip .venv/bin/python
cp ikun .venv/bin/ikun
"""
PIP = """#!/bin/sh
echo "Collecting chatter"
echo "WARNING: Running pip as the 'root' user" >&2
exit {status}
"""

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")


def make(folder: Path, target: str, status: int) -> subprocess.CompletedProcess[str]:
    shutil.copy(MAKEFILE, folder)
    for name in ("pyproject.toml", "constraints.txt"):
        (folder / name).touch()
    for name, text in {"python": PYTHON, "pip": PIP.format(status=status), "ikun": "#!/bin/sh\necho ran ikun $1\n"}.items():
        (folder / name).write_text(text, encoding="utf-8")
        (folder / name).chmod(0o755)
    command = ["make", target, f"PYTHON={folder / 'python'}"]
    own = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}  # `make test`
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False, env=own)


def test_pip_is_not_heard(tmp_path: Path) -> None:
    found = make(tmp_path, "demo", status=0)
    assert found.returncode == 0, found.stderr
    assert "ran ikun demo" in found.stdout
    assert "chatter" not in found.stdout + found.stderr
    assert "WARNING" not in found.stdout + found.stderr
    assert len(found.stdout.splitlines()) <= 4
    assert "chatter" in (tmp_path / ".venv" / "pip.log").read_text(encoding="utf-8")


@pytest.mark.parametrize("target", ["demo", "lint"])
def test_pip_is_heard_where_it_fails(target: str, tmp_path: Path) -> None:
    found = make(tmp_path, target, status=3)
    assert found.returncode != 0
    assert "Collecting chatter" in found.stderr
    assert "WARNING" in found.stderr
    assert "ran ikun" not in found.stdout
    assert not (tmp_path / ".venv" / ".run").exists()
