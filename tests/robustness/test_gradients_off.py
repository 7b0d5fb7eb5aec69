"""Whoever measures in the middle of an evaluation has gradients switched off: the measurement does not mind."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

torch = pytest.importorskip("torch", reason="needs the extra `validate`")
neuron = pytest.importorskip("spikingjelly.activation_based.neuron", reason="needs the extra `interop`")

from ikun_sym.errors import DomainError  # noqa: E402
from ikun_validate import Watch, diagnose, initialise_  # noqa: E402


def network() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(64, 64), neuron.IFNode(), torch.nn.Linear(64, 64), neuron.IFNode())


def batch() -> torch.Tensor:
    return (torch.rand(32, 64, generator=torch.Generator().manual_seed(1)) < 0.5).float()


@pytest.mark.parametrize("off", [torch.no_grad, torch.inference_mode])
def test_gradients_are_measured_though_the_caller_switched_them_off(off: Callable[[], AbstractContextManager]) -> None:
    model, wanted = network(), network()
    before, after = diagnose(wanted, batch()).to_dict(), initialise_(wanted, batch()).to_dict()
    with off():
        assert diagnose(model, batch()).to_dict() == before
        assert initialise_(model, batch()).to_dict() == after
        assert not torch.is_grad_enabled()
    for one, other in zip(model.parameters(), wanted.parameters(), strict=True):
        assert torch.equal(one, other)
        assert one.requires_grad


@pytest.mark.parametrize("every", [0, -1, 1.5, True])
def test_a_watch_looks_every_so_many_steps(every: object) -> None:
    with pytest.raises(DomainError, match=r"every = .* is not allowed; it must be an integer of at least 1"):
        Watch(network(), batch(), every=every)  # type: ignore[arg-type]


@pytest.mark.parametrize("drift", [1, 0, float("nan"), float("inf")])
def test_a_drift_is_a_factor_above_one(drift: float) -> None:
    with pytest.raises(DomainError, match=r"drift = .* is not allowed"):
        Watch(network(), batch(), drift=drift)
