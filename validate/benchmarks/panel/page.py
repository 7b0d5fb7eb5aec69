"""The table and the picture of the panel, as Markdown: the worst cell first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ikun_derivations.render.drawing import BAD, GOOD, QUIET, svg
from ikun_sym.files import write_atomically

from ...cases.intervals import Interval
from .judging import LOSS, SLOWER, Judged, judged, mean_ranks
from .networks import NETWORKS
from .protocol import CONFIDENCE, FIRST, FULL, SHARE, Results
from .starts import STARTS
from .tasks import TASKS
from .training import EXAMPLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PICTURE = "panel.svg"
COMMAND = "ikun benchmark panel --rows validate/benchmarks/panel/rows.jsonl --markdown validate/PANEL.md"
TITLE = "Ordinary networks, trained from several initialisations"
COLOURS = {"worse": BAD, "open": QUIET, "not worse": GOOD}
COLUMNS = (
    "network, task", "baseline to beat", "ours", "baseline", "library default", "accuracy, difference in %", "epochs, ratio",
    "pairs", "rank", "verdict",
)  # fmt: skip


GAINS = ("network, task", "as the library draws it", "after `initialise_(model, batch)`", "best of the others", "pairs")
"""Columns of README's table."""


def gains(found: Sequence[Judged]) -> str:
    """What one call gives, as Markdown: test accuracy in %, the least gain over the library's own weights first."""
    kept = sorted((one for one in found if one.pairs >= FIRST), key=lambda one: one.ours - one.default)
    lines = ["| " + " | ".join(GAINS) + " |", "|" + " --- |" * len(GAINS)]
    lines += [
        f"| {one.cell} | {_share(one.default)} | {_share(one.ours)} | {_share(one.theirs)} ({one.baseline}) | {one.pairs} |"
        for one in kept
    ]
    return "\n".join(lines) + "\n"


def row(one: Judged) -> tuple[str, ...]:
    rank = "" if one.rank is None else f"{one.rank:g} of {len(one.means)}"
    return (
        str(one.cell), one.baseline, _share(one.ours), _share(one.theirs), _share(one.default),
        _interval(one.accuracy, 100, "+.1f"), _interval(one.epochs, 1, ".2f"), str(one.pairs), rank, one.verdict,
    )  # fmt: skip


def _share(value: float) -> str:
    return "" if value != value else f"{100 * value:.1f}"


def _interval(found: Interval, scale: float, form: str) -> str:
    if not found.known:
        return "unknown"
    return f"{scale * found.value:{form}} [{scale * found.low:{form}}, {scale * found.high:{form}}]"


def conclusions(found: Sequence[Judged]) -> list[str]:
    """The worst cell first."""
    if not found:
        return ["no cell has been run"]
    worst, compared = found[0], [one for one in found if one.pairs >= 2]
    count = {verdict: sum(one.verdict == verdict for one in compared) for verdict in COLOURS}
    lines = [
        f"Worst cell: {worst.cell}, beside {worst.baseline}: accuracy {_interval(worst.accuracy, 100, '+.1f')} %, epochs × "
        f"{_interval(worst.epochs, 1, '.2f')}.",
        f"{len(compared)} cells compared: {count['not worse']} surely lose at most {100 * LOSS:g} % of accuracy and "
        f"{100 * SLOWER:g} % of epochs, {count['worse']} surely lose more, {count['open']} are open: their intervals reach "
        "across a limit.",
    ]
    if short := [
        str(one.cell)
        for one in compared
        if (one.accuracy.known and one.accuracy.value < -LOSS) or (one.epochs.known and one.epochs.value > 1 + SLOWER)
    ]:
        lines.append(f"By the means alone more is lost in {len(short)}: {'; '.join(short)}.")
    died = [one for one in found if one.died[1]]
    lines.append(
        f"The library's default learnt nothing in some run of {len(died)} cells; from ours "
        + ("every network learnt." if not any(one.died[0] for one in found) else _dead(found))
    )
    ranks = ", ".join(f"{name} {rank:.2f}" for name, rank in mean_ranks(list(found)).items())
    lines.append(f"Mean rank by test accuracy, while baselines were chosen: {ranks}.")
    return lines


def _dead(found: Sequence[Judged]) -> str:
    return "some learnt nothing in: " + "; ".join(f"{one.cell} ({one.died[0]} of {one.runs})" for one in found if one.died[0])


def methods(results: Results) -> list[str]:
    tasks = "; ".join(f"{t.name}: {t.samples} samples, {t.epochs} epochs, batches of {t.batch}" for t in TASKS)
    seconds = sum(run.seconds for run in results.runs.values())
    whole = sum(len(network.tasks) for network in NETWORKS)
    return [
        f"{len(results.cells)} of the {whole} cells have been run so far; a whole run compares {FULL.pairs} pairs in each. "
        "With fewer, intervals are wide: a cell is decided only where they lie on one side of a limit.",
        f"Paired by seed: the same data in the same order. {tasks}. An initialisation may look at {EXAMPLE} training samples. "
        "Of each initialisation some runs choose the baseline to beat, the best but ours; it is then compared on other seeds. "
        f"Epochs: to {100 * SHARE:g} % of the training accuracy that the baseline had reached at the end. Intervals hold "
        f"together with {100 * CONFIDENCE:g} % confidence (Bonferroni over cells; Student's t, Fieller).",
        f"{len(results.runs)} runs, {seconds / max(1, len(results.runs)):.1f} s of processor time each.",
    ]


def markdown(results: Results) -> str:
    found = judged(results)
    lines = [f"# {TITLE}", "", f"`{COMMAND}` writes this file.", ""]
    lines += [f"{line}\n" for line in conclusions(found)]
    lines += [f"![Differences of accuracy and ratios of epochs, cell by cell]({PICTURE})", ""]
    lines += ["| " + " | ".join(COLUMNS) + " |", "|" + " --- |" * len(COLUMNS)]
    lines += ["| " + " | ".join(row(one)) + " |" for one in found]
    lines += ["", "## How", "", *(f"{line}\n" for line in methods(results))]
    lines += ["| network | |", "| --- | --- |", *(f"| {n.name} | {n.summary} |" for n in NETWORKS), ""]
    lines += ["| initialisation | | source |", "| --- | --- | --- |"]
    lines += [f"| {start.name} | {start.summary} | {start.source} |" for start in STARTS]
    return "\n".join(lines) + "\n"


def picture(found: Sequence[Judged]) -> str:
    """A row a cell, the worst on top: left the difference of accuracies, right the ratio of epochs."""

    def draw(axes: Axes) -> None:
        left, right = axes, axes.figure.add_axes((0.68, 0.1, 0.3, 0.84))
        left.set_position((0.3, 0.1, 0.34, 0.84))
        for one, intervals, limit, name in (
            (left, [(100 * o.accuracy.value, 100 * o.accuracy.low, 100 * o.accuracy.high) for o in found], -100 * LOSS, "%"),
            (right, [(o.epochs.value, o.epochs.low, o.epochs.high) for o in found], 1 + SLOWER, "×"),
        ):
            for y, ((value, low, high), judged_) in enumerate(zip(intervals, found, strict=True)):
                colour = COLOURS[judged_.verdict]
                one.plot([low, high], [y, y], color=colour, linewidth=3)
                one.plot([value], [y], "o", color=colour)
            one.axvline(limit, color=BAD, linestyle="--", linewidth=1)
            one.set(ylim=(len(found) - 0.5, -0.5))
            one.set_xlabel({"%": "accuracy, ours less the baseline's, %", "×": "epochs, ours over the baseline's"}[name])
        left.set_xlim(-15, 15)
        right.set_xlim(0, 2)
        left.set_yticks(range(len(found)), [f"{one.cell} ({one.baseline})" for one in found], fontsize=8)
        right.set_yticks([])

    described = " ".join(conclusions(found)[:2])
    return svg(draw, anchor="panel", title=TITLE, description=described, size=(11, 1.5 + 0.24 * len(found)), alone=True)


def write(results: Results, path: Path) -> None:
    """With the picture beside it."""
    write_atomically(path.parent / PICTURE, picture(judged(results)) + "\n")
    write_atomically(path, markdown(results))
