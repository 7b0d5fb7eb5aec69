"""Run emitted code with the language's own tools, for the tests and the table of errors.

A driver takes groups of calls and returns the answers. It raises `NotRunError` if the tools are missing.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from shutil import which

from .printer import digits

LIMIT_S = 900
ANSWER_S = 20.0


class NotRunError(Exception):
    """The emitted code cannot be run here; the message says why."""


@dataclass(frozen=True)
class Group:
    """Calls of one function of one emitted file. `points`: its first arguments; `params`: the surrogate's parameters."""

    file: Path
    function: str
    points: tuple[tuple[float, ...], ...]
    params: tuple[float, ...] = ()

    @property
    def module(self) -> str:
        return self.file.stem


Driver = Callable[[Sequence[Group], Path], list[list[float]]]


def tool(name: str) -> str:
    found = which(name)
    if found is None:
        raise NotRunError(f"{name} is not installed")
    if why := _unusable(found, ANSWER_S):
        raise NotRunError(why)
    return found


@cache
def _unusable(found: str, limit: float) -> str:
    """Why this tool is as good as none, else empty: version managers leave commands behind that run nothing."""
    nothing = subprocess.DEVNULL
    try:
        subprocess.run([found, "--version"], stdin=nothing, stdout=nothing, stderr=nothing, timeout=limit, check=True)
    except subprocess.TimeoutExpired:
        return f"{found} does not say its version within {limit:g} s"
    except (OSError, subprocess.CalledProcessError):
        return f"{found} does not run here"
    return ""


def run(command: Sequence[str], **kwargs) -> str:
    """Run a tool; returns its standard output. A failure is an error, not a skip, and tools treat warnings as errors."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False, **kwargs)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed:\n{done.stderr[:4000]}")
    return done.stdout


def _split(text: str, groups: Sequence[Group]) -> list[list[float]]:
    values = [float(line.replace("Infinity", "inf").replace("NaN", "nan")) for line in text.split()]
    found, at = [], 0
    for group in groups:
        found.append(values[at : at + len(group.points)])
        at += len(group.points)
    assert at == len(values)
    return found


def _calls(groups: Sequence[Group], spelled: Callable[[Group], str], literal: Callable[[float], str]) -> list[str]:
    """One call per point."""
    return [
        f"{spelled(group)}({', '.join(literal(x) for x in (*point, *group.params))})"
        for group in groups
        for point in group.points
    ]


def _files(groups: Sequence[Group]) -> list[Path]:
    return sorted({group.file for group in groups})


def _literals(infinity: str) -> Callable[[float], str]:
    return lambda x: digits(x) if math.isfinite(x) else infinity if x > 0 else f"-{infinity}"


def c(groups: Sequence[Group], folder: Path) -> list[list[float]]:
    includes = [f'#include "{path}"' for path in _files(groups)]
    calls = _calls(groups, lambda g: f"{g.module}_{g.function}", _literals("INFINITY"))
    lines = [f'    printf("%.17g\\n", {call});' for call in calls]
    return _compiled(tool("gcc"), "main.c", ["-std=c99"], ["#include <stdio.h>", *includes], lines, groups, folder)


def cpp(groups: Sequence[Group], folder: Path) -> list[list[float]]:
    includes = [f'#include "{path}"' for path in _files(groups)]
    calls = _calls(groups, lambda g: f"{g.module}::{g.function}", _literals("INFINITY"))
    lines = [f'    std::printf("%.17g\\n", {call});' for call in calls]
    return _compiled(tool("g++"), "main.cpp", ["-std=c++11"], ["#include <cstdio>", *includes], lines, groups, folder)


def _compiled(
    compiler: str, name: str, flags: list[str], head: list[str], lines: list[str], groups: Sequence[Group], folder: Path
) -> list[list[float]]:
    source = folder / name
    source.write_text("\n".join([*head, "int main(void) {", *lines, "    return 0;", "}"]) + "\n", encoding="utf-8")
    binary = folder / f"{name}.out"
    strict = ["-Wall", "-Wextra", "-Werror", "-pedantic", "-O1"]
    run([compiler, *flags, *strict, str(source), "-o", str(binary), "-lm"])
    return _split(run([str(binary)]), groups)


def rust(groups: Sequence[Group], folder: Path) -> list[list[float]]:
    modules = [f'#[path = "{path}"]\n#[allow(dead_code)]\nmod {path.stem};' for path in _files(groups)]
    calls = _calls(groups, lambda g: f"{g.module}::{g.function}", _literals("f64::INFINITY"))
    lines = [f"    show({call});" for call in calls]
    text = [*modules, 'fn show(x: f64) {\n    println!("{x:e}");\n}', "fn main() {", *lines, "}"]
    (folder / "main.rs").write_text("\n".join(text) + "\n", encoding="utf-8")
    run([tool("rustc"), "-D", "warnings", "-C", "opt-level=1", "-o", str(folder / "main_rs.out"), str(folder / "main.rs")])
    return _split(run([str(folder / "main_rs.out")]), groups)


def javascript(groups: Sequence[Group], folder: Path) -> list[list[float]]:
    node = tool("node")
    for path in _files(groups):
        run([node, "--check", str(path)])
    imports = [f'import * as {path.stem} from "{path}";' for path in _files(groups)]
    calls = _calls(groups, lambda g: f"{g.module}.{g.function}", _literals("Infinity"))
    source = folder / "main.mjs"
    source.write_text("\n".join([*imports, *(f"console.log(String({x}));" for x in calls)]) + "\n", encoding="utf-8")
    return _split(run([node, str(source)]), groups)


def julia(groups: Sequence[Group], folder: Path) -> list[list[float]]:
    command = tool("julia")
    includes = [f'include("{path}")' for path in _files(groups)]
    calls = _calls(groups, lambda g: f"{g.module}.{g.function}", _literals("Inf"))
    source = folder / "main.jl"
    source.write_text("\n".join([*includes, *(f"println({x})" for x in calls)]) + "\n", encoding="utf-8")
    return _split(run([command, "--startup-file=no", str(source)]), groups)


_LOAD = """
import importlib.util, json, sys
sys.dont_write_bytecode = True
def load(path):
    spec = importlib.util.spec_from_file_location("emitted", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
asked = json.load(sys.stdin)
modules = {path: load(path) for path in {group["file"] for group in asked}}
"""

_SCALARS = """
for group in asked:
    function = getattr(modules[group["file"]], group["function"])
    for point in group["points"]:
        print(repr(float(function(*map(float, point), *map(float, group["params"])))))
"""

_ARRAYS = """
for group in asked:
    function = getattr(modules[group["file"]], group["function"])
    columns = [array([float(point[i]) for point in group["points"]]) for i in range(len(group["points"][0]))]
    for value in function(*columns, *map(float, group["params"])).tolist():
        print(repr(float(value)))
"""


def _python(head: str, body: str, *flags: str) -> Driver:
    def driver(groups: Sequence[Group], folder: Path) -> list[list[float]]:
        asked = [
            {
                "file": str(g.file),
                "function": g.function,
                "points": [[repr(x) for x in point] for point in g.points],
                "params": [repr(x) for x in g.params],
            }
            for g in groups
        ]
        script = _LOAD.replace("asked =", f"{head}\nasked =", 1) + body
        return _split(run([sys.executable, *flags, "-W", "error", "-c", script], input=json.dumps(asked)), groups)

    return driver


python = _python("", _SCALARS, "-I", "-S")
"""The interpreter sees only the standard library."""

numpy = _python("from numpy import array", _ARRAYS)
torch_driver = _python("import torch\ndef array(x):\n    return torch.tensor(x, dtype=torch.float64)", _ARRAYS)
jax_driver = _python("import jax\njax.config.update('jax_enable_x64', True)\nfrom jax.numpy import array", _ARRAYS)


def needing(package: str, driver: Driver) -> Driver:
    """`driver` if `package` is installed; else a driver that raises NotRunError."""

    def checked(groups: Sequence[Group], folder: Path) -> list[list[float]]:
        from importlib.util import find_spec

        if find_spec(package) is None:
            raise NotRunError(f"{package} is not installed")
        return driver(groups, folder)

    return checked


torch = needing("torch", torch_driver)
jax = needing("jax", jax_driver)
