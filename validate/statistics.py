"""Intervals over independent weight draws, and when to stop drawing.

The unit of replication is the weight draw. A verdict looks at the data at a few planned sample sizes and may stop at any
of them; the error probability is divided over the looks (and over all checks of a claim), so by the union bound the
chance that any interval of any look misses the truth is at most 1 − confidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

LOOKS = (8, 12, 16, 24, 32, 48, 64)
"""Numbers of draws at which a verdict may be given. Eight is the least at which a t-interval of these means is honest:
each value is already a mean over tens of layers."""


@dataclass(frozen=True)
class Interval:
    """`value` with a confidence interval; NaN where nothing could be measured."""

    value: float
    low: float
    high: float

    @property
    def known(self) -> bool:
        return bool(np.isfinite([self.low, self.high]).all())


UNKNOWN = Interval(float("nan"), float("nan"), float("nan"))


def mean_interval(values: Sequence[float], error: float) -> Interval:
    """Student's t-interval for the mean; misses with probability `error` for normal values."""
    data = np.asarray(values, dtype=float)
    data = data[np.isfinite(data)]
    if len(data) < 2:
        return UNKNOWN
    half = stats.t.ppf(1 - error / 2, len(data) - 1) * data.std(ddof=1) / np.sqrt(len(data))
    return Interval(float(data.mean()), float(data.mean() - half), float(data.mean() + half))


def share_interval(successes: int, trials: int, error: float) -> Interval:
    """Clopper–Pearson interval for a probability: exact, whatever the probability."""
    if trials == 0:
        return UNKNOWN
    low = stats.beta.ppf(error / 2, successes, trials - successes + 1) if successes else 0.0
    high = stats.beta.ppf(1 - error / 2, successes + 1, trials - successes) if successes < trials else 1.0
    return Interval(successes / trials, float(low), float(high))


def log_normal_mean_interval(logs: Sequence[float], error: float) -> Interval:
    """The mean of a log-normal quantity from the logarithms of its draws: exp(mean log + s²/2), with Cox's interval.
    The sample mean of such a quantity is dominated by draws that are hardly ever seen."""
    data = np.asarray(logs, dtype=float)
    data = data[np.isfinite(data)]
    n = len(data)
    if n < 3:
        return UNKNOWN
    s2 = data.var(ddof=1)
    centre = data.mean() + s2 / 2
    half = stats.t.ppf(1 - error / 2, n - 1) * np.sqrt(s2 / n + s2**2 / (2 * (n - 1)))
    with np.errstate(over="ignore", under="ignore"):
        return Interval(*(float(np.exp(x)) for x in (centre, centre - half, centre + half)))


def planned_looks(draws: int | None = None, most: int | None = None) -> tuple[int, ...]:
    """The sample sizes at which to look: the plan up to `most`, or one look at a number of draws fixed beforehand."""
    if draws is not None:
        return (draws,)
    return tuple(look for look in LOOKS if most is None or look <= most) or LOOKS[:1]
