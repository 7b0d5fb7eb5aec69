"""A threshold of a computation: something does not hold a little below a number, and holds a little above."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .claim import Finding, Refused, Standalone


@dataclass(frozen=True)
class Brink(Standalone):
    """`holds` is False at value − within and True at value + within. Evidence in float64, not a proof."""

    holds: Callable[[float], bool]
    value: float
    within: float

    def check(self) -> Finding:
        low, high = self.value - self.within, self.value + self.within
        if self.holds(low) or not self.holds(high):
            raise Refused(f"it does not begin between {low:.6g} and {high:.6g}")
        return Finding("agrees", "float64 iteration on both sides", (f"not at {low:.6g}, but at {high:.6g}",))
