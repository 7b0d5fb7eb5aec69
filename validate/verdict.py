"""Three-valued verdicts: confirmed, refuted, or inconclusive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .statistics import Interval


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing a verdict rests on. `two_sided`: the truth must lie within claimed ± threshold (an equivalence test);
    else it must exceed `threshold`. `predicted` is what theory says, NaN where it says nothing."""

    name: str
    interval: Interval
    threshold: float
    claimed: float = float("nan")
    two_sided: bool = True
    predicted: float = float("nan")

    @property
    def bounds(self) -> tuple[float, float]:
        if self.two_sided:
            return self.claimed - self.threshold, self.claimed + self.threshold
        return self.threshold, np.inf

    @property
    def holds(self) -> bool | None:
        """True if the whole interval lies inside the bounds, False if it lies outside, None if neither."""
        low, high = self.bounds
        if not self.interval.known:
            return None
        if self.interval.high < low or self.interval.low > high:
            return False
        return True if low < self.interval.low and self.interval.high < high else None

    @property
    def predicted_holds(self) -> bool | None:
        low, high = self.bounds
        return None if np.isnan(self.predicted) else bool(low < self.predicted < high)

    def to_dict(self) -> dict[str, Any]:
        result = {
            "value": number(self.interval.value),
            "low": number(self.interval.low),
            "high": number(self.interval.high),
            "threshold": self.threshold,
            "claimed": number(self.claimed),
            "predicted": number(self.predicted),
            "holds": self.holds,
        }
        if not self.interval.known:
            result["reason"] = "nothing to measure: no draw stayed active"
        return result


def outcome(holds: list[bool | None]) -> str:
    """Refuted if any check fails; confirmed if all hold; inconclusive otherwise."""
    if any(value is False for value in holds):
        return "refuted"
    return "confirmed" if holds and all(holds) else "inconclusive"


def number(value: float) -> float | None:
    """A float for JSON, which has no infinity and no NaN."""
    return float(value) if np.isfinite(value) else None
