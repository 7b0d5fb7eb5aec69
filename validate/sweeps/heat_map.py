"""A measured quantity over one axis or two, with the theory's lines; its numbers are shown on hover.

One colour of the page, more opaque for more: light and dark pages need no palettes of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ikun_derivations.render.drawing import BAD, DASHES, INK, SERIES, SHARP, legend, log_ticks, svg, written

from .cell import FAILED
from .cells import Cells
from .measures import Measure
from .theory_lines import LINES, Line

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = (INK, SERIES[1], SERIES[2], SERIES[3])
FAINT, FULL = 0.05, 0.95
LEFT = 0.02
"""Least difference of colours, as a share of the scale."""


def picture(found: Cells, measure: Measure, *, anchor: str, alone: bool = False) -> str:
    """SVG. `alone`: a file of its own, with its colours."""
    values = found.array(lambda line: line.numbers.get(measure.name))
    draw = _map(found, measure, values) if len(found.axes) == 2 else _curve(found, measure, values)
    known = values[np.isfinite(values)]
    ends = f"from {known.min():.3g} to {known.max():.3g}" if known.size else "nothing"
    over = " and ".join(axis.name for axis in found.axes)
    told = f"{measure.label} over {over}: {ends}; " + ", ".join(f"{n} cells {state}" for state, n in found.states.items())
    size = (4.9, 2.4 + 0.17 * len(found.axes[-1].texts)) if len(found.axes) == 2 else (4.9, 3.0)
    return svg(
        draw, anchor=anchor, title=f"ikun {found.command}: {measure.label}", description=told + ".", size=size, alone=alone
    )


def _scale(measure: Measure, values: np.ndarray) -> np.ndarray:
    """In [0, 1]."""
    known = values[np.isfinite(values)]
    low, high = measure.bounds or ((known.min(), known.max()) if known.size else (0.0, 1.0))
    return np.clip((values - low) / max(high - low, 1e-12), 0, 1)


def _map(found: Cells, measure: Measure, values: np.ndarray) -> Any:
    across, up = found.axes

    def draw(axes: Axes) -> None:
        from matplotlib.collections import PolyCollection
        from matplotlib.colors import to_rgba

        scaled, shown = _scale(measure, values), [line.told(measure.name) for line in found.lines]
        corners, colours, texts = [], [], []
        for (i, j), share in np.ndenumerate(scaled):
            corners.append([(i - 0.5, j - 0.5), (i + 0.5, j - 0.5), (i + 0.5, j + 0.5), (i - 0.5, j + 0.5)])
            known = np.isfinite(share)
            colours.append(to_rgba(SERIES[0], FAINT + (FULL - FAINT) * share) if known else (0, 0, 0, 0))
            texts.append(shown[i * len(up.texts) + j])
        tiles = PolyCollection(corners, facecolors=colours, edgecolors="none", urls=texts)
        tiles.set_gid(f"{SHARP}-cells")
        axes.add_collection(tiles)
        failed = [divmod(k, len(up.texts)) for k, line in enumerate(found.lines) if line.state == FAILED]
        if failed:
            x, y = zip(*failed, strict=True)
            axes.scatter(x, y, marker="x", color=BAD, label="failed", clip_on=False)
        for line, colour, dash in zip(LINES, COLOURS, DASHES, strict=True):
            _contour(axes, found, line, colour, dash)
        axes.set(xlim=(-0.5, len(across.texts) - 0.5), ylim=(-0.5, len(up.texts) - 0.5), xlabel=across.name, ylabel=up.name)
        tilted = max(map(len, across.texts)) > 6
        axes.set_xticks(
            range(len(across.texts)), across.texts, rotation=30 if tilted else 0, ha="right" if tilted else "center"
        )
        axes.set_yticks(range(len(up.texts)), up.texts)
        axes.tick_params(length=0)
        axes.grid(visible=False)
        _bar(axes, measure, values)
        if axes.get_legend_handles_labels()[0]:
            legend(axes)

    return draw


def _bar(axes: Axes, measure: Measure, values: np.ndarray) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LinearSegmentedColormap, Normalize

    known = values[np.isfinite(values)]
    low, high = measure.bounds or ((known.min(), known.max()) if known.size else (0.0, 1.0))
    shades = LinearSegmentedColormap.from_list("", [(SERIES[0], FAINT), (SERIES[0], FULL)], 32)
    bar = axes.figure.colorbar(
        ScalarMappable(Normalize(low, max(high, low + 1e-12)), shades),
        ax=axes,
        format=lambda value, _: written(float(f"{value:.3g}")),
    )
    bar.set_label(measure.label, fontsize=8)


def _contour(axes: Axes, found: Cells, line: Line, colour: str, dash: Any) -> None:
    """At 1, between the cells' middles; of numbers only, and where theory says something."""
    values = found.array(lambda cell: line.field(cell.theory))
    known = values[np.isfinite(values)]
    if not all(axis.numeric for axis in found.axes) or min(values.shape) < 2 or not known.size:
        return
    if not known.min() < 1 < known.max():
        return
    # ratios: halfway between 1/2 and 2 is 1
    logs = np.log(np.maximum(np.ma.masked_invalid(values), 1e-12)).T
    axes.contour(logs, levels=[0.0], colors=[colour], linestyles=[dash], linewidths=1.4)
    axes.plot([], [], color=colour, linestyle=dash, linewidth=1.4, label=line.name)


def _curve(found: Cells, measure: Measure, values: np.ndarray) -> Any:
    (axis,) = found.axes

    def draw(axes: Axes) -> None:
        at = np.array(axis.values, dtype=float) if axis.numeric else np.arange(len(axis.texts), dtype=float)
        axes.plot(at, values, color=SERIES[0], linewidth=1, marker="o", markersize=4)
        points = axes.scatter(at, np.where(np.isfinite(values), values, 0), s=80, color=SERIES[0], alpha=0.01)
        points.set_urls([line.told(measure.name) for line in found.lines])
        if axis.logarithmic:
            axes.set_xscale("log")
            log_ticks(axes.xaxis)
        if not axis.numeric:
            axes.set_xticks(at, axis.texts, rotation=30, ha="right")
        if axis.numeric:
            for line, colour, dash in zip(LINES, COLOURS, DASHES, strict=True):
                _crossings(axes, at, found.array(lambda cell, line=line: line.field(cell.theory)), line, colour, dash)
        if measure.bounds:
            low, high = measure.bounds
            axes.set_ylim(low - LEFT * (high - low), high + LEFT * (high - low))
        axes.set(xlabel=axis.name, ylabel=measure.label)
        if axes.get_legend_handles_labels()[0]:
            legend(axes)

    return draw


def _crossings(axes: Axes, at: np.ndarray, values: np.ndarray, line: Line, colour: str, dash: Any) -> None:
    with np.errstate(invalid="ignore", divide="ignore"):
        logs = np.log(values)
    for k in range(len(at) - 1):
        a, b = logs[k], logs[k + 1]
        if np.isfinite(a) and np.isfinite(b) and a * b < 0:
            where = at[k] + (at[k + 1] - at[k]) * a / (a - b)
            axes.axvline(where, color=colour, linestyle=dash, linewidth=1.2, label=line.name)
