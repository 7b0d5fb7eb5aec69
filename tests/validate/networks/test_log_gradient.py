"""The account that keeps gradients in range: what it says of known totals, and that no layer waits for the host."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from ikun_validate.networks.log_gradient import Account
from ikun_validate.networks.network import Architecture, Network


def test_totals_come_back_whatever_their_size() -> None:
    """Six layers whose second moment grows by 1e40 each; two of three samples count."""
    alive, account = torch.tensor([True, False, True]), None
    account = Account(alive, torch.device("cpu"))
    share = torch.tensor([0.25, 0.75], dtype=torch.float64)
    size = 1.0
    for layer in range(6):
        truth = 10.0 ** (40 * layer)
        size *= float(account.factor)
        assert math.frexp(size)[0] == 0.5, "a power of two: nothing is rounded"
        seen = truth * size**2
        assert 1e-50 < seen < 1e50
        account.enter(seen * share[:, None] * torch.tensor([[7.0, 1e9, 7.0]], dtype=torch.float64), 7)
    log_gradient, split = account.result()
    np.testing.assert_allclose(log_gradient[::-1], np.arange(6) * 40 * math.log(10), rtol=1e-14, atol=1e-12)
    np.testing.assert_allclose(split, np.tile([0.25, 0.75], (6, 1)), rtol=1e-14)


def test_what_is_no_number_is_not_hidden() -> None:
    account = Account(torch.tensor([True]), torch.device("cpu"))
    for value in (1.0, math.inf, 0.0, math.nan):
        account.enter(torch.full((1, 1), value, dtype=torch.float64), 1)
        assert float(account.factor) == 1.0
    assert np.array_equal(account.result()[0], [math.nan, -math.inf, math.inf, 0.0], equal_nan=True)


class Asked(TorchDispatchMode):
    """Counts what makes a program wait for a device: a number or a size that is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.times = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        self.times += func.name() in ("aten::_local_scalar_dense", "aten::nonzero")
        return func(*args, **(kwargs or {}))


def test_no_layer_waits_for_the_host() -> None:
    """As many numbers are asked for at depth 3 as at depth 12. Planted: one float() a layer is seen."""

    def asked(depth: int, planted: bool = False) -> int:
        network = Network(Architecture.of(depth=depth, width=20, steps=3, leak=0.5, gain=9.0), batch=4, backend="eager")
        if planted:
            engine: Any = network.population.choice(network.device).engine
            right = engine.adjoint
            engine.adjoint = lambda h, g, scale: right(h, g, float(scale))
        weights = list(network.weights(0, 0))
        x, readout = network.input(0, 0), network.readout(0, 0)
        with Asked() as counter:
            network.measure(weights, x, readout)
        return counter.times

    assert asked(3) == asked(12)
    assert asked(3, planted=True) < asked(12, planted=True)
