"""The protocol: the same network from several initialisations, in pairs of one seed, until each comparison is decided.

Runs are looked at after PAIRS; the error 1 − confidence is divided over looks and comparisons, so that all intervals of all
looks hold together (as for the verdicts on claims). A scheme whose comparison is decided is trained no further.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ikun_sym import told
from ikun_sym.errors import DomainError, IkunError
from ikun_sym.told import Told

from .comparison import MARGIN, Comparison, compared
from .laboratory import Job, Laboratory, TimeEnded
from .outcome import Outcome
from .trial import Trial
from .tuning import Tuned, tuned

PAIRS = (8, 12, 16, 24, 32, 48, 60)
"""Numbers of pairs after which a verdict may be given, where as many are trained as it needs."""

FEWEST = 2


@dataclass(frozen=True, kw_only=True)
class Plan(Told):
    """`trials`: one an initialisation, the baseline's among them. `pairs` None: as many as it needs, looked at after `numbers`.
    `targets`: training accuracies, the first is primary. `rates`: learning rates tried for each trial, None: not tuned."""

    shown = ("baseline", "pairs", "targets", "confidence", "rates")

    trials: tuple[Trial, ...]
    baseline: str
    pairs: int | None = 5
    numbers: tuple[int, ...] = PAIRS
    targets: tuple[float, ...] = (0.95,)
    confidence: float = 0.95
    margin: float = MARGIN
    rates: int | None = None

    def __post_init__(self) -> None:
        names = [trial.scheme for trial in self.trials]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise IkunError(f"scheme {twice[0]!r} is given twice; give it once")
        if self.baseline not in names or len(names) < 2:
            raise IkunError(f"a comparison needs the baseline {self.baseline!r} and at least one scheme besides it")
        for target in self.targets:
            if not 0 < target <= 1:
                raise DomainError("target", target, "above 0 and at most 1", "it is a share of samples that are right")
        if self.pairs is not None and self.pairs < FEWEST:
            raise DomainError("seeds", self.pairs, "at least 2, or auto", "an interval needs two independent pairs")
        if not 0 < self.confidence < 1:
            raise DomainError("confidence", self.confidence, "strictly between 0 and 1")

    @property
    def looks(self) -> tuple[int, ...]:
        return self.numbers if self.pairs is None else (self.pairs,)

    @property
    def error(self) -> float:
        """Of one interval of one look: of times, or of accuracies."""
        return (1 - self.confidence) / (2 * len(self.looks) * (len(self.trials) - 1))


@dataclass(frozen=True, kw_only=True)
class Result(told.Result):
    """`runs` [scheme]: by pair. `comparisons`: of each scheme with the baseline. `complete`: not cut short by time."""

    shown = ("plan", "comparisons", "complete")

    plan: Plan
    runs: dict[str, tuple[Outcome, ...]]
    comparisons: tuple[Comparison, ...]
    tuning: tuple[Tuned, ...] = ()
    complete: bool = True

    @cached_property
    def outcomes(self) -> list[Outcome]:
        return [run for runs in self.runs.values() for run in runs]

    @property
    def seconds(self) -> float:
        """Of processor time, of the runs that are compared and of those that only tuned."""
        return sum(run.seconds for run in (*self.outcomes, *(run for one in self.tuning for run in one.runs)))

    def to_dict(self) -> dict[str, Any]:
        return {
            "runs": [run_record(run, self.plan.targets) for run in self.outcomes],
            "comparisons": [comparison.to_dict() for comparison in self.comparisons],
            "tuning": [one.to_dict() for one in self.tuning],
            "targets": list(self.plan.targets),
            "confidence": self.plan.confidence,
            "complete": self.complete,
            "seconds": self.seconds,
        }


def run_record(run: Outcome, targets: Sequence[float]) -> dict[str, Any]:
    reached = [run.epochs_to(target) for target in targets]
    found = {"scheme": run.scheme, "seed": run.seed} | {name: run.trial[name] for name in ("lr", "optimizer")}
    found |= {"epochs_to_target": reached[0] if len(reached) == 1 else reached}
    found |= {"train_accuracy": run.train_accuracy, "test_accuracy": run.test_accuracy, "curve": list(run.curve)}
    found |= {"health": run.health or "finished", "notes": list(run.notes), "inside": list(run.inside)}
    return found | {"best_epoch": run.best_epoch, "seconds": run.seconds, "trial": run.trial}


def experiment(plan: Plan, laboratory: Laboratory, until: int | None = None) -> Result:
    """Tune, train and compare. `until`: no look at more pairs than so many for now. Error: time ended before two pairs were
    finished."""
    tuning: tuple[Tuned, ...] = ()
    trials = plan.trials
    if plan.rates is not None:
        tuning = tuned(trials, laboratory, plan.rates, plan.targets[0])
        trials = tuple(one.trial for one in tuning)
    settled: dict[str, Comparison] = {}
    runs: dict[str, tuple[Outcome, ...]] = {}
    complete = True
    looks = [look for look in plan.looks if until is None or look <= until]
    for look in looks:
        wanted = [trial for trial in trials if trial.scheme not in settled]
        found = _pairs(wanted, look, laboratory)
        pairs = min(map(len, found.values()))
        complete = pairs == look
        # what time left unfinished is no pair
        runs |= {scheme: outcomes[:pairs] for scheme, outcomes in found.items()}
        if pairs < FEWEST:
            raise TimeEnded(f"time ended after {pairs} pairs; two are needed: give more time, or --resume what is there")
        for comparison in _comparisons(plan, runs, found.keys() - {plan.baseline}, pairs):
            if comparison.verdict != "inconclusive" or look == looks[-1] or not complete:
                settled[comparison.scheme] = comparison
        if not complete or len(settled) == len(trials) - 1:
            break
    comparisons = tuple(settled[trial.scheme] for trial in trials if trial.scheme != plan.baseline)
    if looks != list(plan.looks):
        complete &= all(comparison.verdict != "inconclusive" for comparison in comparisons)
    return Result(plan=plan, runs=runs, comparisons=comparisons, tuning=tuning, complete=complete)


def _pairs(trials: Iterable[Trial], count: int, laboratory: Laboratory) -> dict[str, tuple[Outcome, ...]]:
    """Of each trial the pairs 0 … count − 1, as far as time allowed: pair by pair, so that what is finished is comparable."""
    jobs = {(trial.scheme, index): Job(trial, index) for index in range(count) for trial in trials}
    found = laboratory.outcomes(jobs.values())
    result: dict[str, tuple[Outcome, ...]] = {}
    for trial in trials:
        in_order = [found.get(jobs[trial.scheme, index].key) for index in range(count)]
        whole = next((k for k, outcome in enumerate(in_order) if outcome is None), count)
        result[trial.scheme] = tuple(outcome for outcome in in_order[:whole] if outcome is not None)
    return result


def _comparisons(plan: Plan, runs: dict[str, tuple[Outcome, ...]], schemes: Iterable[str], pairs: int) -> list[Comparison]:
    return [
        compared(runs[scheme][:pairs], runs[plan.baseline][:pairs], plan.targets, plan.error, plan.margin)
        for scheme in sorted(schemes)
    ]


def mean_curve(runs: Sequence[Outcome], name: str) -> tuple[np.ndarray, np.ndarray]:
    """(epochs, values [runs, looks]) of a quantity of the curves; a run that ended early keeps its last value."""
    longest = max(runs, key=lambda run: len(run.curve))
    looks = [look for look in longest.curve if look[name] is not None]
    values = np.full((len(runs), len(looks)), np.nan)
    for row, run in zip(values, runs, strict=True):
        known = [look[name] for look in run.curve if look[name] is not None]
        row[: len(known)] = known
        row[len(known) :] = known[-1] if known else np.nan
    return np.array([look["epoch"] for look in looks]), values
