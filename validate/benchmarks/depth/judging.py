"""What the runs say: of each initialisation in each cell the share of seeds above the goal, with its interval."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Any

from ...cases.intervals import Interval, share_interval
from .cells import CELLS, Cell
from .protocol import Results
from .starts import STARTS

CONFIDENCE = 0.95


@dataclass(frozen=True, kw_only=True)
class Judged:
    """`accuracies`: on the test part, by the number of the seed; `never`: how many runs ended early."""

    cell: Cell
    start: str
    accuracies: tuple[float, ...]
    never: int

    @property
    def above(self) -> int:
        return sum(value >= self.cell.goal for value in self.accuracies)

    @property
    def share(self) -> Interval:
        return share_interval(self.above, len(self.accuracies), 1 - CONFIDENCE)

    @property
    def mean(self) -> float:
        return statistics.mean(self.accuracies)

    @property
    def error(self) -> float | None:
        """Standard error of the mean; None of one run."""
        count = len(self.accuracies)
        return statistics.stdev(self.accuracies) / count**0.5 if count > 1 else None

    def to_dict(self) -> dict[str, Any]:
        share = self.share
        return {
            "cell": self.cell.name,
            "start": self.start,
            "seeds": len(self.accuracies),
            "goal": self.cell.goal,
            "above": self.above,
            "share": [share.low, share.value, share.high],
            "mean": self.mean,
            "se": self.error,
            "lowest": min(self.accuracies),
            "never": self.never,
        }


def judged(results: Results) -> list[Judged]:
    """What has been run, cell by cell."""
    found = []
    for cell in CELLS:
        for start in STARTS.names():
            if rows := results.of(cell.name, start):
                accuracies = tuple(row.accuracy for row in rows)
                found.append(Judged(cell=cell, start=start, accuracies=accuracies, never=sum(bool(row.ended) for row in rows)))
    return found
