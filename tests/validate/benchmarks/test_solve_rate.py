"""The solve-rate benchmark runs and its claims are those of its own table; nothing here is timed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ikun_validate.benchmarks.solve_rate import POINTS, baseline, kernels, run, solve, summary


@pytest.fixture(scope="module")
def rows() -> list:
    return run()


SHARE = 6
"""The quick suite solves every sixth integral, the slow one all of them."""


@pytest.mark.parametrize("mean", POINTS)
def test_a_share_is_answered_with_the_right_kind(mean: str) -> None:
    found = [solve(kernel, mean) for kernel in kernels()[::SHARE]]
    assert len(found) == 4
    assert [row.kernel for row in found if not row.right] == []


@pytest.mark.slow
def test_every_integral_is_answered_with_the_right_kind(rows: list) -> None:
    assert len(rows) == 48
    assert [row.kernel for row in rows if not row.right] == []


@pytest.mark.slow
def test_what_is_proved(rows: list) -> None:
    at_zero, symbolic = (summary(rows, mean) for mean in POINTS)
    assert at_zero["solved"] == 24
    assert symbolic["solved"] >= 20
    assert symbolic["solved"] + symbolic["named_function"] == 24


def test_a_wrong_kind_a_wrong_value_and_a_missing_proof_count_against_a_row() -> None:
    row = solve(kernels()[0], "0")
    assert row.solved
    assert not replace(row, kind="elementary").right
    assert not replace(row, agrees=False).right
    assert not replace(row, status="enclosure-agrees").solved


def test_a_wrong_form_does_not_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    from ikun_sym.gaussian import closed_form as rules

    right = rules.derive

    def doubled(function):  # type: ignore[no-untyped-def]
        form = right(function)
        return replace(form, expr=2 * form.expr)

    doubled.cache_clear = lambda: None  # type: ignore[attr-defined]
    monkeypatch.setattr(rules, "derive", doubled)
    kernel = next(k for k in kernels() if k["name"] == "triangular")
    assert not solve(kernel, "mu").agrees


def test_the_baseline_covers_every_kernel() -> None:
    assert set(baseline()) == {(kernel["name"], mean) for kernel in kernels() for mean in POINTS}
