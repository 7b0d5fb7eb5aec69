"""The models that are trained: answers and gradients against the same written out by hand, with and without a compiler."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ikun_sym.errors import IkunError
from ikun_sym.reading.neuron import Neuron
from ikun_validate.training.models import MODELS, build_model
from ikun_validate.training.spiking import SpikingLayer
from tests.reference.resets_by_hand import numbers_of

from ...conftest import require
from ..hand_networks import NETWORKS, amplified, membrane, spikes

SHAPE, CLASSES = (1, 9, 8), 4
NEURON = Neuron.of(reset="soft", leak=0.7, threshold=0.4, detach=False)


def image(steps: int = 3, batch: int = 5, constant: bool = False) -> Tensor:
    found = torch.rand(1 if constant else steps, batch, *SHAPE, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    return found.expand(steps, batch, *SHAPE) if constant else found


def made(spec: str, seed: int = 0, shape: tuple[int, ...] = SHAPE, **words: Any) -> nn.Module:
    torch.manual_seed(seed)
    model = build_model(spec, shape, CLASSES, NEURON, **words).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(5 if parameter.dim() > 1 else 1)  # torch's own weights are silent here
    return model


def answered(model: nn.Module, x: Tensor) -> list[Tensor]:
    """The answer, and the gradients of Σ (answer − target)² at the parameters."""
    model.zero_grad()
    out = model(x)
    (out - torch.arange(CLASSES)).square().sum().backward()
    return [out.detach(), *(torch.zeros_like(p) if p.grad is None else p.grad for p in model.parameters())]


def close(one: list[Tensor], other: list[Tensor]) -> None:
    for ours, theirs in zip(one, other, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("compiler", [True, False])
@pytest.mark.parametrize("constant", [True, False])
@pytest.mark.parametrize("spec", NETWORKS)
def test_a_model_is_what_it_is_by_hand(spec: str, constant: bool, compiler: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """An image that is the same at every step, and one that is not; weights, norms and biases have their gradients."""
    if compiler:
        require("compiled")
    else:
        monkeypatch.setenv("CC", "none")
    model, x = made(spec, amplitude=1.3), image(constant=constant)
    found = answered(model, x)
    parameters = [p.detach().clone().requires_grad_() for p in model.parameters()]
    network, words = NETWORKS[spec]
    by_hand = numbers_of(NEURON)
    out = network(iter(parameters), x, lambda i, *r: spikes(i, by_hand, amplified("atan", 1.3), *r), **words)
    assert 0 < float(out.detach().mean()) < 1
    (out - torch.arange(CLASSES)).square().sum().backward()
    close(found, [out.detach(), *(p.grad for p in parameters if p.grad is not None)])


def test_membranes_are_read_out() -> None:
    model, x = made("mlp:depth=1,width=30", readout="membrane"), image()
    parameters = [p.detach().clone().requires_grad_() for p in model.parameters()]
    by_hand = numbers_of(NEURON)
    out = membrane(iter(parameters), x, lambda i: spikes(i, by_hand, amplified("atan", 1.0)), 0.7)
    (out - torch.arange(CLASSES)).square().sum().backward()
    close(answered(model, x), [out.detach(), *(p.grad for p in parameters if p.grad is not None)])


@pytest.mark.parametrize("name", MODELS.names())
def test_weights_have_torchs_names_and_can_be_saved(name: str, tmp_path: Path) -> None:
    safetensors = pytest.importorskip("safetensors.torch", reason="needs the extra `train`")
    model, other = made(name), made(name, seed=1)
    answered(model, image())  # norms have seen something
    assert {key.rpartition(".")[2] for key in model.state_dict()} <= {
        *("weight", "bias", "recurrent", "running_mean", "running_var", "num_batches_tracked")
    }
    safetensors.save_file(model.state_dict(), tmp_path / "weights.safetensors")
    other.load_state_dict(safetensors.load_file(tmp_path / "weights.safetensors"))
    for one in (model, other):
        one.eval()
    assert torch.equal(model(image()), other(image()))


@pytest.mark.parametrize("name", MODELS.names())
def test_a_seed_says_it_all(name: str) -> None:
    one, other, third = (answered(made(name, seed=s, dropout=0.3), image()) for s in (0, 0, 1))
    assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(one, third, strict=True))


@pytest.mark.parametrize("name", MODELS.names())
def test_a_model_that_has_run_can_be_copied_and_pickled(name: str) -> None:
    model, x = made(name, surrogate="spikingjelly.PiecewiseQuadratic:alpha=1.5", amplitude=2.0), image()
    want = answered(model, x)
    for again in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        for found, wanted in zip(answered(again, x)[1:], want[1:], strict=True):
            torch.testing.assert_close(found, wanted)


def test_every_model_is_written_by_hand() -> None:
    assert {spec.partition(":")[0] for spec in NETWORKS} >= set(MODELS.names())


def test_what_is_dropped_is_dropped_at_every_step_and_in_training_alone() -> None:
    model, seen = made("mlp:depth=1,width=400", dropout=0.25), []
    drop = next(m for m in model.modules() if type(m).__name__ == "Dropout")
    drop.register_forward_hook(lambda module, inputs, output: seen.append((inputs[0].detach(), output.detach())))
    model(image())
    model.eval()
    model(image())
    (before, after), (same, still) = seen
    dropped = (before.sum(0) > 0) & (after.sum(0) == 0)
    kept = (after == before / 0.75).all(0)
    assert bool((dropped | kept)[before.sum(0) > 0].all())
    # of n masks a quarter is 0, standard error √(3/16/n); a band of 5
    firing = before.sum(0) > 0
    count = int(firing.sum())
    assert count > 500
    assert float(dropped[firing].double().mean()) == pytest.approx(0.25, abs=5 * (3 / 16 / count) ** 0.5)
    assert torch.equal(same, still)


def test_images_without_an_axis_of_channels() -> None:
    flat, with_axis = made("csnn:channels=2", shape=(9, 8)), made("csnn:channels=2")
    assert torch.equal(flat(image()[:, :, 0]), with_axis(image()))


class Plain(nn.Module):
    """A user's model: states of its own library's kind are none of ours. Answers at every step."""

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.neurons = nn.Linear(72, CLASSES), SpikingLayer(NEURON)

    def forward(self, x: Tensor) -> Tensor:
        return self.neurons(self.linear(x.flatten(2)))


class Wrong(Plain):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)[..., 1:]


def test_a_users_own_model() -> None:
    model = build_model(f"{__name__}:Plain", SHAPE, CLASSES)
    assert isinstance(model, Plain)
    assert list(model.state_dict()) == ["linear.weight", "linear.bias"]
    assert torch.equal(model(image().float()), Plain.forward(model, image().float()).mean(0))
    with pytest.raises(IkunError, match=r"Wrong answered \[5, 3\]; it must map"):
        build_model(f"{__name__}:Wrong", SHAPE, CLASSES)(image().float())


def test_a_users_model_of_a_library_starts_afresh_each_time() -> None:
    from ...models.user_models import layer, neuron  # skips where the library is missing

    class Stateful(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Sequential(layer.Linear(72, CLASSES, step_mode="m"), neuron.IFNode(step_mode="m"))

        def forward(self, x: Tensor) -> Tensor:
            return self.body(x.flatten(2))

    globals()["Stateful"] = Stateful
    torch.manual_seed(0)
    model = build_model(f"{__name__}:Stateful", SHAPE, CLASSES)
    x = 9 * image().float()
    first = model(x).detach()
    assert float(first.mean()) > 0
    assert torch.equal(model(x[:, :2]), first[:2])  # another batch, and no state of the last
    assert torch.equal(model(x), first)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"spec": "mpl"}, "unknown model 'mpl'; did you mean mlp"),
        ({"spec": "mlp:widht=3"}, "unknown parameter of model mlp 'widht'"),
        ({"spec": "mlp:width=0"}, "width = 0 is not allowed"),
        ({"spec": "mlp:width=3,width=4"}, "sets width twice"),
        ({"spec": "csnn:norm=layer"}, "norm = layer is not allowed; it must be batch or none"),
        ({"spec": "csnn", "input_shape": (10,)}, "model csnn takes images"),
        ({"spec": "csnn", "input_shape": (1, 3, 9)}, "images of 3 × 9 are too small"),
        ({"readout": "loudest"}, "unknown read-out 'loudest'; known: rate, membrane"),
        ({"dropout": 1.0}, "dropout = 1.0 is not allowed"),
        ({"classes": 0}, "0 classes"),
        ({"input_shape": (0, 3)}, "all sizes must be at least 1"),
        ({"spec": "no_such_module_here:make"}, "there is no module 'no_such_module_here'"),
        ({"surrogate": "atan", "slope": -1}, "parameter alpha = -1 is not allowed"),
    ],
)
def test_bad_input_gets_one_line(words: dict[str, Any], told: str) -> None:
    with pytest.raises(IkunError, match=told) as caught:
        build_model(**{"spec": "mlp", "input_shape": SHAPE, "classes": 3, **words})
    assert "\n" not in str(caught.value)


def test_an_input_of_another_shape_gets_one_line() -> None:
    with pytest.raises(IkunError, match=r"the input has shape \(5, 9, 8\); it must be \[T, B, 1, 9, 8\]"):
        made("mlp")(image()[0, :, 0])
