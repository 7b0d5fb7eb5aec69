"""Numbers of the documents on the released code, LIF over time and finite width, by routes that share nothing with them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from flint import arb
from scipy.stats import multivariate_normal, norm

from ikun_derivations.documents import d08_released_code as released
from ikun_derivations.documents import d09_lif_over_time as lif
from ikun_derivations.documents import d10_finite_width as finite
from ikun_sym.catalogue.resets import Reset
from ikun_sym.expressions.lowering import precision
from ikun_sym.reading.neuron import Neuron
from tests.reference.resets_by_hand import BY_HAND, numbers_of


def test_the_released_mean() -> None:
    """As the code computes it, in float64."""
    assert float(released.exact_mean()) == pytest.approx(
        float(np.abs(1 / (1 + np.linspace(-1, 1, 1000) ** 2)).mean()), abs=1e-15
    )


@pytest.mark.parametrize("threshold", [1.0, 0.8])
def test_the_released_weights_are_silent(threshold: float) -> None:
    """The map itself at many places; the bound comes near where q is of the order of θ²."""
    gain = 1 / float(released.exact_mean())
    places = np.logspace(-2, 4, 400)
    share = gain * norm.sf(threshold / np.sqrt(places)) / (gain / (2 * threshold**2) * places)
    assert 0.3 < share.max() < 1


@pytest.mark.parametrize("x", [-1.2, 0.0, 0.7])
@pytest.mark.parametrize("y", [0.0, 1.5])
@pytest.mark.parametrize("correlation", [-0.9, 0.0, 0.3, 0.95])
def test_orthants(x: float, y: float, correlation: float) -> None:
    """scipy's multivariate normal law (Genz), P(X <= −x, Y <= −y)."""
    with precision(120):
        found = lif.orthant(arb(x), arb(y), arb(correlation))
    expected = multivariate_normal([0, 0], [[1, correlation], [correlation, 1]]).cdf([-x, -y])
    assert float(found.rad()) < 1e-20
    assert float(found.mid()) == pytest.approx(float(expected), abs=1e-7)


def test_arcsine_law() -> None:
    for correlation in (-0.99, -0.5, 0.1, 0.8):
        found = lif.orthant(arb(0), arb(0), arb(correlation))
        assert float(found.mid()) == pytest.approx(0.25 + math.asin(correlation) / (2 * math.pi), abs=1e-15)


@pytest.mark.parametrize("reset", lif.STATED, ids=lambda reset: reset.name)
def test_two_steps_by_simulation(reset: Reset) -> None:
    """The neuron written out by hand, on 10⁶ draws: 5 standard errors (a false alarm in a million)."""
    n, generator = 10**6, np.random.default_rng(0)
    drive = generator.multivariate_normal([0, 0], [[3.3, 1.65], [1.65, 3.3]], size=n).T
    numbers, spikes, state = numbers_of(Neuron.of(reset=reset.name, leak=0.8)), [], None
    for current in drive:
        _, s, state = BY_HAND[reset.name](current, state, numbers, lambda x: x >= 0, lambda s: s)
        spikes.append(s)
    for found, seen in zip(lif.second_moments(reset), (spikes[0] & spikes[1], spikes[1]), strict=True):
        assert abs(seen.mean() - found.value) < 5 * math.sqrt(found.value * (1 - found.value) / n)


def test_the_gradient_s_spread_in_a_layer_with_a_matrix() -> None:
    """Var‖Wᵀg ⊙ f'‖²/E² with an actual matrix W and a fixed g: 4000 draws, width 40, three-valued slopes. Five standard errors
    of the ratio, by the delta method on the sample."""
    width, draws, generator = 40, 4000, np.random.default_rng(1)
    values, chances = np.array([0.0, 0.5, 2.0]), np.array([0.5, 0.3, 0.2])
    gradient = generator.standard_normal(width)
    slopes = generator.choice(values, p=chances, size=(draws, width))
    weights = generator.standard_normal((draws, width, width))
    norms = ((slopes * (gradient @ weights)) ** 2).sum(axis=1)
    m2, m4 = chances @ values**2, chances @ values**4
    expected = 1 + float(finite.BRACKET.subs({finite.m2: m2, finite.m4: m4})) / width
    mean, square = norms.mean(), (norms**2).mean()
    influence = norms**2 / mean**2 - 2 * square / mean**3 * norms
    assert abs(square / mean**2 - expected) < 5 * influence.std() / math.sqrt(draws)
    assert abs(expected - 1) > 10 * influence.std() / math.sqrt(draws)  # so that a wrong constant would be seen


def test_the_rate_s_spread_along_layers() -> None:
    """The chain of spike counts itself, width 10000, K for the rate 0.2: sd(p)/p over 4000 networks of 40 layers, where
    sd² = (1 − p)/(p n)/(1 − s²); 5 standard errors of a standard deviation plus 1 % for the terms of second order."""
    width, rate, generator = 10_000, 0.2, np.random.default_rng(2)
    a = norm.isf(rate)
    gain = 1 / (a**2 * rate)
    slope = a * norm.pdf(a) / (2 * rate)
    rates = np.full(4000, rate)
    for _ in range(40):
        rates = generator.binomial(width, norm.sf(1 / np.sqrt(gain * rates))) / width
    expected = math.sqrt((1 - rate) / (rate * width) / (1 - slope**2))
    seen = rates.std() / rate
    assert abs(seen / expected - 1) < 5 / math.sqrt(2 * 4000) + 0.01
    assert math.sqrt(1 / (1 - slope**2)) > 1.1  # the slope's share is larger than that
