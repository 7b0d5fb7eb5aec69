"""The table and the picture of plain deep networks, as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ikun_derivations.render.drawing import SERIES, svg
from ikun_sym.files import write_atomically

from .border import said_of_border
from .cells import CELLS
from .curves import SAMPLES, Layers, predicted
from .judging import CONFIDENCE, Judged, judged
from .protocol import CHANCE, PATIENCE, Results
from .starts import LEARNING_RATE, STARTS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PICTURE = "depth.svg"
SHOWN = "digits-20"
"""The cell whose curves are drawn."""

COMMAND = "ikun benchmark depth --rows validate/benchmarks/depth/rows.jsonl --markdown validate/DEPTH.md"
TITLE = "How deep plain networks of spikes learn"
COLUMNS = ("cell", "initialisation", "seeds", "at the goal", "share, 95 %", "test accuracy, mean ± se", "lowest", "ended early")
RECIPE = (
    "ikun train --model mlp:depth=50,width=256,bias=true --scheme copy --surrogate sigmoid:alpha=1,amplitude=2.52 --steps 1 "
    f"--loss membrane --layer-rates depth --schedule warmup --lr {LEARNING_RATE:g} --epochs 40"
)

COPYING = (
    "Weights that copy begin as an identity: each neuron repeats one neuron below, so that before training a network of any",
    "depth does what its first layer does, and training adds to that. Small steps keep it near.",
)


def row(one: Judged) -> tuple[str, ...]:
    share, error = one.share, one.error
    return (
        one.cell.name,
        one.start,
        str(len(one.accuracies)),
        f"{one.above} (≥ {one.cell.goal:g})",
        f"{share.value:.2f} [{share.low:.2f}, {share.high:.2f}]",
        f"{one.mean:.3f}" + ("" if error is None else f" ± {error:.3f}"),
        f"{min(one.accuracies):.3f}",
        str(one.never),
    )


def unfinished(results: Results) -> list[str]:
    """What a whole run has, and the rows have not."""
    found = []
    for cell in CELLS:
        for start, wanted in cell.seeds.items():
            if (there := len(results.of(cell.name, start))) < wanted:
                found.append(f"{cell.name}, {start}: {there} of {wanted} seeds")
    return found


def averaged(runs: Sequence[Layers]) -> Layers:
    """Over the seeds that have them; None where one has nothing."""
    return {
        word: [None if None in column else float(np.mean(column)) for column in zip(*(run[word] for run in runs), strict=True)]
        for word in runs[0]
    }


def curves(results: Results) -> dict[str, tuple[Layers, Layers]]:
    """By initialisation: measured from the first layer on, predicted from the second on."""
    cell, found = CELLS[SHOWN], {}
    for start in STARTS:
        runs = [run.layers for run in results.of(SHOWN, start.name) if run.layers]
        if start.theory and runs:
            mine = averaged(runs)
            found[start.name] = mine, predicted(cell.trial(start), mine, cell.depth)
    return found


def picture(found: dict[str, tuple[Layers, Layers]]) -> str:
    """Dots: measured; lines: infinite width."""

    def draw(axes: Axes) -> None:
        left, right = axes, axes.figure.add_axes((0.57, 0.16, 0.41, 0.76))
        left.set_position((0.08, 0.16, 0.41, 0.76))
        for place, word, label in ((left, "overlap", "overlap of two inputs"), (right, "gradient_correlation", "of gradients")):
            for (name, (mine, theory)), colour in zip(found.items(), cycle(SERIES), strict=False):
                place.plot(range(1, len(mine[word]) + 1), _floats(mine[word]), "o", markersize=3, color=colour)
                place.plot(range(2, len(theory[word]) + 2), _floats(theory[word]), color=colour, linewidth=1, label=name)
            place.set(ylim=(0, 1.02), xlabel="layer", ylabel=label.replace("of g", "correlation of two inputs' g"))
        left.legend(frameon=False)

    told = "; ".join(
        f"{name}: gradients correlate by {mine['gradient_correlation'][0]} at the first layer"
        for name, (mine, _) in found.items()
    )
    return svg(draw, anchor="depth", title=TITLE, description=f"{TITLE}. {told}.", size=(9, 3.6), alone=True)


def _floats(values: Sequence[float | None]) -> list[float]:
    return [float("nan") if value is None else value for value in values]


def markdown(results: Results) -> str:
    seconds = sum(run.seconds for run in results.runs.values())
    lines = [f"# {TITLE}", "", f"`{COMMAND}` writes this file.", ""]
    lines += [
        "Layers of spikes one after the other: no norm, no shortcut, a hard threshold. The recipe:",
        "",
        f"    {RECIPE}",
        "",
    ]
    lines += ["| " + " | ".join(COLUMNS) + " |", "|" + " --- |" * len(COLUMNS)]
    lines += ["| " + " | ".join(row(one)) + " |" for one in judged(results)]
    lines += ["", f"Shares with exact intervals (Clopper–Pearson, {100 * CONFIDENCE:g} % each).", ""]
    lines += [*COPYING, "", "## Before training", "", f"![Overlap and correlation of gradients, layer by layer]({PICTURE})", ""]
    lines += [
        f"Dots: networks of width 256, means over all pairs of {SAMPLES} digits and over the first seeds; lines: infinite "
        "width, from the rate and overlap measured in the first layer. Gradients: of a loss that hands all samples the same "
        "one at the last layer's spikes.",
        "",
        "## How",
        "",
        f"One learning rate for all, {LEARNING_RATE:g}, L times that of the hidden weights. It was chosen for copying at depth "
        "20 on a seed that is not evaluated (pair 0 of base seed 77), by validation accuracy, from 2e-3 and 3e-3. It was not "
        "tuned for the others, nor were their hidden rates: what they reach here is a lower bound of what they can. One "
        "surrogate, sigmoid with α = 1, times the amplitude at which the gradient keeps its size: 2.52 "
        "where weights copy, 2.05 else; SpikeInit and `critical` set the slope by their own rules. A run ends early, and "
        f"counts with the accuracy that it has, where its training accuracy stayed below {CHANCE:g} over its first {PATIENCE} "
        "epochs. "
        f"{len(results.runs)} runs, {seconds / 60:.0f} minutes of processor time.",
        "",
        "| cell | | goal |",
        "| --- | --- | --- |",
        *(f"| {cell.name} | {cell.summary} | {cell.goal:g} |" for cell in CELLS),
        "",
        "| initialisation | | surrogate | source |",
        "| --- | --- | --- | --- |",
        *(f"| {start.name} | {start.summary} | {start.surrogate} | {start.source} |" for start in STARTS),
        "",
        *said_of_border(results),
    ]
    if left := unfinished(results):
        lines += ["## What was not run", "", *(f"* {line}" for line in left)]
    return "\n".join(lines) + "\n"


def write(results: Results, path: Path) -> None:
    """With the picture beside it."""
    write_atomically(path.parent / PICTURE, picture(curves(results)) + "\n")
    write_atomically(path, markdown(results))
