"""The verdicts' own error rates, and that a procedure that errs is seen to."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Collection
from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from ikun_validate.benchmarks.calibration import ALLOWED, Calibration, Row, on_law, on_networks
from ikun_validate.benchmarks.known_truth import CONSTRUCTIONS, LAWS, MARGIN, TOLERANCE, Construction, Law
from ikun_validate.cases import intervals as statistics
from ikun_validate.cases.intervals import Interval, mean_interval
from ikun_validate.cases.observables import OBSERVABLES
from ikun_validate.verdicts.judge import Laboratory, RunSettings
from tests.selection import spread

N = 1000
CLOSED_FORM_LAWS = [Law(name=name, skewness=0.5, sample=sample) for name, sample in LAWS]


@pytest.mark.parametrize(("law", "true"), spread(itertools.product(CLOSED_FORM_LAWS, (True, False)), 4))
def test_rates_at_the_edge(law: Law, true: bool) -> None:
    """n = 1000 claims at the very edge of the tolerance. At skewness ½ the wrong rate measured with n = 40,000 is at most
    0.3 %: more than 1 % + 3 standard errors (19 of 1000) has probability below 1e-9. Seeded."""
    row = on_law(law, true, N, seed=3)
    assert row.n == N
    assert row.wrong <= 19


@pytest.mark.parametrize("true", [True, False])
def test_a_broken_procedure_fails(true: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Intervals half as wide: the same table says so."""

    def half(values: list[float], error: float) -> Interval:
        right = mean_interval(values, error)
        return Interval(right.value, (right.value + right.low) / 2, (right.value + right.high) / 2)

    monkeypatch.setattr(statistics, "mean_interval", half)
    row = on_law(CLOSED_FORM_LAWS[0], true, 500, seed=3)
    assert not row.passes
    assert not Calibration(rows=(row,), shape=None, seconds=0.0).passes


@pytest.mark.parametrize("name_sample", LAWS, ids=lambda pair: pair[0])
@pytest.mark.parametrize("skewness", [0.3, 1.0])
def test_laws_have_the_moments_they_say(name_sample: tuple, skewness: float) -> None:
    """n = 400,000, 6 standard errors of the third moment (bounded by 0.06)."""
    values = name_sample[1](np.random.default_rng(4), skewness, (400_000,))
    assert values.mean() == pytest.approx(0, abs=0.01)
    assert values.std() == pytest.approx(1, abs=0.012)
    assert (values**3).mean() == pytest.approx(skewness, abs=0.06)


OVER_TIME = [made for made in CONSTRUCTIONS if made.name.startswith("over time")]
ONE_STEP = [made for made in CONSTRUCTIONS if made not in OVER_TIME]


@pytest.mark.slow
@pytest.mark.parametrize("made", OVER_TIME, ids=lambda made: made.name)
def test_constructions_over_time_are_true_or_false_on_wide_networks(made: Construction) -> None:
    """The mean of 24 draws of a network four times as wide, against the claim: within the tolerance or outside it, by more
    than its standard error."""
    case, claimed, observable = made.make(np.random.default_rng(7))
    wide = case.architecture.but(width=1024)
    values = [OBSERVABLES[observable].measure(draw, case) for draw in Laboratory(RunSettings(seed=11)).draws(wide, 24)]
    distance, error = abs(np.mean(values) - claimed), np.std(values, ddof=1) / 24**0.5
    assert distance + error < TOLERANCE if made.true else distance - error > TOLERANCE


@pytest.mark.parametrize("made", ONE_STEP, ids=lambda made: made.name)
def test_constructions_are_true_or_false_by_an_independent_route(made: Construction) -> None:
    """χ = K ∫ f'(h − θ)² φ(h/σ) dh/σ by quadrature, f' written out here, at the rate K Q(θ/σ) = σ² where layers rest."""
    for number in range(2):
        case, claimed, observable = made.make(np.random.default_rng((5, number)))
        a = case.architecture
        assert observable == "backward_factor"
        name, _, parameter = a.neuron.surrogate.spec.partition(":")
        k = float(parameter.partition("=")[2])
        sigma, theta = (a.gain * a.input_rate) ** 0.5, a.neuron.threshold
        assert norm.sf(theta / sigma) == pytest.approx(a.input_rate, rel=1e-9)

        def slope(x: float, name: str = name, k: float = k) -> float:
            if name == "atan":
                return k / 2 / (1 + (np.pi * k * x / 2) ** 2)
            if name == "erf":
                return k / np.pi**0.5 * np.exp(-((k * x) ** 2))
            if name == "sigmoid":
                return k / 4 / np.cosh(k * x / 2) ** 2
            return max(0.0, k - k**2 * abs(x))

        edge = (1 if name == "triangular" else 10) / k
        value, _ = quad(
            lambda h, slope=slope, theta=theta, sigma=sigma: slope(h - theta) ** 2 * norm.pdf(h, scale=sigma),
            -9 * sigma,
            9 * sigma,
            points=[p for p in (theta - edge, theta, theta + edge) if abs(p) < 9 * sigma],
            limit=500,
        )
        distance = abs(a.gain * value - claimed)
        assert (distance <= TOLERANCE - MARGIN + 1e-6) if made.true else (distance >= TOLERANCE + MARGIN - 1e-6)


@pytest.mark.parametrize(
    "names",
    [
        ("critical network, claimed 1", "wrong slope", "over time: the theory's rate", "over time: wrong leak"),
        pytest.param(CONSTRUCTIONS.names(), marks=pytest.mark.slow),
    ],
    ids=("four", "all"),
)
def test_networks_are_judged_right(names: Collection[str]) -> None:
    """One or two claims of each construction on real networks, each wrong with probability at most 1 %; the seed is fixed."""
    rows = on_networks(4, seed=1, only=names)
    assert {row.construction for row in rows} == set(names)
    assert sum(row.wrong for row in rows) == 0
    assert sum(row.verdicts["inconclusive"] for row in rows) <= 1


def test_bounds_and_totals() -> None:
    """0 wrong of n: the one-sided 95 % bound is 1 − 0.05^(1/n)."""
    row = Row(construction="x", kind="network", true=False, verdicts=Counter(refuted=200))
    assert row.upper == pytest.approx(1 - 0.05 ** (1 / 200), rel=1e-9)
    worse = replace(row, verdicts=Counter(refuted=980, confirmed=20))
    found = Calibration(rows=(row, worse), shape=None, seconds=0.0)
    total = found.total(true=False)
    assert (total.n, total.wrong) == (1200, 20)
    assert total.rate > ALLOWED
    assert not found.passes
