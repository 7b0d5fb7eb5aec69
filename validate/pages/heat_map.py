"""Layer by step: how rate or gradient travel through depth and time, measured beside predicted.

Plain rectangles of one colour of the page, more opaque for more: light and dark pages need no palettes of their own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

import numpy as np

from ..verdicts.judge import CaseResult
from .svg import spoken

Floats = np.ndarray

CELL, GAP, LEFT, TOP, BOTTOM = 150.0, 42.0, 34.0, 34.0, 34.0
"""Side of a map, and the room around it."""

ROWS = 40
"""Layers shown at most: of a deeper network every so many."""

KEY = 10
"""Steps of the colour key."""


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
    shown = {name: _thinned(np.log10(array) if log else array) for name, array in _positive(arrays, log).items()}
    finite = np.concatenate([array[np.isfinite(array)] for array in shown.values()])
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
    span = high - low or 1.0
    layers, depth = len(next(iter(shown.values()))), len(next(iter(arrays.values())))
    width = LEFT + len(shown) * (CELL + GAP) + 40
    box = f'viewBox="0 0 {width:g} {TOP + CELL + BOTTOM:g}"'
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" class="plot" shape-rendering="crispEdges" {box}>']
    for index, (name, array) in enumerate(shown.items()):
        x = LEFT + index * (CELL + GAP)
        parts += _map((array - low) / span, x, name, first=index == 0, depth=depth)
    parts += _key(LEFT + len(shown) * (CELL + GAP) - GAP / 2, low, high, log)
    text = "".join([*parts, "</svg>"])
    told = "; ".join(f"{name}: from {_extreme(a, np.nanmin)} to {_extreme(a, np.nanmax)}" for name, a in arrays.items())
    told += f"; {layers} of {depth} layers are drawn" if layers < depth else ""
    return spoken(text, anchor=anchor, title=title, description=f"{title}, layer by step. {told}.")


def _positive(arrays: dict[str, Floats], log: bool) -> dict[str, Floats]:
    return {name: np.where(array > 0, array, np.nan) if log else array for name, array in arrays.items()}


def _thinned(array: Floats) -> Floats:
    return array[:: math.ceil(len(array) / ROWS)]


def _extreme(array: Floats, which: object) -> str:
    return f"{which(array):.3g}" if np.isfinite(array).any() else "nothing"  # type: ignore[operator]  # numpy's nanmin or nanmax


def _map(shade: Floats, x: float, name: str, *, first: bool, depth: int) -> list[str]:
    """Layer 1 below, the last above; time to the right."""
    layers, steps = shade.shape
    tall, wide = CELL / layers, CELL / steps
    parts = [f'<rect x="{x:g}" y="{TOP:g}" width="{CELL:g}" height="{CELL:g}" fill="none" stroke="var(--line)"/>']
    for layer in range(layers):
        y = TOP + CELL - (layer + 1) * tall
        parts += [
            f'<rect x="{x + t * wide:.1f}" y="{y:.1f}" width="{wide:.2f}" height="{tall:.2f}" {_fill(shade[layer, t])}/>'
            for t in range(steps)
            if np.isfinite(shade[layer, t])
        ]
    parts += [_text(x + CELL / 2, TOP - 10, name), _text(x + CELL / 2, TOP + CELL + 28, "step")]
    parts += [_text(x + wide / 2, TOP + CELL + 14, "1"), _text(x + CELL - wide / 2, TOP + CELL + 14, str(steps))]
    if first:
        parts += [_text(x - 5, TOP + CELL - 2, "1", "end"), _text(x - 5, TOP + 10, str(depth), "end")]
        parts.append(f'<g transform="rotate(-90 12 {TOP + CELL / 2:g})">{_text(12, TOP + CELL / 2, "layer")}</g>')
    return parts


def _key(x: float, low: float, high: float, log: bool) -> list[str]:
    tall = CELL / KEY
    parts = [
        f'<rect x="{x:g}" y="{TOP + CELL - (k + 1) * tall:g}" width="12" height="{tall:g}" {_fill((k + 0.5) / KEY)}/>'
        for k in range(KEY)
    ]
    ends = (10**low, 10**high) if log else (low, high)
    return [*parts, _text(x + 17, TOP + CELL, f"{ends[0]:.2g}", "start"), _text(x + 17, TOP + 10, f"{ends[1]:.2g}", "start")]


def _fill(shade: float) -> str:
    return f'fill="var(--series-1)" fill-opacity="{0.04 + 0.96 * float(shade):.2f}"'


def _text(x: float, y: float, text: str, anchor: str = "middle") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def maps_of(results: Sequence[CaseResult], quantity: str) -> list[tuple[CaseResult, dict[str, Floats]]]:
    """The cases over several steps."""
    return [(result, arrays) for result in results if (arrays := per_step(result, quantity)) is not None]
