"""What one training run was, and what is read from it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

LOOKS = 4
"""Times in an epoch at which loss and accuracy are noted."""

Look = dict[str, Any]
"""`epoch` (a share counts), `train_loss` and `train_accuracy` of the batches since the last look, as the network saw them
before each step; `validation_accuracy` at the ends of epochs, else None."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """`trial`: the words of what was trained; `seed`: the number of the pair, `purpose`: pair or tuning. `inside`: a few times
    an epoch, per layer (`inside.py`). `train_accuracy`, `test_accuracy`: of the last weights (None: not looked at). `health`:
    "" or what went wrong. `seconds`: of processor time; `before`: how many of them before the first step."""

    trial: dict[str, Any]
    seed: int
    purpose: str
    curve: tuple[Look, ...]
    inside: tuple[dict[str, Any], ...]
    train_accuracy: float
    test_accuracy: float | None
    best_epoch: float
    health: str
    notes: tuple[str, ...]
    seconds: float
    before: float

    @property
    def scheme(self) -> str:
        return self.trial["scheme"]

    @property
    def budget(self) -> int:
        return self.trial["epochs"]

    @property
    def resolution(self) -> float:
        """Epochs between two looks, at most."""
        times = [0.0, *(look["epoch"] for look in self.curve)]
        return max((b - a for a, b in pairwise(times)), default=1 / LOOKS)

    def epochs_to(self, target: float) -> float | None:
        """The first look at which the training accuracy is at least `target`; None: never within the budget."""
        return next((look["epoch"] for look in self.curve if look["train_accuracy"] >= target), None)

    def restricted(self, target: float) -> float:
        """min(T, B): the budget where the target is never reached."""
        found = self.epochs_to(target)
        return float(self.budget) if found is None else min(found, float(self.budget))

    def to_dict(self) -> dict[str, Any]:
        lists = {"curve": list(self.curve), "inside": list(self.inside), "notes": list(self.notes)}
        return {**vars(self), **lists}

    @classmethod
    def of(cls, record: dict[str, Any]) -> Outcome:
        tuples = {name: tuple(record[name]) for name in ("curve", "inside", "notes")}
        return cls(**{**record, **tuples})


def short(value: float, digits: int = 5) -> float | None:
    """For records: so many significant digits are more than a run's noise leaves. None: not finite."""
    return float(f"{value:.{digits}g}") if math.isfinite(value) else None


def looks_of(batches: int) -> Sequence[int]:
    """After how many batches of an epoch is looked: LOOKS times, the last at its end."""
    return sorted({math.ceil(k * batches / LOOKS) for k in range(1, LOOKS + 1)})
