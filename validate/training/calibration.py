"""How often the verdicts of the protocol are wrong: the whole procedure on pairs that are equal by construction, and on
planted differences.

Laws: times to learn are log-normal with what runs of one seed share; some runs never learn; all is rounded up to a look and cut
at the budget. Or they are those of real runs (`resampled`), exchanged within their pairs by a coin: then both are equal in law.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

import numpy as np

from ..cases.intervals import share_interval
from .comparison import MARGIN, VERDICTS
from .experiment import PAIRS, Plan, experiment
from .laboratory import Job, Laboratory
from .outcome import LOOKS, Outcome
from .trial import Trial

ALLOWED = 0.05
"""1 − confidence of the plans that are tried."""

PLANTED = 0.8
"""True ratio where a difference is planted."""

BUDGET = 10
TARGET = 0.5

Floats = np.ndarray
Sample = Callable[[np.random.Generator, int, float], tuple[Floats, Floats]]
"""(rng, pairs, ratio): the times of both, in epochs, before rounding; infinite: never."""


@dataclass(frozen=True)
class Law:
    """`ratio`: true ratio of the times before rounding and budget."""

    name: str
    sample: Sample


def log_normal(spread: float, shared: float, never: float, median: float = 3.0) -> Sample:
    """`spread`: standard deviation of log times; `shared`: its share of variance that both of a pair have; `never`: probability
    that a run never learns, each for itself."""

    def sample(rng: np.random.Generator, pairs: int, ratio: float) -> tuple[Floats, Floats]:
        common = rng.normal(size=pairs) * np.sqrt(shared)
        own = rng.normal(size=(2, pairs)) * np.sqrt(1 - shared)
        a, b = median * np.exp(spread * (common + own))
        lost = rng.random((2, pairs)) < never
        return np.where(lost[0], np.inf, ratio * a), np.where(lost[1], np.inf, b)

    return sample


LAWS = (
    Law("narrow, paired", log_normal(0.1, 0.5, 0.0)),
    Law("wide, not paired", log_normal(0.4, 0.0, 0.0)),
    Law("wide, 5 % never", log_normal(0.3, 0.3, 0.05)),
    Law("near the budget", log_normal(0.3, 0.3, 0.0, median=8.0)),
    Law("one look in ten", log_normal(0.2, 0.3, 0.0, median=0.6)),
)


def resampled(a: Sequence[float], b: Sequence[float]) -> Sample:
    """From real times of two schemes on the same seeds, drawn with replacement and exchanged by a coin."""
    real = np.array([a, b])

    def sample(rng: np.random.Generator, pairs: int, ratio: float) -> tuple[Floats, Floats]:
        drawn = real[:, rng.integers(real.shape[1], size=pairs)]
        turned = np.where(rng.random(pairs) < 0.5, drawn, drawn[::-1])
        return ratio * turned[0], turned[1]

    return sample


@dataclass(frozen=True, kw_only=True)
class Row:
    """`ratio`: true ratio of restricted mean epochs; `wrong`: how many verdicts it makes false."""

    law: str
    ratio: float
    verdicts: Counter[str]
    pairs: float

    @property
    def n(self) -> int:
        return sum(self.verdicts.values())

    @property
    def false(self) -> tuple[str, ...]:
        """Verdicts that are false at this ratio."""
        if self.ratio == 1:
            return "better", "worse"
        equivalent = ("equivalent",) if not 1 / (1 + MARGIN) < self.ratio < 1 + MARGIN else ()
        return ("worse" if self.ratio < 1 else "better", *equivalent)

    @property
    def wrong(self) -> int:
        return sum(self.verdicts[name] for name in self.false)

    @property
    def upper(self) -> float:
        """One-sided 95 % upper bound (Clopper–Pearson)."""
        return share_interval(self.wrong, self.n, 0.1).high

    @property
    def passes(self) -> bool:
        """The rate is not shown to exceed the allowed one."""
        return share_interval(self.wrong, self.n, 0.1).low <= ALLOWED

    def cells(self) -> list[str]:
        """As text: law, ratio, n, the verdicts, mean pairs, wrong, and the bound of its rate."""
        counts = [str(self.verdicts[name]) for name in VERDICTS]
        rest = [f"{self.pairs:.1f}", str(self.wrong), f"{self.upper:.2%}"]
        return [self.law, f"{self.ratio:.3f}", str(self.n), *counts, *rest]

    def to_dict(self) -> dict[str, Any]:
        found: dict[str, Any] = {"law": self.law, "ratio": self.ratio, "n": self.n, "pairs": self.pairs}
        return found | dict(self.verdicts) | {"wrong": self.wrong, "upper": self.upper, "passes": self.passes}


@dataclass(frozen=True, kw_only=True)
class Known(Outcome):
    """A run whose time is known, and nothing else."""

    time: float

    def epochs_to(self, target: float) -> float | None:
        return self.time if self.time <= self.budget else None

    @property
    def resolution(self) -> float:
        return 1 / LOOKS


class KnownTimes(Laboratory):
    """A laboratory in which runs take no time: scheme to its times by pair."""

    def __init__(self, times: dict[str, Floats]) -> None:
        self.times = times

    def outcomes(self, jobs: Any) -> dict[str, Outcome]:
        return {job.key: self._known(job) for job in jobs}

    def _known(self, job: Job) -> Outcome:
        time = float(np.ceil(self.times[job.trial.scheme][job.index] * LOOKS) / LOOKS)
        trial = {"scheme": job.trial.scheme, "epochs": BUDGET}
        blank: dict[str, Any] = {"curve": (), "inside": (), "health": "", "notes": ()}
        blank |= {"train_accuracy": 0.0, "test_accuracy": 0.0, "best_epoch": 0.0, "seconds": 0.0, "before": 0.0}
        return Known(trial=trial, seed=job.index, purpose=job.purpose, time=time, **blank)


A, B = "kaiming", "torch-default"
PLAN = Plan(
    trials=tuple(Trial.of(scheme=name, epochs=BUDGET) for name in (A, B)),
    baseline=B,
    pairs=None,
    targets=(TARGET,),
    confidence=1 - ALLOWED,
)


def true_ratio(law: Law, ratio: float, seed: int) -> float:
    """Of restricted mean epochs, after rounding: by 200,000 pairs. 1 where both are equal in law."""
    if ratio == 1:
        return 1.0
    a, b = law.sample(np.random.default_rng((seed, 1)), 200_000, ratio)
    means = [np.minimum(np.ceil(times * LOOKS) / LOOKS, BUDGET).mean() for times in (a, b)]
    return float(means[0] / means[1])


def row_of(law: Law, ratio: float, verdicts: int, seed: int = 0) -> Row:
    """The whole procedure, so many times."""
    rng = np.random.default_rng((seed, 0, sum(map(ord, law.name)), round(100 * ratio)))
    counted, pairs = Counter[str](), 0
    for _ in range(verdicts):
        a, b = law.sample(rng, PAIRS[-1], ratio)
        comparison = experiment(PLAN, KnownTimes({A: a, B: b})).comparisons[0]
        counted[comparison.verdict] += 1
        pairs += comparison.pairs
    return Row(law=law.name, ratio=true_ratio(law, ratio, seed), verdicts=counted, pairs=pairs / verdicts)


def real_laws(runs: Iterable[Outcome], target: float = TARGET) -> list[Law]:
    """One for each two schemes that were trained on the same seeds under the same words, the learning rate aside, where at
    least eight pairs are there and some of them learn."""
    groups: dict[str, dict[str, dict[int, float]]] = {}
    for run in runs:
        if run.purpose == "pair":
            words = {name: value for name, value in run.trial.items() if name not in ("scheme", "lr")}
            time = run.epochs_to(target)
            of_scheme = groups.setdefault(json.dumps(words, sort_keys=True), {}).setdefault(run.scheme, {})
            of_scheme[run.seed] = float("inf") if time is None else time * BUDGET / run.budget
    found = []
    for number, schemes in enumerate(groups.values(), 1):
        for a, b in combinations(schemes, 2):
            common = sorted(schemes[a].keys() & schemes[b].keys())
            times = [[schemes[name][seed] for seed in common] for name in (a, b)]
            if len(common) >= PAIRS[0] and np.isfinite(times).any():
                found.append(Law(f"runs of network {number}: {a}, {b}", resampled(*times)))
    return found


def calibrate(
    verdicts: int = 500, *, seed: int = 0, real: Sequence[Law] = (), advance: Callable[[str], object] | None = None
) -> list[Row]:
    """A row a law and ratio. `real`: laws made of real runs."""
    rows = []
    for law, ratio in product((*LAWS, *real), (1.0, PLANTED)):
        rows.append(row_of(law, ratio, verdicts, seed))
        if advance:
            advance(law.name)
    return rows


def summary(rows: Sequence[Row], *, null: bool) -> str:
    """Of all laws of no difference, or of a planted one."""
    some = [row for row in rows if (row.ratio == 1) == null]
    wrong, n = sum(row.wrong for row in some), sum(row.n for row in some)
    said = f"{wrong} of {n} wrong, a rate below {share_interval(wrong, n, 0.1).high:.2%} at 95 % confidence"
    most = max(some, key=lambda row: row.wrong / row.n)
    said += f"; the most for one law {most.wrong} of {most.n}, below {most.upper:.2%}"
    return said if null else f"{said}; found: {sum(row.verdicts['better'] for row in some) / n:.0%}"
