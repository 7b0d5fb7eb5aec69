"""Verdicts on claims about training, from results whose truth is plain; and the table that says them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ikun_validate.training.claims import CELLS, CRITICAL, IKUN, OWN, SCHEMES, TRAINING, cells_of
from ikun_validate.training.comparison import compared
from ikun_validate.training.experiment import Plan, Result
from ikun_validate.training.judging import farthest, judged
from ikun_validate.training.markdown import markdown, picture, write
from ikun_validate.training.table import Settings, Table
from ikun_validate.training.trial import Trial

from .runs import run

PAIRS = 24


def moments(*values: float) -> tuple[dict[str, Any], ...]:
    """E[f'²] of the one layer, epoch by epoch."""
    return tuple({"epoch": k, "layers": [{"layer": "a", "E_g2": value, "rate": 0.1}]} for k, value in enumerate(values))


def result(times: dict[str, float], *, accuracy: dict[str, float] | None = None, moment: float = 1.0) -> Result:
    """Of a cell: the schemes' times with some noise; E[f'²] grows to `moment` times its first value."""
    noise = np.random.default_rng(0).choice([-0.25, 0.0, 0.25], size=(len(SCHEMES), PAIRS))
    inside = moments(0.1, 0.1 * moment)
    runs = {}
    for scheme, own in zip(SCHEMES, noise, strict=True):
        level = (accuracy or {}).get(scheme, 0.7)
        made = [
            run(scheme, k, times.get(scheme, 4.0) + own[k], accuracy=level + own[k] / 50, inside=inside) for k in range(PAIRS)
        ]
        runs[scheme] = tuple(made)
    trials = tuple(Trial.of(scheme=scheme) for scheme in SCHEMES)
    plan = Plan(trials=trials, baseline=SCHEMES[0], pairs=PAIRS, targets=(0.9,), confidence=0.99)
    comparisons = tuple(compared(runs[s], runs[SCHEMES[0]], plan.targets, plan.error) for s in SCHEMES[1:])
    return Result(plan=plan, runs=runs, comparisons=comparisons)


def verdict(claim: str, results: dict[str, Result], missing: tuple[str, ...] = ()) -> str:
    return judged(TRAINING[claim], results, missing, confidence=0.99).verdict


def everywhere(**words: Any) -> dict[str, Result]:
    return {cell.name: result(**words) for cell in cells_of(list(TRAINING), tuned=False)}


def test_faster_than_all_is_refuted_by_one() -> None:
    quick = {IKUN: 2.0}
    assert verdict("training.ikun.faster", everywhere(times=quick)) == "confirmed"
    assert verdict("training.ikun.faster", everywhere(times=quick | {"kaiming": 1.0})) == "refuted"


def test_somewhere_is_confirmed_by_one_and_refuted_by_all() -> None:
    assert verdict("training.ikun.half", everywhere(times={"normal": 9.5})) == "confirmed"
    assert verdict("training.ikun.half-of-scaled", everywhere(times={"normal": 9.5})) == "refuted"


def test_alike_dead_and_slower() -> None:
    same = everywhere(times={})
    assert verdict("training.norm.alike", same) == "confirmed"
    assert verdict("training.norm.alike", everywhere(times={"lecun": 5.0})) == "refuted"
    assert verdict("training.none.dead", same) == "refuted"
    assert verdict("training.none.dead", everywhere(times={}, accuracy={"normal": 0.1, "torch-default": 0.1})) == "confirmed"
    for claim in ("slower", "slower-than-kaiming", "slower-dense"):
        assert verdict(f"training.critical.{claim}", everywhere(times={CRITICAL: 8.0})) == "confirmed"
        assert verdict(f"training.critical.{claim}", everywhere(times={CRITICAL: 2.0})) == "refuted"
    assert verdict("training.critical.slower-dense", everywhere(times={CRITICAL: 4.0, "kaiming": 6.0})) == "refuted"
    assert verdict("training.default.harmless", everywhere(times={OWN: 2.0})) == "confirmed"
    assert verdict("training.default.harmless", everywhere(times={OWN: 8.0})) == "refuted"


@pytest.mark.parametrize(("moment", "expected"), [(1.5, "confirmed"), (0.6, "confirmed"), (2.1, "refuted"), (0.4, "refuted")])
def test_stationarity(moment: float, expected: str) -> None:
    assert verdict("training.stationarity", everywhere(times={}, moment=moment)) == expected


def test_a_moment_that_vanishes_has_moved_for_ever() -> None:
    assert farthest(run("kaiming", 0, 1.0, inside=moments(0.1, 0.0))) == np.inf
    assert farthest(run("kaiming", 0, 1.0)) is None


def test_cells_that_are_missing_leave_it_open_but_do_not_save_a_claim() -> None:
    some = {"none-sgd": result({IKUN: 2.0})}
    assert verdict("training.ikun.faster", some, ("batch-sgd",)) == "inconclusive"
    assert verdict("training.ikun.faster", {"none-sgd": result({"kaiming": 1.0})}, ("batch-sgd",)) == "refuted"
    assert verdict("training.norm.alike", {}, ("batch-sgd",)) == "inconclusive"


def test_the_table_says_what_was_run_and_what_was_not() -> None:
    results = {name: result({IKUN: 2.0}) for name in ("none-sgd", "batch-sgd")}
    missing = tuple(cell.name for cell in CELLS if cell.name not in results)
    verdicts = tuple(judged(claim, results, missing, expected=claim.expected, confidence=0.99) for claim in TRAINING)
    table = Table(settings=Settings(), results=results, missing=missing, verdicts=verdicts, calibration=(), made={})
    text = markdown(table)
    for claim in TRAINING:
        assert f"`{claim.id}`" in text
    assert text.count("not run yet") == len(missing)
    assert "for want of a GPU" in text
    assert "0.752, 0.750" in text
    assert "SpikingJelly / this is" in text
    assert "<svg" in picture(table)


def test_few_pairs_of_which_no_ratio_is_known_make_a_page_without_picture(tmp_path: Path) -> None:
    found = result(dict.fromkeys(SCHEMES, 99.0))  # no run ever gets to the target
    table = Table(settings=Settings(), results={"none-sgd": found}, missing=(), verdicts=(), calibration=(), made={})
    write(table, tmp_path / "T.md")
    assert [path.name for path in tmp_path.iterdir()] == ["T.md"]
    assert "svg" not in (tmp_path / "T.md").read_text(encoding="utf-8")
