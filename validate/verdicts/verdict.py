"""Three-valued verdicts: confirmed, refuted, or inconclusive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..cases.intervals import Interval

SURE = 3.0
"""A prediction counts as inside or outside a range if it is this many standard errors away from the range's ends."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """One condition of a verdict: the true value must lie between `bounds`, which are claimed ± threshold or open on one side.
    `predicted`: the value that theory gives (NaN if none), with its standard error."""

    name: str
    interval: Interval
    bounds: tuple[float, float]
    claimed: float
    threshold: float
    predicted: float = float("nan")
    predicted_se: float = 0.0

    @property
    def range(self) -> str:
        """The claimed range, as text."""
        low, high = self.bounds
        if np.isinf(high):
            return f"above {low:.4g}"
        return f"below {high:.4g}" if np.isinf(low) else f"{self.claimed:.4g} ± {self.threshold:.2g}"

    @property
    def holds(self) -> bool | None:
        """True if the whole interval lies inside the bounds, False if it lies outside, None if neither."""
        if not self.interval.known:
            return None
        return _inside(self.interval.low, self.interval.high, self.bounds)

    @property
    def predicted_holds(self) -> bool | None:
        """The same for the prediction; also None if there is no prediction."""
        if np.isnan(self.predicted):
            return None
        margin = SURE * self.predicted_se
        return _inside(self.predicted - margin, self.predicted + margin, self.bounds)

    def to_dict(self) -> dict[str, Any]:
        result = {
            "value": number(self.interval.value),
            "low": number(self.interval.low),
            "high": number(self.interval.high),
            "threshold": self.threshold,
            "claimed": number(self.claimed),
            "bounds": [number(bound) for bound in self.bounds],
            "predicted": number(self.predicted),
            "predicted_se": number(self.predicted_se),
            "holds": self.holds,
        }
        if not self.interval.known:
            result["reason"] = "nothing to measure: no draw stayed active"
        return result


def _inside(low: float, high: float, bounds: tuple[float, float]) -> bool | None:
    if high < bounds[0] or low > bounds[1]:
        return False
    return True if bounds[0] < low and high < bounds[1] else None


def outcome(holds: list[bool | None]) -> str:
    """Refuted if any check fails; confirmed if all hold; inconclusive otherwise."""
    if any(value is False for value in holds):
        return "refuted"
    return "confirmed" if holds and all(holds) else "inconclusive"


def number(value: float) -> float | None:
    """A float for JSON, which has no infinity and no NaN."""
    return float(value) if np.isfinite(value) else None
