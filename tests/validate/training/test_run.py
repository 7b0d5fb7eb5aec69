"""One run: repeatable, resumed, with a look inside that changes nothing; weights kept and loaded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from ikun_sym.errors import IkunError
from ikun_validate.training.checkpoint import load_weights
from ikun_validate.training.data import load_data
from ikun_validate.training.inside import look
from ikun_validate.training.models import build_model
from ikun_validate.training.outcome import Outcome, looks_of
from ikun_validate.training.recipe import LOSSES, SCHEDULES, Recipe
from ikun_validate.training.run import seed_of, trained
from ikun_validate.training.spiking_reader import neurons_of
from ikun_validate.training.trial import Trial, presented

pytest.importorskip("sklearn", reason="needs the extra `train`")
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # torch's, of arrays that are not writable

SMALL = Trial.of(scheme="kaiming", samples=120, model="mlp:depth=1,width=24", epochs=3, batch=32, steps=2, dropout=0.2)


@pytest.fixture(scope="module")
def data() -> object:
    return load_data("digits").only(120)


def plain(outcome: Outcome) -> dict[str, object]:
    return {name: value for name, value in outcome.to_dict().items() if name not in ("seconds", "before")}


class Killed(Exception):
    pass


def after(epochs: int) -> Callable[[], None]:
    """Called at the end of each epoch: ends the run after so many."""
    count = [0]

    def advance() -> None:
        count[0] += 1
        if count[0] == epochs:
            raise Killed

    return advance


def test_a_killed_run_resumes_at_its_last_epoch_as_if_nothing_had_happened(data, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    whole, state, kept = trained(SMALL, data, index=2), tmp_path / "state.pt", tmp_path / "best.safetensors"
    with pytest.raises(Killed):
        trained(SMALL, data, index=2, state=state, weights=kept, advance=after(2))
    assert state.is_file()
    epochs: list[int] = []
    again = trained(SMALL, data, index=2, state=state, weights=kept, advance=lambda: epochs.append(1))
    assert len(epochs) == 1
    assert plain(again) == plain(whole)
    assert not state.exists()
    assert Outcome.of(whole.to_dict()) == whole
    model, described = load_weights(kept)
    best = max(one["validation_accuracy"] or 0 for one in whole.curve)
    assert described["validation_accuracy"] == pytest.approx(best, abs=1e-4)
    part = data.validation
    right = (model.eval()(presented(part.x, 2, False)).argmax(-1) == part.y).float().mean()
    assert float(right) == pytest.approx(described["validation_accuracy"], abs=1e-4)


def test_a_damaged_state_begins_the_run_again(data, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    state = tmp_path / "state.pt"
    state.write_bytes(b"half a file")
    assert plain(trained(SMALL, data, state=state)) == plain(trained(SMALL, data))


def test_pairs_differ_and_tuning_has_other_seeds(data) -> None:  # type: ignore[no-untyped-def]
    assert len({seed_of(0, purpose, k) for purpose in ("pair", "tuning") for k in range(50)} | {seed_of(1, "pair", 0)}) == 101
    first, second = (trained(SMALL.but(epochs=1), data, index=k) for k in (0, 1))
    assert first.curve != second.curve
    assert trained(SMALL.but(epochs=1), data, purpose="tuning").test_accuracy is None


def test_a_run_that_diverges_counts_as_never(data) -> None:  # type: ignore[no-untyped-def]
    found = trained(SMALL.but(loss="membrane", optimizer="sgd", lr=1e38, schedule="constant"), data)
    assert "not finite" in found.health
    assert found.restricted(0.99) == 3
    found.to_dict()


def test_learning_happens(data) -> None:  # type: ignore[no-untyped-def]
    found = trained(SMALL.but(epochs=15, lr=0.02, steps=4, dropout=0.0, model="mlp:depth=1,width=64"), data)
    assert found.train_accuracy > 0.8
    assert found.epochs_to(0.5) is not None


def test_a_rate_penalty_lowers_rates(data) -> None:  # type: ignore[no-untyped-def]
    free, penal = (trained(SMALL.but(epochs=5, lr=0.01, rate_penalty=value), data) for value in (0.0, 10.0))
    assert penal.inside[-1]["layers"][0]["rate"] < 0.5 * free.inside[-1]["layers"][0]["rate"]


def test_looking_inside_changes_nothing_and_says_what_autograd_says() -> None:
    torch.manual_seed(0)
    model = build_model("mlp:depth=2,width=20,norm=batch", (6,), 4)
    x, y = torch.rand(3, 5, 6), torch.arange(5) % 4
    before = {name: value.clone() for name, value in model.state_dict().items()}
    seen: dict[str, torch.Tensor] = {}
    for name, layer in neurons_of(model).items():
        layer.register_forward_hook(lambda module, given, out, name=name: seen.update({name: out.detach()}))
    found = look(model, x, lambda z: nn.functional.cross_entropy(z, y))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert model.training
    for layer in found:
        spikes = seen[layer["layer"]]
        assert layer["rate"] == pytest.approx(float(spikes.mean()), rel=1e-3)
        pairs = [float((spikes[:, a] * spikes[:, b]).mean()) for a in range(5) for b in range(5) if a != b]
        if layer["rate"]:
            assert layer["overlap"] == pytest.approx(np.mean(pairs) / layer["rate"], rel=1e-3)
    assert found[-1]["grad_var"] == 1


def test_the_moment_inside_is_that_of_the_membranes() -> None:
    """E[f'²] of ATan at alpha = 2, f' = 1/(1 + (πx)²), at membranes computed by hand: one step, no leak, h = current."""
    torch.manual_seed(0)
    model = build_model("mlp:depth=1,width=16", (6,), 4)
    x, y = torch.rand(1, 5, 6), torch.arange(5) % 4
    found = look(model, x, lambda z: nn.functional.mse_loss(z, nn.functional.one_hot(y, 4).float()))
    h = x[0] @ next(model.parameters()).detach().T
    slope = 1 / (1 + (torch.pi * (h - 1)) ** 2)
    assert found[0]["E_g2"] == pytest.approx(float((slope**2).mean()), rel=1e-3)


def test_schedules_and_losses_by_hand() -> None:
    assert [round(SCHEDULES["cosine"].factor(u), 6) for u in (0, 0.5, 1)] == [1, 0.5, 0]
    assert [round(SCHEDULES["step"].factor(u), 6) for u in (0, 0.6, 0.8)] == [1, 0.1, 0.01]
    assert [round(SCHEDULES["warmup"].factor(u), 6) for u in (0.05, 0.1, 0.55)] == [0.5, 1, 0.5]
    z, y = torch.tensor([[0.25, 0.75], [0.5, 0.0]]), torch.tensor([1, 0])
    assert float(LOSSES["mse"].value(z, y, 0.0, 4)) == pytest.approx((0.25**2 * 2 + 0.5**2) / 4)
    logits = 4 * z.numpy()
    wanted = -np.mean([row[k] - np.log(np.exp(row).sum()) for row, k in zip(logits, (1, 0), strict=True)])
    assert float(LOSSES["cross-entropy"].value(z, y, 0.0, 4)) == pytest.approx(wanted, rel=1e-6)
    assert looks_of(10) == [3, 5, 8, 10]
    assert looks_of(2) == [1, 2]


@pytest.mark.parametrize(
    "words",
    [
        {"optimizer": "adamm"},
        {"schedule": "cosin"},
        {"loss": "mae"},
        {"lr": -1.0},
        {"epochs": 0},
        {"dropout": 1.0},
        {"batch": 0},
    ],
)
def test_recipes_that_cannot_be(words: dict[str, object]) -> None:
    with pytest.raises(IkunError):
        Recipe(**words)  # type: ignore[arg-type]


def test_files_that_hold_no_weights(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    for content in (None, b"no weights"):
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(IkunError, match=r"x\.safetensors"):
            load_weights(path)
