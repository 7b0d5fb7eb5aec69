"""Verdicts on claims about training, from the results of the cells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import numpy as np

from ..cases.intervals import UNKNOWN, Interval, reserved_mean_interval, share_interval
from ..verdicts.verdict import Check, number, outcome
from .claims import CELLS, Alike, Criterion, Dead, Faster, Slower, Stationary, TrainingClaim
from .comparison import compared
from .experiment import Result
from .outcome import Outcome

Results = Mapping[str, Result]
"""Cell to its result."""


@dataclass(frozen=True, kw_only=True)
class TrainingVerdict:
    """`expected` None: the run is not the one that it was said of. `missing`: checks for which nothing has been run."""

    claim: TrainingClaim
    expected: str | None
    checks: tuple[Check, ...]
    pairs: int
    confidence: float
    missing: frozenset[str] = frozenset()

    @property
    def verdict(self) -> str:
        """Refuted if a check fails, confirmed if all hold; the other way round where one is enough."""
        return self._of(self.checks)

    @property
    def so_far(self) -> str:
        """The same on the cells that have been run."""
        return self._of(check for check in self.checks if check.name not in self.missing)

    def _of(self, checks: Iterable[Check]) -> str:
        holds = [check.holds for check in checks]
        if not self.claim.criterion.some:
            return outcome(holds)
        if any(holds):
            return "confirmed"
        return "refuted" if holds and all(value is False for value in holds) else "inconclusive"

    def to_dict(self) -> dict[str, Any]:
        found: dict[str, Any] = {"claim": self.claim.id, "statement": self.claim.statement, "source": self.claim.source}
        found |= {
            "verdict": self.verdict,
            "so_far": self.so_far,
            "expected": self.expected,
            "draws": self.pairs,
            "confidence": self.confidence,
        }
        return found | {"checks": {check.name: check.to_dict() for check in self.checks}, "layers": []}


def judged(
    claim: TrainingClaim, results: Results, missing: Sequence[str] = (), *, expected: str | None = None, confidence: float
) -> TrainingVerdict:
    """`missing`: cells that have not been run; a check that none of them fails is not known to hold."""
    chosen = {name: result for name, result in results.items() if CELLS[name].network in claim.criterion.networks}
    checks = tuple(check for name, result in chosen.items() for check in checks_of(claim.criterion, name, result))
    left = [name for name in missing if CELLS[name].network in claim.criterion.networks]
    open_ = tuple(_check(f"{name}: not run yet", UNKNOWN, -np.inf, np.inf, np.nan) for name in left)
    pairs = sum(max(map(len, result.runs.values())) for result in chosen.values())
    return TrainingVerdict(
        claim=claim,
        expected=expected,
        checks=checks + open_,
        pairs=pairs,
        confidence=confidence,
        missing=frozenset(check.name for check in open_),
    )


@singledispatch
def checks_of(criterion: Criterion, cell: str, result: Result) -> list[Check]:
    """Of one cell."""
    raise NotImplementedError(type(criterion).__name__)


def _check(name: str, interval: Interval, low: float, high: float, claimed: float) -> Check:
    return Check(name=name, interval=interval, bounds=(low, high), claimed=claimed, threshold=number(claimed) or 0.0)


def ratio(result: Result, scheme: str, baseline: str) -> Interval:
    """Of restricted mean epochs, on the pairs that both have."""
    count = min(len(result.runs[scheme]), len(result.runs[baseline]))
    a, b = result.runs[scheme][:count], result.runs[baseline][:count]
    return compared(a, b, result.plan.targets, result.plan.error).ratio


@checks_of.register
def _(criterion: Faster, cell: str, result: Result) -> list[Check]:
    return [
        _check(
            f"{cell}: {criterion.scheme}/{other}",
            ratio(result, criterion.scheme, other),
            -np.inf,
            criterion.share,
            criterion.share,
        )
        for other in criterion.than
    ]


@checks_of.register
def _(criterion: Slower, cell: str, result: Result) -> list[Check]:
    return [
        _check(f"{cell}: {criterion.scheme}/{other}", ratio(result, criterion.scheme, other), 1.0, np.inf, 1.0)
        for other in criterion.than
    ]


@checks_of.register
def _(criterion: Alike, cell: str, result: Result) -> list[Check]:
    high = 1 + result.plan.margin
    return [
        _check(f"{cell}: {scheme}/{criterion.scheme}", ratio(result, scheme, criterion.scheme), 1 / high, high, 1.0)
        for scheme in criterion.schemes
    ]


@checks_of.register
def _(criterion: Dead, cell: str, result: Result) -> list[Check]:
    found = []
    for scheme in criterion.schemes:
        values = [run.test_accuracy for run in result.runs[scheme] if run.test_accuracy is not None]
        interval = reserved_mean_interval(values, result.plan.error)
        found.append(_check(f"{cell}: {scheme}, test accuracy", interval, -np.inf, criterion.accuracy, criterion.accuracy))
    return found


@checks_of.register
def _(criterion: Stationary, cell: str, result: Result) -> list[Check]:
    found = []
    for scheme, runs in result.runs.items():
        factors = [drift for run in runs if (drift := farthest(run)) is not None]
        within = sum(factor <= criterion.factor for factor in factors)
        interval = share_interval(within, len(factors), result.plan.error) if factors else UNKNOWN
        found.append(_check(f"{cell}: {scheme}, share of runs", interval, 0.5, np.inf, 0.5))
    return found


def farthest(run: Outcome) -> float | None:
    """The largest factor, either way, by which E[f'²] of any layer moved from its first value; infinite where it vanished."""
    if len(run.inside) < 2:
        return None
    first, *later = ([layer["E_g2"] or 0.0 for layer in one["layers"]] for one in run.inside)
    factors = [max(a / b, b / a) if a > 0 and b > 0 else np.inf for values in later for a, b in zip(first, values, strict=True)]
    return float(max(factors))


def farthest_of(result: Result) -> dict[str, float | None]:
    """Median over the runs of each scheme."""
    found = {}
    for scheme, runs in result.runs.items():
        factors = [drift for run in runs if (drift := farthest(run)) is not None]
        found[scheme] = number(float(np.median(factors))) if factors else None
    return found
