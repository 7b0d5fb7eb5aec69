"""`TRAINING.md`: what was run and what was not, each claim with its verdict, each cell with its table; and a picture."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from ikun_sym.cores import cores
from ikun_sym.files import write_atomically

from ..engines.machine import processor
from ..models.default_scheme import AIM, HIGH, LOW
from . import plots, step_cost
from .calibration import ALLOWED, summary
from .claims import CELLS, NETWORKS
from .claims import PROTOTYPE as PROTOTYPE_SOURCE
from .comparison import VERDICTS
from .experiment import Result
from .judging import TrainingVerdict, farthest_of
from .methods import methods
from .report import COLUMNS, RUN_COLUMNS, described, interval, reasons, rows, run_rows
from .table import Table
from .trial import Trial

PICTURE = "training.svg"

PAPER_SIZE = (
    "ikun train --data fashion-mnist --samples 20000 --model csnn:channels=128 --epochs 64 --optimizer sgd "
    "--baseline ikun-v1 --scheme xavier --scheme kaiming --scheme lecun --scheme normal --target 0.95 --lr tuned --seeds auto"
)
"""At the size of the paper, for a GPU."""

CONTINUE = (
    "ikun validate training --data-dir DIR --out validate/training/rows --resume --budget 7200 --markdown validate/TRAINING.md"
)
SEEN = (
    "When to look (8, 16, 32, 60 pairs), and that cells of untuned rates have an error of their own, was settled after the "
    "first rows had been seen, and undecided schemes got further pairs first; the confidence was set before."
)
"""What of the plan is younger than the first rows."""

DIGITS = "training/rows/digits"
QUICK = f"ikun validate training --quick --out validate/{DIGITS} --resume"
"""The quick form, on digits, whose page lies beside its rows."""

SENTENCES = (
    ("Fewer epochs than Xavier's, Kaiming's, LeCun's and normal weights", "training.ikun.faster"),
    ("Up to 50 % fewer epochs", "training.ikun.half"),
    ("The same, against weights scaled by their fan alone", "training.ikun.half-of-scaled"),
    ("The membrane's law is stationary: E[f'²] stays as it is", "training.stationarity"),
)
"""What the paper says of training, and the claims that test it."""

ACCURACY = "95 % of the training images and 91 % of the test images right (20,000 images, 64 epochs)"

DECIDING = {"confirmed": True, "refuted": False, "inconclusive": None}

MOST_SHOWN = 4
"""Checks that a verdict quotes."""

PROTOTYPE = {
    "torch-default": ("0.752, 0.750", "0.10"),
    "xavier": ("0.763, 0.778", ""),
    "kaiming": ("0.740, 0.770", "0.673"),
    "lecun": ("0.752, 0.783", ""),
    "normal": ("0.724, 0.736", "0.10"),
    "ikun-v1": ("0.750, 0.782", "0.606"),
    "critical": ("0.658", "0.400"),
}
"""Test accuracies of one prototype, 4,000 images, one or two seeds: scheme to (with batch norm, without)."""


def markdown(table: Table) -> str:
    first = next(iter(table.results.values()), None)
    again = QUICK if table.settings.quick else CONTINUE
    parts = ["# Training, measured\n", "Written by a command, not by hand:\n", code(again)]
    parts += ["## What was run, and what was not\n", *_run(table)]
    parts += ["## The claims\n", *_claims(table)]
    if first is not None:
        parts += _paper(table)
        parts += [f"![Ratios of epochs]({PICTURE})\n"] if drawn(table) else []
        parts += [] if table.settings.quick else _prototype(table)
    for name, result in table.results.items():
        parts += [f"## {heading(name)}\n", *_cell(result)]
    if first is not None:
        parts += _calibration(table) if table.calibration else []
        parts += [] if table.settings.quick else _step()
        parts += ["## Methods\n", *(f"* **{name}.** {text}." for name, text in methods(first.plan, trial_of(first))), ""]
    return "\n".join(parts).rstrip() + "\n"


def heading(cell: str) -> str:
    found = CELLS[cell]
    words, rate = NETWORKS[found.network].words, "tuned" if found.tuned else "as it comes"
    return f"{words[0].upper()}{words[1:]}, {found.optimizer}, learning rate {rate}"


def trial_of(result: Result) -> Trial:
    return result.plan.trials[0]


def code(text: str) -> str:
    return f"```\n{text}\n```\n"


def grid(columns: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    found = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    return "\n".join([*found, *("| " + " | ".join(line) + " |" for line in lines)]) + "\n"


def _run(table: Table) -> list[str]:
    seconds = sum(result.seconds for result in table.results.values())
    runs = sum(len(result.outcomes) + sum(len(one.runs) for one in result.tuning) for result in table.results.values())
    found = [f"{runs} runs, {seconds / 3600:.2f} hours of processor time, on {processor('model name')}, {cores()} cores.\n"]
    for result in table.results.values():
        found += [described(trial_of(result)).capitalize() + "\n"]
        break
    done = [
        [heading(name), str(max(map(len, result.runs.values()))), "" if result.complete else "to be continued"]
        for name, result in table.results.items()
    ]
    found.append(grid(("cell", "pairs", ""), done + [[heading(name), "none", "not run yet"] for name in table.missing]))
    if not table.settings.quick:
        found.append(f"The same on scikit-learn's digits, in minutes: [{DIGITS}/TRAINING.md]({DIGITS}/TRAINING.md).\n")
    found += [
        "Not run, for want of a GPU: the paper's size, 128 channels, 20,000 images, 64 epochs. One command runs it:\n",
        code(PAPER_SIZE),
    ]
    return found


def _claims(table: Table) -> list[str]:
    lines = [[f"`{v.claim.id}`", v.claim.statement, v.so_far, v.verdict, v.claim.source] for v in table.verdicts]
    confidence = f"Each claim at {table.settings.confidence:.0%} confidence, over all its cells, comparisons and looks.\n"
    if not table.settings.quick:
        confidence += f"\n{SEEN}\n"
    return [grid(("claim", "statement", "in the cells that were run", "in all cells", "source"), lines), confidence]


def _paper(table: Table) -> list[str]:
    """Each sentence of the paper on training, with what became of it here."""
    verdicts = {one.claim.id: one for one in table.verdicts}
    lines = [[sentence, verdict_in_words(verdicts[claim]), f"`{claim}`"] for sentence, claim in SENTENCES if claim in verdicts]
    best = max(
        (float(np.mean([run.test_accuracy or 0.0 for run in runs])), f"{scheme} in {name}")
        for name, result in table.results.items()
        for scheme, runs in result.runs.items()
    )
    seen = f"not tested, the paper's size was not run; here, {data_words(table)}, at best {best[0]:.3f} of the test ({best[1]})"
    lines.append([ACCURACY, seen, ""])
    return ["## The paper's sentences\n", grid(("the paper says", "here", "claim"), lines)]


def verdict_in_words(one: TrainingVerdict) -> str:
    """With the checks that decide it."""
    checks = [check for check in one.checks if check.name not in one.missing]
    holds = {value: [check for check in checks if check.holds is value] for value in (True, False, None)}
    deciding = holds[DECIDING[one.so_far]]
    shown = [f"{check.name} {interval(check.interval)}" for check in deciding if check.interval.known]
    counts = f"{len(holds[True])} checks hold, {len(holds[False])} fail, {len(holds[None])} are open"
    more = ", …" if len(shown) > MOST_SHOWN else ""
    return f"**{one.so_far}**: {counts}" + (f"; {', '.join(shown[:MOST_SHOWN])}{more}" if shown else "")


def data_words(table: Table) -> str:
    trial = trial_of(next(iter(table.results.values())))
    count = "all" if trial.samples is None else f"{trial.samples:,}"
    return f"{count} samples of {trial.data}, {trial.recipe.epochs} epochs"


def _prototype(table: Table) -> list[str]:
    """The table of the prototype beside this one, and its sentences."""
    cells = [table.results.get(name) for name in ("batch-sgd", "none-sgd")]
    if None in cells:
        return []
    accuracies = [{line[0]: line[5] for line in run_rows(result)} for result in cells if result is not None]
    schemes = list(dict.fromkeys((*PROTOTYPE, *accuracies[0], *accuracies[1])))
    lines = [[name, *(found.get(name, "") for found in accuracies), *PROTOTYPE.get(name, ("", ""))] for name in schemes]
    verdicts = [one for one in table.verdicts if one.claim.source == PROTOTYPE_SOURCE]
    return [
        "## The prototype's table, done again\n",
        f"Test accuracy with SGD, learning rate 0.1: here on {data_words(table)}, in pairs, mean and standard error; in the "
        "prototype on 4,000 images, one or two seeds. `critical` sets weights and slopes; `default` is what `initialise_` does "
        f"unless a scheme is named: layers of torch's weights that fire at a rate in [{LOW}, {HIGH}] are left, others scaled "
        f"to {AIM}.\n",
        grid(("scheme", "with batch norm", "without", "prototype, with", "prototype, without"), lines),
        "What the prototype said, and what of it holds:\n",
        grid(("sentence", "here", "claim"), [[v.claim.statement, verdict_in_words(v), f"`{v.claim.id}`"] for v in verdicts]),
    ]


def _cell(result: Result) -> list[str]:
    target = result.plan.targets[0]
    found = [f"Ratio of epochs to a training accuracy of {target:g}, over those of {result.plan.baseline}.\n"]
    found += [grid(COLUMNS, rows(result)), grid(RUN_COLUMNS, run_rows(result))]
    moved = ", ".join(f"{scheme} {'∞' if value is None else f'{value:.3g}'}" for scheme, value in farthest_of(result).items())
    found.append(f"Largest factor by which E[f'²] of a layer moved from its first value, median of the runs: {moved}.\n")
    notes = reasons(result)
    return [*found, *(f"* {note}" for note in notes), ""] if notes else found


def _calibration(table: Table) -> list[str]:
    columns = ("law of the times", "true ratio", "n", *VERDICTS, "pairs", "wrong", "rate below, 95 %")
    return [
        "## How often the verdicts are wrong\n",
        f"The whole procedure at {ALLOWED:.0%} error, on laws of times to learn with a known ratio of restricted mean epochs, "
        "and on runs of this table, exchanged within their pairs by a coin. Planted: one of the two needs 0.8 of its time; "
        "budget and looks bring that ratio nearer to 1. False: better or worse where both are equal in law; where a difference "
        "was planted, worse, or equivalent though the ratio is outside its margin.\n",
        f"* No difference: {summary(table.calibration, null=True)}.\n* Planted: {summary(table.calibration, null=False)}.\n",
        grid(columns, [row.cells() for row in table.calibration]),
    ]


def _step() -> list[str]:
    if (found := step_cost.kept()) is None:
        return []
    lines = grid(step_cost.COLUMNS, step_cost.rows(found))
    notes = [f"* {note}" for note in step_cost.notes(found)]
    return [
        "## What a step costs\n",
        "One optimiser step, medians of paired rounds:\n",
        code(step_cost.COMMAND),
        lines,
        *notes,
        "",
    ]


def drawn(table: Table) -> bool:
    """Whether there is a ratio to draw."""
    return any(one.ratio.known for result in table.results.values() for one in result.comparisons)


def picture(table: Table) -> str:
    """All cells in one forest plot."""
    labelled = [(f"{name}: {one.scheme}", one) for name, result in table.results.items() for one in result.comparisons]
    margin = next(iter(table.results.values())).plan.margin
    return plots.forest(labelled, anchor="training", margin=margin, alone=True)


def write(table: Table, path: Path) -> None:
    """With the picture beside it."""
    if drawn(table):
        write_atomically(path.parent / PICTURE, picture(table) + "\n")
    write_atomically(path, markdown(table))
