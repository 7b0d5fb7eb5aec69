"""`initialise_` cures what `diagnose` finds, in three libraries; says what it could not do; every scheme of the table."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ikun_sym.catalogue.schemes import SCHEMES
from ikun_sym.errors import IkunError
from ikun_sym.schemes.critical_scale import critical
from ikun_validate import Watch, diagnose, initialise_

from ...selection import spread
from . import user_models as users
from .user_models import layer, neuron, surrogate

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")

DEPTH, WIDTH = 50, 256


def bernoulli(*shape: int, rate: float = 0.5, seed: int = 3) -> Tensor:
    return (torch.rand(shape, generator=torch.Generator().manual_seed(seed)) < rate).float()


DEEP: dict[str, tuple[Callable[[], nn.Module], int]] = {
    "spikingjelly": (lambda: users.jelly_mlp(DEPTH, WIDTH, surrogate_function=surrogate.ATan()), 1),
    "snntorch": (lambda: users.SnnTorchMLP(DEPTH, WIDTH), 1),
    "norse": (lambda: users.norse_mlp(DEPTH, WIDTH, "tanh", 1.0), 1),
    "spikingjelly-lif-4": (lambda: users.jelly_mlp(DEPTH, WIDTH, neuron.LIFNode, tau=2.0), 4),
    "snntorch-4": (lambda: users.SnnTorchMLP(DEPTH, WIDTH), 4),
}


QUICK = ("spikingjelly",)


@pytest.mark.parametrize("name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in DEEP])
def test_fifty_layers_with_default_weights_are_silent_and_cured(name: str) -> None:
    """Rates of one draw, averaged over 256 neurons, have standard deviation 0.025·√(1/(1 − s²)) ≈ 0.03 (s = 0.66): all 50
    within 0.2 ± 0.08 (2.7 of them, and the bias of order depth/width), and the mean over layers within 0.02."""
    make, steps = DEEP[name]
    torch.manual_seed(0)
    model, x = make(), bernoulli(steps, 32, WIDTH)
    report = initialise_(model, x, scheme="critical", rate=0.2)
    before, after = report.before, report.after
    assert before.verdict == "silent"
    assert before.at is not None
    assert before.at <= 3
    assert "K = fan_in·Var(W) = 0.33" in before.cause
    assert "is below the critical" in before.cause
    if steps == 1 and name != "norse":
        assert f"{critical().scale.value:.4g}·θ²" in before.cause
    assert after.verdict == "healthy"
    assert diagnose(model, x).verdict == "healthy"
    rates = torch.tensor([r.rate.mean for r in after.layers])
    assert len(rates) == DEPTH
    assert float((rates - 0.2).abs().max()) < 0.08
    assert abs(float(rates.mean()) - 0.2) < 0.02
    assert all(r.grad_var.mean is not None and 1 / 30 < r.grad_var.mean < 30 for r in after.layers)
    assert not report.could_not


def test_what_the_library_does_not_allow_is_said() -> None:
    """norse 1.1.0 ignores SuperSpike's alpha: weights are drawn, the slope is not, and the report says so."""
    torch.manual_seed(0)
    report = initialise_(users.norse_mlp(3, 128), bernoulli(1, 16, 128), scheme="critical")
    assert report.after.verdict == "healthy"
    assert len(report.could_not) == 3
    assert "no alpha gives E[f'²] = 0.141665: it stays between 0.147 and 0.147" in report.could_not[0]
    report = initialise_(users.plain_mlp(2, 128), bernoulli(1, 16, 128), scheme="critical")
    assert "the user's own function" in report.could_not[0]


def test_the_default_surrogate_of_other_neurons_is_left_alone() -> None:
    shared = neuron.IFNode().surrogate_function
    model = users.jelly_mlp(2, 64)
    assert model[1].surrogate_function is shared  # the trap: one instance for the whole class
    initialise_(model, bernoulli(1, 16, 64), scheme="critical")
    assert shared.alpha == 4.0
    assert model[1].surrogate_function is not model[3].surrogate_function
    assert neuron.IFNode().surrogate_function.alpha == 4.0


def test_weights_are_what_the_report_says() -> None:
    torch.manual_seed(0)
    model, x = users.jelly_mlp(3, 400), bernoulli(1, 8, 400, rate=0.3)
    report = initialise_(model, x, rate=0.15, seed=7)
    again = users.jelly_mlp(3, 400)
    initialise_(again, x, rate=0.15, seed=7)
    gains = []
    for index, change in enumerate(report.changes):
        weight = model[2 * index].weight
        gains.append(float(weight.square().mean()) * 400)
        # 160 000 weights: relative standard error of the variance √(2/160000) = 0.0035
        assert change.gain is not None
        assert gains[-1] == pytest.approx(change.gain, rel=0.015)
        assert torch.equal(weight, again[2 * index].weight)
        assert not model[2 * index].bias.any()
    # first layer: the input's second moment 0.3 stands where 0.15 stands later
    assert report.changes[0].gain == pytest.approx(report.changes[1].gain * 0.15 / float(x.mean()), rel=1e-3)  # type: ignore[operator]


def test_batch_norm_gets_the_weight_that_makes_the_rate() -> None:
    torch.manual_seed(0)
    m: dict[str, Any] = {"step_mode": "m"}
    model = nn.Sequential(layer.Conv2d(8, 32, 3, padding=1, bias=False, **m), layer.BatchNorm2d(32, **m), neuron.IFNode(**m))
    report = initialise_(model, torch.rand(1, 16, 8, 10, 10), rate=0.2)
    assert report.after.layers[0].rate.mean == pytest.approx(0.2, abs=0.03)
    assert float(model[1].weight[0]) == pytest.approx(1 / 0.841621, rel=1e-4)  # θ/Q⁻¹(0.2)
    assert "cancels σ_W" in report.changes[0].done[0]


@pytest.mark.parametrize("scheme", spread(SCHEMES.names(), share=8))
def test_every_scheme_is_applied_or_says_why_not(scheme: str) -> None:
    torch.manual_seed(0)
    model, x = users.jelly_mlp(2, 64, neuron.LIFNode, tau=2.0, surrogate_function=surrogate.ATan()), bernoulli(2, 16, 64)
    before = [p.clone() for p in model.parameters()]
    report = None
    with contextlib.suppress(IkunError):
        report = initialise_(model, x, scheme=scheme, undo=False)
    if report is None:
        with pytest.raises(IkunError, match=r"cannot be applied to any layer|needs data"):
            initialise_(model, x, scheme=scheme, undo=False)
        assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
        return
    changed = [(change, law) for change, law in zip(report.changes, report.laws, strict=True) if change.gain is not None]
    assert changed
    for change, law in changed:
        weight = model.get_parameter(change.weight)
        copied = 0.0 if law is None else law.copied  # beside the independent part, whose gain it is
        assert float(weight.square().mean()) * 64 == pytest.approx(change.gain + copied**2, rel=0.15)


def test_lsuv_ends_at_unit_deviation() -> None:
    torch.manual_seed(0)
    model, x = users.jelly_mlp(4, 96), bernoulli(1, 32, 96)
    report = initialise_(model, x, scheme="lsuv")
    assert all(r.var_h.mean == pytest.approx(1, rel=0.05) for r in report.after.layers)
    assert any(change.correction != 1 for change in report.changes)


def test_correction_ends_at_the_rate() -> None:
    torch.manual_seed(1)
    model, x = users.jelly_mlp(4, 64), bernoulli(2, 32, 64)
    plain = initialise_(model, x, rate=0.25)
    better = initialise_(model, x, rate=0.25, correct=True)

    def worst(report: Any) -> float:
        return max(abs(r.rate.mean - 0.25) for r in report.after.layers)

    assert worst(better) <= 0.25 * 0.05
    assert worst(better) < worst(plain)


def corrected(depth: int, monkeypatch: pytest.MonkeyPatch | None = None, **settings: Any) -> tuple[list[float], int]:
    """(corrections, forward passes); with `monkeypatch` by trials on the whole network."""
    from ikun_validate.models import correction

    torch.manual_seed(0)
    model, x = users.jelly_mlp(depth, 64), bernoulli(2, 16, 64)
    if monkeypatch is not None:
        monkeypatch.setattr(correction, "_at_once", lambda plan: False)
    passes: list[int] = []
    right = correction.correct_

    def count(*arguments: Any) -> None:
        start = len(counts)
        right(*arguments)
        passes.append(len(counts) - start)

    counts: list[int] = []
    model.register_forward_pre_hook(lambda module, arguments: counts.append(1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ikun_validate.models.initialise.correct_", count)
        report = initialise_(model, x, correct=True, **settings)
    return [change.correction for change in report.changes], passes[0]


def test_a_correction_is_one_pass_through_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """At any depth; and the factors are those that trials on the whole network find, to the width at which those end."""
    found, passes = corrected(3)
    assert passes == corrected(9)[1] == 1
    assert all(factor != 1 for factor in found)
    by_trials, many = corrected(3, monkeypatch)
    assert many > 3 * 4
    # an error below moves the layers above, whose rate is a whole number of spikes
    assert found == pytest.approx(by_trials, rel=0.03)
    assert found != pytest.approx([1.0] * 3, rel=0.03), "the comparison is empty"


def test_what_no_factor_corrects_is_said() -> None:
    """No input, no spike."""
    torch.manual_seed(0)
    report = initialise_(users.jelly_mlp(2, 32), torch.zeros(2, 8, 32), scheme="lsuv")
    assert all("not rescaled: " in what for what in report.could_not)
    assert len(report.could_not) == 2
    assert [change.correction for change in report.changes] == [1, 1]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"scheme": "nonsense"}, "unknown scheme 'nonsense'"),
        ({"rate": 0.05}, "lowest stable firing rate"),
        ({"rate": 0.6}, "below 0.5"),
        ({"scheme": "lecun:gain=2"}, "no parameter"),
    ],
)
def test_bad_requests_change_nothing(settings: dict[str, Any], message: str) -> None:
    model = users.jelly_mlp(2, 32)
    before = [p.clone() for p in model.parameters()]
    with pytest.raises(IkunError, match=message):
        initialise_(model, bernoulli(1, 8, 32), **settings)
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


def test_watch_sees_the_surrogate_drift() -> None:
    """Weights scaled by 4 after the first look move Var(H) by 16, and E[f'²] out of its factor of two."""
    torch.manual_seed(0)
    model, x = users.jelly_mlp(3, 128), bernoulli(1, 32, 128)
    initialise_(model, x)
    logged: list[dict[str, Any]] = []
    watch = Watch(model, x, every=10, log=logged.append)
    assert watch(0) is not None
    assert watch(5) is None
    assert watch(10) is not None
    assert watch.warnings == []
    assert [layer["drift"] for layer in logged[1]["layers"]] == [1.0, 1.0, 1.0]
    with torch.no_grad():
        model[2].weight.mul_(4)
    watch.on_step_end(20)
    watch.on_step_end(30)
    assert len(watch.records) == len(logged) == 4
    assert [w for w in watch.warnings if "layer 2" in w and "E[f'²]" in w]
    assert len(watch.warnings) == len(set(watch.warnings))
