"""Intervals and verdicts keep the error rates that they promise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom

from ikun_validate.cases.intervals import (
    LOOKS,
    UNKNOWN,
    Interval,
    deviation_interval,
    log_normal_mean_interval,
    mean_interval,
    planned_looks,
    share_interval,
)
from ikun_validate.verdicts.verdict import Check, outcome

REPEATS = 2000


def most_misses(error: float) -> int:
    """The number of misses in REPEATS that a right interval exceeds once in a million."""
    return int(binom.isf(1e-6, REPEATS, error))


@pytest.mark.parametrize("n", [2, 8, 16])
def test_mean_interval_covers(n: int) -> None:
    rng = np.random.default_rng(1)
    error = 0.05
    missed = sum(not (i.low <= 3.0 <= i.high) for i in (mean_interval(rng.normal(3, 2, n), error) for _ in range(REPEATS)))
    assert 0 < missed <= most_misses(error)


def test_a_wrong_interval_would_be_caught() -> None:
    """The coverage test is not empty: intervals two thirds as wide fail it."""
    rng = np.random.default_rng(1)
    missed = 0
    for _ in range(REPEATS):
        i = mean_interval(rng.normal(3, 2, 8), 0.05)
        half = (i.high - i.low) / 2 * 2 / 3
        missed += not (i.value - half <= 3.0 <= i.value + half)
    assert missed > most_misses(0.05)


@pytest.mark.parametrize("share", [0.02, 0.5, 0.97])
def test_share_interval_covers(share: float) -> None:
    rng = np.random.default_rng(2)
    missed = sum(
        not (i.low <= share <= i.high) for i in (share_interval(int(rng.binomial(24, share)), 24, 0.05) for _ in range(REPEATS))
    )
    assert missed <= most_misses(0.05)


def test_share_interval_at_the_ends() -> None:
    assert share_interval(0, 8, 0.01).low == 0
    assert share_interval(8, 8, 0.01).high == 1
    assert share_interval(0, 0, 0.01) is UNKNOWN


def test_log_normal_interval_finds_a_mean_that_sampling_does_not() -> None:
    """log X ~ N(0, 9): E[X] = e^4.5 = 90; the median of 32 draws' sample means is far below it."""
    logs = np.random.default_rng(3).normal(0, 3, (REPEATS, 32))
    assert np.median(np.exp(logs).mean(axis=1)) < 0.6 * np.exp(4.5)
    centre = np.median([log_normal_mean_interval(row, 0.05).value for row in logs])
    assert 0.7 < centre / np.exp(4.5) < 1.3


@pytest.mark.parametrize("beta", [1.0, 9.0])
@pytest.mark.parametrize("n", [8, 32])
@pytest.mark.parametrize("error", [0.05, 0.005])
def test_log_normal_interval_covers(beta: float, n: int, error: float) -> None:
    """n = 2000, false alarm one in a million. (At β = 9, n = 8 an interval symmetric in the logarithm misses 10 % for 5 %,
    and 4 % for ½ %.) It is not needlessly wide either: it misses a fifth of what it may at least."""
    logs = np.random.default_rng(3).normal(0, beta**0.5, (REPEATS, n))
    truth = np.exp(beta / 2)
    missed = sum(not (i.low <= truth <= i.high) for i in (log_normal_mean_interval(row, error) for row in logs))
    assert error * REPEATS / 5 <= missed <= most_misses(error)


def test_too_few_values_are_no_interval() -> None:
    assert not mean_interval([1.0], 0.05).known
    assert not mean_interval([np.nan, np.nan, 1.0], 0.05).known
    assert not log_normal_mean_interval([0.0, 0.0], 0.05).known


def test_looks() -> None:
    assert planned_looks() == LOOKS
    assert planned_looks(draws=5) == (5,)
    assert planned_looks(most=16) == (8, 12, 16)
    assert planned_looks(most=3) == LOOKS[:1]


def sequential_outcome(rng: np.random.Generator, truth: float, confidence: float = 0.99, spread: float = 0.03) -> str:
    """The verdict on 'the mean is 1 ± 0.05' from normal draws, looked at as the harness looks at networks."""
    error = (1 - confidence) / len(LOOKS)
    values = rng.normal(truth, spread, LOOKS[-1])
    for look in LOOKS:
        check = Check(name="x", interval=mean_interval(values[:look], error), bounds=(0.95, 1.05), threshold=0.05, claimed=1.0)
        found = outcome([check.holds])
        if found != "inconclusive":
            return found
    return "inconclusive"


@pytest.mark.parametrize(("truth", "right"), [(1.0, "confirmed"), (1.1, "refuted"), (0.9, "refuted")])
def test_sequential_verdicts_find_clear_truths(truth: float, right: str) -> None:
    rng = np.random.default_rng(4)
    assert all(sequential_outcome(rng, truth) == right for _ in range(100))


@pytest.mark.parametrize(("truth", "wrong"), [(1.0501, "confirmed"), (0.9499, "confirmed"), (1.0499, "refuted")])
def test_sequential_verdicts_err_as_seldom_as_they_say(truth: float, wrong: str) -> None:
    """At the edge, the worst case: at most 1 % wrong over all looks. n = 2000, standard error 0.2 %, one false alarm in a
    million."""
    rng = np.random.default_rng(5)
    errors = sum(sequential_outcome(rng, truth) == wrong for _ in range(REPEATS))
    assert errors <= most_misses(0.01)


def test_outcome() -> None:
    assert outcome([True, True]) == "confirmed"
    assert outcome([True, None]) == "inconclusive"
    assert outcome([None, False]) == "refuted"
    assert outcome([]) == "inconclusive"


@pytest.mark.parametrize(
    ("low", "high", "holds"),
    [(0.96, 1.04, True), (0.94, 1.04, None), (1.06, 1.2, False), (0.8, 0.94, False), (1.04, 1.06, None)],
)
def test_equivalence_check(low: float, high: float, holds: bool | None) -> None:
    check = Check(name="x", interval=Interval(1.0, low, high), bounds=(0.95, 1.05), threshold=0.05, claimed=1.0)
    assert check.holds is holds


def test_unknown_never_counts_as_passed() -> None:
    check = Check(name="x", interval=UNKNOWN, bounds=(0.95, 1.05), threshold=0.05, claimed=1.0)
    assert check.holds is None
    assert check.to_dict()["value"] is None
    assert "reason" in check.to_dict()


@pytest.mark.parametrize("error", [0.05, 0.005])
def test_variance_interval_covers(error: float) -> None:
    """n = 2000 of 24 normal values each; false alarm one in a million."""
    values = np.random.default_rng(8).normal(1, 0.3, (REPEATS, 24))
    missed = sum(not (i.low <= 0.3 <= i.high) for i in (deviation_interval(row, error) for row in values))
    assert error * REPEATS / 5 <= missed <= most_misses(error)


def test_a_prediction_near_the_edge_decides_nothing() -> None:
    """Three standard errors on either side must lie inside, or outside."""
    check = Check(name="x", interval=UNKNOWN, bounds=(0.95, 1.05), claimed=1.0, threshold=0.05, predicted=1.04)
    assert check.predicted_holds is True
    assert replace(check, predicted_se=0.01).predicted_holds is None
    assert replace(check, predicted=1.2, predicted_se=0.01).predicted_holds is False
    assert replace(check, bounds=(0.5, np.inf)).range == "above 0.5"
