"""`ikun diagnose`: exit codes, one line for every bad model, JSON keys, the page."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from ikun_sym.cli.main import main

from .user_models import layer  # noqa: F401  (skips where the libraries are not installed)

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")

NETS = """
import torch
from torch import nn
from spikingjelly.activation_based import layer, neuron, surrogate

def mlp(depth=6, width=64, gain=None):
    parts = []
    for _ in range(depth):
        linear = layer.Linear(width, width, step_mode="m")
        if gain:
            nn.init.normal_(linear.weight, 0, (gain / width) ** 0.5)
            nn.init.zeros_(linear.bias)
        parts += [linear, neuron.IFNode(step_mode="m", surrogate_function=surrogate.Sigmoid(3.65))]
    return nn.Sequential(*parts)

def good():
    print("chatter of the user's own")
    return mlp(3, 64, 7.06)

def plain():
    return nn.Sequential(nn.Linear(8, 8), nn.ReLU())

class Raises(nn.Module):
    def forward(self, x):
        raise KeyError("mine")

class Nan(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = mlp(2)
    def forward(self, x):
        return self.net(x) * float("nan")

def needs(argument):
    return None

def number():
    return 7

value = 3
"""


@pytest.fixture
def nets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module that only the current directory makes importable; its name is its own, for modules stay loaded."""
    name = f"nets_{abs(hash(tmp_path))}"
    (tmp_path / f"{name}.py").write_text(NETS)
    (tmp_path / f"{name}_broken.py").write_text("import numpy\nraise RuntimeError('at import')\n")
    (tmp_path / f"{name}_needs.py").write_text("import a_package_that_is_not_there\n")
    monkeypatch.chdir(tmp_path)
    return name


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    path = list(sys.path)
    with pytest.raises(SystemExit) as ended:
        main(["diagnose", *arguments])
    assert sys.path == path
    out, err = capsys.readouterr()
    assert isinstance(ended.value.code, int)
    return ended.value.code, out, err


def test_unhealthy_and_healthy(nets: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, out, _ = run(capsys, f"{nets}:mlp", "--input-shape", "1,32,64", "--json")
    document = json.loads(out)
    assert (code, document["verdict"]) == (1, "silent")
    first = document["layers"][0]
    assert {"layer", "name", "neuron", "threshold", "surrogate", "fan_in", "verdict", "advice"} <= set(first)
    assert set(first["rate"]) >= {"mean", "low", "high", "predicted"}
    assert [row["layer"] for row in document["layers"]] == [1, 2, 3, 4, 5, 6]
    code, out, _ = run(capsys, f"{nets}:good", "--input-shape", "1,32,64", "--input-rate", "0.2", "--json")
    assert (code, json.loads(out)["verdict"]) == (0, "healthy")
    code, out, _ = run(capsys, f"{nets}:mlp", "--input-shape", "1,32,64", "--out", str(tmp_path / "out"))
    assert code == 1
    assert "silent at layer" in out
    page = (tmp_path / "out" / "diagnosis.html").read_text()
    assert "below the critical" in page
    assert page.count("<svg") == 3
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_a_file_is_the_module_of_its_folder(nets: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / f"{nets}_there.py").write_text(NETS)
    for factory in (f"{nets}.py:good", f"inside/{nets}_there.py:good"):
        code, out, _ = run(capsys, factory, "--input-shape", "1,32,64", "--input-rate", "0.2", "--json")
        assert (code, json.loads(out)["verdict"]) == (0, "healthy")


def test_initialised_first(nets: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, f"{nets}:mlp", "--input-shape", "1,32,64", "--scheme", "critical", "--rate", "0.25", "--json")
    document = json.loads(out)
    assert (code, document["verdict"], document["initialised"]["before"]["verdict"]) == (0, "healthy", "silent")


BAD = {
    "raises": ("{0}:Raises", "4,8", "Raises raised KeyError on input of shape (4, 8), at {0}.py:25: 'mine'"),
    "no-neuron": ("{0}:plain", "4,8", "no spiking neuron"),
    "nan": ("{0}:Nan", "1,4,64", "gives NaN"),
    "shape": ("{0}:mlp", "1,4,63", "on input of shape (1, 4, 63)"),
    "factory-raises": ("{0}:needs", "4", "needs() raised TypeError"),
    "no-model": ("{0}:number", "4", "returned a int"),
    "not-callable": ("{0}:value", "4", "not callable"),
    "no-attribute": ("{0}:goood", "4", "did you mean good"),
    "no-module": ("{0}_none:mlp", "4", "there is no module"),
    "broken-module": ("{0}_broken:mlp", "4", "RuntimeError: at import"),
    "needs-package": ("{0}_needs:mlp", "4", "a_package_that_is_not_there"),
    "no-file": ("{0}_none.py:mlp", "4", "there is no file '{0}_none.py'"),
    "no-colon": ("{0}", "4", "is not MODULE:FACTORY"),
    "bad-shape": ("{0}:mlp", "4,x", "is not a shape"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_models_are_one_line(name: str, nets: str, capsys: pytest.CaptureFixture[str]) -> None:
    factory, shape, message = BAD[name]
    code, out, err = run(capsys, factory.format(nets), "--input-shape", shape)
    lines = [line for line in err.splitlines() if line]
    assert code == 2
    assert out == ""
    assert len(lines) == 1
    assert lines[0].startswith("ikun: error: ")
    assert message.format(nets) in lines[0]
    assert "Traceback" not in err
