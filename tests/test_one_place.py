"""CONTRIBUTING's table, tried: one statement of each kind is added to a scratch copy, each in the one file that its row names,
and everything that the row promises follows."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

pytest.importorskip("torch", reason="the networks need it")

ROOT = Path(__file__).parents[1]
COPIES = {"ikun_sym": "ikun_sym", "derivations": "ikun_derivations", "validate": "ikun_validate"}
"""Folder to the package that it is imported as."""


class Addition(NamedTuple):
    """`row`: the kind as CONTRIBUTING calls it; `text` is appended to `path`, which may be new. `probe` is run afterwards."""

    row: str
    path: str
    text: str
    probe: str


ADDITIONS = {
    "surrogate": Addition(
        "surrogate",
        "ikun_sym/catalogue/surrogates/light_tails.py",
        """
register(Surrogate(name="novel", params=(ALPHA_1,), derivative=even(a * sp.exp(-a * U) * U), summary="a u exp(-a u)"))
""",
        """
import math, importlib.util
from scipy.integrate import quad
from ikun_sym import evaluate, export, moment
from ikun_sym.reading.surrogate_spec import resolve

def f(x, alpha=1.5):
    return alpha * abs(x) * math.exp(-alpha * abs(x))

def density(x):
    return math.exp(-((x + 1) ** 2) / 2) / math.sqrt(2 * math.pi)

want = quad(lambda x: f(x) ** 2 * density(x), -30, 30, points=[0], limit=200)[0]
found = moment("novel:alpha=1.5", -1, 1, power=2)
assert found.proved, found.status
assert abs(found.value / want - 1) < 1e-8
assert abs(float(evaluate("novel:alpha=1.5", -1, 1, power=2)) / want - 1) < 1e-8
path = export("novel:alpha=1.5", "python", folder)
spec = importlib.util.spec_from_file_location("novel_export", path)
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
assert abs(module.e_g2(-1.0, 1.0) / want - 1) < 1e-8
assert "novel" in library_parts("gaussian-moments")
runs(surrogate="novel", gain=20.0)
""",
    ),
    "scheme": Addition(
        "initialisation scheme",
        "ikun_sym/catalogue/schemes/classical.py",
        """
SCHEMES.register(Scheme(name="novel", variance=5 / (fan_in + 100), summary="5/(fan_in + 100)", source="a test"))
""",
        """
from ikun_sym import init_variance, meanfield
assert init_variance("novel", fan_in=400).variance == 5 / 500
assert len(meanfield(scheme="novel", depth=3, width=400).layers) == 3
assert json.loads(ikun("init", "--scheme", "novel", "--fan-in", "400", "--json"))["variance"] == 5 / 500
from ikun_validate.fates.grid import SURROGATES, TIMES, setup
assert setup("novel", next(iter(SURROGATES)), TIMES[0], 64)
""",
    ),
    "reset": Addition(
        "reset",
        "ikun_sym/catalogue/resets.py",
        """
_SHARE = Param("share", Fraction(1, 2), "nonnegative")
RESETS.register(
    Reset(name="novel", charge=leak * v + i, after=h - _SHARE.symbol * threshold * s, params=(_SHARE,), summary="a share of θ")
)
""",
        """
from ikun_sym import meanfield
network = dict(steps=3, leak=0.5, gain=12.0, depth=4, input_rate=0.3)
rates = {share: meanfield(reset=f"novel:share={share}", **network).layers[-1].rate[-1] for share in (0, 0.5, 1)}
assert rates[0] > rates[0.5] > rates[1], rates
assert rates[1] == meanfield(reset="soft", **network).layers[-1].rate[-1]
found = json.loads(ikun("init", "--scheme", "critical", "--steps", "3", "--leak", "0.5", "--reset", "novel", "--fan-in", "100",
                        "--rate", "0.3", "--json"))
assert found["variance"] > 0
runs(reset="novel:share=0.3", steps=3, leak=0.5, gain=20.0, detach=False)
""",
    ),
    "data set": Addition(
        "data set to train on",
        "validate/training/data/novel.py",
        '''
"""Two points."""
import torch

from .data_set import DATA, Data, Source, split


def read(folder, steps):
    y = torch.arange(60) % 2
    train, validation, test = split(y[:, None].float(), y, validation=10, test=20)
    return Data(name="novel", train=train, validation=validation, test=test, classes=2)


DATA.register(Source(name="novel", summary="two points", source="a test", read=read))
''',
        """
from ikun_validate.training.train import train
found = train("novel", model="mlp:depth=1,width=8", schemes=["kaiming"], seeds=2, epochs=1, steps=1, workers=1)
assert len(found.outcomes) == 4 and found.outcomes[0].trial["data"] == "novel", found
""",
    ),
    "claim": Addition(
        "claim",
        "validate/claims/critical.py",
        """
CLAIMS.register(
    Claim(
        id="critical.novel",
        statement="A network twice above the critical scale stays active.",
        why="it is above",
        source="a test",
        derivation="critical-scale",
        criteria=(Criterion(observable="novel", claimed=0.0, tolerance=0.0, side="above"),),
        settings=(on(gain=2 * SCALE, depth=4),),
        expected="confirmed",
    )
)
""",
        """
from ikun_validate import validate
found = validate("critical.novel", batch=8)
assert found.verdict == "confirmed", found
assert "critical.novel" in [row["id"] for row in json.loads(ikun("claims", "--json"))]
""",
    ),
    "observable": Addition(
        "observable",
        "validate/cases/observables.py",
        """
OBSERVABLES.register(
    Observable(name="novel", label="rate of the first layer", measure=lambda shown, case: float(shown.rate[0].mean()))
)
""",
        """
from ikun_validate.cases.observables import OBSERVABLES
assert OBSERVABLES["novel"].label
""",
    ),
    "target": Addition(
        "export target",
        "ikun_sym/targets/novel_target.py",
        '''
"""Target `novel`: the constants as lines of text."""

from __future__ import annotations

from .target import TARGETS, Export, Target


def emit(work: Export) -> str:
    return "".join(f"{name}={value.gain}\\n" for name, value in work.constants.items())


TARGETS.register(Target("novel", ".txt", emit))
''',
        """
from ikun_sym import export
assert "THRESHOLD_0=" in export("atan", "novel", folder).read_text()
ikun("export", "sigmoid", "--target", "novel", "--out", folder)
""",
    ),
}

COMMON = """
import json, subprocess, sys

folder = sys.argv[1]


def ikun(*words):
    done = subprocess.run([sys.executable, "-m", "ikun_sym.cli", *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def library_parts(name):
    from importlib import import_module

    import ikun_derivations.library as library

    module = import_module(f"ikun_derivations.documents.{library._known(name)}")
    return [surrogate.name for part in module.parts() for surrogate in part]


def runs(**fields):
    from ikun_validate.networks.network import Architecture, Network

    draw = Network(Architecture.of(depth=3, width=32, **fields), batch=4).draw(0, 0)
    assert draw.alive > 0 and draw.log_gradient.shape == (3,), draw
"""


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the three packages, under their names of import, with every addition made."""
    folder = tmp_path_factory.mktemp("house")
    for source, package in COPIES.items():
        shutil.copytree(ROOT / source, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    for addition in ADDITIONS.values():
        top, _, rest = addition.path.partition("/")
        with (folder / COPIES[top] / rest).open("a", encoding="utf-8") as stream:
            stream.write(addition.text)
    return folder


SLOW = ("claim", "data set", "target", "observable", "surrogate", "reset")
"""The seconds are needed elsewhere; a kind of each room stays among the quick ones."""


@pytest.mark.parametrize("kind", [pytest.param(k, marks=pytest.mark.slow) if k in SLOW else k for k in ADDITIONS])
def test_one_statement_is_enough(scratch: Path, kind: str, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(scratch), "PYTHONDONTWRITEBYTECODE": "1"}
    probe = "import ikun_sym\nassert ikun_sym.__file__.startswith(sys.argv[2]), ikun_sym.__file__\n" + ADDITIONS[kind].probe
    command = [sys.executable, "-W", "ignore", "-c", COMMON + probe, str(tmp_path), str(scratch)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def test_each_touches_one_file(scratch: Path) -> None:
    touched = {
        f"{source}/{path.relative_to(scratch / package)}"
        for source, package in COPIES.items()
        for path in (scratch / package).rglob("*.py")
        if not (old := ROOT / source / path.relative_to(scratch / package)).exists() or old.read_bytes() != path.read_bytes()
    }
    assert sorted(touched) == sorted(addition.path for addition in ADDITIONS.values())


@pytest.mark.parametrize("kind", ADDITIONS)
def test_the_row_names_the_file(kind: str) -> None:
    """A row says "file in `folder/`", "statement in a module of `folder/`" or "statement in `file`"."""
    addition = ADDITIONS[kind]
    lines = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").splitlines()
    rows = [line.split("|")[1:3] for line in lines if line.startswith("|")]
    where = next(place for name, place in rows if name.strip() == addition.row)
    assert any(addition.path.startswith(named) for named in re.findall(r"`([^`]+)`", where)), where


def test_a_file_with_nothing_in_it_is_seen(scratch: Path, tmp_path: Path) -> None:
    """The control: without the statement the same probe fails."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-W", "ignore", "-c", COMMON + ADDITIONS["scheme"].probe, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path, timeout=300, check=False)
    assert done.returncode != 0
    assert "novel" in done.stderr
