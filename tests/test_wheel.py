"""The wheel without the repository beside it: every command works, or names in one line the extra that it needs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

PYTHONS = ("3.11", "3.12", "3.13")

STATED = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"]

CALLS = {
    "moment": "atan --mean -1 --var 1",
    "constants": "atan --threshold 1 --std 0.8",
    "surrogates": "--library norse",
    "init": "--scheme critical --rate 0.2 --surrogate sigmoid --fan-in 512",
    "export": "atan --target python --out out",
    "design": "--rate 0.2 --surrogate sigmoid --threshold 1 --fan-in 512",
    "joint": "--surrogate atan:alpha=2 --threshold 1",
    "meanfield": "--depth 3 --steps 2 --leak 0.5 --samples 256",
    "report": "theorem-1 --out pages --format html --format markdown",
    "benchmark": "--help",
    "validate": "theorem1.backward.alpha-one --width 24 --draws 2 --batch 4 --out runs",
    "claims": "",
    "demo": "--out demo",
    "calibrate": "",
    "fates": "kaiming --quick",
    "diagnose": "net:make --input-shape 1,8,16",
    "train": "--epochs 1 --seeds 2",
    "sweep": "diagram depth-gain",
    "paper": "--help",
}
"""A short call of every command."""

LIGHT = {"moment", "constants", "surrogates", "init", "export", "design", "joint", "meanfield", "report", "benchmark"}
"""Commands that the core alone carries out."""


def interpreter(version: str) -> str | None:
    """One of this version, on the path or among pyenv's."""
    pyenv = sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python"))
    for found in filter(None, (shutil.which(f"python{version}"), *map(str, pyenv))):  # one on the path may be an empty shim
        if subprocess.run([found, "-m", "venv", "--help"], capture_output=True).returncode == 0:
            return found
    return None


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy: setuptools leaves its folders beside the sources."""
    copy = tmp_path_factory.mktemp("sources") / "ikun"
    left_out = shutil.ignore_patterns(".*", "runs", "build", "*.egg-info", "__pycache__")
    shutil.copytree(ROOT, copy, ignore=left_out)
    out = tmp_path_factory.mktemp("wheel")
    made = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--no-deps", "--quiet", "-w", str(out), str(copy)],
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
    )
    if made.returncode and "No matching distribution" in made.stderr:
        pytest.skip("not run: no package index is reached")
    assert made.returncode == 0, made.stderr
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module", params=PYTHONS)
def installed(request: pytest.FixtureRequest, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of programs of an environment that holds the wheel and what it requires, no extra."""
    python = interpreter(request.param)
    if python is None:
        pytest.skip(f"not run: no Python {request.param}")
    place = tmp_path_factory.mktemp("environment")
    subprocess.run([python, "-m", "venv", str(place)], check=True, timeout=120)
    programs = place / ("Scripts" if os.name == "nt" else "bin")
    quiet = [str(programs / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run([*quiet, str(wheel)], capture_output=True, text=True, timeout=900)
    if done.returncode and "No matching distribution" in done.stderr:
        pytest.skip("not run: no package index is reached")
    assert done.returncode == 0, done.stderr
    yield programs
    shutil.rmtree(place)


def test_every_command_has_its_call() -> None:
    assert set(STATED["ikun.commands"]) <= set(CALLS)
    assert set(CALLS) >= LIGHT


@pytest.mark.slow
def test_the_wheel_holds_no_tests_and_all_data(wheel: Path) -> None:
    import zipfile

    names = zipfile.ZipFile(wheel).namelist()
    assert not [name for name in names if name.startswith(("tests", "validate/", "derivations/"))]
    apart = {"__pycache__", "rows", "diagrams"}  # measurements, for pages of the repository: written, never read by a command
    wanted: set[str] = set()
    kinds = (".py", ".json", ".csv", ".html", ".css", "py.typed")
    for folder, package in (("ikun_sym", "ikun_sym"), ("derivations", "ikun_derivations"), ("validate", "ikun_validate")):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and path.name.endswith(kinds) and (path.suffix == ".py" or not apart & set(path.parts)):
                wanted.add(f"{package}/{path.relative_to(ROOT / folder).as_posix()}")
    assert wanted - set(names) == set()


@pytest.mark.slow
def test_every_command_works_or_names_its_extra(installed: Path, tmp_path: Path) -> None:
    for name in STATED["ikun.commands"]:
        process = call(installed, [name, *CALLS[name].split()], tmp_path)
        if name in LIGHT or "--help" in CALLS[name]:
            assert process.returncode == 0, (name, process.stderr)
            assert process.stdout
        else:
            named(process, name)
    for name in STATED["ikun.benchmarks"]:
        process = call(installed, ["benchmark", name, "--help"], tmp_path)
        assert process.returncode == 0, (name, process.stderr)


def call(programs: Path, words: list[str], where: Path) -> subprocess.CompletedProcess[str]:
    bare = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL_ENV", "COV_"))}
    return subprocess.run([str(programs / "ikun"), *words], capture_output=True, text=True, timeout=300, cwd=where, env=bare)


def named(process: subprocess.CompletedProcess[str], name: str) -> None:
    """One line on stderr, exit code 2, with the command that installs what is missing."""
    assert process.returncode == 2, (name, process.stderr)
    assert process.stderr.startswith("ikun: error: "), (name, process.stderr)
    assert process.stderr.count("\n") == 1, (name, process.stderr)
    assert "pip install 'ikun[" in process.stderr, (name, process.stderr)
