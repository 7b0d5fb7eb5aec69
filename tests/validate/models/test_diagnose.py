"""What a diagnosis says is what a measurement by hand finds, in every library, and the model is given back untouched."""

from __future__ import annotations

import copy
import random
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ikun_sym.errors import IkunError
from ikun_sym.reading.neuron import Neuron
from ikun_sym.schemes.critical_scale import least_gain
from ikun_sym.schemes.rate_targeted_over_time import advisable_rate, rate_target
from ikun_validate import assert_healthy, diagnose
from ikun_validate.models.measuring.measure import measure
from ikun_validate.models.prediction import predict
from tests.reference.resets_by_hand import numbers

from ..networks.autograd import gradients
from . import user_models as users
from .hand_measured import by_hand
from .user_models import layer, neuron, surrogate

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")


def bernoulli(*shape: int, rate: float = 0.4, seed: int = 3) -> Tensor:
    return (torch.rand(shape, generator=torch.Generator().manual_seed(seed)) < rate).double()


def drawn(model: nn.Module, gain: float, bias: float = 0.1, seed: int = 1) -> nn.Module:
    """Weights with fan_in · Var(W) = gain, float64, so that two ways to sum agree on every spike."""
    torch.manual_seed(seed)
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, 0, (gain / module.in_features) ** 0.5)
            nn.init.normal_(module.bias, 0, bias)
    return model.double()


def atan(x: Tensor) -> Tensor:
    return 1 / (1 + (np.pi * x) ** 2)


def sigmoid4(x: Tensor) -> Tensor:
    return 4 * torch.sigmoid(4 * x) * torch.sigmoid(-4 * x)


def bump(x: Tensor) -> Tensor:
    return torch.exp(-x.abs() / 0.4) * (1 + 0.5 * torch.sin(3 * x))


def superspike(x: Tensor) -> Tensor:
    """norse 1.1.0: alpha is ignored, the slope is 1."""
    return 1 / (1 + x.abs()) ** 2


NODE = {"detach_reset": True, "surrogate_function": surrogate.ATan()}
CASES: dict[str, tuple[Callable[[], nn.Module], float, Callable[[Tensor], Tensor], Neuron]] = {
    "jelly-if": (lambda: users.jelly_mlp(3, 96), 3, sigmoid4, numbers("hard", 1.0, 1.0, False)),
    "jelly-lif": (
        lambda: users.jelly_mlp(3, 96, neuron.LIFNode, tau=2.0, **NODE),
        24,
        atan,
        numbers("hard", 0.5, 1.0, True, decay_input=True),
    ),
    "jelly-soft": (
        lambda: users.jelly_mlp(3, 96, neuron.LIFNode, tau=4.0, decay_input=False, v_reset=None, v_threshold=1.5),
        6,
        sigmoid4,
        numbers("soft", 0.75, 1.5, False),
    ),
    "snntorch-delayed": (lambda: users.SnnTorchMLP(3, 96), 6, atan, numbers("delayed", 0.5, 1.0, True)),
    "snntorch-zero": (
        lambda: users.SnnTorchMLP(3, 96, reset_mechanism="zero", reset_delay=False),
        6,
        atan,
        numbers("hard", 0.5, 1.0, False),
    ),
    "snntorch-synaptic": (
        lambda: users.SnnTorchSynaptic(3, 96),
        3,
        atan,
        numbers("delayed", 0.6, 1.0, True, synaptic_leak=0.7),
    ),
    "snntorch-closure": (users.snntorch_closure, 6, bump, numbers("delayed", 0.5, 1.0, True)),
    "norse": (
        lambda: users.norse_mlp(3, 96, tau_mem_inv=500.0, tau_syn_inv=250.0),
        20,
        superspike,
        numbers("hard", 0.5, 1.0, False, synaptic_leak=0.75, decay_input=True),
    ),
    "norse-box": (lambda: users.NorseBox(3, 96), 30, superspike, numbers("hard", 0.5, 1.0, False, decay_input=True)),
    "plain": (lambda: users.plain_mlp(3, 96), 5, bump, numbers("hard", 0.75, 0.9, True)),
    "functional": (lambda: users.Functional(96), 6, bump, numbers("soft", 0.5, 1.0, True)),
}

STEPS, BATCH = 4, 24


@pytest.mark.parametrize("name", CASES)
def test_what_is_measured_is_what_autograd_finds(name: str) -> None:
    make, gain, slope, hand = CASES[name]
    model = drawn(make(), gain)
    linear = [module for module in model.modules() if isinstance(module, nn.Linear)]
    x = bernoulli(STEPS, BATCH, linear[0].in_features)
    found = diagnose(model, x, seed=5)
    torch.manual_seed(5)
    readout = torch.randn(STEPS, BATCH, linear[-1].out_features, dtype=torch.float64)
    weights, biases = [m.weight.detach() for m in linear], [m.bias.detach() for m in linear]
    membranes, spikes, grads, _ = gradients(weights, biases, x, readout, slope, hand)
    last = float(grads[-1].square().mean((1, 2)).sum())
    assert len(found.layers) == len(linear)
    for report, h, s, g in zip(found.layers, membranes, spikes, grads, strict=True):
        assert report.rate.mean == pytest.approx(float(s.mean()), rel=1e-9)
        assert report.steps["rate"]["measured"] == pytest.approx(s.mean((1, 2)).tolist(), rel=1e-9)
        assert report.steps["var_h"]["measured"] == pytest.approx(h.flatten(1).var(1, unbiased=False).tolist(), rel=1e-6)
        assert report.steps["grad_var"]["measured"] == pytest.approx((g.square().mean((1, 2)) / last).tolist(), rel=1e-5)
        assert (report.threshold, report.leak) == pytest.approx((hand.threshold, hand.leak), rel=1e-6)
        assert report.reset == hand.reset
        assert report.detach == hand.detach


def test_a_wrong_surrogate_would_be_seen() -> None:
    """The comparison above can fail: with the gradient that norse documents it does."""
    make, gain, _, hand = CASES["norse"]
    model = drawn(make(), gain)
    linear = [module for module in model.modules() if isinstance(module, nn.Linear)]
    x = bernoulli(STEPS, BATCH, 96)
    found = diagnose(model, x)
    torch.manual_seed(0)
    readout = torch.randn(STEPS, BATCH, 96, dtype=torch.float64)
    documented = gradients(
        [m.weight.detach() for m in linear],
        [m.bias.detach() for m in linear],
        x,
        readout,
        lambda u: 1 / (1 + 100 * u.abs()) ** 2,
        hand,
    )[2]
    ratio = documented[0].square().sum() / documented[-1].square().sum()
    assert found.layers[0].grad_var.mean is not None
    assert abs(np.log(float(ratio) / found.layers[0].grad_var.mean)) > 1
    assert "alpha = 100 has no effect" in found.layers[0].note


CONVOLUTIONAL: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "csnn": (users.csnn, (3, 8, 1, 12, 12)),
    "sew-resnet-18": (users.sew_resnet18, (2, 4, 3, 16, 16)),
}


@pytest.mark.parametrize("name", CONVOLUTIONAL)
def test_convolutional_networks(name: str) -> None:
    make, shape = CONVOLUTIONAL[name]
    torch.manual_seed(0)
    model = make().double()
    x = torch.rand(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    found = diagnose(model, x, seed=2)
    seen = by_hand(model, x, (neuron.IFNode,), seed=2)
    last = float(seen[-1].grad.sum())
    assert len(found.layers) == len(seen)
    for report, hand in zip(found.layers, seen, strict=True):
        assert report.rate.mean == pytest.approx(float(hand.rate.mean()), rel=1e-9)
        assert report.var_h.mean == pytest.approx(float(hand.var_h.mean()), rel=1e-6)
        assert report.grad_var.mean == pytest.approx(float(hand.grad.sum()) / last, rel=1e-5)


def test_the_two_convolution_network_is_read() -> None:
    torch.manual_seed(0)
    found = diagnose(users.csnn(16), torch.rand(3, 8, 1, 12, 12))
    assert [r.weight for r in found.layers] == ["0.weight", "4.weight", "9.weight", "11.weight"]
    assert [(r.fan_in, r.fan_out) for r in found.layers] == [(9, 144), (144, 144), (144, 64), (64, 10)]
    assert [r.between for r in found.layers] == [("batch norm",), ("batch norm", "pooling"), ("pooling",), ()]
    assert [r.source["forward"] for r in found.layers] == ["measured current"] * 2 + ["measured input", "layers below"]
    assert all("cancels σ_W" in r.note for r in found.layers[:2])


def test_residual_networks_have_several_sources() -> None:
    torch.manual_seed(0)
    found = diagnose(users.sew_resnet18(4), torch.rand(2, 4, 3, 8, 8))
    assert len(found.layers) == 20
    shortcut = next(r for r in found.layers if r.name == "5.short.2")
    assert (shortcut.fan_in, shortcut.fan_out) == (4, 8 / 4)
    assert "several sources" in shortcut.between


@pytest.mark.parametrize("steps", [1, 3])
def test_prediction_is_near_the_measurement(steps: int) -> None:
    """Width 512, three layers: the rate of one draw has relative standard deviation √((1 − p)/(p n)) ≈ 0.1 at most per layer;
    5 of them are allowed."""
    model = drawn(users.jelly_mlp(3, 512), 7.06, bias=0.0).float()
    measured = measure(model, bernoulli(steps, 64, 512, rate=0.2).float())
    for one, mine in zip(measured, predict(measured), strict=True):
        assert mine.forward is not None
        assert mine.backward is not None
        assert mine.rate is not None
        assert mine.rate.mean() == pytest.approx(float(one.rate.mean()), rel=0.5)
        assert mine.grad is not None
        assert abs(np.log(mine.grad.sum() / one.grad.sum(axis=0).mean())) < 0.5


def everything(model: nn.Module) -> dict[str, Any]:
    """All that a user could find changed."""
    state: dict[str, Any] = {"train": [m.training for m in model.modules()]}
    state["values"] = {k: v.clone() for k, v in model.state_dict().items()}
    state["grads"] = {k: None if p.grad is None else p.grad.clone() for k, p in model.named_parameters()}
    state["requires"] = {k: p.requires_grad for k, p in model.named_parameters()}
    state["types"] = [type(m).__name__ for m in model.modules()]
    state["keys"] = [sorted(vars(m)) for m in model.modules()]
    state["hooks"] = [(len(m._forward_hooks), len(m._forward_pre_hooks), len(m._backward_hooks)) for m in model.modules()]
    state["memories"] = [
        {k: v.clone() if isinstance(v, Tensor) else v for k, v in getattr(m, "_memories", {}).items()} for m in model.modules()
    ]
    state["surrogates"] = [id(getattr(m, "surrogate_function", None)) for m in model.modules()]
    state["random"] = (torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy())  # type: ignore[union-attr]
    state["global"] = (
        len(nn.modules.module._global_forward_hooks),
        len(nn.modules.module._global_forward_pre_hooks),
        ["apply" in vars(parent) for parent in torch.autograd.Function.__mro__],
    )
    return state


def same(a: Any, b: Any) -> bool:
    if isinstance(a, Tensor):
        return torch.equal(a, b)
    if isinstance(a, np.ndarray):
        return bool((a == b).all())
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return a == b


class Breaks(nn.Module):
    """Raises after the layer below has changed its state, its norm's statistics and torch's random state."""

    def forward(self, x: Tensor) -> Tensor:
        raise RuntimeError("the user's own mistake")


def lived_in(broken: bool) -> tuple[nn.Module, Tensor]:
    """A model with batch norm, dropout, frozen weights, gradients and states from an earlier pass."""
    torch.manual_seed(0)
    parts: list[nn.Module] = [
        layer.Linear(20, 20, step_mode="m"),
        layer.BatchNorm1d(20, step_mode="m"),
        neuron.IFNode(step_mode="m"),
        layer.Dropout(0.3, step_mode="m"),
        layer.Linear(20, 20, step_mode="m"),
        neuron.LIFNode(step_mode="m"),
    ]
    model = nn.Sequential(*parts, *([Breaks()] if broken else []))
    x = torch.rand(3, 4, 20, 1)[..., 0]
    model[:6](x).sum().backward()
    model[4].weight.requires_grad_(False)  # type: ignore[union-attr]
    model[5].eval()
    return model, x


@pytest.mark.parametrize("broken", [False, True])
def test_the_model_is_given_back_as_it_was(broken: bool) -> None:
    model, x = lived_in(broken)
    before = everything(model)
    if broken:
        with pytest.raises(IkunError, match="raised RuntimeError"):
            diagnose(model, x)
    else:
        diagnose(model, x)
    after = everything(model)
    for key in before:
        assert same(before[key], after[key]), key


def test_a_change_would_be_seen() -> None:
    model, x = lived_in(False)
    before = everything(model)
    model(x)  # what a diagnosis without its protection does
    torch.rand(1)
    after = everything(model)
    for key in ("values", "memories", "random"):
        assert not same(before[key], after[key]), key


@pytest.mark.parametrize("make", [users.SnnTorchMLP, lambda *a: users.norse_mlp(*a), lambda *a: users.plain_mlp(*a)])
def test_other_libraries_are_given_back_too(make: Callable[..., nn.Module]) -> None:
    model = make(2, 16)
    x = bernoulli(2, 3, 16).float()
    diagnose(model, x)
    copy.deepcopy(model)  # which fails where something of a graph is left
    model(x)
    before = everything(model)
    diagnose(model, x)
    assert all(same(before[key], value) for key, value in everything(model).items())


def test_assert_healthy() -> None:
    model = users.jelly_mlp(6, 64)
    for steps in (1, 4):  # the critical gain does not depend on them
        with pytest.raises(AssertionError, match=r"silent at layer .* below the critical 6\.034·θ² = 6\.034: "):
            assert_healthy(model, bernoulli(steps, 32, 64).float())
    good = drawn(users.jelly_mlp(3, 128, surrogate_function=surrogate.Sigmoid(3.65)), 7.06, bias=0).float()
    assert assert_healthy(good, bernoulli(1, 64, 128, rate=0.2).float()).healthy


def test_biases_count_in_the_cause_where_they_matter() -> None:
    """σ_b² = 0.0625 in units of θ²: the least gain falls from 6.03 to what the map K p + σ_b² says."""
    model = drawn(users.jelly_mlp(5, 256), 2.0, bias=0.25).float()
    report = diagnose(model, bernoulli(1, 32, 256).float())
    assert report.verdict == "silent"
    assert report.at is not None
    told = re.search(r"below the critical 6\.034·θ² = 6\.034 \(([\d.]+) with its biases, σ_b² = ([\d.]+)\)", report.cause)
    assert told is not None
    bias = model[2 * (report.at - 1)].bias
    assert float(told[2]) == pytest.approx(float(bias.square().mean()), rel=1e-2)
    assert float(told[1]) == pytest.approx(least_gain(1.0, float(bias.square().mean())), rel=1e-3)
    assert re.search(r"by [\d.]+ \(K = 7\.059\), with biases 0, for a firing rate of 0\.2; or call ", report.advice)
    assert report.advice.endswith("initialise_(model, x), which finds each layer's factor by measuring")


@pytest.mark.parametrize(("steps", "reset", "leak"), [(1, "hard", 0.0), (4, "soft", 0.5)])
def test_the_advised_rate_is_stable_and_no_higher_than_it_must_be(steps: int, reset: str, leak: float) -> None:
    """The rate asked for where it is stable; else a tenth above the lowest that is, in two digits upwards. At one step that
    lowest rate is p* = 0.1169: 0.13."""
    neuron = Neuron.of(reset=reset, leak=leak)
    assert advisable_rate(neuron, steps, 0.3) == 0.3
    advised = advisable_rate(neuron, steps, 0.05)
    assert np.mean(rate_target(neuron, steps, advised).rates) == pytest.approx(advised, rel=1e-2)
    with pytest.raises(IkunError):
        rate_target(neuron, steps, advised / 1.1 - 0.02)
    assert advised * 100 == pytest.approx(round(advised * 100), abs=1e-9)
    if steps == 1:
        assert advised == 0.13
