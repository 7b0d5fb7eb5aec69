"""What one training run was, and what is read from it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from ikun_sym.told import Told

LOOKS = 4
"""Times in an epoch at which loss and accuracy are noted."""

Look = dict[str, Any]
"""`epoch` (a share counts), `train_loss` and `train_accuracy` of the batches since the last look, as the network saw them
before each step; `validation_accuracy` at the ends of epochs, else None."""

WORDS = ("epoch", "train_loss", "train_accuracy", "validation_accuracy")


@dataclass(frozen=True, kw_only=True)
class Outcome(Told):
    """`trial`: the words of what was trained; `seed`: the number of the pair, `purpose`: pair or tuning. `inside`: a few times
    an epoch, per layer (`inside.py`). `train_accuracy`, `test_accuracy`: of the last weights (None: not looked at). `health`:
    "" or what went wrong. `seconds`: of processor time; `before`: how many of them before the first step."""

    shown = ("seed", "purpose", "train_accuracy", "test_accuracy", "health", "seconds")

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
        """For the journal: curve and inside by columns, which takes a third of the room."""
        curve = {name: [look[name] for look in self.curve] for name in WORDS}
        inside: dict[str, Any] = {"epoch": [one["epoch"] for one in self.inside]}
        for place, first in enumerate(self.inside[0]["layers"] if self.inside else ()):
            names = first.keys() - {"layer"}
            inside[first["layer"]] = {name: [one["layers"][place][name] for one in self.inside] for name in sorted(names)}
        return {**vars(self), "curve": curve, "inside": inside, "notes": list(self.notes)}

    @classmethod
    def of(cls, record: dict[str, Any]) -> Outcome:
        """What `to_dict` wrote."""
        columns, inside = record["curve"], dict(record["inside"])
        curve = tuple(dict(zip(WORDS, values, strict=True)) for values in zip(*(columns[name] for name in WORDS), strict=True))
        epochs = inside.pop("epoch")
        looks = tuple(
            {
                "epoch": epoch,
                "layers": [
                    {"layer": layer, **{name: values[k] for name, values in found.items()}} for layer, found in inside.items()
                ],
            }
            for k, epoch in enumerate(epochs)
        )
        return cls(**{**record, "curve": curve, "inside": looks, "notes": tuple(record["notes"])})


def short(value: float, digits: int = 5) -> float | None:
    """For records: so many significant digits are more than a run's noise leaves. None: not finite."""
    return float(f"{value:.{digits}g}") if math.isfinite(value) else None


def looks_of(batches: int) -> Sequence[int]:
    """After how many batches of an epoch is looked: LOOKS times, the last at its end."""
    return sorted({math.ceil(k * batches / LOOKS) for k in range(1, LOOKS + 1)})
