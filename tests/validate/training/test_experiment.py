"""Looks, stopping and tuning, on a laboratory in which runs take no time."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest

from ikun_sym.errors import IkunError
from ikun_validate.training.calibration import PLAN, A, B, KnownTimes, Law, log_normal, resampled, row_of
from ikun_validate.training.experiment import PAIRS, Plan, experiment
from ikun_validate.training.laboratory import Job, Laboratory, TimeEnded
from ikun_validate.training.outcome import Outcome
from ikun_validate.training.trial import Trial
from ikun_validate.training.tuning import SEEDS, spaced, tuned

from .runs import run


class Instant(Laboratory):
    """Runs whose time is a function of the trial and the pair; `most`: runs for which there is time."""

    def __init__(self, time: object, most: int = 10**6) -> None:
        self.time, self.most, self.asked = time, most, dict[str, Job]()

    def outcomes(self, jobs: Iterable[Job]) -> dict[str, Outcome]:
        found = {}
        for job in jobs:
            if job.key not in self.asked and len(self.asked) >= self.most:
                continue
            self.asked[job.key] = job
            found[job.key] = run(job.trial.scheme, job.index, self.time(job), purpose=job.purpose)  # type: ignore[operator]
        return found


def plan(*schemes: str, **words: object) -> Plan:
    trials = tuple(Trial.of(scheme=name) for name in schemes)
    return Plan(trials=trials, baseline=schemes[0], **{"pairs": None, "targets": (0.9,)} | words)  # type: ignore[arg-type]


def test_a_clear_difference_ends_at_the_first_look_and_an_unclear_one_at_the_last() -> None:
    noise = np.random.default_rng(0).uniform(2, 9, size=PAIRS[-1])
    times = {"kaiming": lambda k: 5.0, "xavier": lambda k: 2.0, "lecun": lambda k: float(noise[k])}
    laboratory = Instant(lambda job: times[job.trial.scheme](job.index))
    found = experiment(plan("kaiming", "xavier", "lecun"), laboratory)
    pairs = {one.scheme: (one.pairs, one.verdict) for one in found.comparisons}
    assert pairs["xavier"] == (PAIRS[0], "better")
    assert pairs["lecun"][0] == PAIRS[-1]
    assert sum(job.trial.scheme == "xavier" for job in laboratory.asked.values()) == PAIRS[0]


def test_error_is_divided_over_looks_comparisons_times_and_accuracies() -> None:
    assert plan("kaiming", "xavier", "lecun", confidence=0.95).error == pytest.approx(0.05 / (2 * len(PAIRS) * 2))
    assert plan("kaiming", "xavier", pairs=5, confidence=0.9).error == pytest.approx(0.1 / 2)


def test_time_that_ends_leaves_whole_pairs() -> None:
    found = experiment(plan("kaiming", "xavier", pairs=10), Instant(lambda job: 2.0 + job.index % 3, most=9))
    assert not found.complete
    assert {len(runs) for runs in found.runs.values()} == {4}
    with pytest.raises(TimeEnded, match="two are needed"):
        experiment(plan("kaiming", "xavier", pairs=10), Instant(lambda job: 2.0, most=3))


def test_a_look_for_now_leaves_open_what_the_next_one_decides() -> None:
    noise = np.random.default_rng(0).uniform(2, 9, size=PAIRS[-1])
    clear, unclear = (lambda k: 2.0), (lambda k: float(noise[k]))
    for other, complete in ((clear, True), (unclear, False)):
        times = {"kaiming": lambda k: 5.0, "xavier": other}
        found = experiment(plan("kaiming", "xavier"), Instant(lambda job, times=times: times[job.trial.scheme](job.index)), 12)
        assert found.complete is complete
        assert found.comparisons[0].pairs == (PAIRS[0] if complete else 12)
        assert found.comparisons[0].error == pytest.approx(0.05 / (2 * len(PAIRS)))


@pytest.mark.parametrize(
    ("words", "match"),
    [({"targets": (1.2,)}, "target"), ({"pairs": 1}, "seeds"), ({"confidence": 1.0}, "confidence")],
)
def test_plans_that_cannot_be(words: dict[str, object], match: str) -> None:
    with pytest.raises(IkunError, match=match):
        plan("kaiming", "xavier", **words)


def test_a_scheme_is_compared_once_and_not_with_itself_alone() -> None:
    with pytest.raises(IkunError, match="given twice"):
        plan("kaiming", "xavier", "xavier")
    with pytest.raises(IkunError, match="at least one scheme"):
        plan("kaiming")


def test_learning_rates_are_log_spaced_and_none_comes_twice() -> None:
    rates = np.log(spaced(1e-4, 1e-2, 16))
    assert rates.min() > np.log(1e-4)
    assert rates.max() < np.log(1e-2)
    assert np.diff(np.sort(rates)).max() < 2 * np.log(100) / 16
    more = spaced(1e-4, 1e-2, 8, skip=16)
    assert not set(more) & set(spaced(1e-4, 1e-2, 16))


def test_tuning_finds_the_best_rate_on_seeds_of_its_own_and_spends_the_same_on_all() -> None:
    """kaiming is best at 0.002, inside the range; xavier at 0.3, above it: its range must be widened."""
    best = {"kaiming": 2e-3, "xavier": 0.3}

    def time(job: Job) -> float:
        return min(10.0, 1 + abs(np.log(job.trial.recipe.rate / best[job.trial.scheme])))

    laboratory = Instant(time)
    found = {one.trial.scheme: one for one in tuned([Trial.of(scheme=name) for name in best], laboratory, 8, 0.9)}
    for name, rate in best.items():
        assert abs(np.log(found[name].trial.recipe.rate / rate)) < 0.7
        assert not found[name].at_edge
    assert len(found["kaiming"].tried) == len(found["xavier"].tried) > 8
    assert {job.purpose for job in laboratory.asked.values()} == {"tuning"}
    assert len(laboratory.asked) == SEEDS * 2 * len(found["kaiming"].tried)


def test_tuning_that_time_cuts_short_chooses_nothing() -> None:
    with pytest.raises(TimeEnded, match="tuned"):
        tuned([Trial.of(scheme="kaiming")], Instant(lambda job: 2.0, most=5), 8, 0.9)


def test_equal_pairs_are_not_told_apart_and_a_planted_difference_is_found() -> None:
    """60 verdicts each at an error of 5 %: 9 or more false ones have probability 0.3 %. A difference of 20 % in narrow, paired
    times is found in nearly all."""
    law = Law("narrow", log_normal(0.1, 0.5, 0.0))
    null, planted = row_of(law, 1.0, 60), row_of(law, 0.8, 60)
    assert null.wrong < 9
    assert planted.verdicts["better"] > 50
    assert planted.wrong == 0
    assert planted.ratio == pytest.approx(0.81, abs=0.01)


def test_exchanged_pairs_of_real_runs_are_equal_in_law() -> None:
    """Two schemes that differ by far; exchanged by a coin, they give a verdict for neither (30 at an error of 5 %: 6 or more
    have probability 0.3 %)."""
    sample = resampled([1.0, 1.25, 1.5, 1.0], [4.0, 5.0, 4.5, float("inf")])
    found = row_of(Law("real", sample), 1.0, 30)
    assert found.wrong < 6
    a, b = sample(np.random.default_rng(0), 1000, 1.0)
    assert abs((a < b).mean() - 0.5) < 0.08  # five standard errors


def test_the_known_laboratory_is_judged_by_the_same_code() -> None:
    times = {A: np.full(60, 2.0), B: np.full(60, 4.0)}
    assert experiment(PLAN, KnownTimes(times)).comparisons[0].verdict == "better"
