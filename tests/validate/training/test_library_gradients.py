"""Gradients, of weights too, against SpikingJelly's and snnTorch's own in float64, for the neurons that are theirs as well."""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ikun_sym.reading.neuron import Neuron
from ikun_validate.training.models import build_model

from ..conftest import require
from ..networks.autograd import SURROGATES, Spike

STEPS, BATCH, INPUTS, CLASSES = 5, 6, 30, 4
WEIGHTS = ((40, INPUTS), (40, 40), (CLASSES, 40))


@pytest.fixture
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    require(request.param)
    if request.param == "no compiler":
        monkeypatch.setenv("CC", "none")
    return request.param


ENGINES = pytest.mark.parametrize("engine", ["compiled", "no compiler"], indirect=True)
NODES = list(
    itertools.product(
        ("ATan:alpha=2", "Sigmoid:alpha=4"), ((0.75, False), (0.75, True), (1.0, False)), (0.0, None, -0.5), (True, False)
    )
)
NODE_CASES = [
    *(pytest.param("no compiler", *node) for node in NODES),
    # each is a run of the C compiler
    *(pytest.param("compiled", *node, marks=() if node in (NODES[0], NODES[3]) else pytest.mark.slow) for node in NODES),
]
"""(engine, surrogate, (leak, decay_input), v_reset, detach)."""


def weights() -> list[Tensor]:
    generator = torch.Generator().manual_seed(3)
    return [torch.randn(*s, generator=generator, dtype=torch.float64) * (40 / s[1]) ** 0.5 for s in WEIGHTS]


def drawn() -> Tensor:
    return (torch.rand(STEPS, BATCH, INPUTS, generator=torch.Generator().manual_seed(4), dtype=torch.float64) < 0.4).double()


def loss(out: Tensor) -> Tensor:
    return (out.mean(0) if out.dim() == 3 else out).sub(torch.linspace(-1, 1, CLASSES)).square().sum()


def compare(theirs: Any, neuron: Neuron) -> None:
    """`theirs`: from weights and input to spikes [T, B, classes]. 1e-10 of the largest entry, weight by weight."""
    ours = build_model("mlp:depth=2,width=40", (INPUTS,), CLASSES, neuron).double()
    with torch.no_grad():
        for parameter, weight in zip(ours.parameters(), weights(), strict=True):
            parameter.copy_(weight)
    leaves = [weight.requires_grad_() for weight in weights()]
    out = theirs(leaves, drawn())
    value = loss(out)
    assert 0.02 < float(out.detach().mean()) < 0.7
    mine = loss(ours(drawn()))
    assert float(mine.detach()) == pytest.approx(float(value.detach()), rel=1e-14)
    for found, want in zip(torch.autograd.grad(mine, ours.parameters()), torch.autograd.grad(value, leaves), strict=True):
        assert float(want.abs().max()) > 0
        assert float((found - want).abs().max()) < 1e-10 * float(want.abs().max())


def _library(name: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip(name, reason="needs the extra `interop`")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("engine", "surrogate", "leaking", "v_reset", "detach"), NODE_CASES, indirect=["engine"])
def test_spikingjelly(engine: str, surrogate: str, leaking: tuple[float, bool], v_reset: float | None, detach: bool) -> None:
    """Its v_reset is the membrane's rest too: u = v − v_reset is our neuron."""
    _library("spikingjelly")
    leak, decay_input = leaking
    from spikingjelly.activation_based import neuron
    from spikingjelly.activation_based import surrogate as surrogates

    name, _, alpha = surrogate.partition(":alpha=")
    threshold = 0.4 if decay_input else 1.0
    words: dict[str, Any] = {
        "v_threshold": threshold,
        "v_reset": v_reset,
        "detach_reset": detach,
        "surrogate_function": getattr(surrogates, name)(float(alpha)),
        "step_mode": "m",
    }

    def nodes() -> nn.Module:
        return neuron.IFNode(**words) if leak == 1 else neuron.LIFNode(tau=1 / (1 - leak), decay_input=decay_input, **words)

    def theirs(leaves: list[Tensor], x: Tensor) -> Tensor:
        for weight in leaves:
            x = nodes().double()(x @ weight.T)
        return x

    reset, rest = ("soft", 0.0) if v_reset is None else ("hard", v_reset)
    ours = Neuron.of(
        surrogate=f"spikingjelly.{surrogate}",
        reset=reset,
        threshold=threshold - rest,
        leak=leak,
        decay_input=decay_input,
        detach=detach,
    )
    compare(theirs, ours)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("mechanism", ["subtract", "zero"])
@pytest.mark.parametrize("name", ["atan", "fast_sigmoid"])
@ENGINES
def test_snntorch(engine: str, name: str, mechanism: str) -> None:
    """Its own surrogates hand out float32, whatever they are given: the same two derivatives are written here in float64."""
    snn = _library("snntorch")

    def fire(x: Tensor) -> Tensor:
        found: Tensor = Spike.apply(x, SURROGATES[name])
        return found

    def theirs(leaves: list[Tensor], x: Tensor) -> Tensor:
        for weight in leaves:
            leaky = snn.Leaky(beta=0.75, threshold=1.0, spike_grad=fire, reset_mechanism=mechanism).double()
            mem, out = leaky.init_leaky().double(), []
            for i in x @ weight.T:
                spike, mem = leaky(i, mem)
                out.append(spike)
            x = torch.stack(out)
        return x

    reset = {"subtract": "delayed", "zero": "hard"}[mechanism]
    compare(theirs, Neuron.of(surrogate=name, reset=reset, leak=0.75, detach=True))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["atan", "fast_sigmoid", "sigmoid"])
def test_snntorchs_own_surrogates(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """To what float32 holds, for its spikes are float32."""
    monkeypatch.setenv("CC", "none")
    snn = _library("snntorch")
    from ikun_validate.training.spiking import SpikingLayer

    leaky = snn.Leaky(beta=0.75, spike_grad=getattr(snn.surrogate, name)()).double()
    current = (2 * drawn() - 0.5).requires_grad_()
    mem, out = leaky.init_leaky().double(), []
    for i in current:
        spike, mem = leaky(i, mem)
        out.append(spike)
    grad = torch.randn(STEPS, BATCH, INPUTS, generator=torch.Generator().manual_seed(1))
    (want,) = torch.autograd.grad(torch.stack(out), current, grad.to(out[0].dtype))
    ours = SpikingLayer(Neuron.of(surrogate=f"snntorch.{name}", reset="delayed", leak=0.75))
    (found,) = torch.autograd.grad(ours(current), current, grad.double())
    torch.testing.assert_close(found, want, rtol=1e-6, atol=1e-6 * float(want.abs().max()))
