"""Plain deep networks: the protocol resumes and gives up, shares have exact intervals, the border is what networks say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.stats import binomtest

from ikun_sym.errors import IkunError
from ikun_validate.benchmarks.depth import border, protocol
from ikun_validate.benchmarks.depth.cells import CELLS
from ikun_validate.benchmarks.depth.command import command
from ikun_validate.benchmarks.depth.curves import predicted
from ikun_validate.benchmarks.depth.judging import judged
from ikun_validate.benchmarks.depth.page import markdown, picture, unfinished
from ikun_validate.benchmarks.depth.protocol import Extent, Job, Results, Row, jobs_of, never, of_rows
from ikun_validate.benchmarks.depth.starts import STARTS
from ikun_validate.verdicts.rows import read_rows

pytest.importorskip("sklearn", reason="needs the extra `train`")


def looks(*accuracies: float) -> list[dict[str, Any]]:
    return [{"train_accuracy": one, "validation_accuracy": None if k % 2 == 0 else 0.1} for k, one in enumerate(accuracies)]


def test_a_run_is_given_up_where_it_never_left_chance() -> None:
    """Ends of epochs are every second look here."""
    chance = [0.5, 0.1]  # within an epoch it may be anything
    assert never(looks(*chance * 8))
    assert not never(looks(*chance * 7))
    assert not never(looks(*chance * 3, 0.5, 0.2, *chance * 8))


def test_shares_are_exact() -> None:
    runs = {Job("digits-50", "copy", k): Row(accuracy=0.95 if k else 0.3, train_accuracy=1.0, curve=(1.0,)) for k in range(20)}
    (one,) = judged(Results(runs=runs))
    wanted = binomtest(19, 20).proportion_ci(0.95, "exact")
    assert (one.share.value, one.share.low, one.share.high) == pytest.approx((0.95, wanted.low, wanted.high))
    assert min(one.accuracies) == 0.3


def test_it_resumes_and_its_parts_are_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Job] = []

    def run(job: Job, folder: str | None, seed: int, states: Path) -> Row:
        made.append(job)
        return Row(accuracy=0.9, train_accuracy=1.0, curve=(0.5, 1.0), layers={"rate": [0.2, None]})

    monkeypatch.setattr(protocol, "_run", run)
    extent = Extent(cells=("digits-20", "fashion-mnist-30"), starts=("copy", "critical"), seeds=3)
    told: dict[str, Any] = {"folder": None, "resume": True}
    assert not protocol.carried_out(extent, out=tmp_path / "a", seconds=0, **told).runs
    found = [
        protocol.carried_out(extent, out=tmp_path / name, part=part, **told) for name, part in (("a", (0, 2)), ("b", (1, 2)))
    ]
    assert set(made) == {job for job in jobs_of(extent) if job.cell == "digits-20"}
    assert len(made) == 6
    assert "fashion" in found[0].skipped[0]
    protocol.carried_out(extent, out=tmp_path / "a", part=(0, 2), **told)
    assert len(made) == 6
    recorded = of_rows([row for name in "ab" for row in read_rows(tmp_path / name / "rows.jsonl", protocol.KEY)])
    assert recorded.runs == found[0].runs | found[1].runs
    assert "digits-20, copy: 3 of 20 seeds" in unfinished(recorded)
    with pytest.raises(IkunError, match="--resume"):
        protocol.carried_out(extent, out=tmp_path / "a", folder=None, resume=False)


def test_copying_is_predicted_from_its_first_layer() -> None:
    """With so little noise every spike is copied: rate and overlap stay as they are."""
    first = {"rate": [0.2], "overlap": [0.5], "gradient_correlation": [0.8]}
    found = predicted(CELLS["digits-20"].trial(STARTS["copy"]), first, 5)
    assert found["overlap"] == pytest.approx([0.5] * 4, abs=1e-3)
    correlation = np.array(found["gradient_correlation"], dtype=float)
    assert (np.diff(correlation) > 0).all()
    assert correlation[-1] > 0.99


def test_a_planted_border_is_found_and_its_errors_are_counted() -> None:
    """120 networks on both sides, the closest 10 % off."""
    points = []
    for reach in (1.0, 1.5, 2.5, 5.0, 30.0):
        for agree in (0.7, 1.5, 4.0, 20.0):
            limit = np.exp(4.0 - 2.0 / reach - 1.5 / agree)
            points += [
                border.Point(reach=reach, coherence_reach=agree, layers=limit * factor, learnt=factor < 1)
                for factor in (0.5, 0.7, 0.9, 1.1, 1.4, 2.0)
            ]
    found = border.fitted(points)
    assert (found.at_best, found.information, found.coherence) == pytest.approx((4.0, 2.0, 1.5), abs=0.15)
    wrong = [
        border.Point(reach=2.5, coherence_reach=4.0, layers=layers, learnt=learnt)
        for layers, learnt in ((2, False), (200, True), (300, True), (2, True))
    ]
    assert border.errors(found, wrong) == (2, 1, 4)


def test_the_page_is_what_the_recorded_rows_say() -> None:
    folder = Path(protocol.__file__).parent
    found = of_rows(read_rows(folder / "rows.jsonl", protocol.KEY))
    assert (folder.parents[1] / "DEPTH.md").read_text() == markdown(found), "write it again, by the command that it names"


def test_the_picture_has_a_curve_of_each() -> None:
    curve = {"rate": [0.2, 0.2], "overlap": [0.5, None], "gradient_correlation": [0.8, 0.9]}
    assert "<svg" in picture({"copy": (curve, curve), "critical": (curve, curve)})


def test_the_command_reads_rows_and_refuses_what_is_wrong(tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    row = protocol.row_of(Job("digits-50", "copy", 0), Row(accuracy=0.95, train_accuracy=1.0, curve=(1.0,)))
    rows.write_text(json.dumps({"ikun": "0", "torch": "0", "base_seed": 0} | row) + "\n")
    result = CliRunner().invoke(command, ["--rows", str(rows), "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.output)["cells"][0]["above"] == 1
    for wrong in ([], ["--rows", str(tmp_path / "none")], ["--out", str(tmp_path / "x"), "--cell", "digits-21"]):
        assert isinstance(CliRunner().invoke(command, wrong).exception, IkunError)
