"""Plots as SVG text that follows the page's colours, light and dark."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np

from .judge import CaseResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Stand-ins that are replaced by the page's own variables once the SVG is text.
_COLOURS = {
    "#010203": "currentColor",
    "#0a0b0c": "var(--line)",
    "#040506": "var(--series-1)",
    "#070809": "var(--series-2)",
    "#0d0e0f": "var(--series-3)",
    "#101112": "var(--series-4)",
}
INK, GRID, *SERIES = _COLOURS


def layers_plot(results: Sequence[CaseResult], quantity: str, ylabel: str, claimed: float | None = None) -> str:
    """`quantity` (var_h or grad_var) against the layer, logarithmic: for each case the measured mean with its interval
    (line and band) and the prediction (dashed); `claimed` draws the level that a claim asserts."""

    def draw(axes: Axes) -> None:
        for colour, result in zip(cycle(SERIES), results, strict=False):
            _series(axes, result, quantity, colour)
        if claimed is not None:
            axes.axhline(claimed, color=INK, linewidth=0.8, linestyle=":", label="claimed: flat")
        axes.set_yscale("log")
        _at_least_a_decade(axes)
        axes.set_xlabel("layer")
        axes.set_ylabel(ylabel)
        axes.legend(frameon=False, fontsize=8, labelcolor=INK)

    return svg(draw)


def _series(axes: Axes, result: CaseResult, quantity: str, colour: str) -> None:
    rows = result.layers
    layer = np.array([row["layer"] for row in rows])
    mean, low, high, predicted = (
        np.array([np.nan if row[quantity][key] is None else row[quantity][key] for row in rows], dtype=float)
        for key in ("mean", "low", "high", "predicted")
    )
    name = f"θ = {result.case.architecture.threshold:g}"
    axes.fill_between(layer, np.where(low > 0, low, mean), high, color=colour, alpha=0.25, linewidth=0)
    axes.plot(layer, mean, color=colour, marker="o", markersize=2.5, linewidth=0.8, label=f"{name}, measured")
    shown = predicted > 0
    if shown.any():
        axes.plot(layer[shown], predicted[shown], color=INK, linewidth=1.2, linestyle="--", label=f"{name}, predicted")


def _at_least_a_decade(axes: Axes) -> None:
    # A flat line must look flat: noise of a per cent is not to fill the plot.
    low, high = axes.get_ylim()
    if high / low < 10:
        middle = np.sqrt(low * high)
        axes.set_ylim(middle / np.sqrt(10), middle * np.sqrt(10))


def svg(draw: Callable[[Axes], None]) -> str:
    import matplotlib
    from matplotlib.figure import Figure

    style: dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": "ikun", "font.family": "sans-serif", "font.size": 9}
    with matplotlib.rc_context(style):
        figure = Figure(figsize=(5.2, 3.1), layout="constrained")
        axes = figure.add_subplot()
        draw(axes)
        for spine in axes.spines.values():
            spine.set_color(GRID)
        axes.tick_params(colors=INK, which="both")
        axes.xaxis.label.set_color(INK)
        axes.yaxis.label.set_color(INK)
        axes.grid(color=GRID, linewidth=0.6)
        figure.patch.set_alpha(0)
        axes.patch.set_alpha(0)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    for stand_in, colour in _COLOURS.items():
        text = text.replace(stand_in, colour)
    text = re.sub(r'<g id="[^"]*">', "<g>", text)  # several plots share a page: ids must not repeat
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.S)
    return text.replace("font: ", "font-family: inherit; font: ")
