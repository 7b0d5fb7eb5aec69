"""Learning rates: each initialisation gets the same number of them, on seeds that no comparison uses.

Rates are log-spaced and quasi-random: r_k = low (high/low)^{u_k}, u_k the van der Corput sequence (Bergstra & Bengio 2012, JMLR
13:281, for why not a grid). If the best of a scheme lies at an edge of what was tried, the range is widened on that side; then
the other schemes get as many more inside their range, so that all have spent the same.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from scipy.stats import qmc

from ikun_sym.told import Told

from .laboratory import Job, Laboratory, TimeEnded
from .outcome import Outcome
from .recipe import OPTIMIZERS
from .trial import Trial

SEEDS = 2
"""Tuning runs at each rate."""

WIDER = 10.0
"""Factor by which a range is widened."""

ROUNDS = 3


@dataclass(frozen=True, kw_only=True)
class Tuned(Told):
    """`trial`: with the best rate. `tried`: rate to score; lower is better. `at_edge`: the best is still the smallest or the
    largest that was tried, after all rounds."""

    trial: Trial
    tried: dict[float, float]
    runs: tuple[Outcome, ...]
    at_edge: bool

    def to_dict(self) -> dict[str, Any]:
        tried = [{"lr": rate, "score": score} for rate, score in sorted(self.tried.items())]
        return {"scheme": self.trial.scheme, "lr": self.trial.recipe.rate, "tried": tried, "at_edge": self.at_edge}


def spaced(low: float, high: float, count: int, skip: int = 0) -> list[float]:
    """`count` rates of the sequence in [low, high), after the first `skip`; three digits are enough."""
    sequence = qmc.Halton(1, scramble=False)
    sequence.fast_forward(skip + 1)  # its first point is the edge itself
    return [float(f"{low * (high / low) ** u:.3g}") for u in sequence.random(count)[:, 0]]


def score(runs: Sequence[Outcome], target: float) -> float:
    """Restricted mean epochs; then, where none gets to the target, the training accuracy decides."""
    times = sum(run.restricted(target) for run in runs) / len(runs)
    return times - sum(run.train_accuracy for run in runs) / len(runs) / 1000


def tuned(trials: Sequence[Trial], laboratory: Laboratory, count: int, target: float) -> tuple[Tuned, ...]:
    """The best of `count` rates for each trial, and of those that widened ranges added."""
    ranges = {trial.scheme: OPTIMIZERS[trial.recipe.optimizer].rates for trial in trials}
    asked = {trial.scheme: spaced(*ranges[trial.scheme], count) for trial in trials}
    more = math.ceil(count / 2)
    found: dict[str, Tuned] = {}
    for turn in range(ROUNDS):
        found = {trial.scheme: _tried(trial, asked[trial.scheme], laboratory, target) for trial in trials}
        if turn == ROUNDS - 1 or not any(one.at_edge for one in found.values()):
            break
        for scheme, one in found.items():
            low, high = ranges[scheme]
            if one.at_edge:
                below = one.trial.recipe.rate == min(one.tried)
                new = (low / WIDER, low) if below else (high, high * WIDER)
                ranges[scheme] = min(low, new[0]), max(high, new[1])
                asked[scheme] = asked[scheme] + spaced(*new, more)
            else:
                asked[scheme] = asked[scheme] + spaced(low, high, more, skip=len(asked[scheme]))
    return tuple(found[trial.scheme] for trial in trials)


def _tried(trial: Trial, rates: Sequence[float], laboratory: Laboratory, target: float) -> Tuned:
    jobs = {rate: [Job(trial.but(lr=rate), index, "tuning") for index in range(SEEDS)] for rate in rates}
    made = laboratory.outcomes(job for some in jobs.values() for job in some)
    if len(made) < SEEDS * len(jobs):
        raise TimeEnded(f"time ended while the learning rate of {trial.scheme} was tuned; --resume continues")
    runs = {rate: [made[job.key] for job in some] for rate, some in jobs.items()}
    tried = {rate: score(some, target) for rate, some in runs.items()}
    best = min(tried, key=lambda rate: tried[rate])
    edge = best in (min(tried), max(tried))
    return Tuned(trial=trial.but(lr=best), tried=tried, runs=tuple(run for some in runs.values() for run in some), at_edge=edge)
