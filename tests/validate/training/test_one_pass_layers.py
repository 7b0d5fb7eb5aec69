"""Products of spikes, pools and norms of training against torch's own: values, gradients, statistics that run along."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ikun_validate.engines import batch_norm, pool, spike_product
from ikun_validate.training.normalisation import normalised
from ikun_validate.training.pooling import largest
from ikun_validate.training.spike_linear import linear

from ..conftest import require

TOLERANCE = {torch.float32: 2e-5, torch.float64: 1e-12}


def drawn(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def close(one: Any, other: Any, dtype: torch.dtype) -> None:
    for ours, theirs in zip(one, other, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


def with_gradients(function: Any, *inputs: Tensor) -> tuple[Tensor, ...]:
    leaves = [one.detach().clone().requires_grad_() for one in inputs]
    out = function(*leaves)
    return out.detach(), *torch.autograd.grad(out, leaves, drawn(*out.shape, seed=9, dtype=out.dtype))


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("march", ["auto", "x86-64-v3", pytest.param("none", marks=pytest.mark.slow)])
@pytest.mark.parametrize("shape", [(9, 2, 1), (77, 9, 5), (130, 200, 129), (64, 128, 256), (65, 530, 140)])
def test_a_product_of_spikes_and_its_gradients(
    shape: tuple[int, int, int], march: str, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    """(rows, fan_in, fan_out): less than a block and a panel, whole ones, and a rest, in rows as well."""
    monkeypatch.setenv("IKUN_MARCH", march)
    require("compiled")
    rows, fan_in, fan_out = shape
    x = (drawn(rows, fan_in) > 1).to(dtype)
    assert spike_product.packed(x) is not None
    weight, bias = drawn(fan_out, fan_in, seed=1, dtype=dtype), drawn(fan_out, seed=2, dtype=dtype)
    close(with_gradients(linear, x, weight, bias), with_gradients(F.linear, x, weight, bias), dtype)


def test_what_needs_no_gradient_gets_none_and_what_is_no_spike_is_multiplied() -> None:
    x, weight = (drawn(20, 30) > 1).double(), drawn(10, 30, seed=1).requires_grad_()
    out = linear(x, weight, None)
    (grad,) = torch.autograd.grad(out.sum(), weight)
    torch.testing.assert_close(grad, x.sum(0).expand(10, 30))
    close(
        with_gradients(lambda w: linear(2 * x, w, None), weight), with_gradients(lambda w: 2 * x @ w.T, weight), torch.float64
    )


def test_weight_gradients_do_not_depend_on_the_number_of_threads() -> None:
    require("compiled")
    spikes = spike_product.packed((drawn(300, 270) > 1).float())
    assert spikes is not None
    grad = drawn(300, 290, dtype=torch.float32)
    one = spike_product.outer(spikes, grad)
    torch.set_num_threads(2)
    try:
        two = spike_product.outer(spikes, grad)
    finally:
        torch.set_num_threads(1)
    assert torch.equal(one, two)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("shape", [(2, 3, 2, 2), (2, 3, 7, 9), (3, 1, 28, 28), (1, 2, 5, 4500), (1, 1, 300, 31)])
@pytest.mark.parametrize("kind", ["floats", "spikes", "ties", "negative zeros and infinities"])
def test_a_pool_is_torchs(shape: tuple[int, ...], kind: str, dtype: torch.dtype) -> None:
    """The first of equals too: where all are equal, where two are, in each place."""
    x = drawn(*shape, dtype=dtype)
    x = {
        "floats": x,
        "spikes": (x > 1).to(dtype),
        "ties": x.round(),
        "negative zeros and infinities": torch.where(x > 1, torch.inf, torch.where(x < 0, -0.0, 0.0)).to(dtype),
    }[kind]
    for ours, theirs in zip(with_gradients(largest, x), with_gradients(lambda x: F.max_pool2d(x, 2), x), strict=True):
        assert torch.equal(ours, theirs)


def test_nan_in_a_pool_is_torchs() -> None:
    x = drawn(1, 1, 6, 6)
    for place in ((0, 0), (0, 3), (3, 0), (3, 3), (4, 4), (4, 5), (5, 4)):
        x[0, 0, place[0], place[1]] = torch.nan
    (ours, back), (theirs, again) = with_gradients(largest, x), with_gradients(lambda x: F.max_pool2d(x, 2), x)
    torch.testing.assert_close(ours, theirs, equal_nan=True, rtol=0, atol=0)
    assert torch.equal(back, again)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("shape", [(4, 3, 5, 5), (1, 2, 40, 41), (30, 2, 1, 1)])
def test_a_norm_is_torchs_with_its_running_statistics(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    """Also far from zero, where squares would cancel: a mean of 300 standard deviations."""
    require("compiled")
    ours, theirs = (nn.BatchNorm2d(shape[1], momentum=0.3).to(dtype) for _ in range(2))
    for norm in (ours, theirs):
        norm.weight.data.copy_(drawn(shape[1], seed=5))
        norm.bias.data.copy_(drawn(shape[1], seed=6))
    for offset in (0.0, 300.0):
        x = drawn(*shape, seed=2, dtype=dtype) + offset
        found = []
        for norm, apply in ((ours, lambda x: normalised(x, ours)), (theirs, theirs)):
            leaf = x.clone().requires_grad_()
            out = apply(leaf)
            assert out is not None
            grads = torch.autograd.grad(out, (leaf, *norm.parameters()), drawn(*shape, seed=3, dtype=dtype))
            found.append([out.detach(), *grads, norm.running_mean, norm.running_var])
        lost = 1e3 if offset else 1.0  # of the digits that a difference from the mean has
        for one, other in zip(*found, strict=True):
            torch.testing.assert_close(one, other, rtol=lost * TOLERANCE[dtype], atol=lost * TOLERANCE[dtype])
    assert ours.num_batches_tracked == 2


def test_norms_that_only_torch_does_are_left_to_it() -> None:
    x = drawn(4, 3, 5, 5)
    assert normalised(x, nn.BatchNorm2d(3).double().eval()) is None
    assert normalised(x, nn.BatchNorm2d(3, momentum=None).double()) is None
    assert normalised(x, nn.BatchNorm2d(3, track_running_stats=False).double()) is None


def test_without_a_compiler_torch_does_it_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "none")
    x = (drawn(2, 3, 4, 4) > 1).double()
    assert spike_product.packed(x) is None
    assert pool.largest(x) is None
    assert batch_norm.normalised(x, None, None, 1e-5) is None
    assert torch.equal(largest(x), F.max_pool2d(x, 2))
    torch.testing.assert_close(linear(x.flatten(1), drawn(5, 48), None), x.flatten(1) @ drawn(5, 48).T)
