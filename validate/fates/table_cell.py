"""One cell of the table: the fate of a network of this depth, predicted and measured, and the cause if they differ."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..layer_fate import FADED, HEALTHY_SIZES, UNINFORMATIVE, VERDICTS
from .fates_of_samples import Outcome
from .forward_backward import half_way
from .grid import Setup
from .mean_field import MeanField
from .two_inputs import alike

NO_WEIGHTS = "no weights"

OPEN = 0.05
"""A fate whose probability at finite width lies between OPEN and 1 − OPEN counts as left to chance."""

CHANCE = 0.01
"""Predicted and measured shares are compatible if Fisher's exact test gives at least this p-value."""

BORDER = 0.1
"""A mean log-gradient within this relative distance of the border to vanishing or exploding is a border case."""

CAUSES = {
    "chance": "finite width leaves it open, and the shares are compatible",
    "border": f"the mean log-gradient lies within {BORDER:.0%} of the border between two fates",
    "resolution": "sizes agree, and overlaps and gradients of two inputs do too: so few networks do not tell their limit",
    "few": "too few networks to tell: the shares are compatible, or fewer than three have two inputs to compare",
    "unexplained": "the law at finite width does not explain it",
}
"""Causes of a miss, in order of precedence."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """`predicted`: networks of the same width by the law of their sums. `mean_field`: infinite width, if theory covers it.
    `measured`: drawn networks. All are None if the scheme has no weights here."""

    setup: Setup
    depth: int
    predicted: Outcome | None = None
    measured: Outcome | None = None
    mean_field: MeanField | None = None

    @property
    def key(self) -> tuple[str, str, int, int]:
        return self.setup.scheme, self.setup.surrogate, self.setup.time.steps, self.depth

    @cached_property
    def fate(self) -> str:
        """The most frequent fate of the measured networks; of two inputs in them, where their sizes are right."""
        return NO_WEIGHTS if self.measured is None else fate_of(self.measured)

    @cached_property
    def expected(self) -> str:
        """The most frequent fate of the predicted networks."""
        return NO_WEIGHTS if self.predicted is None else fate_of(self.predicted)

    @property
    def size(self) -> str:
        """The fate of sizes alone."""
        return NO_WEIGHTS if self.measured is None else most(self.measured.fates)

    @property
    def agrees(self) -> bool:
        return self.fate == self.expected

    @cached_property
    def cause(self) -> str:
        """Cause of a miss, a key of CAUSES; "" if the prediction is right."""
        if self.agrees or self.predicted is None or self.measured is None:
            return ""
        compatible = self.compatibility >= CHANCE
        if self.size == most(self.predicted.fates):  # it is about two inputs
            told = self.measured.told, self.predicted.told
            if not all(one.known for one in told):
                return "few"
            return "resolution" if alike(*told) else "unexplained"
        if OPEN <= share(self.predicted.fates, self.size) <= 1 - OPEN and compatible:
            return "chance"
        if self._near_a_border:
            return "border"
        return "few" if compatible else "unexplained"

    @property
    def _near_a_border(self) -> bool:
        border = -math.log(FADED)
        means = [mean(one.log_gradient) for _, one in self._both]
        return any(abs(abs(m) / border - 1) <= BORDER for m in means if m is not None)

    @cached_property
    def compatibility(self) -> float:
        """p-value: probability of shares that differ at least as much if measured and predicted networks follow one law."""
        from scipy.stats import fisher_exact

        if self.predicted is None or self.measured is None:
            return 1.0
        rows = [
            [one.fates.count(self.size), len(one.fates) - one.fates.count(self.size)] for one in (self.measured, self.predicted)
        ]
        return float(fisher_exact(rows)[1])  # type: ignore[index]  # scipy does not say what it returns

    @property
    def explanation(self) -> str:
        """The numbers of a miss, as text."""
        if not self.cause or self.predicted is None or self.measured is None:
            return ""
        if self.size == most(self.predicted.fates):
            apart, law = (one.told.summary() for one in (self.measured, self.predicted))
            return f"{self.fate}, predicted {self.expected}: {apart}; predicted {law}"
        seen, wanted = (f"{share(f, self.size):.0%} of {len(f)}" for f in (self.measured.fates, self.predicted.fates))
        parts = [f"{self.size} in {seen} draws, predicted in {wanted} (p = {self.compatibility:.2g})"]
        drawn, law = mean(self.measured.log_gradient), mean(self.predicted.log_gradient)
        if drawn is not None and law is not None:
            parts.append(f"log-gradient {drawn:.3g}, predicted {law:.3g}, border ±{-math.log(FADED):.3g}")
        return "; ".join(parts)

    @property
    def halves(self) -> dict[str, dict[str, int | None]]:
        """`signal`: first layer (from 1) at which Var(H) is half of layer 1's. `gradient` (`growth`): number of layers below
        the last at which E[δ²] is half (twice) the last layer's. From means over networks; None: nowhere."""
        return {
            "signal": {name: _layer(np.log(_positive(one.var_h))) for name, one in self._both},
            "gradient": {name: half_way(np.array(one.profile)[::-1]) for name, one in self._both},
            "growth": {name: half_way(-np.array(one.profile)[::-1]) for name, one in self._both},
        }

    @property
    def _both(self) -> list[tuple[str, Outcome]]:
        return [(n, o) for n, o in (("predicted", self.predicted), ("measured", self.measured)) if o is not None]

    def to_dict(self) -> dict[str, Any]:
        one = self.setup
        document: dict[str, Any] = {
            "scheme": one.scheme,
            "surrogate": one.surrogate,
            "trained_with": one.trained,
            "slope": one.slope,
            "steps": one.time.steps,
            "leak": one.time.leak,
            "depth": self.depth,
            "fate": self.fate,
            "predicted": self.expected,
        }
        if one.forward is None or self.predicted is None or self.measured is None:
            return document | {"reason": one.reason}
        theory = None if self.mean_field is None else asdict(self.mean_field)
        return document | {
            "gain": one.forward.gain,
            "agrees": self.agrees,
            "cause": self.cause or None,
            "explanation": self.explanation or None,
            "compatibility": self.compatibility,
            "infinite_width": theory,
            "halves": self.halves,
            "two_inputs": {name: o.told.to_dict() for name, o in self._both},
            "shares": {name: shares(o.fates) for name, o in self._both},
            "at": {name: _middle([place for place in o.at if place is not None]) for name, o in self._both},
            "log_gradient": {name: mean(o.log_gradient) for name, o in self._both},
            "log_gradient_sd": {name: deviation(o.log_gradient) for name, o in self._both},
            "rate": {name: mean(o.rate) for name, o in self._both},
            "networks": {name: len(o.fates) for name, o in self._both},
        }


def most(fates: Sequence[str]) -> str:
    """The most frequent fate; of several, the first in the order of FATES."""
    counts = Counter(fates)
    return max(VERDICTS, key=lambda fate: counts[fate])


def fate_of(one: Outcome) -> str:
    """Of sizes; uninformative where they are right and no layer has inputs that are told apart and gradients that agree."""
    size = most(one.fates)
    return UNINFORMATIVE if size == HEALTHY_SIZES and one.told.known and not one.told.informative else size


def share(fates: Sequence[str], fate: str) -> float:
    return fates.count(fate) / len(fates)


def shares(fates: Sequence[str]) -> dict[str, float]:
    return {fate: share(fates, fate) for fate in VERDICTS if fate in fates}


def mean(values: Sequence[float]) -> float | None:
    """Mean over the finite values; None if there are none."""
    finite = [value for value in values if math.isfinite(value)]
    return math.fsum(finite) / len(finite) if finite else None


def deviation(values: Sequence[float]) -> float | None:
    finite = [value for value in values if math.isfinite(value)]
    return float(np.std(finite, ddof=1)) if len(finite) > 1 else None


def _middle(places: Sequence[int]) -> float | None:
    return float(np.median(places)) if places else None


def _positive(values: Sequence[float]) -> np.ndarray:
    """Zeros replaced by a tiny number, so that logarithms are finite."""
    return np.maximum(np.array(values, dtype=float), 1e-300)


def _layer(logs: np.ndarray) -> int | None:
    place = half_way(logs)
    return None if place is None else place + 1
