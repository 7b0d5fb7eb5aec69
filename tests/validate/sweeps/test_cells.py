"""What a worker finds in a cell, what theory says of it, and the table and the pictures of all of them."""

from __future__ import annotations

import csv
import io
import math
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.stats import norm

from ikun_sym.errors import IkunError

pytest.importorskip("torch", reason="the commands need it")

from ikun_validate.sweeps import cell as of_cell
from ikun_validate.sweeps.axes import Axis
from ikun_validate.sweeps.cell import computed, versions
from ikun_validate.sweeps.cells import Cells, Line
from ikun_validate.sweeps.grid import Cell, find_command, grid_of
from ikun_validate.sweeps.heat_map import picture
from ikun_validate.sweeps.measures import MEASURES
from ikun_validate.sweeps.sweep import Sweep, words_of
from ikun_validate.sweeps.theory import theory_of
from ikun_validate.sweeps.theory_lines import expected_to_learn

FOLDER = Path(__file__).parents[3] / "validate"

SMALL = {"samples": "60", "model": "mlp:depth=1,width=16", "epochs": 1, "steps": 2, "seeds": "2", "scheme": "kaiming"}


def cells(command: str, *over: str, **flags: Any) -> list[Cell]:
    params, given = words_of(find_command(command), flags)
    return grid_of(command, [Axis.parse(text) for text in over], params, given).cells()


def done(command: str, *over: str, **flags: Any) -> dict[str, Any]:
    (one,) = cells(command, *over, **flags)
    row = computed(command, one.flags, one.given)
    assert row["state"] == "done", row
    return row


def test_a_cell_of_meanfield_is_what_the_function_gives() -> None:
    from ikun_sym import meanfield

    row = done("meanfield", "depth=4", gain=9.0)
    direct = meanfield(depth=4, gain=9.0)
    assert row["answer"]["layers"] == direct.to_dict()["layers"]
    assert row["answer"]["layers"][3]["rate"] != done("meanfield", "depth=4", gain=7.0)["answer"]["layers"][3]["rate"]


@pytest.mark.slow
def test_a_cell_of_train_is_the_run_of_its_seeds_alone() -> None:
    pytest.importorskip("sklearn", reason="needs the extra `train`")
    from ikun_validate import train

    row = done("train", "lr=0.01", **SMALL)
    assert [(run["scheme"], run["seed"]) for run in row["answer"]["runs"]] == [("kaiming", 0), ("kaiming", 1)]
    words = {"samples": 60, "model": SMALL["model"], "epochs": 1, "steps": 2, "lr": 0.01}
    alone = train(schemes=["kaiming"], seeds=2, workers=1, **words).runs["kaiming"]
    assert [run["train_accuracy"] for run in row["answer"]["runs"]] == [run.train_accuracy for run in alone]
    assert not row["answer"]["comparisons"]


@pytest.mark.slow
def test_a_cell_of_validate_is_the_verdict() -> None:
    flags = {"claim": "theorem1.backward.alpha-one", "width": 16, "draws": "2", "batch": 2}
    row = done("validate", "depth=4", **flags)
    assert row["answer"]["claim"] == "theorem1.backward.alpha-one"
    assert len(row["answer"]["layers"]) == 4
    assert row["answer"]["expected"] is None  # the network is the user's own


@pytest.mark.parametrize(("raised", "told"), [(IkunError("no such"), "no such"), (ValueError("a\n b"), "ValueError: a b")])
def test_a_cell_that_fails_is_a_row_with_its_reason(raised: Exception, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(flags: dict[str, Any], given: set[str]) -> dict[str, Any]:
        raise raised

    (one,) = cells("meanfield", "depth=4")
    monkeypatch.setattr(find_command("meanfield"), "answer", answer)
    row = computed("meanfield", one.flags, one.given)
    assert (row["state"], row["reason"], row["ikun"]) == ("failed", told, versions()["ikun"])


def test_a_cell_runs_on_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    from ikun_sym.cores import cores

    found = []
    (one,) = cells("meanfield", "depth=4")
    for name in of_cell.THREADS:
        monkeypatch.setenv(name, "3")
    monkeypatch.setattr(find_command("meanfield"), "answer", lambda flags, given: found.append(cores()) or {})
    computed("meanfield", one.flags, one.given)
    assert found == [1]


def test_the_theory_of_a_cell_by_quadrature_of_its_own() -> None:
    """K = 9, θ = 1, atan with α = 2: rate, C, and the slope of the overlap map, from scipy alone."""
    gain = 9.0
    rate = brentq(lambda p: norm.sf(1 / math.sqrt(gain * p)) - p, 0.15, 0.49)
    std = math.sqrt(gain * rate)
    a = 1 / std

    def slope(x: float) -> float:
        return 1 / (1 + (math.pi * x) ** 2)

    factor = gain * quad(lambda h: slope(h - 1) ** 2 * norm.pdf(h, 0, std), -20, 20, points=[1], limit=400)[0]

    def both(rho: float) -> float:  # P(both fire) over the rate, by one integral over what they have in common
        inner = math.sqrt(1 - rho)
        return quad(lambda z: norm.sf((a - math.sqrt(rho) * z) / inner) ** 2 * norm.pdf(z), -9, 9)[0] / rate

    overlap = brentq(lambda rho: both(rho) - rho, 1e-6, 0.98)
    density = math.exp(-a * a / (1 + overlap)) / (2 * math.pi * math.sqrt(1 - overlap**2))
    said = theory_of(cells("meanfield", "depth=7", gain=gain)[0].flags)
    assert said["layers"] == 7
    assert said["rate"] == pytest.approx(rate, rel=1e-3)
    assert said["factor"] == pytest.approx(factor, rel=1e-6)
    assert said["reach"] == pytest.approx(-1 / math.log(density / rate), rel=1e-5)
    assert said["gain_over_critical"] == pytest.approx(gain / 6.0344, rel=1e-4)


def test_training_has_the_theory_of_its_network() -> None:
    (one,) = cells("train", "model.depth=7", scheme="lecun:k=9", steps=1, leak=0.0)
    trained, predicted = theory_of(one.flags), theory_of(cells("meanfield", "depth=7", gain=9.0)[0].flags)
    assert trained == predicted
    assert "reason" in theory_of(cells("train", "lr=0.1", scheme="kaiming", model="csnn")[0].flags)
    silent = theory_of(cells("train", "lr=0.1", scheme="kaiming")[0].flags)
    assert silent["reach"] is None
    assert silent["gain_over_critical"] == pytest.approx(2 / 6.0344, rel=1e-4)


@pytest.mark.parametrize(
    ("theory", "learns"),
    [
        ({"layers": 8, "gain_over_critical": 1.2, "reach": 1.5, "coherence_reach": 2.0}, True),
        ({"layers": 10, "gain_over_critical": 1.2, "reach": 1.5, "coherence_reach": 2.0}, False),
        ({"layers": 8, "gain_over_critical": 1.2, "reach": 1.5, "coherence_reach": 1.2}, False),
        ({"layers": 2, "gain_over_critical": 0.9}, False),
        ({}, None),
    ],
)
def test_what_theory_expects_to_learn(theory: dict[str, float], learns: bool | None) -> None:
    assert expected_to_learn(theory) is learns


def table() -> Cells:
    """Three by two, one cell failed, one missing."""
    axes = (Axis.parse("gain=5,7,9"), Axis.parse("depth=4,20"))
    lines = []
    for k, (gain, depth) in enumerate((g, d) for g in axes[0].texts for d in axes[1].texts):
        at = {"gain": gain, "depth": depth}
        numbers = {"test accuracy": round(0.1 + 0.15 * k, 6), "test accuracy se": 0.01}
        said = {"gain_over_critical": float(gain) / 6.0344, "reach": 1.5, "layers": float(depth)}
        lines.append(Line(at, "done", numbers, said, 1.5))
    lines[1] = Line(lines[1].at, "failed", {}, {}, 0.2, "no, such thing")
    lines[4] = Line(lines[4].at, "missing", {}, {})
    return Cells("train", axes, tuple(lines))


def test_csv_keeps_all_of_the_table() -> None:
    text = table().csv()
    assert Cells.read("train", text).csv() == text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["state"] for row in rows] == ["done", "failed", "done", "done", "missing", "done"]
    assert (rows[0]["test accuracy"], rows[1]["reason"]) == ("0.1", "no, such thing")
    assert rows[5]["theory gain_over_critical"] == "1.49145"
    with pytest.raises(IkunError, match="no cells of a sweep of train"):
        Cells.read("train", "a,b\n1,2\n")


def test_the_map_shows_every_cell_with_its_numbers_and_the_lines_of_theory() -> None:
    drawn = ElementTree.fromstring(picture(table(), MEASURES["test accuracy"], anchor="m"))
    titles = [one.text or "" for one in drawn.iter("{http://www.w3.org/2000/svg}title")]
    assert "gain = 5, depth = 4: test accuracy 0.1 ± 0.01; theory: K/K_c = 0.829, ξ = 1.5" in titles
    assert "gain = 5, depth = 20: failed, no, such thing" in titles
    assert "gain = 9, depth = 4: missing" in titles
    assert len(titles) == 7  # and that of the picture
    (described,) = (one.text for one in drawn.iter("{http://www.w3.org/2000/svg}desc"))
    assert "from 0.1 to 0.85" in (described or "")


def test_the_critical_scale_is_drawn_where_it_is() -> None:
    """Between the columns of 5 and of 7, where ln(K/K_c) passes 0."""
    text = picture(table(), MEASURES["test accuracy"], anchor="m")
    (line,) = re.findall(r'd="M ([\d.]+) [\d.]+ L ([\d.]+) [\d.]+" clip-path[^>]*stroke: currentColor', text)
    left, right = map(float, re.findall(r'gain = 5, depth = 4:[^<]*</title><path d="M ([\d.]+) [\d.]+ L ([\d.]+)', text)[0])
    column = math.log(6.0344 / 5) / math.log(7 / 5)
    for x in map(float, line):
        assert x == pytest.approx((left + right) / 2 + column * (right - left), abs=0.2)


def test_one_axis_is_a_curve() -> None:
    axis = Axis.parse("lr=1e-4:1e-1:*10")
    lines = tuple(Line({"lr": text}, "done", {"test accuracy": 0.2 * k}, {}) for k, text in enumerate(axis.texts))
    text = picture(Cells("train", (axis,), lines), MEASURES["test accuracy"], anchor="m")
    assert "lr = 0.01: test accuracy 0.4" in text
    assert axis.logarithmic
    assert not Axis.parse("depth=2:10:2").logarithmic


def test_a_sweep_tells_its_cells_and_what_failed() -> None:
    found = cells("meanfield", "depth=4,5,6")
    rows = (
        {"state": "done", "answer": {"depth": 0, "layers": []}, "theory": {}},
        {"state": "failed", "reason": "why"},
        None,
    )
    one = Sweep(command="meanfield", axes=(Axis.parse("depth=4,5,6"),), cells_=tuple(found), rows=rows)
    told = one.to_dict()
    assert told["axes"] == [{"name": "depth", "values": [4, 5, 6]}]
    assert told["cells"] == [{"depth": 4, "layers": [], "theory": {}}]  # an axis's value beats a key of the same name
    assert told["failed"] == [{"depth": 5, "reason": "why"}]
    assert told["missing"] == [{"depth": 6}]
    assert one.states == {"done": 1, "failed": 1, "missing": 1}


def test_the_page_of_the_diagrams_is_that_of_the_rows_beside_it() -> None:
    from ikun_validate.sweeps.diagrams_page import page

    assert (FOLDER / "DIAGRAMS.md").read_text(encoding="utf-8") == page(FOLDER), "ikun sweep diagram --markdown …"


@pytest.mark.slow
def test_the_pictures_of_the_diagrams_are_those_of_their_rows() -> None:
    from ikun_validate.sweeps.diagrams_page import pictures

    for name, text in pictures(FOLDER).items():
        assert (FOLDER / name).read_text(encoding="utf-8") == text, f"{name}: ikun sweep diagram --markdown …"
