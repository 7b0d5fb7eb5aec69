"""Products of spikes without multiplications, products in bfloat16, and arrays that are handed on."""

from __future__ import annotations

import pytest
import torch

from ikun_validate.benchmarks.bfloat16 import bias_of_bfloat16
from ikun_validate.engines import spike_product
from ikun_validate.engines.buffers import KEPT, Buffers
from ikun_validate.engines.products import times

from ..conftest import require

SHAPES = [(1, 1, 1, 1), (2, 3, 64, 64), (3, 5, 130, 77), (1, 9, 1024, 200), (4, 2, 63, 129)]
"""(T, B, fan_in, fan_out): less than a block and a panel, whole ones, and a rest."""


def spikes(
    shape: tuple[int, int, int, int], rate: float, dtype: torch.dtype
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    steps, batch, fan_in, fan_out = shape
    generator = torch.Generator().manual_seed(fan_in)
    x = (torch.rand(steps, batch, fan_in, generator=generator) < rate).to(dtype)
    weight, bias = torch.randn(fan_out, fan_in, generator=generator), torch.randn(fan_out, generator=generator)
    return x, weight.to(dtype), bias.to(dtype)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("march", ["auto", "x86-64-v2", "x86-64-v3", "x86-64-v4", "none"])
def test_sums_of_columns_are_the_product(
    shape: tuple[int, int, int, int], dtype: torch.dtype, biased: bool, march: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against float64: n summands of size 1 lose at most n ε each; bfloat16 is summed in float32 and rounded once, 2⁻⁹. For
    vectors of this processor, of AVX-512, of AVX2 and without."""
    monkeypatch.setenv("IKUN_BFLOAT16", "widened")
    monkeypatch.setenv("IKUN_MARCH", march)
    require("compiled")
    x, weight, bias = spikes(shape, 0.2, dtype)
    got = spike_product.times(x, weight, bias if biased else None)
    assert got is not None
    want = x.double() @ weight.double().T + (bias.double() if biased else 0)
    epsilon = {torch.float64: 1e-13, torch.float32: 1e-4, torch.bfloat16: 1e-4}[dtype]
    torch.testing.assert_close(got.double(), want, atol=epsilon, rtol=2**-8 if dtype == torch.bfloat16 else 1e-5)


def test_what_is_no_spike_or_too_dense_is_left_to_the_dense_product() -> None:
    require("compiled")
    x, weight, _ = spikes((2, 3, 64, 64), 0.2, torch.float32)
    assert spike_product.times(x * 0.5, weight) is None
    assert spike_product.times(torch.ones_like(x), weight) is None
    x[1, 2, 63] = float("nan")
    assert spike_product.times(x, weight) is None


def test_the_number_of_threads_changes_no_bit() -> None:
    require("compiled")
    x, weight, _ = spikes((2, 30, 300, 300), 0.2, torch.float32)
    one = spike_product.times(x, weight)
    torch.set_num_threads(2)
    try:
        two = spike_product.times(x, weight)
    finally:
        torch.set_num_threads(1)
    assert one is not None
    assert two is not None
    assert torch.equal(one, two)


def test_sums_of_columns_leave_bfloat16_to_instructions_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    require("compiled")
    x, weight, _ = spikes((2, 3, 64, 64), 0.2, torch.bfloat16)
    monkeypatch.setenv("IKUN_BFLOAT16", "native")
    assert spike_product.times(x, weight) is None
    assert spike_product.times(x.float(), weight.float()) is not None


@pytest.mark.parametrize("choice", ["native", "widened"])
def test_bfloat16_products_round_once(choice: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IKUN_BFLOAT16", choice)
    x, weight, bias = spikes((2, 8, 100, 50), 0.5, torch.bfloat16)
    for matrix in (weight.T, weight.T.contiguous()):
        want = torch.addmm(bias.float(), x.float().view(-1, 100), weight.float().T).view(2, 8, 50).bfloat16()
        torch.testing.assert_close(times(x, matrix, bias), want, atol=0, rtol=2**-7)


def test_arrays_are_handed_on_and_no_more_than_allowed() -> None:
    buffers = Buffers()
    first = buffers.take((4, 5), torch.float32)
    buffers.give(first)
    again = buffers.take((20,), torch.float32)
    assert again.data_ptr() == first.data_ptr()
    assert buffers.take((20,), torch.float32).data_ptr() != first.data_ptr()
    assert buffers.take((4, 5), torch.float64).dtype == torch.float64
    buffers.give(again.view(4, 5).T)  # a view is not taken for an array
    assert buffers.take((20,), torch.float32).data_ptr() != first.data_ptr()
    large = torch.empty(KEPT // 4 + 1, dtype=torch.float32)
    buffers.give(large)
    assert buffers.take((KEPT // 4 + 1,), torch.float32).data_ptr() != large.data_ptr()


@pytest.mark.parametrize("choice", ["native", "widened"])
def test_the_bias_of_bfloat16_is_stated_and_small(choice: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rounding is unbiased: within 4 standard errors of 0 for each of three observables (one false alarm in 5,000); bfloat16
    weights are good to 2⁻⁹, so a bias of per cents would be a mistake."""
    monkeypatch.setenv("IKUN_BFLOAT16", choice)
    found = bias_of_bfloat16(draws=8, width=128, depth=6, batch=8)
    assert [b.observable for b in found] == ["var_h", "rate", "backward_factor"]
    for b in found:
        assert 0 < b.standard_error < 0.05
        assert abs(b.relative_bias) < 4 * b.standard_error + 2**-9


def test_a_planted_bias_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    from ikun_validate.networks.network import Network

    right = Network._weights

    def wrong(self: Network, generator: torch.Generator, layer: int = 0) -> torch.Tensor:
        weight = right(self, generator, layer)
        return weight * 1.2 if self.dtype == torch.bfloat16 else weight

    monkeypatch.setattr(Network, "_weights", wrong)
    worst = max(bias_of_bfloat16(draws=8, width=128, depth=6, batch=8), key=lambda b: abs(b.relative_bias) / b.standard_error)
    assert abs(worst.relative_bias) > 4 * worst.standard_error + 2**-9
