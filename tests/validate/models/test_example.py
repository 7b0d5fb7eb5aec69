"""The input of `diagnose` and `initialise_`: the caller's own, or random spikes of a shape and a rate."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from torch import nn

from ikun_sym.errors import IkunError
from ikun_validate import assert_healthy, diagnose, initialise_
from ikun_validate.models.commands import diagnose as command

NETWORK = """
import torch
from torch import nn
class Box(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x): ctx.save_for_backward(x); return (x > 0).to(x)
    @staticmethod
    def backward(ctx, g): (x,) = ctx.saved_tensors; return g * (x.abs() < 0.5).to(x)
SEEN = []
class Net(nn.Module):
    def __init__(self): super().__init__(); self.fc = nn.Linear(100, 64, bias=False)
    def forward(self, x): SEEN.append(x.detach().clone()); return torch.stack([Box.apply(self.fc(s) - 0.1) for s in x])
"""


@pytest.fixture
def net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    (tmp_path / "of_a_shape.py").write_text(NETWORK)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "of_a_shape", raising=False)
    torch.manual_seed(0)
    return __import__("of_a_shape").Net()


def last_seen() -> torch.Tensor:
    return sys.modules["of_a_shape"].SEEN[-1]


def test_a_shape_and_a_rate_are_spikes_of_that_rate(net: nn.Module) -> None:
    """40,000 entries: the standard error of their mean is 0.002; the test allows five (false alarm 6e-7)."""
    diagnose(net, input_shape=(4, 100, 100), input_rate=0.2)
    seen = last_seen()
    assert seen.shape == (4, 100, 100)
    assert set(seen.unique().tolist()) == {0.0, 1.0}
    assert float(seen.mean()) == pytest.approx(0.2, abs=0.01)
    diagnose(net, input_shape=(4, 100, 100), input_rate=0.2, seed=1)
    assert not torch.equal(last_seen(), seen)


def test_the_spikes_are_those_of_the_command_line(net: nn.Module) -> None:
    """Of its input: Var(H) of the first layer is the same to the last digit, with the same weights."""
    ours = diagnose(net, input_shape=[1, 64, 100], input_rate=0.3, seed=0).layers[0].var_h.mean
    done = CliRunner().invoke(
        command, ["of_a_shape:Net", "--input-shape", "1,64,100", "--input-rate", "0.3", "--json"], catch_exceptions=False
    )
    assert ours == json.loads(done.stdout)["layers"][0]["var_h"]["mean"]


def test_initialise_and_assert_healthy_take_a_shape(net: nn.Module) -> None:
    x = (torch.rand(1, 64, 100, generator=torch.Generator().manual_seed(3)) < 0.5).float()
    initialise_(net, input_shape=x.shape, scheme="critical")
    assert_healthy(net, input_shape=x.shape)
    assert diagnose(net, x).healthy


def test_the_spikes_have_the_type_of_the_weights(net: nn.Module) -> None:
    diagnose(net.double(), input_shape=(1, 64, 100))
    assert last_seen().dtype == torch.float64


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "give either an example input, or input_shape"),
        ({"example_input": torch.ones(1, 4, 100), "input_shape": (1, 4, 100)}, "give either an example input, or input_shape"),
        ({"input_shape": ()}, r"input_shape = \(\) is not allowed"),
        ({"input_shape": (1, 0, 100)}, "a tuple of positive integers"),
        ({"input_shape": "1,4,100"}, "a tuple of positive integers"),
        ({"input_shape": (1, 4.5)}, "a tuple of positive integers"),
        ({"input_shape": (1, 4, 100), "input_rate": 1.5}, "input_rate = 1.5 is not allowed"),
        ({"input_shape": (1, 4, 100), "input_rate": float("nan")}, "input_rate = nan is not allowed"),
    ],
)
def test_what_is_no_input_is_one_line(net: nn.Module, given: dict[str, Any], said: str) -> None:
    before = net.state_dict()["fc.weight"].clone()
    for call in (diagnose, initialise_):
        with pytest.raises(IkunError, match=said) as caught:
            call(net, **given)  # type: ignore[operator]
        assert "\n" not in str(caught.value)
    assert torch.equal(net.state_dict()["fc.weight"], before)


def test_random_spikes_are_nobodys_data(net: nn.Module) -> None:
    with pytest.raises(IkunError, match="your own data"):
        diagnose(net, input_shape=(1, 64, 100), data=True)
