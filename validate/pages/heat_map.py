"""Layer by step: how rate or gradient travel through depth and time, measured beside predicted.

One colour of the page, more opaque for more: light and dark pages need no palettes of their own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ikun_derivations.render.drawing import SERIES, SHARP, log_ticks, svg, written

from ..verdicts.judge import CaseResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = np.ndarray

ROWS = 40
"""Layers shown at most: of a deeper network every so many."""

SHADES = 32
"""Told apart in the picture; the numbers are shown on hover."""


def per_step(result: CaseResult, quantity: str) -> dict[str, Floats] | None:
    """`measured` and, where there is one, `predicted`, [layers, steps]; None for a single step."""
    steps = [row[quantity].get("steps") for row in result.layers]
    if not all(steps):
        return None
    arrays = {
        name: np.array([[math.nan if step[key] is None else step[key] for step in row] for row in steps], dtype=float)
        for name, key in (("measured", "mean"), ("predicted", "predicted"))
    }
    return {name: array for name, array in arrays.items() if np.isfinite(array).any()} or None


def heat_map(arrays: dict[str, Floats], *, anchor: str, title: str, log: bool = False) -> str:
    """One map per array, on one scale. `log`: shades follow the logarithm."""
    depth = len(next(iter(arrays.values())))
    every = math.ceil(depth / ROWS)
    layers = np.arange(1, depth + 1, every)

    def draw(axes: Axes) -> None:
        from matplotlib.cm import ScalarMappable
        from matplotlib.colors import LinearSegmentedColormap, LogNorm, Normalize

        figure = axes.figure
        axes.remove()
        shown = {name: np.ma.masked_invalid(array[::every]) for name, array in arrays.items()}
        shown = {name: np.ma.masked_less_equal(array, 0) for name, array in shown.items()} if log else shown
        known = np.concatenate([array.compressed() for array in shown.values()])
        low, high = (known.min(), known.max()) if len(known) else (0.5, 1)
        shades = LinearSegmentedColormap.from_list("", [(SERIES[0], 0.04), (SERIES[0], 1)], SHADES)
        scale = (LogNorm if log else Normalize)(low, high if high > low else low + 1)
        maps = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
        for here, (name, array) in zip(maps, shown.items(), strict=True):
            edges = np.append(layers, layers[-1] + every) - 0.5
            cells = here.pcolor(np.arange(array.shape[1] + 1) + 0.5, edges, array, cmap=shades, norm=scale)
            cells.set_gid(f"{SHARP}-{name}")
            filled = np.argwhere(~np.ma.getmaskarray(array))
            cells.set_urls([f"{name}, layer {layers[i]}, step {t + 1}: {array[i, t]:.3g}" for i, t in filled])
            here.set(title=name, xlabel="step")
            here.set_xticks(sorted({1, array.shape[1]}))
            here.set_yticks(sorted({1, depth}))
            here.grid(visible=False)
        maps[0].set_ylabel("layer")
        bar = figure.colorbar(ScalarMappable(scale, shades), ax=list(maps), format=lambda value, _: written(value))
        if log:
            log_ticks(bar.ax.yaxis)

    told = "; ".join(f"{name}: from {_extreme(a, np.nanmin)} to {_extreme(a, np.nanmax)}" for name, a in arrays.items())
    told += f"; {len(layers)} of {depth} layers are drawn" if every > 1 else ""
    return svg(draw, anchor=anchor, title=title, description=f"{title}, layer by step. {told}.")


def _extreme(array: Floats, which: object) -> str:
    return f"{which(array):.3g}" if np.isfinite(array).any() else "nothing"  # type: ignore[operator]  # numpy's nanmin or nanmax


def maps_of(results: Sequence[CaseResult], quantity: str) -> list[tuple[CaseResult, dict[str, Floats]]]:
    """The cases over several steps."""
    return [(result, arrays) for result in results if (arrays := per_step(result, quantity)) is not None]
