"""The panel: its networks answer, its protocol chooses and resumes, its verdicts can go either way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from ikun_sym.errors import IkunError
from ikun_validate import initialise_
from ikun_validate.benchmarks.panel import protocol
from ikun_validate.benchmarks.panel.command import command
from ikun_validate.benchmarks.panel.judging import Judged, judged, mean_ranks
from ikun_validate.benchmarks.panel.networks import NETWORKS
from ikun_validate.benchmarks.panel.page import conclusions, gains, markdown, picture
from ikun_validate.benchmarks.panel.protocol import CHOOSING, PAIRING, Cell, Extent, Job, Results, cells_of
from ikun_validate.benchmarks.panel.starts import DEFAULT, OURS, STARTS
from ikun_validate.benchmarks.panel.tasks import TASKS
from ikun_validate.benchmarks.panel.training import Outcome, trained
from ikun_validate.verdicts.rows import read_rows

for needed in ("sklearn", "spikingjelly", "snntorch", "norse"):
    pytest.importorskip(needed, reason="needs the extras `train` and `interop`")

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")

SHAPES = {"digits": (1, 8, 8), "fashion-mnist": (1, 14, 14), "spike-patterns": (64,)}


def test_the_panel_is_as_wide_as_it_says() -> None:
    packages = {network.package for network in NETWORKS}
    steps = {network.steps for network in NETWORKS}
    assert len(NETWORKS) >= 16
    assert packages == {"spikingjelly", "snntorch", "norse", ""}
    assert min(steps) == 1
    assert max(steps) == 25
    assert {task for network in NETWORKS for task in network.tasks} == set(TASKS.names()) == set(SHAPES)


@pytest.mark.parametrize("name", NETWORKS.names())
def test_a_network_answers_and_learns_from_every_parameter(name: str) -> None:
    network = NETWORKS[name]
    for task in network.tasks:
        torch.manual_seed(0)
        model = network.build(SHAPES[task], 10)
        z = model(torch.rand(min(network.steps, 4), 5, *SHAPES[task]) * 10)
        assert z.shape == (5, 10)
        network.loss(z, torch.arange(5)).backward()
        assert all(p.grad is not None for p in model.parameters())


@pytest.mark.parametrize("name", [name for name in STARTS.names() if name != "delta-orthogonal"])
def test_a_start_changes_the_network_or_says_why_not(name: str) -> None:
    network = NETWORKS["jelly-lif-4"]
    torch.manual_seed(0)
    model, x = network.build((16,), 10), torch.rand(4, 32, 16)
    before = [p.detach().clone() for p in model.parameters()]
    STARTS[name].apply(model, x, 0)
    same = all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    assert same == (name == DEFAULT)


def test_delta_orthogonal_keeps_norms_through_convolutions_and_is_refused_where_there_are_none() -> None:
    conv = torch.nn.Conv2d(4, 6, 3, padding=1)
    x = torch.randn(2, 4, 5, 5)
    STARTS["delta-orthogonal"].apply(conv, x, 0)
    assert torch.allclose(conv(x).square().sum(1), x.square().sum(1), rtol=1e-5)
    with pytest.raises(IkunError, match="take orthogonal"):
        STARTS["delta-orthogonal"].apply(torch.nn.Linear(4, 4), x, 0)


def test_runs_of_a_start_that_has_changed_since_are_not_counted() -> None:
    found = results(0.0, 1.0, pairs=2, cells=1)
    rows = [protocol.row_of(job, run) for job, run in found.runs.items()]
    assert set(protocol.of_rows(rows).runs) == set(found.runs)
    before = [{**row, "revision": row["revision"] - 1} if row["start"] == OURS else row for row in rows]
    assert {job.start for job in protocol.of_rows(before).runs} == {start for start in STARTS.names() if start != OURS}
    # rows of before have no revision: the first
    for row in rows:
        del row["revision"]
    assert OURS not in {job.start for job in protocol.of_rows(rows).runs}
    assert DEFAULT in {job.start for job in protocol.of_rows(rows).runs}


def test_ours_is_what_a_user_calls() -> None:
    models = []
    for apply in (STARTS[OURS].apply, lambda model, x, seed: initialise_(model, x, seed=seed)):
        torch.manual_seed(0)
        model, x = NETWORKS["jelly-one-step"].build((16,), 10), torch.rand(1, 32, 16)
        apply(model, x, 3)
        models.append(model)
    assert all(torch.equal(a, b) for a, b in zip(*(m.parameters() for m in models), strict=True))


def test_a_start_that_does_not_fit_is_refused_with_its_reason() -> None:
    """Integrate and fire has no stationary state without reset."""
    network, task = NETWORKS["jelly-one-step"], TASKS["digits"]
    found = trained(network, task, STARTS["fluctuation-driven"], task.read(None, 1), 0)
    assert found.refused or found.curve


def test_epochs_are_read_between_looks() -> None:
    run = Outcome(curve=(0.1, 0.3, 0.5, None, 0.9))
    assert run.epochs_to(0.4, 8) == pytest.approx((2 + 0.5) / 4)
    assert run.epochs_to(0.05, 8) == pytest.approx(0.5 / 4)
    assert run.epochs_to(0.95, 8) == 8


def results(gain: float, speed: float, pairs: int = 12, cells: int = 3) -> Results:
    """Ours is `gain` more accurate than kaiming, the best besides it, and takes `speed` times its epochs. Seeds scatter by
    0.4 % and 2 %."""
    rng = np.random.default_rng(0)
    found = Results(cells=tuple(Cell(name, "digits") for name in NETWORKS.names()[:cells]))
    for cell in found.cells:
        for start in STARTS.names():
            plus = {OURS: gain, "kaiming": 0.0}.get(start, -0.1)
            for purpose, count in ((CHOOSING, 2), (PAIRING, pairs)):
                for index in range(count):
                    times = (speed if start == OURS else 1.0) * (1 + 0.02 * rng.standard_normal())
                    looks = np.arange(1, 33) / 4
                    curve = tuple(float(v) for v in np.minimum(0.99, 0.3 * looks / times))
                    run = Outcome(curve=curve, accuracy=0.9 + plus + 0.004 * float(rng.standard_normal()), seconds=1.0)
                    found.runs[Job(cell, start, purpose, index)] = run
    return found


@pytest.mark.parametrize(
    ("gain", "speed", "verdict"),
    [(0.0, 1.0, "not worse"), (0.05, 0.8, "not worse"), (-0.05, 1.0, "worse"), (0.0, 1.3, "worse"), (-0.02, 1.0, "open")],
)
def test_verdicts_go_either_way(gain: float, speed: float, verdict: str) -> None:
    found = judged(results(gain, speed))
    assert {one.baseline for one in found} == {"kaiming"}
    assert [one.verdict for one in found] == [verdict] * 3
    assert all(one.accuracy.low < gain < one.accuracy.high for one in found)
    assert all(one.epochs.low < speed < one.epochs.high for one in found)
    assert mean_ranks(found)[OURS] < mean_ranks(found)[DEFAULT]


def test_the_worst_cell_is_named_first_and_losses_are_named() -> None:
    found = results(0.0, 1.0)
    bad = found.cells[1]
    for job, run in found.runs.items():
        if job.cell == bad and job.start == OURS:
            found.runs[job] = Outcome(curve=run.curve, accuracy=run.accuracy - 0.06)
    cells: list[Judged] = judged(found)
    assert cells[0].cell == bad
    assert cells[0].verdict == "worse"
    text = "\n".join(conclusions(cells))
    assert f"Worst cell: {bad}" in text
    assert "1 surely lose more" in text
    page = markdown(found)
    assert page.index(str(bad)) < page.index(str(found.cells[0]))
    assert all(network.summary in page for network in NETWORKS)
    assert picture(cells).startswith("<")


def test_the_journal_resumes_and_time_ends_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Job] = []

    def run(job: Job, folder: str | None, seed: int) -> Outcome:
        made.append(job)
        return Outcome(curve=(0.5,) * 32, accuracy=0.9 if job.start == "lsuv" else 0.8, seconds=0.1)

    monkeypatch.setattr(protocol, "_run", run)
    settings: dict[str, Any] = {"folder": None, "out": tmp_path}
    extent = Extent(every=20, choosing=1, pairs=2)
    first = protocol.carried_out(extent, resume=False, seconds=1e-9, **settings)
    assert not first.runs
    whole = protocol.carried_out(extent, resume=True, **settings)
    cells = len(whole.cells)
    assert cells == len(cells_of(extent, None)[0]) >= 1
    assert any("fashion" in reason for reason in cells_of(Extent(), None)[1])
    # ours, the baseline, the library's default
    assert len(made) == cells * (len(STARTS) + 2 * 3)
    assert {whole.baseline(cell) for cell in whole.cells} == {"lsuv"}
    again = protocol.carried_out(extent, resume=True, **settings)
    assert len(made) == len(again.runs)
    with pytest.raises(IkunError, match="--resume"):
        protocol.carried_out(extent, resume=False, **settings)


def test_the_page_is_what_the_recorded_rows_say() -> None:
    folder = Path(protocol.__file__).parent
    found = protocol.of_rows(read_rows(folder / "rows.jsonl", protocol.KEY))
    assert (folder.parents[1] / "PANEL.md").read_text() == markdown(found), "write it again, by the command that it names"
    table = gains(judged(found))
    assert table in (folder.parents[2] / "README.md").read_text(), f"its main table is now:\n{table}"


def test_the_command_reads_rows_and_refuses_what_is_wrong(tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    found = results(0.0, 1.0, cells=1)
    conditions = {"ikun": "0", "torch": "0", "base_seed": 0}
    lines = [json.dumps(conditions | protocol.row_of(job, run)) for job, run in found.runs.items()]
    rows.write_text("\n".join(lines) + "\n")
    page = tmp_path / "PANEL.md"
    result = CliRunner().invoke(command, ["--rows", str(rows), "--markdown", str(page), "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.output)["cells"][0]["verdict"] == "not worse"
    assert (tmp_path / "panel.svg").is_file()
    for wrong in ([], ["--rows", str(tmp_path / "none")], ["--out", str(tmp_path / "x"), "--part", "3/2"]):
        failed = CliRunner().invoke(command, wrong)
        assert isinstance(failed.exception, IkunError)
