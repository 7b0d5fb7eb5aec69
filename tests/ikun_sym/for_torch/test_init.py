"""`torch.nn.init` for spiking networks: fans, variances, arguments, and the spike's gradient."""

from __future__ import annotations

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from ikun_sym.catalogue.surrogates import SURROGATES  # noqa: E402
from ikun_sym.errors import IkunError  # noqa: E402
from ikun_sym.for_torch.init import critical_, fan_of, ikun_, planned, spike  # noqa: E402
from ikun_sym.gaussian.moment import float_function, moment  # noqa: E402
from ikun_sym.reading.surrogate_spec import resolve  # noqa: E402
from ikun_sym.schemes.initialise import init_variance  # noqa: E402
from tests.selection import spread  # noqa: E402


def generator(seed: int = 3) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def mean_connections(module: torch.nn.Module, channels: int, size: int, dimensions: int) -> tuple[float, float]:
    """(inputs that an inner output position reads, outputs that an inner input position reaches): counted on the module
    itself, with weights of 1, by running it and its gradient, as means over inner positions."""
    for parameter in module.parameters():
        torch.nn.init.ones_(parameter) if parameter.ndim > 1 else torch.nn.init.zeros_(parameter)
    x = torch.ones(1, channels, *(size,) * dimensions, requires_grad=True)
    y = module(x)
    inner = (slice(None), slice(None), *(slice(y.shape[2] // 4, 3 * y.shape[2] // 4) for _ in range(dimensions)))
    into = y.detach()[inner].mean().item()
    y.sum().backward()
    assert x.grad is not None
    span = (slice(None), slice(None), *(slice(size // 4, 3 * size // 4) for _ in range(dimensions)))
    return into, x.grad[span].mean().item()


@pytest.mark.parametrize(
    ("module", "channels", "dimensions", "options"),
    [
        (torch.nn.Conv2d(6, 8, 3, bias=False), 6, 2, {}),
        (torch.nn.Conv2d(6, 8, 3, groups=2, stride=2, bias=False), 6, 2, {"groups": 2, "stride": 2}),
        (torch.nn.Conv1d(4, 6, 5, stride=3, bias=False), 4, 1, {"stride": 3}),
        (torch.nn.ConvTranspose2d(6, 8, 4, stride=2, bias=False), 6, 2, {"stride": 2, "transposed": True}),
        (torch.nn.ConvTranspose1d(6, 4, 3, groups=2, bias=False), 6, 1, {"groups": 2, "transposed": True}),
    ],
)
def test_fans_are_what_the_module_does(module, channels: int, dimensions: int, options: dict) -> None:
    found = fan_of(module.weight, **options)
    # the inner window holds whole periods of the stride: 48 = 16 · 3
    into, out = mean_connections(module, channels, 96, dimensions)
    assert found.fan_in == pytest.approx(into, rel=0.05)
    assert found.fan_out == pytest.approx(out, rel=0.05)


def test_linear_fans() -> None:
    fan = fan_of(torch.empty(30, 20))
    assert (fan.fan_in, fan.fan_out) == (20, 30)


@pytest.mark.parametrize("mode", ["fan_in", "fan_out", "fan_avg"])
@pytest.mark.parametrize("distribution", ["normal", "uniform"])
def test_variance(mode: str, distribution: str) -> None:
    """Of n = 240,000 draws: within six standard errors, √(2/n) for a normal, less for a uniform; the seed is fixed."""
    weight = torch.empty(600, 400)
    given = ikun_(weight, "atan", 1.0, mode=mode, distribution=distribution, generator=generator())
    assert given is weight
    size = {"fan_in": 400, "fan_out": 600, "fan_avg": 500}[mode]
    wanted = init_variance("ikun", size, 600, surrogate="atan", threshold=1.0).variance
    assert weight.var().item() == pytest.approx(wanted, rel=6 * math.sqrt(2 / weight.numel()))
    assert (weight.abs().max().item() <= math.sqrt(3 * wanted) * (1 + 1e-6)) == (distribution == "uniform")


def test_theorem_1_holds_for_what_is_drawn() -> None:
    """α = n Var(W) · σ_X² · E[f'(H − θ)²] at the state the scheme names, by another route than the scheme's."""
    found = planned(torch.empty(100, 200), "ikun", surrogate="triangular", threshold=0.5, alpha=0.8)
    v, p = found.provenance["var_h"], found.provenance["rate"]
    m2 = moment("triangular", -0.5, v, power=2).value
    assert 200 * found.variance * p * (1 - p) * m2 == pytest.approx(0.8, rel=1e-9)
    assert v == pytest.approx(200 * found.variance * p, rel=1e-9)


def test_critical() -> None:
    """n Var(W) = θ²/(a² p) with Q(a) = p = 0.2: a = 0.8416212335729143 (any table)."""
    weight = torch.empty(500, 400)
    assert critical_(weight, 0.2, "sigmoid", 1.0, generator=generator()) is weight
    wanted = 1 / (0.8416212335729143**2 * 0.2) / 400
    assert weight.var().item() == pytest.approx(wanted, rel=6 * math.sqrt(2 / weight.numel()))
    sharpened = planned(weight, "critical", surrogate="sigmoid", rate=0.2)
    assert sharpened.slope is not None
    assert sharpened.surrogate.startswith("sigmoid")


def test_generator_and_gradients() -> None:
    weight = torch.nn.Parameter(torch.empty(40, 30))
    first = ikun_(weight, generator=generator(1)).detach().clone()
    assert weight.requires_grad
    assert weight.grad_fn is None
    assert torch.equal(ikun_(weight, generator=generator(1)).detach(), first)
    assert not torch.equal(ikun_(weight, generator=generator(2)).detach(), first)


def test_refused() -> None:
    weight = torch.ones(4, 4)
    for call, said in (
        (lambda: ikun_(torch.ones(4)), "two dimensions"),
        (lambda: ikun_(weight, mode="fan"), "fan_in, fan_out, fan_avg"),
        (lambda: ikun_(weight, "atn"), "did you mean atan"),
        (lambda: ikun_(torch.ones(4, 4, 3), stride=(1, 2)), "stride"),
        (lambda: ikun_(torch.ones(5, 4, 3), groups=2), "divide"),
        (lambda: critical_(weight, 0.05), "rate"),
    ):
        with pytest.raises(IkunError, match=said) as caught:
            call()
        assert len(str(caught.value).splitlines()) == 1
    assert torch.equal(weight, torch.ones(4, 4))  # nothing is written where something is refused


@pytest.mark.parametrize("name", spread(SURROGATES.names(), 6))
def test_spike(name: str) -> None:
    """0 and 1 forward, f' backward: beside the float64 functions over numpy, to a few roundings."""
    x = torch.tensor(np.linspace(-3.1, 2.9, 61), requires_grad=True)
    y = spike(x, name)
    assert y.dtype == x.dtype
    assert torch.equal(y.detach(), (x.detach() >= 0).double())
    y.sum().backward()
    wanted = float_function(resolve(name))(x.detach().numpy())
    assert x.grad is not None
    np.testing.assert_allclose(x.grad.numpy(), wanted, rtol=1e-12, atol=1e-300)


def test_the_public_name_is_the_same_module() -> None:
    from ikun_sym import torch_init
    from ikun_sym.for_torch import amplified, init

    for name in torch_init.__all__:
        assert getattr(torch_init, name) is getattr(init, name, getattr(amplified, name, None))
    assert {"critical_", "ikun_"} <= set(torch_init.__all__)
