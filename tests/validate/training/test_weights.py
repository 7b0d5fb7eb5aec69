"""The weights that training starts from: one seed, one set of Gaussian numbers, whatever the scheme."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor, nn

from ikun_sym.catalogue.schemes import SCHEMES
from ikun_sym.errors import IkunError
from ikun_sym.reading.neuron import Neuron
from ikun_validate.training.models import build_model
from ikun_validate.training.spiking import SpikingLayer
from ikun_validate.training.spiking_reader import neurons_of, unrolled
from ikun_validate.training.weights import start

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # torch's, of arrays that are not writable

EXAMPLE = torch.rand(4, 8, 1, 8, 8, generator=torch.Generator().manual_seed(0))


def started(scheme: str, seed: int = 3, spec: str = "mlp:depth=2,width=48,bias=true") -> nn.Module:
    torch.manual_seed(seed)
    model = build_model(spec, (1, 8, 8), 10, Neuron.of(leak=1.0))
    start(model, EXAMPLE, scheme, seed)
    return model


def weights(model: nn.Module) -> list[Tensor]:
    return [parameter.detach().flatten() for parameter in model.parameters() if parameter.ndim > 1]


def test_normal_schemes_differ_in_scale_alone() -> None:
    a, b = weights(started("kaiming")), weights(started("normal"))
    for one, other in zip(a, b, strict=True):
        ratio = one / other
        assert float(ratio.std() / ratio.mean()) < 1e-4
    assert a[0].std().item() == pytest.approx((2 / 64) ** 0.5, rel=0.05)  # 3,072 weights: standard error 1.3 %


def test_uniform_weights_have_the_same_quantiles() -> None:
    """U(±1/√fan_in), biases too, in the order of the normal numbers."""
    normal, uniform = weights(started("kaiming")), weights(started("torch-default"))
    for one, other, fan_in in zip(normal, uniform, (64, 48, 48), strict=True):
        assert torch.equal(one.argsort(), other.argsort()) or float((one.argsort() == other.argsort()).double().mean()) > 0.99
        assert stats.kstest(other.numpy() * fan_in**0.5, stats.uniform(-1, 2).cdf).pvalue > 1e-3
    biases = [p for p in started("torch-default").parameters() if p.ndim == 1]
    assert float(biases[0].detach().abs().max()) <= 64**-0.5
    assert float(biases[0].detach().std()) > 0.5 * (3 * 64) ** -0.5


def test_seeds_and_layers_have_numbers_of_their_own() -> None:
    first, again, other = (weights(started("kaiming", seed)) for seed in (3, 3, 4))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert abs(np.corrcoef(first[0].numpy(), other[0].numpy())[0, 1]) < 0.1  # 3,072 weights: 5 standard errors
    assert abs(np.corrcoef(first[0].numpy()[:480], first[2].numpy())[0, 1]) < 0.25


def test_a_scheme_that_sets_the_slope_does() -> None:
    before = {layer.neuron.surrogate.spec for layer in neurons_of(started("kaiming")).values()}
    after = {layer.neuron.surrogate.spec for layer in neurons_of(started("critical")).values()}
    assert before == {"atan:alpha=2"}
    assert len(after) > 1


def test_the_default_scales_layers_of_the_weights_that_torch_gives_or_leaves_them() -> None:
    """Torch's weights are too small for these thresholds: the first hidden layer fires, and what it feeds does not."""
    factors = []
    for torchs, ours in zip(weights(started("torch-default")), weights(started("default")), strict=True):
        factors.append(float((ours / torchs).mean()))
        torch.testing.assert_close(ours, factors[-1] * torchs)
    assert max(factors) > 2


@pytest.mark.slow
@pytest.mark.parametrize("scheme", SCHEMES.names())
def test_every_scheme_starts_a_network_or_says_why_not(scheme: str) -> None:
    if scheme == "tdbn":  # a part of the model, not of its weights
        with pytest.raises(IkunError, match="batch normalisation"):
            started(scheme)
        return
    model, kaiming = (started(name, spec="mlp:depth=2,width=48") for name in (scheme, "kaiming"))
    assert all(bool(torch.isfinite(weight).all()) for weight in weights(model))
    same = all(torch.equal(a, b) for a, b in zip(weights(model), weights(kaiming), strict=True))
    assert same == (scheme == "kaiming")


@pytest.mark.parametrize(
    "words", [{"leak": 1.0}, {"leak": 0.6, "reset": "soft", "detach": False}, {"leak": 0.5, "decay_input": True}]
)
@pytest.mark.parametrize("features", [None, 7])
def test_the_unrolled_neuron_is_the_layer(words: dict[str, object], features: int | None) -> None:
    """Spikes and gradients of the engine's adjoint, against torch's differentiation of each step, with a spike by hand."""
    torch.manual_seed(1)
    layer = SpikingLayer(Neuron.of(threshold=0.7, **words), features=features).double()
    current = torch.randn(5, 3, 7, dtype=torch.float64)
    readout = torch.randn(5, 3, 7, dtype=torch.float64)

    class Spike(torch.autograd.Function):
        @staticmethod
        def forward(ctx: object, x: Tensor) -> Tensor:
            ctx.save_for_backward(x)  # type: ignore[attr-defined]
            return (x >= 0).double()

        @staticmethod
        def backward(ctx: object, *grads: Tensor) -> Tensor:
            (x,) = ctx.saved_tensors  # type: ignore[attr-defined]
            return grads[0] / (1 + (torch.pi * x) ** 2)  # SpikingJelly's ATan at alpha = 2

    found = []
    for forward in (layer, lambda i: unrolled(layer, i, Spike.apply)):
        i = current.clone().requires_grad_()
        s = forward(i)
        (s * readout).sum().backward()
        found.append((s.detach(), i.grad))
    assert torch.equal(found[0][0], found[1][0])
    assert 0.05 < float(found[0][0].mean()) < 0.95
    torch.testing.assert_close(found[0][1], found[1][1], rtol=1e-10, atol=1e-12)


def test_every_hidden_layer_but_the_first_copies() -> None:
    """Below a read-out that does not fire the last of them is no layer of classes; one that fires is."""
    for readout in ("membrane", "rate"):
        torch.manual_seed(0)
        spec = "mlp:depth=4,width=48,bias=true"
        model = build_model(spec, (1, 8, 8), 10, Neuron.of(leak=1.0, surrogate="sigmoid:alpha=1"), readout=readout)
        start(model, EXAMPLE[:1], "copy:c=2", 0)
        first, *hidden, last = [parameter.detach() for parameter in model.parameters() if parameter.ndim > 1]
        for weight in hidden:
            assert torch.equal((weight > 1).sum(0), torch.ones(48))
            assert torch.equal((weight > 1).sum(1), torch.ones(48))
        assert max(float((first.mean(0) > 1).sum()), float((last > 1.5).sum())) == 0
