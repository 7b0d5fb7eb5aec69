"""The protocol's statistics: two initialisations compared on the same seeds.

Primary is the paired ratio of restricted mean epochs, mean min(T_A, B) / mean min(T_B, B): T the epochs to the target, B the
budget of both; a run that never gets there, or gives NaN, counts B (Royston & Parmar 2013, doi:10.1186/1471-2288-13-152). Its
interval is Fieller's, for pairs: all r at which Student's t does not refuse mean(a − r b) = 0 (Fieller 1954). Times are known
to a look, q apart: each gets the variance q²/12 of that rounding, so that equal times are no perfect knowledge.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from scipy import stats

from ikun_sym.told import Told

from ..cases.intervals import RESERVE, UNKNOWN, Interval, reserved_mean_interval, share_interval
from ..verdicts.verdict import number
from .outcome import Outcome

VERDICTS = ("better", "worse", "equivalent", "inconclusive")

MARGIN = 0.1
"""Ratios between 1/(1 + MARGIN) and 1 + MARGIN count as equivalent."""

POWER = 0.8
"""Probability with which the difference called `detectable` would have been found."""

ACCURACY_STEP = 1e-3
"""To which accuracies are known: one of a thousand samples."""

Floats = np.ndarray


def ratio_interval(a: Floats, b: Floats, error: float, resolution: float = 0.0) -> Interval:
    """Fieller's interval of mean(a)/mean(b) for pairs of times. UNKNOWN: fewer than two pairs, or nothing known of mean(b)."""
    n = len(a)
    if n < 2:
        return UNKNOWN
    rounding = resolution**2 / 12
    (s_aa, s_ab), (_, s_bb) = np.cov(a, b, ddof=1)
    t2 = _student(1 - error / RESERVE / 2, n) ** 2 / n
    mean_a, mean_b = a.mean(), b.mean()
    top, mixed, bottom = (
        mean_a**2 - t2 * (s_aa + rounding),
        mean_a * mean_b - t2 * s_ab,
        mean_b**2 - t2 * (s_bb + rounding),
    )
    inside = mixed**2 - top * bottom
    if bottom <= 0 or inside < 0:
        return UNKNOWN
    root = math.sqrt(inside)
    return Interval(float(mean_a / mean_b), max(0.0, (mixed - root) / bottom), (mixed + root) / bottom)


@lru_cache(maxsize=1024)
def _student(share: float, n: int) -> float:
    """Quantile of Student's t for n values."""
    return float(stats.t.ppf(share, n - 1))


def detectable(interval: Interval, error: float, n: int) -> float:
    """The smallest share by which the ratio would have to differ from 1 to be found with probability POWER."""
    if not interval.known or interval.low <= 0:
        return math.nan
    t = _student(1 - error / RESERVE / 2, n)
    half = math.log(interval.high / interval.low) / 2
    return 1 - math.exp(-half * (1 + _student(POWER, n) / t))


def verdict_of(interval: Interval, margin: float = MARGIN) -> str:
    """better: surely fewer epochs; worse: surely more; equivalent: surely within the margin."""
    if not interval.known:
        return "inconclusive"
    if interval.high < 1:
        return "better"
    if interval.low > 1:
        return "worse"
    return "equivalent" if interval.low > 1 / (1 + margin) and interval.high < 1 + margin else "inconclusive"


def faster_interval(a: Floats, b: Floats, error: float) -> Interval:
    """P(T_A < T_B) + ½ P(T_A = T_B): Clopper–Pearson's low end of the wins, and high end of what is not lost."""
    wins, ties, n = int((a < b).sum()), int((a == b).sum()), len(a)
    low, high = share_interval(wins, n, error).low, share_interval(wins + ties, n, error).high
    return Interval((wins + ties / 2) / n, low, high)


@dataclass(frozen=True, kw_only=True)
class Comparison(Told):
    """`scheme` against `baseline` on `pairs` pairs. `ratio`: of restricted mean epochs to the first target, below 1 if `scheme`
    needs fewer; `ratios`: the same for each target. `error`: with which each interval may miss."""

    scheme: str
    baseline: str
    pairs: int
    targets: tuple[float, ...]
    ratios: tuple[Interval, ...]
    faster: Interval
    solved: tuple[Interval, Interval]
    accuracy: Interval
    train_accuracy: Interval
    error: float
    reason: str = ""
    margin: float = MARGIN

    @property
    def ratio(self) -> Interval:
        return self.ratios[0]

    @property
    def verdict(self) -> str:
        """By the times; where none is known, by the accuracies: better if surely higher, worse if surely lower."""
        if self.ratio.known or not self.accuracy.known:
            return verdict_of(self.ratio, self.margin)
        return "better" if self.accuracy.low > 0 else "worse" if self.accuracy.high < 0 else "inconclusive"

    @property
    def detectable(self) -> float:
        return detectable(self.ratio, self.error, self.pairs)

    def to_dict(self) -> dict[str, Any]:
        ends = {"ratio": self.ratio.value, "low": self.ratio.low, "high": self.ratio.high}
        found: dict[str, Any] = {"scheme": self.scheme, "baseline": self.baseline}
        found |= {name: number(value) for name, value in ends.items()}
        found |= {"faster": number(self.faster.value), "faster_low": self.faster.low, "faster_high": self.faster.high}
        found["accuracy_difference"] = _triple(self.accuracy)
        found["train_accuracy_difference"] = _triple(self.train_accuracy)
        found["solved"] = {"scheme": _triple(self.solved[0]), "baseline": _triple(self.solved[1])}
        found["targets"] = [{"target": t, **_triple(r)} for t, r in zip(self.targets, self.ratios, strict=True)]
        found |= {"pairs": self.pairs, "detectable": number(self.detectable), "verdict": self.verdict}
        return found | ({"reason": self.reason} if self.reason else {})


def _triple(interval: Interval) -> dict[str, float | None]:
    return {name: number(getattr(interval, name)) for name in ("value", "low", "high")}


def compared(
    a: Sequence[Outcome], b: Sequence[Outcome], targets: Sequence[float], error: float, margin: float = MARGIN
) -> Comparison:
    """Runs of one scheme against runs of another, seed by seed; both in the same order."""
    if [run.seed for run in a] != [run.seed for run in b]:
        raise ValueError("runs that are compared have the same seeds in the same order")
    coarse = max(run.resolution for run in (*a, *b))
    times = [(_times(a, target), _times(b, target)) for target in targets]
    never = [[run.epochs_to(target) is None for run in (*a, *b)] for target in targets]
    ratios = [
        UNKNOWN if all(missed) else ratio_interval(mine, theirs, error, coarse)
        for (mine, theirs), missed in zip(times, never, strict=True)
    ]
    solved = [share_interval(sum(run.epochs_to(targets[0]) is not None for run in runs), len(runs), error) for runs in (a, b)]
    reason = ""
    if not ratios[0].known:
        lost = f"no run reaches the target {targets[0]:g}: the verdict is by test accuracy"
        reason = lost if all(never[0]) else "the times say nothing of their ratio"
    return Comparison(
        scheme=a[0].scheme,
        baseline=b[0].scheme,
        pairs=len(a),
        targets=tuple(targets),
        ratios=tuple(ratios),
        faster=faster_interval(times[0][0], times[0][1], error),
        solved=(solved[0], solved[1]),
        accuracy=_difference(a, b, "test_accuracy", error),
        train_accuracy=_difference(a, b, "train_accuracy", error),
        error=error,
        reason=reason,
        margin=margin,
    )


def _times(runs: Sequence[Outcome], target: float) -> Floats:
    return np.array([run.restricted(target) for run in runs])


def _difference(a: Sequence[Outcome], b: Sequence[Outcome], name: str, error: float) -> Interval:
    """Shares of some thousand samples: differences that are equal to the last digit are no perfect knowledge either."""
    found = reserved_mean_interval([getattr(x, name) - getattr(y, name) for x, y in zip(a, b, strict=True)], error)
    if not found.known:
        return found
    least = _student(1 - error / RESERVE / 2, len(a)) * ACCURACY_STEP / math.sqrt(12 * len(a))
    return Interval(found.value, min(found.low, found.value - least), max(found.high, found.value + least))
