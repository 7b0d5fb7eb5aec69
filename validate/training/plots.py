"""Learning curves with bands, and the forest plot of the ratios."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np

from ikun_derivations.render.drawing import BAD, DASHES, GOOD, INK, OPEN, SERIES, legend, log_ticks, svg

from .comparison import Comparison
from .experiment import Result, mean_curve
from .outcome import Outcome

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BAND = (10, 90)
"""Percentiles of the runs that a band covers."""

CURVES = {
    "train_accuracy": "training accuracy",
    "validation_accuracy": "validation accuracy",
}

MARKS = {"better": (GOOD, "o"), "worse": (BAD, "s"), "equivalent": (INK, "D"), "inconclusive": (OPEN, "^")}
"""Verdict to colour and shape."""


def curves(result: Result, name: str, *, anchor: str) -> str:
    """A quantity of the curves over the epochs: the median of each scheme's runs, and a band of most of them."""
    title = f"{CURVES[name]}, median of the runs and their {BAND[0]} to {BAND[1]} % band"

    def draw(axes: Axes) -> None:
        for number, (scheme, runs) in enumerate(result.runs.items()):
            epochs, values = mean_curve(runs, name)
            colour, dash = SERIES[number % len(SERIES)], DASHES[number // len(SERIES) % len(DASHES)]
            low, middle, high = np.nanpercentile(values, (BAND[0], 50, BAND[1]), axis=0)
            axes.fill_between(epochs, low, high, color=colour, alpha=0.2, linewidth=0)
            axes.plot(epochs, middle, color=colour, linestyle=dash, linewidth=1.1, label=scheme)
        if name == "train_accuracy":
            for target in result.plan.targets:
                axes.axhline(target, color=INK, linewidth=0.8, linestyle=":", label="target")
        axes.set_ylim(0, 1.02)
        axes.set_xlabel("epoch")
        axes.set_ylabel(CURVES[name])
        legend(axes)

    told = "; ".join(f"{scheme} ends at {_last(runs, name):.3g}" for scheme, runs in result.runs.items())
    return svg(draw, anchor=anchor, title=title, description=f"{title}. {told}.")


def _last(runs: Sequence[Outcome], name: str) -> float:
    return float(np.nanmedian(mean_curve(runs, name)[1][:, -1]))


def forest(rows: Sequence[tuple[str, Comparison]], *, anchor: str, margin: float, alone: bool = False) -> str:
    """A row a comparison: the ratio of restricted mean epochs with its interval. Left of 1: fewer epochs than the baseline."""
    known = [(label, one) for label, one in rows if one.ratio.known]

    def draw(axes: Axes) -> None:
        axes.axvspan(1 / (1 + margin), 1 + margin, color=INK, alpha=0.08, linewidth=0)
        axes.axvline(1, color=INK, linewidth=0.8, linestyle="--")
        for place, (_, one) in enumerate(known):
            colour, mark = MARKS[one.verdict]
            ratio = one.ratio
            low = max(ratio.low, ratio.value / 20)
            axes.plot([low, ratio.high], [place, place], color=colour, linewidth=1)
            axes.plot([ratio.value], [place], color=colour, marker=mark, markersize=5, linestyle="none", label=one.verdict)
        axes.set_yticks(range(len(known)), [label for label, _ in known])
        axes.set_ylim(len(known) - 0.5, -0.5)
        axes.set_xscale("log")
        log_ticks(axes.xaxis)
        axes.set_xlabel("restricted mean epochs, over those of the baseline")
        legend(axes)

    told = "; ".join(f"{label}: {one.ratio.value:.3g}, {one.ratio.low:.3g} to {one.ratio.high:.3g}" for label, one in known)
    title = "Ratio of restricted mean epochs, with simultaneous intervals"
    size = (5.6, 0.9 + 0.26 * max(2, len(known)))
    return svg(draw, anchor=anchor, title=title, description=f"{title}. {told}.", size=size, alone=alone)


def inside(result: Result, name: str, label: str, *, anchor: str) -> str | None:
    """A quantity inside each scheme's networks: median over runs of the layers' geometric mean; None: not recorded."""
    series = {scheme: drift(runs, name) for scheme, runs in result.runs.items()}
    series = {scheme: found for scheme, found in series.items() if found is not None}
    if not series:
        return None

    def draw(axes: Axes) -> None:
        for (scheme, (epochs, values)), colour in zip(series.items(), cycle(SERIES), strict=False):
            axes.plot(epochs, values, color=colour, linewidth=1.1, label=scheme)
        axes.set_yscale("log")
        log_ticks(axes.yaxis)
        axes.set_xlabel("epoch")
        axes.set_ylabel(label)
        legend(axes)

    told = "; ".join(f"{scheme} from {values[0]:.3g} to {values[-1]:.3g}" for scheme, (_, values) in series.items())
    return svg(draw, anchor=anchor, title=label, description=f"{label}. {told}.")


def drift(runs: Sequence[Outcome], name: str) -> tuple[np.ndarray, np.ndarray] | None:
    longest = max(runs, key=lambda run: len(run.inside), default=None)
    if longest is None or not longest.inside:
        return None
    count = min(len(run.inside) for run in runs)
    if count < 2:
        return None
    logs = [
        [np.mean([np.log(max(layer[name] or 0.0, 1e-12)) for layer in one["layers"]]) for one in run.inside[:count]]
        for run in runs
    ]
    return np.array([one["epoch"] for one in longest.inside[:count]]), np.exp(np.median(logs, axis=0))
