"""From claims to verdicts: draw networks until the data decide or the budget is spent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from ikun_sym.errors import DomainError, IkunError
from ikun_sym.told import Result, Told

from ..cases.case import Case, build
from ..cases.intervals import UNKNOWN, planned_looks
from ..claims import Claim, Criterion, select
from ..networks import network_of
from ..networks.draws_in_parallel import in_parallel
from ..networks.network import Architecture, Draw, Network
from .journal import Journal
from .layer_table import layer_rows
from .verdict import Check, outcome

Progress = Callable[[int], None]
"""Called with the number of draws made so far of the current network."""


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """`draws` None: as many as the verdict needs, up to the last planned look, and at most `most`."""

    batch: int = 64
    draws: int | None = None
    most: int | None = None
    tolerance: float = 0.05
    confidence: float = 0.99
    device: str = "cpu"
    dtype: str = "float32"
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.confidence < 1:
            raise DomainError("confidence", self.confidence, "strictly between 0 and 1")
        if not (np.isfinite(self.tolerance) and self.tolerance > 0):
            raise DomainError("tolerance", self.tolerance, "a positive number")
        if self.batch < 1:
            raise DomainError("batch", self.batch, "an integer of at least 1")
        if self.draws is not None and self.draws < 2:
            raise DomainError("draws", self.draws, "at least 2", "an interval needs two independent draws")
        if self.seed < 0:
            raise DomainError("seed", self.seed, "zero or a positive integer")


@dataclass(frozen=True, kw_only=True)
class CaseResult(Told):
    """The draws of one case and the checks on them. `error`: probability with which each interval may miss."""

    shown = ("case", "outcome", "predicted_outcome", "draws")

    case: Case
    draws: tuple[Draw, ...]
    checks: tuple[Check, ...]
    error: float

    @property
    def outcome(self) -> str:
        return outcome([check.holds for check in self.checks])

    @property
    def predicted_outcome(self) -> str | None:
        """The verdict if the network behaved exactly as theory says; None if theory leaves it open."""
        found = outcome([check.predicted_holds for check in self.checks])
        return None if found == "inconclusive" else found

    @cached_property
    def layers(self) -> list[dict[str, Any]]:
        return layer_rows(self.case, self.draws, self.error)

    def to_dict(self) -> dict[str, Any]:
        state = self.case.state
        return {
            "case": self.case.label,
            "outcome": self.outcome,
            "predicted_outcome": self.predicted_outcome,
            "draws": len(self.draws),
            "checks": {check.name: check.to_dict() for check in self.checks},
            "architecture": self.case.architecture.to_dict(),
            "state": None if state is None else dict(vars(state)),
            "layers": self.layers,
        }


@dataclass(frozen=True, kw_only=True)
class Verdict(Result):
    """The verdict on a claim. `expected` is None if the user chose the network."""

    shown = ("claim", "verdict", "expected", "results")

    claim: Claim
    expected: str | None
    results: tuple[CaseResult, ...]
    settings: RunSettings = field(default_factory=RunSettings)

    @property
    def verdict(self) -> str:
        """Refuted if any case refutes it; confirmed if all confirm it."""
        outcomes = [result.outcome for result in self.results]
        if "refuted" in outcomes:
            return "refuted"
        return "confirmed" if all(o == "confirmed" for o in outcomes) else "inconclusive"

    def listed(self) -> list[dict[str, Any]]:
        """A row a check."""
        return [
            {"network": r.case.label, "verdict": r.outcome, "check": c.name, "claimed": c.range}
            | {"measured": c.interval.value, "low": c.interval.low, "high": c.interval.high, "predicted": c.predicted}
            for r in self.results
            for c in r.checks
        ]

    def to_dict(self) -> dict[str, Any]:
        several = len(self.results) > 1
        checks = {
            (f"{result.case.label}: {check.name}" if several else check.name): check.to_dict()
            for result in self.results
            for check in result.checks
        }
        return {
            "claim": self.claim.id,
            "statement": self.claim.statement,
            "source": self.claim.source,
            "verdict": self.verdict,
            "expected": self.expected,
            "draws": sum(len(result.draws) for result in self.results),
            "tolerance": self.settings.tolerance,
            "confidence": self.settings.confidence,
            "seed": self.settings.seed,
            "checks": checks,
            "layers": self.results[0].layers,
            "cases": [result.to_dict() for result in self.results],
        }


class Laboratory:
    """Makes draws and keeps them by architecture, so that claims about the same network use the same draws. With a `journal`,
    recorded draws are not made again, and each new one is recorded at once."""

    def __init__(self, settings: RunSettings, journal: Journal | None = None) -> None:
        self.settings, self.journal = settings, journal
        self._draws: dict[Architecture, dict[int, Draw]] = {}
        self._networks: dict[Architecture, Network] = {}

    def draws(self, architecture: Architecture, count: int, progress: Progress | None = None) -> list[Draw]:
        """The first `count` draws; missing ones are made."""
        settings = self.settings
        if architecture not in self._draws:
            self._draws[architecture] = self.journal.recall(architecture) if self.journal else {}
            self._networks[architecture] = network_of(
                architecture, batch=settings.batch, device=settings.device, dtype=settings.dtype
            )
        made, network = self._draws[architecture], self._networks[architecture]

        def work(index: int) -> Draw:
            # Recorded here, in the thread that made it, so that it does not wait for draws that began earlier.
            draw = network.draw(settings.seed, index)
            if self.journal:
                self.journal.keep(architecture, draw)
            return draw

        for draw in in_parallel(work, [index for index in range(count) if index not in made], network):
            made[draw.index] = draw
            if progress:
                progress(len(made))
        return [made[index] for index in range(count)]


def judge(
    claim: Claim,
    cases: Sequence[Case],
    laboratory: Laboratory,
    *,
    expected: str | None = None,
    progress: Progress | None = None,
) -> Verdict:
    """Run every case of a claim. The error probability 1 − confidence is divided over all cases, checks and looks."""
    settings = laboratory.settings
    looks = planned_looks(settings.draws or claim.draws, settings.most)
    error = (1 - settings.confidence) / (len(cases) * len(claim.criteria) * len(looks))
    results = []
    for case in cases:
        draws: list[Draw] = []
        checks = tuple(unmeasured(criterion, case, settings.tolerance) for criterion in claim.criteria)
        for look in looks:
            draws = laboratory.draws(case.architecture, look, progress)
            checks = tuple(
                replace(check, interval=criterion.measured.measured(draws, case, error))
                for criterion, check in zip(claim.criteria, checks, strict=True)
            )
            if outcome([check.holds for check in checks]) != "inconclusive":
                break
        results.append(CaseResult(case=case, draws=tuple(draws), checks=checks, error=error))
    return Verdict(claim=claim, expected=expected, results=tuple(results), settings=settings)


def unmeasured(criterion: Criterion, case: Case, tolerance: float) -> Check:
    """The check before anything is measured: claim and prediction only."""
    predicted = criterion.measured.expected(case)
    return Check(
        name=criterion.observable,
        interval=UNKNOWN,
        bounds=criterion.bounds(case, tolerance),
        claimed=criterion.value(case),
        threshold=criterion.width(case, tolerance),
        predicted=predicted.value,
        predicted_se=predicted.se,
    )


def validate(
    claim: str, *, architecture: Architecture | None = None, settings: RunSettings | None = None, **overrides: Any
) -> Verdict:
    """The verdict on one claim, by id. With `architecture`, the claim is tested on that network with the weights of the claim's
    scheme, and `expected` is None. Without, it is tested on its own cases.

    `overrides` are fields of RunSettings, such as draws=16 or seed=1.
    """
    found = select(claim)
    if len(found) != 1:
        raise IkunError(f"{claim!r} names {len(found)} claims: {', '.join(c.id for c in found)}; give one id")
    laboratory = Laboratory(replace(settings or RunSettings(), **overrides))
    if architecture is None:
        return judge(found[0], found[0].cases(Architecture()), laboratory, expected=found[0].expected)
    case = build(replace(architecture, **found[0].fields), found[0].scheme)
    return judge(found[0], [case], laboratory)
