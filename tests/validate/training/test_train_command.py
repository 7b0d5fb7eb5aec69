"""`ikun train` and `ikun validate training`: JSON, exit codes, records, one line for whatever is wrong."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ikun_sym.cli.main import main
from ikun_sym.errors import IkunError
from ikun_validate import load_weights, train
from ikun_validate.training import claims
from ikun_validate.training.data import load_data

pytest.importorskip("sklearn", reason="needs the extra `train`")
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

SMALL = ["train", "--samples", "60", "--model", "mlp:depth=1,width=16", "--epochs", "1", "--steps", "2", "--seeds", "2"]

MODULE = """
import torch
from torch import nn

class Nan(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(10, 64))
    def forward(self, x):
        return x.flatten(2) @ self.weight.T * float("nan")

class Detached(nn.Linear):
    def __init__(self):
        super().__init__(64, 10)
    def forward(self, x):
        return super().forward(x.flatten(2)).detach()

class Refuses(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()
    @staticmethod
    def backward(ctx, gradient):
        raise ArithmeticError("not this\\nway")

class Backward(Detached):
    def forward(self, x):
        return Refuses.apply(nn.Linear.forward(self, x.flatten(2)))

def number():
    return 7

def second():
    # passes all checks, then fails
    from ikun_sym.reading.neuron import Neuron
    from ikun_validate.training.models import build_model
    model, passes = build_model("mlp:depth=1,width=16", (1, 8, 8), 10, Neuron.of(leak=1.0)), [0]
    def hook(module, inputs):
        if torch.is_grad_enabled() and module.training:
            passes[0] += 1
            if passes[0] > 8:
                raise MemoryError("no\\nmore")
    model.register_forward_pre_hook(hook)
    return model
"""


class Ran(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def ikun(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Ran]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IKUN_CORES", "1")
    (tmp_path / "mynet.py").write_text(MODULE)
    sys.modules.pop("mynet", None)

    def call(*arguments: str) -> Ran:
        with pytest.raises(SystemExit) as caught:
            main(list(arguments))
        out, err = capsys.readouterr()
        return Ran(int(caught.value.code or 0), out, err)

    return call


def test_what_a_run_leaves_behind_and_that_it_resumes(ikun: Callable[..., Ran], tmp_path: Path) -> None:
    ran = ikun(*SMALL, "--scheme", "kaiming", "--target", "0.2,0.9", "--out", "o", "--save", "--json")
    found: dict[str, Any] = json.loads(ran.out)
    assert ran.code in (0, 3)
    assert {(run["scheme"], run["seed"]) for run in found["runs"]} == {
        (s, k) for s in ("torch-default", "kaiming") for k in (0, 1)
    }
    run = found["runs"][0]
    assert {
        "lr",
        "optimizer",
        "epochs_to_target",
        "train_accuracy",
        "test_accuracy",
        "curve",
        "health",
        "seconds",
    } <= run.keys()
    assert len(run["epochs_to_target"]) == 2
    assert {"epoch", "train_loss", "train_accuracy", "validation_accuracy"} == run["curve"][0].keys()
    (comparison,) = found["comparisons"]
    assert {"scheme", "baseline", "ratio", "low", "high", "faster", "accuracy_difference", "verdict"} <= comparison.keys()
    saved = list((tmp_path / "o" / "weights").glob("*.safetensors"))
    assert len(saved) == 4
    model, described = load_weights(next(path for path in saved if path.name.startswith("kaiming-adam-1-")))
    assert described["trial"]["scheme"] == "kaiming"
    data = load_data("digits").only(60).validation
    right = model.eval()(data.x.expand(2, *data.x.shape)).argmax(-1) == data.y
    assert float(right.float().mean()) == pytest.approx(described["validation_accuracy"], abs=1e-4)
    page = (tmp_path / "o" / "report.html").read_text(encoding="utf-8")
    assert "<svg" in page
    assert "Royston" in page

    rows = (tmp_path / "o" / "rows.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "o" / "rows.jsonl").write_bytes(b"".join(rows[:3]) + rows[3][:50])  # killed while it wrote the fourth
    refused = ikun(*SMALL, "--scheme", "kaiming", "--out", "o")
    assert refused.code == 2
    assert "--resume" in refused.err
    again = json.loads(ikun(*SMALL, "--scheme", "kaiming", "--target", "0.2,0.9", "--out", "o", "--resume", "--json").out)
    clean = [{k: v for k, v in one.items() if k != "seconds"} for one in again["runs"]]
    assert clean == [{k: v for k, v in one.items() if k != "seconds"} for one in found["runs"]]
    assert len((tmp_path / "o" / "rows.jsonl").read_bytes().splitlines()) == 4


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (["--data", "digit"], "digits"),
        (["--data", "fashion-mnist", "--data-dir", "."], "train-images-idx3-ubyte"),
        (["--target", "1.2"], "target"),
        (["--target", "a"], "--target"),
        (["--samples", "99999"], "1257"),
        (["--samples", "some"], "--samples"),
        (["--scheme", "kaimin"], "kaiming"),
        (["--scheme", "tdbn"], "tdbn"),
        (["--model", "mynet:Nan"], "NaN"),
        (["--model", "mynet:number"], "mynet:number"),
        (["--model", "mynet:Detached"], "without a gradient"),
        (["--model", "mynet:Backward"], "ArithmeticError on samples of digits: not this way"),
        (["--amplitude", "unit"], "amplitude"),
        (["--model", "mlpp"], "mlp"),
        (["--lr", "fast"], "--lr"),
        (["--seeds", "1"], "seeds"),
        (["--events"], "--events"),
        (["--budget", "-1"], "budget"),
        (["--optimizer", "sdg"], "sgd"),
    ],
)
def test_whatever_is_wrong_is_one_line(ikun: Callable[..., Ran], tmp_path: Path, arguments: list[str], match: str) -> None:
    ran = ikun(*SMALL, *arguments)
    assert ran.code == 2
    assert ran.err.count("\n") == 1
    assert match in ran.err
    assert ran.out == ""
    assert not any(path.read_bytes() for path in tmp_path.glob("runs/*/rows.jsonl"))


def test_a_model_that_fails_while_it_learns_is_one_line_and_loses_nothing(ikun: Callable[..., Ran], tmp_path: Path) -> None:
    order = [*SMALL, "--model", "mynet:second", "--epochs", "9", "--scheme", "kaiming", "--out", "o"]
    ran = ikun(*order)
    assert ran.code == 2
    assert ran.err.count("\n") == 1
    assert "MemoryError while it was trained (torch-default, pair 0)" in ran.err
    assert ran.err.endswith("no more\n")
    assert list((tmp_path / "o" / "unfinished").iterdir())  # its last finished epoch


def test_claims_are_listed_without_torch() -> None:
    script = """
import sys
from ikun_validate.training.claims import TRAINING
assert "torch" not in sys.modules and "scipy.stats" not in sys.modules
print(len(TRAINING))
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert int(ran.stdout) >= 5


def test_claims_about_training_are_listed_and_have_flags_of_their_own(ikun: Callable[..., Ran]) -> None:
    listed = {one["id"] for one in json.loads(ikun("claims", "--json").out)}
    assert {"training.stationarity", "critical.scale"} <= listed
    ran = ikun("validate", "training.stationarity", "--depth", "3")
    assert ran.code == 2
    assert "--depth" in ran.err
    assert ikun("validate", "training.stationary").code == 2


def test_from_python_weights_are_saved_too(tmp_path: Path) -> None:
    order: dict[str, Any] = {"samples": 20, "model": "mlp:depth=1,width=4", "epochs": 1, "steps": 1, "seeds": 2, "workers": 1}
    train(schemes=("kaiming",), **order, out=tmp_path / "o", save=True)
    for path in (tmp_path / "o" / "weights").iterdir():
        assert load_weights(path)[1]["trial"]["samples"] == 20
    with pytest.raises(IkunError, match="give out"):
        train(**order, save=True)


@pytest.mark.slow
def test_the_page_of_the_digits_is_what_its_rows_say(ikun: Callable[..., Ran], tmp_path: Path) -> None:
    """No run is begun: all that the table needs is in the rows, and the page is made of them again."""
    kept = Path(claims.__file__).parent / "rows" / "digits"
    shutil.copy(kept / "rows.jsonl", tmp_path / "rows.jsonl")
    ran = ikun("validate", "training", "--quick", "--out", ".", "--resume", "--budget", "0.001", "--json")
    assert ran.code in (0, 3)
    assert (tmp_path / "rows.jsonl").read_bytes() == (kept / "rows.jsonl").read_bytes()
    pages = [(folder / "TRAINING.md").read_text(encoding="utf-8") for folder in (kept, tmp_path)]
    # the machine is that on which the page was written
    first, second = ([line for line in page.splitlines() if "processor time" not in line] for page in pages)
    assert first == second


@pytest.mark.slow
def test_processes_side_by_side_find_the_same(ikun: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch) -> None:
    one = json.loads(ikun(*SMALL, "--json").out)
    monkeypatch.setenv("IKUN_CORES", "2")
    two = json.loads(ikun(*SMALL, "--json").out)
    for first, second in zip(one["runs"], two["runs"], strict=True):
        assert first["curve"] == second["curve"]
        assert first["test_accuracy"] == second["test_accuracy"]
