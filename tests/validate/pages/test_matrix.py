"""The first screen: claim by network, whether it holds and what was measured, in few lines, wide and narrow."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

pytest.importorskip("torch", reason="needs the extra `validate`")

from ikun_validate.cases.case import Case
from ikun_validate.cases.intervals import UNKNOWN, Interval
from ikun_validate.claims import CLAIMS, Claim, select
from ikun_validate.demo import NETWORKS, DemoResult, show
from ikun_validate.networks.network import Architecture, Draw
from ikun_validate.pages.figures import headline
from ikun_validate.pages.lines import Line
from ikun_validate.pages.matrix import LABEL, MARKS, WIDE, WORDS, Matrix, matrix_of, short
from ikun_validate.verdicts.judge import CaseResult, Verdict
from ikun_validate.verdicts.verdict import Check

THEOREM = select("theorem1")


def result(claim: Claim, network: tuple[str, float], value: float, alive: float = 1.0) -> CaseResult:
    """A network in which the claim's first observable was measured to a thousandth."""
    name, theta = network
    architecture = Architecture.of(depth=4, width=8, gain=7.0, surrogate=name, threshold=theta, forward=claim.forward)
    layers = np.full((4, 1), value if alive else math.nan)
    draw = Draw(index=0, var_h=layers, rate=layers, log_gradient=layers[:, 0], gradient=layers, alive=alive)
    interval = Interval(value, value - 1e-3, value + 1e-3) if alive else UNKNOWN
    check = Check(name=claim.observable, interval=interval, bounds=(0.95, 1.05), claimed=1.0, threshold=0.05)
    survives = Check(name="survival", interval=Interval(alive, alive, alive), bounds=(0.5, math.inf), claimed=0.5, threshold=0)
    return CaseResult(case=Case(f"{name}, θ = {theta:g}", architecture), draws=(draw,), checks=(check, survives), error=0.01)


def demo(fails: Sequence[int] = (1,)) -> DemoResult:
    """Every word in its place: the claims of these indices fail; the third has no weights in the last network, the fourth dies
    there."""
    verdicts, missing = [], []
    for index, claim in enumerate(THEOREM):
        value = 4.03 if index in fails else 1.0
        results = [result(claim, network, value) for network in NETWORKS[:-1]]
        if index == 2:
            settled = dict.fromkeys(("claimed", "predicted", "measured"), "")
            line = Line(claim=claim.id, case="atan", draws="0", verdict="not run", note="no state", **settled)
            missing.append((NETWORKS[-1], line))
        else:
            results.append(result(claim, NETWORKS[-1], value, alive=float(index != 3)))
        verdicts.append(Verdict(claim=claim, expected=claim.expected, results=tuple(results)))
    matrix = matrix_of(THEOREM, NETWORKS, verdicts, missing)
    return DemoResult(out=Path("runs/demo"), constants=[], exports=[], verdicts=verdicts, lines=[], matrix=matrix)


@pytest.fixture(scope="module")
def matrix() -> Matrix:
    return demo().matrix


def printed(width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, highlight=False, markup=False)
    show(console, demo(fails=range(len(THEOREM))))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_a_cell_is_a_word_and_a_number(matrix: Matrix) -> None:
    cells = [[(cell.word, cell.number) for cell in row.cells if cell] for row in matrix.rows]
    assert all(len(row) == len(NETWORKS) for row in cells)
    assert set(cells[0]) == {("holds", "1.00")}
    assert set(cells[1]) == {("fails", "4.03")}
    assert cells[2][-1] == ("none", "")
    assert cells[3][-1] == ("dies", "100%")


def test_open_is_open() -> None:
    claim = THEOREM[0]
    unsure = result(claim, NETWORKS[0], 1.05)
    verdict = Verdict(claim=claim, expected=None, results=(unsure,))
    (row,) = matrix_of([claim], NETWORKS, [verdict], []).rows
    assert unsure.outcome == "inconclusive"
    assert row.cells[0] is not None
    assert (row.cells[0].word, row.cells[1]) == ("open", None)


def test_what_holds_instead_is_said_only_where_a_claim_fails(matrix: Matrix) -> None:
    assert [row.number for row in matrix.rows if row.instead] == [2]
    ((rows, text),) = matrix.instead()
    assert (rows, text) == ([matrix.rows[1]], THEOREM[1].instead)


@pytest.mark.parametrize("claim", [claim for claim in THEOREM if claim.expected == "refuted"], ids=lambda claim: claim.id)
def test_every_claim_that_is_to_fail_says_what_is_right(claim: Claim) -> None:
    assert claim.instead
    assert len(claim.instead) <= 64, "with its number it must stay one line"


def test_names_fit_their_column() -> None:
    names = [claim.short for claim in THEOREM]
    assert all(0 < len(name) <= LABEL for name in names)
    assert len(set(names)) == len(names)
    assert all(len(claim.short) <= LABEL for claim in CLAIMS)


@pytest.mark.parametrize("width", [80, WIDE, 120, 200])
def test_the_console_shows_it_in_25_lines(width: int) -> None:
    """None folded, none cut, though every claim fails."""
    found = printed(width)
    assert len(found) <= 25
    assert all(len(line) <= width for line in found)
    rows = [next(line for line in found if line[3:].startswith(claim.short)) for claim in THEOREM]
    mark = WORDS["refuted"] + " " if width >= WIDE else MARKS["refuted"]
    assert rows[1].count(f"{mark}4.03") == len(NETWORKS)
    told = " ".join(line for line in found if " instead: " in line)
    assert all(claim.instead in told for claim in THEOREM)
    if width < WIDE:
        assert any("✗ fails" in line for line in found), "marks are explained"


def test_numbers_are_short() -> None:
    assert [short(x) for x in (1.0, 6.683, 0.0064, 0.25, 1234.5, -0.5)] == ["1.00", "6.68", "0.006", "0.25", "1e+03", "-0.50"]


def test_the_picture_shows_what_stays_active() -> None:
    found = demo()
    shown = headline(found.verdicts, NETWORKS)
    assert shown is not None
    assert shown.network != NETWORKS[-1], "there one scheme dies"
    assert len(shown.figures) == 2
    assert {name for name, _ in shown.schemes} == {v.claim.scheme for v in found.verdicts if v.claim.forward == "spiking"}
