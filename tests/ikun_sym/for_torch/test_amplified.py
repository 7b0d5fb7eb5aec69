"""The amplitude of spikes in torch: the gradient beside one written by hand, for our own spike, emitted code, a library's."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable

import pytest

torch = pytest.importorskip("torch")

from ikun_sym import export  # noqa: E402
from ikun_sym.errors import IkunError  # noqa: E402
from ikun_sym.torch_init import Amplified, critical_, ikun_, planned, spike_function  # noqa: E402

A = 2.05


def by_hand(x: torch.Tensor, alpha: float = 1.5) -> torch.Tensor:
    """A f'(x) of the sigmoid, and of nothing else."""
    s = 1 / (1 + torch.exp(-alpha * x))
    return A * alpha * s * (1 - s)


def emitted(folder) -> Callable[[torch.Tensor], torch.Tensor]:
    path = export("sigmoid:alpha=1.5", "torch", folder, amplitude=A)
    spec = importlib.util.spec_from_file_location("emitted_amplified", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return lambda x: module.Spike.apply(x, 1.5, A)


@pytest.mark.parametrize("kind", ["word", "spec", "emitted", "amplified", "twice"])
def test_the_gradient_is_A_times_f_prime(kind: str, tmp_path) -> None:
    """Through two layers with a weight between, so that it enters by the chain rule as in a network."""
    made = {
        "word": lambda: spike_function("sigmoid:alpha=1.5", A),
        "spec": lambda: spike_function(f"sigmoid:alpha=1.5,amplitude={A}"),
        "emitted": lambda: emitted(tmp_path),
        "amplified": lambda: Amplified(spike_function("sigmoid:alpha=1.5"), A),
        "twice": lambda: Amplified(Amplified(spike_function("sigmoid:alpha=1.5"), A / 2), 2),
    }[kind]()
    x = torch.linspace(-2.2, 1.9, 9, dtype=torch.float64, requires_grad=True)
    y = made(x)
    assert torch.equal(y.detach(), (x >= 0).double())
    z = 0.7 * y - 0.3
    made(z).sum().backward()
    wanted = by_hand(z.detach()) * 0.7 * by_hand(x.detach())
    assert x.grad is not None
    torch.testing.assert_close(x.grad, wanted, rtol=1e-12, atol=0)


def test_a_library_s_spike_is_amplified() -> None:
    surrogate = pytest.importorskip("spikingjelly.activation_based.surrogate")
    plain, loud = surrogate.ATan(alpha=2.0), Amplified(surrogate.ATan(alpha=2.0), A)
    grads = []
    for function in (plain, loud):
        x = torch.linspace(-1, 1, 7, requires_grad=True)
        function(x).sum().backward()
        grads.append(x.grad)
    torch.testing.assert_close(grads[1], A * grads[0])
    x = torch.linspace(-1, 1, 7)
    torch.testing.assert_close(grads[1], A / (1 + (math.pi * x) ** 2))


def test_what_is_filled_and_planned() -> None:
    """`unit` sets the amplitude and leaves slope and weights; Theorem 1 divides by A²."""
    plan = planned(torch.empty(400, 300), "critical", surrogate="sigmoid:alpha=1", amplitude="unit")
    # A² K fan_out/fan_in E[f'²] = 1: of equal fans it is 2.04796
    assert float(plan.bound.amplitude) == pytest.approx(2.04796 * math.sqrt(300 / 400), rel=1e-5)
    generators = [torch.Generator().manual_seed(1) for _ in range(2)]
    first = critical_(torch.empty(30, 40), surrogate="sigmoid:alpha=1", amplitude="unit", generator=generators[0])
    assert torch.equal(first, critical_(torch.empty(30, 40), surrogate="sigmoid", generator=generators[1]))
    quiet, loud = (
        ikun_(torch.empty(300, 400), "linear", amplitude=a, generator=torch.Generator().manual_seed(2)) for a in (1, 2)
    )
    assert loud.std().item() != pytest.approx(quiet.std().item(), rel=0.1)


@pytest.mark.parametrize("wrong", [0, -1.0, math.inf, "unit"])
def test_refused(wrong) -> None:
    with pytest.raises(IkunError):
        Amplified(spike_function("atan"), wrong)
