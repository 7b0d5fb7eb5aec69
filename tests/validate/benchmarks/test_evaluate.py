"""The benchmark of `evaluate` runs, and both sides of it compute the same number. Its times are not judged here."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from ikun_validate.benchmarks.evaluate import command, run

SAME = 1e-9


@pytest.mark.parametrize("name", ["rectangular", "exponential", "atan", "sigmoid"])
def test_quadrature_and_ours_agree(name: str) -> None:
    (row,), _ = run([name], [2], size=50, sample=5, repetitions=1)
    assert row.worst_difference < SAME
    assert row.worst_error < 1e-13
    assert row.ours_ns > 0
    assert row.ratio == pytest.approx(row.quad_us * 1e3 / row.ours_ns)


def test_the_target_follows_from_the_class() -> None:
    rows, _ = run(["erf", "tanh", "fast_sigmoid"], [2], size=10, sample=2, repetitions=1)
    assert [row.target for row in rows] == [1500.0, 300.0, None]
    assert rows[2].meets is None


def test_command_writes_one_json_document() -> None:
    result = CliRunner().invoke(command, ["--surrogate", "erf", "--power", "2", "--size", "20", "--sample", "2", "--json"])
    assert result.exit_code == 0
    (row,) = json.loads(result.stdout)["rows"]
    assert row["surrogate"] == "erf:alpha=2"
    assert row["worst_difference"] < SAME


def test_what_cannot_run_is_named_with_the_reason() -> None:
    rows, not_run = run(["norse.heavi_tanh_fn", "erf"], [2], size=10, sample=2, repetitions=1)
    assert [row.surrogate for row in rows] == ["erf:alpha=2"]
    assert "no default" in not_run["norse.heavi_tanh_fn, p = 2"]
