"""Intervals over independent weight draws, and when to stop drawing.

The unit of replication is the weight draw. A verdict looks at the data at a few planned sample sizes and may stop at any
of them; the error probability is divided over the looks (and over all checks of a claim), so by the union bound the
chance that any interval of any look misses the truth is at most 1 − confidence.

The t-interval is exact for normal values. A value here is a factor averaged over tens of layers; `ikun calibrate` measures
the skewness of these averages on real draws, and the error rates of the whole procedure at that skewness and beyond.
A product over layers is log-normal instead: `log_normal_mean_interval` gives the interval of its mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import stats

LOOKS = (8, 12, 16, 24, 32, 48, 64)
"""Numbers of draws at which a verdict may be given."""

RESERVE = 2.0
"""A verdict's t-intervals get 1/RESERVE of its error probability. At skewness 1, more than was measured, a t-interval misses
2 to 3 times as often as for normal values; this reserve and the slack of the union bound absorb that."""


@dataclass(frozen=True)
class Interval:
    """`value` with a confidence interval; NaN if nothing could be measured."""

    value: float
    low: float
    high: float

    @property
    def known(self) -> bool:
        return bool(np.isfinite([self.low, self.high]).all())


UNKNOWN = Interval(float("nan"), float("nan"), float("nan"))


def mean_interval(values: Sequence[float], error: float) -> Interval:
    """Student's t-interval for the mean. For normal values it misses with probability `error`."""
    data = np.asarray(values, dtype=float)
    data = data[np.isfinite(data)]
    if len(data) < 2:
        return UNKNOWN
    half = _t(error, len(data)) * data.std(ddof=1) / np.sqrt(len(data))
    return Interval(float(data.mean()), float(data.mean() - half), float(data.mean() + half))


def reserved_mean_interval(values: Sequence[float], error: float) -> Interval:
    """The t-interval of the mean at 1/RESERVE of the error probability."""
    return mean_interval(values, error / RESERVE)


def variance_interval(values: Sequence[float], error: float) -> Interval:
    """χ²-interval for the variance of normal values."""
    data = np.asarray(values, dtype=float)
    data = data[np.isfinite(data)]
    n = len(data)
    if n < 3:
        return UNKNOWN
    s2 = float(data.var(ddof=1))
    low, high = ((n - 1) * s2 / stats.chi2.ppf(q, n - 1) for q in (1 - error / 2, error / 2))
    return Interval(s2, float(low), float(high))


def deviation_interval(values: Sequence[float], error: float) -> Interval:
    """The same for the standard deviation."""
    found = variance_interval(values, error)
    return Interval(*(float(np.sqrt(x)) for x in (found.value, found.low, found.high)))


@lru_cache(maxsize=1024)
def share_interval(successes: int, trials: int, error: float) -> Interval:
    """Clopper–Pearson interval for a probability: exact, whatever the probability."""
    if trials == 0:
        return UNKNOWN
    low = stats.beta.ppf(error / 2, successes, trials - successes + 1) if successes else 0.0
    high = stats.beta.ppf(1 - error / 2, successes + 1, trials - successes) if successes < trials else 1.0
    return Interval(successes / trials, float(low), float(high))


def log_normal_mean_interval(logs: Sequence[float], error: float) -> Interval:
    """Interval for the mean of a log-normal quantity, exp(mean log + s²/2), from the logarithms of its draws. The plain sample
    mean is useless here: rare draws dominate it.

    The t-interval of the mean log and the χ²-interval of s²/2, each exact, are combined by variance recovery at either end
    (Zou, Taleban & Huo 2009). An interval symmetric in the logarithm (Cox's) misses up to 20 times too often at small error
    and wide spread, because the estimated variance is skewed.
    """
    data = np.asarray(logs, dtype=float)
    data = data[np.isfinite(data)]
    n = len(data)
    if n < 3:
        return UNKNOWN
    s2 = data.var(ddof=1)
    centre = data.mean() + s2 / 2
    location = _t(error, n) ** 2 * s2 / n
    narrow, wide = ((n - 1) / stats.chi2.ppf(q, n - 1) for q in (1 - error / 2, error / 2))
    low = centre - np.sqrt(location + (s2 / 2 * (1 - narrow)) ** 2)
    high = centre + np.sqrt(location + (s2 / 2 * (wide - 1)) ** 2)
    with np.errstate(over="ignore", under="ignore"):
        return Interval(*(float(np.exp(x)) for x in (centre, low, high)))


@lru_cache(maxsize=1024)
def _t(error: float, n: int) -> float:
    """Quantile of Student's t for a two-sided interval from n values."""
    return float(stats.t.ppf(1 - error / 2, n - 1))


def planned_looks(draws: int | None = None, most: int | None = None) -> tuple[int, ...]:
    """Sample sizes at which to look: the plan up to `most`, or a single look at a fixed number of draws."""
    if draws is not None:
        return (draws,)
    return tuple(look for look in LOOKS if most is None or look <= most) or LOOKS[:1]
