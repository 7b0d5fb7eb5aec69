"""The advice is tested as advice: what a diagnosis of an unhealthy network says is done, and the verdict changes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import nn

from ikun_sym.errors import IkunError
from ikun_validate import diagnose, initialise_
from ikun_validate.models.diagnosis import Diagnosis, LayerReport

from ..reading import twins
from ..user_models import SnnTorchMLP, layer, neuron, norse
from .doing import POINTERS, Deed, deeds
from .patients import ILLS, Ill, M, bernoulli, between, jelly, scaled

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")

STAGE = {"silent": 0, "saturated": 1, "vanishing": 2, "exploding": 2, "healthy": 3}
"""A cure by hand is of one layer: it comes further. From saturated to silent is none."""

QUICK = (
    "jelly-if", "jelly-bias", "jelly-mean-no-bias", "jelly-conv-bn", "jelly-bn-bias", "jelly-dropout", "jelly-pool",
    "own-threshold-argument", "own-weight-norm", "own-batch-norm-function", "own-zeros", "own-recurrent", "own-added-bias",
    "own-bias", "own-cell-bias", "own-ternary-large", "jelly-large",
)  # fmt: skip
"""One or more of each sentence, of those that cost little."""


@dataclass
class Count:
    """`given`: advices, of layers; `pointers`: those that name another layer; `decisions`: those that leave the choice to the
    user; `applied`, `worked`: changes and calls that others ask for."""

    given: int = 0
    pointers: int = 0
    decisions: int = 0
    applied: int = 0
    worked: int = 0
    failed: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return "\n".join([
            f"{self.given} advices: {self.pointers} name another layer, {self.decisions} leave a choice; "
            f"{self.applied} changes and calls applied, {self.worked} worked", *self.failed,
        ])  # fmt: skip


COUNT = Count()


@pytest.fixture(scope="module", autouse=True)
def counted(request: pytest.FixtureRequest) -> Iterator[None]:
    """Prints the count of all networks that ran."""
    yield
    print(f"\n{COUNT}")


def fresh(ill: Ill) -> nn.Module:
    torch.manual_seed(0)
    return ill.make()


def printable(found: Diagnosis) -> None:
    """No number that is none; no threshold of rounding's size. A predicted rate may be as small."""
    text = json.dumps(found.to_dict(), ensure_ascii=False) + str(found)
    assert not re.search(r"\bnan\b|\binf\b|NaN|Infinity", text), text
    for one in found.layers:
        told = f"{one.cause} {one.advice} {one.note}"
        assert not re.search(r"\de-[1-9]\d", told), told
        assert one.threshold is None or one.threshold == 0 or abs(one.threshold) > 1e-6


def follow(ill: Ill, found: Diagnosis, one: LayerReport, deed: Deed) -> str:
    """Why it did not work; "" if it did."""
    model = fresh(ill)
    with torch.set_grad_enabled(deed.call):
        report = deed.act(model, ill.x)
    after = diagnose(model, ill.x)
    printable(after)
    now = after.layers[one.layer - 1].verdict
    if after.healthy if deed.call else STAGE[now] > STAGE[one.verdict]:
        return ""
    told = f"layer {one.layer}, {one.verdict}, now {now}: {one.advice} -> {after.summary()}"
    return f"{told} {report}" if deed.call else told


def advised(found: Diagnosis) -> list[LayerReport]:
    """One layer for each sentence."""
    first = {one.advice: one for one in reversed(found.layers) if one.verdict != "healthy"}
    return list(first.values())


@pytest.mark.parametrize("name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in ILLS])
def test_what_is_advised_works(name: str) -> None:
    ill, count = ILLS[name], Count()
    found = diagnose(fresh(ill), ill.x)
    printable(found)
    assert not found.healthy, "the network is not ill"
    for one in advised(found):
        assert one.cause
        assert one.advice
        count.given += 1
        todo = deeds(found, one)
        if pointer := POINTERS.search(one.advice):
            count.pointers += 1
            other = found.layers[int(pointer[1]) - 1]
            assert other.verdict != "healthy"
            assert other.advice != one.advice
        elif not todo:
            count.decisions += 1
        for deed in todo:
            count.applied += 1
            failed = follow(ill, found, one, deed)
            count.failed += [f"{name}: {failed}"] if failed else []
            count.worked += not failed
    for part in ("given", "pointers", "decisions", "applied", "worked"):
        setattr(COUNT, part, getattr(COUNT, part) + getattr(count, part))
    COUNT.failed += count.failed
    assert not count.failed, str(count)


def test_a_cure_that_does_not_work_would_be_seen() -> None:
    """Of the sentence that the diagnosis prints, with a tenth of its factor."""
    ill = ILLS["jelly-if"]
    found = diagnose(fresh(ill), ill.x)
    assert found.at is not None
    one = found.layers[found.at - 1]
    (by_hand,) = [deed for deed in deeds(found, one) if not deed.call]
    assert not follow(ill, found, one, by_hand)
    weak = Deed(act=lambda model, x: [p.div_(10) for p in [by_hand.act(model, x), *model.parameters()] if p is not None])
    assert follow(ill, found, one, weak)


DEFAULTS: dict[str, Any] = {
    "snntorch": lambda: SnnTorchMLP(3, 64, beta=0.9),
    "norse": lambda: norse.SequentialState(*(p for _ in range(3) for p in (nn.Linear(64, 64), norse.LIF()))),
    "spikingjelly": jelly(3, node=neuron.LIFNode, v_reset=None),
}


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow) if n != "spikingjelly" else n for n in DEFAULTS])
def test_the_default_call_takes_the_libraries_defaults(name: str) -> None:
    torch.manual_seed(0)
    report = initialise_(DEFAULTS[name](), bernoulli(8, 16, 64, rate=0.3))
    assert report.after.healthy, str(report)
    assert not report.undone


def values(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def same(before: dict[str, torch.Tensor], model: nn.Module) -> bool:
    """Bit by bit."""
    return all(torch.equal(value, model.state_dict()[name]) for name, value in before.items())


def test_a_change_that_makes_it_worse_is_undone_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: weights a hundred times too small."""
    from ikun_validate.models import initialise

    torch.manual_seed(0)
    model, x = scaled(jelly(3)(), 8, bias=0.0), bernoulli(1, 32, 64)
    assert diagnose(model, x).healthy
    before, right = values(model), initialise.draw
    monkeypatch.setattr(initialise, "draw", lambda weight, found, std: right(weight, found, std / 100))
    report = initialise_(model, x, rate=0.2)
    assert "made the network worse" in report.undone
    assert "layers silent, before 0" in report.undone
    assert "undone: " in str(report)
    assert same(before, model)
    initialise_(model, x, rate=0.2, undo=False)
    assert not same(before, model), "the planted change does nothing"


@pytest.mark.parametrize("kind", [KeyboardInterrupt, RuntimeError, IkunError])
@pytest.mark.parametrize("where", ["settle_", "_gradient_factors", "worse"])
def test_an_exception_midway_changes_nothing(kind: type[BaseException], where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from ikun_validate.models import initialise

    torch.manual_seed(0)
    model, x = between(nn.Identity), bernoulli(1, 16, 64)
    before, changed = values(model), []

    def stop(*arguments: Any) -> None:
        changed.append(not same(before, model))
        raise kind("midway")

    monkeypatch.setattr(initialise, where, stop)
    with pytest.raises(kind, match="midway"):
        initialise_(model, x, rate=0.2)
    assert changed == [True], "it was not midway"
    assert same(before, model)


class Odd(nn.Module):
    """A neuron that no registry holds; [T, B, n]."""

    def forward(self, current: torch.Tensor) -> torch.Tensor:
        v, out = torch.zeros_like(current[0]), []
        for step in current:
            h = 0.7 * v * torch.exp(-0.1 * v * v) + step
            s = twins.Box.apply(h - 0.6)
            v = h - 0.6 * s.detach()
            out.append(s)
        return torch.stack(out)


def test_neurons_that_could_not_be_read_are_left_as_they_were() -> None:
    """They got other weights for a run, which showed nothing either; the layer below is drawn."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 64), neuron.IFNode(**M), scaled(nn.Linear(64, 64), 3.0), Odd())
    before = values(model)
    report = initialise_(model, bernoulli(4, 16, 64), rate=0.2)
    assert [change.gain is not None for change in report.changes] == [True, False]
    assert "match no neuron" in report.could_not[0]
    changed = [name for name, value in before.items() if not torch.equal(value, model.state_dict()[name])]
    assert changed == ["0.weight", "0.bias"]


def test_a_bias_outside_the_module_of_the_weights_is_set() -> None:
    ill = ILLS["own-added-bias"]
    model = fresh(ill)
    assert all(bool(offset.all()) for offset in model.offsets)  # type: ignore[union-attr]
    initialise_(model, ill.x)
    assert not any(bool(offset.any()) for offset in model.offsets)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "between_them", [lambda: layer.Dropout(0.5, **M), lambda: nn.AvgPool1d(3, 1, 1)], ids=["dropout", "pool"]
)
def test_one_call_does_what_three_did(between_them: Any) -> None:
    """Behind dropout or a pool, silent so far. Rates of 64 neurons of one draw: 0.2 ± 0.07."""
    torch.manual_seed(0)
    model, x = scaled(between(between_them, depth=4), 0.5), bernoulli(1, 64, 64)
    first = initialise_(model, x, rate=0.2)
    assert first.before.verdict == "silent"
    assert first.after.healthy
    assert all(change.gain is not None for change in first.changes)
    gains = [change.gain for change in first.changes]
    initialise_(model, x, rate=0.2)
    again = initialise_(model, x, rate=0.2)
    for change, gain, one in zip(again.changes, gains, first.after.layers, strict=True):
        assert gain is not None
        assert change.gain == pytest.approx(gain, rel=0.25)
        assert one.rate.mean == pytest.approx(0.2, abs=0.07)
