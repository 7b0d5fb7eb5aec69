"""The statistics of pairs, against Student's test itself and against laws whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ikun_validate.cases.intervals import RESERVE, Interval
from ikun_validate.training.comparison import compared, detectable, faster_interval, ratio_interval, verdict_of

from .runs import run


def test_at_the_ends_of_the_interval_student_s_test_is_just_on_the_edge() -> None:
    """Fieller's interval by its definition: p of mean(a − r b) = 0 is the error at both ends, here without rounding."""
    rng = np.random.default_rng(0)
    b = rng.gamma(9, 0.5, size=12)
    a = 0.7 * b + rng.gamma(4, 0.2, size=12)
    found = ratio_interval(a, b, 0.05)
    assert found.value == pytest.approx(a.mean() / b.mean(), rel=1e-12)
    for end in (found.low, found.high):
        assert stats.ttest_1samp(a - end * b, 0).pvalue == pytest.approx(0.05 / RESERVE, rel=1e-6)


def test_equal_times_are_no_perfect_knowledge() -> None:
    """Times that are equal to a look leave a quarter epoch open: variance q²/12 of either."""
    times = np.full(8, 2.0)
    found = ratio_interval(times, times, 0.05, 0.25)
    half = stats.t.ppf(1 - 0.05 / RESERVE / 2, 7) * np.sqrt(2 * 0.25**2 / 12 / 8) / 2.0
    assert (found.high - found.low) / 2 == pytest.approx(half, rel=0.01)


def test_the_interval_misses_no_more_often_than_it_may() -> None:
    """n = 2,000 samples of 12 pairs of gamma times (skewness 0.67) with ratio 0.8, error 0.1 (0.05 with the reserve): a rate of
    0.1 would have a standard error of 0.0067; more than 0.1 + 3 of them is a false alarm at 0.13 %."""
    rng = np.random.default_rng(1)
    missed = 0
    for _ in range(2000):
        shared = rng.gamma(5, 1.0, size=12)
        a, b = 0.8 * (shared + rng.gamma(4, 1.0, size=12)), shared + rng.gamma(4, 1.0, size=12)
        found = ratio_interval(a, b, 0.1)
        missed += not found.low <= 0.8 <= found.high
    assert 0.02 < missed / 2000 < 0.12


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.5, 0.99, "better"),
        (1.01, 2.0, "worse"),
        (0.95, 1.05, "equivalent"),
        (0.8, 1.05, "inconclusive"),
        (float("nan"), float("nan"), "inconclusive"),
    ],
)
def test_verdicts(low: float, high: float, verdict: str) -> None:
    assert verdict_of(Interval((low + high) / 2, low, high)) == verdict


def test_a_run_that_never_learns_counts_the_budget() -> None:
    a = [run("a", k, 2.0 if k else None) for k in range(4)]
    b = [run("b", k, 4.0) for k in range(4)]
    found = compared(a, b, (0.9,), 0.05)
    assert found.ratio.value == pytest.approx((10 + 3 * 2) / (4 * 4))
    assert found.solved[0].value == 0.75
    assert found.faster.value == 0.75


def test_where_nobody_learns_accuracies_decide() -> None:
    a = [run("a", k, None, accuracy=0.6 + 0.01 * k) for k in range(6)]
    b = [run("b", k, None, accuracy=0.3 + 0.01 * k) for k in range(6)]
    found = compared(a, b, (0.9,), 0.05)
    assert found.verdict == "better"
    assert compared(b, a, (0.9,), 0.05).verdict == "worse"
    assert "no run reaches" in found.reason
    assert found.to_dict()["ratio"] is None


def test_two_equal_differences_of_accuracy_decide_nothing() -> None:
    """They are rounded to a sample: of two pairs nothing is known, and of many more than a few it is."""
    for pairs, verdict in ((2, "inconclusive"), (12, "better")):
        a = [run("kaiming", k, None, accuracy=0.609) for k in range(pairs)]
        b = [run("xavier", k, None, accuracy=0.6) for k in range(pairs)]
        assert compared(a, b, (0.9,), error=1e-4).verdict == verdict


def test_ties_widen_the_probability_of_being_faster() -> None:
    a, b = np.array([1.0, 2.0, 2.0, 3.0]), np.array([2.0, 2.0, 2.0, 1.0])
    found = faster_interval(a, b, 0.05)
    assert found.value == 0.5
    binomial = stats.binomtest(1, 4).proportion_ci(0.95), stats.binomtest(3, 4).proportion_ci(0.95)
    assert found.low == pytest.approx(binomial[0].low)
    assert found.high == pytest.approx(binomial[1].high)


def test_the_detectable_difference_is_found_as_often_as_it_says() -> None:
    """n = 400 samples of 24 pairs: with the true ratio at what was called detectable, 'better' comes with probability 0.8,
    standard error 0.02; five of them allow for the interval's own noise."""
    rng = np.random.default_rng(2)

    def sample(ratio: float) -> Interval:
        a, b = rng.normal(ratio * 5, ratio, size=24), rng.normal(5, 1, size=24)
        return ratio_interval(a, b, 0.05)

    size = np.median([detectable(sample(1.0), 0.05, 24) for _ in range(100)])
    found = np.mean([sample(1 - float(size)).high < 1 for _ in range(400)])
    assert 0.7 < found < 0.9


def test_pairs_must_be_pairs() -> None:
    with pytest.raises(ValueError, match="same seeds"):
        compared([run("a", 0, 1.0), run("a", 1, 1.0)], [run("b", 1, 1.0), run("b", 0, 1.0)], (0.9,), 0.05)
