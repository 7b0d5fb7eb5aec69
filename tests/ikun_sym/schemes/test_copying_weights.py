"""Scheme copy: its numbers, how it is drawn, and that networks of such weights are those of the theory."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from ikun_sym import init_variance, meanfield
from ikun_sym.errors import IkunError

WIDE = {"surrogate": "sigmoid:alpha=1", "amplitude": "unit"}


@pytest.mark.parametrize(
    ("noise", "c", "gain", "overlap", "slope"), [(0.7, 1.355, 2.45, 0.288, 0.605), (0.4, 1.785, 0.8, 0.214, 0.945)]
)
def test_the_rate_holds_itself_and_the_overlap_is_that_of_orthants(
    noise: float, c: float, gain: float, overlap: float, slope: float
) -> None:
    """scipy's normal tails and bivariate normal, by simple iteration; its integration is good to 1e-5."""
    found = init_variance(f"copy:noise={noise}", 100, **WIDE, rate=0.2)
    assert (found.copied, found.variance * 100) == (pytest.approx(c, abs=5e-4), pytest.approx(gain))
    high, low = norm.sf((1 - found.copied) / noise), norm.sf(1 / noise)
    assert 0.2 * high + 0.8 * low == pytest.approx(0.2, rel=1e-12)

    def both(x: float, y: float, rho: float) -> float:
        return float(multivariate_normal.cdf([-x, -y], cov=[[1, rho], [rho, 1]]))

    q, a1, a0 = 0.1, (1 - found.copied) / noise, 1 / noise
    for _ in range(200):
        rho = q / 0.2
        q = q * both(a1, a1, rho) + 2 * (0.2 - q) * both(a1, a0, rho) + (0.6 + q) * both(a0, a0, rho)
    assert found.provenance["overlap"] == pytest.approx(q / 0.2, abs=1e-3)
    assert found.provenance["overlap"] == pytest.approx(overlap, abs=1e-3)
    assert found.provenance["overlap_slope"] == pytest.approx(slope, abs=1e-3)
    assert found.provenance["chi"] == pytest.approx(1.0)


def test_what_is_given_is_taken() -> None:
    found = init_variance("copy:c=2,noise=0.3", 64, threshold=1.5)
    assert found.copied == 3.0
    assert found.variance * 64 * 0.2 == pytest.approx((0.3 * 1.5) ** 2)
    assert found.to_dict()["copied"] == 3.0


def test_a_rate_that_does_not_stay_has_no_overlap() -> None:
    """Independent weights of σ = 5 θ fire half of all neurons, whatever the rate below."""
    found = init_variance("copy:c=0.656,noise=5", 64)
    assert found.provenance["rate a layer on"] == pytest.approx(0.2 * norm.sf(0.344 / 5) + 0.8 * norm.sf(0.2))
    assert found.provenance["overlap"] is None
    assert meanfield(scheme="copy:c=0.656,noise=5", depth=4).layers[-1].rate[0] > 0.4


def test_over_steps_the_currents_add_up_and_resets_are_hard() -> None:
    one, four = (init_variance("copy", 64, steps=steps, leak=0.5) for steps in (1, 4))
    assert one.variance / four.variance == pytest.approx(1 + 0.25 + 0.0625 + 0.25**3)
    with pytest.raises(IkunError, match="needs a hard reset"):
        init_variance("copy", 64, steps=4, reset="soft")


def test_drawn_networks_have_the_rate_and_the_gradient_of_theory() -> None:
    """12 layers of 500 neurons, 10 draws: rates within 5 standard errors and 2 %, the mean log gradient within 0.5."""
    pytest.importorskip("torch")
    from ikun_validate.cases.case import build
    from ikun_validate.networks.network import Architecture, Network

    case = build(Architecture.of(depth=12, width=500, **WIDE, input_rate=0.2), "copy:noise=0.5")
    draws = [Network(case.architecture, batch=32).draw(0, index) for index in range(10)]
    rates = np.array([draw.rate[:, 0] for draw in draws])
    theory = meanfield(scheme="copy:noise=0.5", depth=12, **WIDE, input_rate=0.2)
    wanted = np.array([layer.rate[0] for layer in theory.layers])
    error = rates.std(axis=0, ddof=1) / math.sqrt(len(draws))
    assert (abs(rates.mean(axis=0) - wanted) < 5 * error + 0.02 * wanted).all()
    gradient = np.mean([draw.log_gradient[0] for draw in draws])
    assert abs(gradient) < 0.5
    assert wanted[-1] == pytest.approx(0.2, abs=0.01)


@pytest.mark.parametrize("shape", [(40, 40), (90, 40), (10, 40), (16, 8, 3, 3)])
def test_each_neuron_copies_one_input(shape: tuple[int, ...]) -> None:
    torch = pytest.importorskip("torch")
    from ikun_sym.torch_init import copy_

    weight = copy_(torch.empty(shape), c=2.0, noise=0.01, generator=torch.Generator().manual_seed(0))
    large = weight > 1
    assert int(large.sum()) == shape[0]
    assert bool(large.flatten(1).any(dim=1).all())
    if len(shape) == 4:
        assert int(large[:, :, 1, 1].sum()) == shape[0]
    per_input = large.flatten(2).any(dim=2).sum(dim=0) if len(shape) == 4 else large.sum(dim=0)
    assert int(per_input.max() - per_input.min()) <= 1
