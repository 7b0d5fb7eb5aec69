"""The picture: a row a scheme, a column a surrogate, in each cell the depths side by side and the times one above the other.

Every fate has a colour and a shape. A frame says that the prediction was another; a dash, that there are no weights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Any

from ikun_derivations.render.drawing import BAD, GOOD, INK, OPEN, QUIET, SERIES, svg

from .experiment import Table
from .findings import tally
from .grid import SURROGATES
from .table_cell import NO_WEIGHTS, Cell

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZE = 26.0
"""Points of a sub-cell, of about 860 that the picture is wide: 11 pixels on a phone that shows all of it."""

GAP = 0.3
"""Between cells, in sub-cells."""

COLOURS = {
    "silent": QUIET,
    "saturated": SERIES[3],
    "vanishing": SERIES[0],
    "exploding": BAD,
    "uninformative": OPEN,
    "healthy": GOOD,
}

TWINS = "d"
TICK = ((-1.0, 0.0), (-0.3, -0.8), (1.0, 0.9))
SHAPES = {
    "silent": ("o", False),
    "saturated": ("s", True),
    "vanishing": ("v", True),
    "exploding": ("^", False),
    "uninformative": (TWINS, False),
    "healthy": (TICK, False),
}
"""Marker, and whether it is filled: told apart without colour, and small."""

LEFT, RIGHT, ABOVE, BELOW = 7.6, 0.2, 3.2, 4.2
"""Room around the cells for names and key, in sub-cells."""

Place = tuple[float, float]


def picture(table: Table, *, anchor: str = "fates", alone: bool = False) -> str:
    """SVG for a page, whose colours it takes; `alone`: with colours of its own, light and dark, for a file."""
    depths, steps = table.settings.depths, [time.steps for time in table.settings.times]
    schemes = list(dict.fromkeys(cell.setup.scheme for cell in table.cells))
    columns = {surrogate: i * (len(depths) + GAP) for i, surrogate in enumerate(SURROGATES)}
    rows = {scheme: i * (len(steps) + GAP) for i, scheme in enumerate(schemes)}
    wide, tall = max(columns.values()) + len(depths), max(rows.values()) + len(steps)
    width, height = LEFT + wide + RIGHT, ABOVE + tall + BELOW

    def place(cell: Cell) -> Place:
        """The middle of its sub-cell."""
        one = cell.setup
        return columns[one.surrogate] + depths.index(cell.depth), rows[one.scheme] + steps.index(one.time.steps)

    def draw(axes: Axes) -> None:
        axes.set_position((LEFT / width, BELOW / height, wide / width, tall / height))  # a sub-cell is to have its size
        axes.set(xlim=(-0.5, wide - 0.5), ylim=(tall - 0.5, -0.5))
        axes.set_xticks(
            [x + i for x in columns.values() for i in range(len(depths))],
            [str(depth) for depth in depths] * len(columns),
            fontsize=12,
        )
        axes.set_yticks(
            [y + i for y in rows.values() for i in range(len(steps))], [f"T={s}" for s in steps] * len(rows), fontsize=12
        )
        axes.tick_params(length=0, labeltop=True, labelbottom=False)
        axes.spines[:].set_visible(False)
        axes.grid(visible=False)
        axes.text(-0.7, -0.83, "depth", fontsize=12, ha="right")
        for surrogate, x in columns.items():
            axes.text(x + (len(depths) - 1) / 2, -1.5, fill(surrogate, 12), fontsize=15, ha="center", weight="bold")
        for scheme, y in rows.items():
            axes.text(-2.1, y + (len(steps) - 1) / 2, fill(scheme, 15), fontsize=17, ha="right", va="center")
        empty = [place(cell) for cell in table.cells if cell.fate == NO_WEIGHTS]
        for fate, colour in COLOURS.items():
            at = [place(cell) for cell in table.cells if cell.fate == fate]
            marker, filled = SHAPES[fate]
            _marks(axes, at, "s", 0.92, facecolors=colour, alpha=0.15)
            _marks(axes, at, marker, 0.5, facecolors=colour if filled else "none", edgecolors=colour, label=fate)
        missed = [place(cell) for cell in table.run if not cell.agrees]
        _marks(axes, missed, "s", 0.85, facecolors="none", edgecolors=INK, label="the prediction was another")
        _marks(axes, empty, "_", 0.3, color=QUIET, linewidths=1.5, label="the scheme has no weights here")
        _hover(axes, table.cells, place)
        one = table.settings
        drawn = f"Measured: most of {one.draws} draws, width {one.width}. {', '.join(time.label for time in one.times)}."
        key = {"ncols": 3, "frameon": False, "fontsize": 15, "title_fontsize": 15, "alignment": "left"}
        axes.legend(title=drawn, loc="lower left", bbox_to_anchor=(0, 0), bbox_transform=axes.figure.transFigure, **key)

    size = (width * SIZE / 72, height * SIZE / 72)
    return svg(
        draw, anchor=anchor, title="Fates of deep random spiking networks", description=tally(table), size=size, alone=alone
    )


def _marks(axes: Axes, at: Sequence[Place], marker: Any, size: float, **style: Any) -> None:
    """`size` in sub-cells."""
    x, y = zip(*at, strict=True) if at else ((), ())
    style = {"linewidths": 2.4 if "edgecolors" in style else 0} | style
    axes.scatter(x, y, (size * SIZE) ** 2, marker=marker, clip_on=False, **style)


def _hover(axes: Axes, cells: Sequence[Cell], place: Callable[[Cell], Place]) -> None:
    """Clear tiles over the sub-cells of a scheme and a surrogate, which say their fates in words."""
    from matplotlib.collections import PolyCollection

    groups: dict[tuple[str, str], list[Cell]] = {}
    for cell in cells:
        groups.setdefault((cell.setup.scheme, cell.setup.surrogate), []).append(cell)
    corners = []
    for group in groups.values():
        x, y = zip(*map(place, group), strict=True)
        left, right, top, bottom = min(x) - 0.5, max(x) + 0.5, min(y) - 0.5, max(y) + 0.5
        corners.append([(left, top), (right, top), (right, bottom), (left, bottom)])
    tiles = PolyCollection(corners, facecolors="none", zorder=3, urls=[_told(group) for group in groups.values()])
    axes.add_collection(tiles, autolim=False)


def _told(group: Sequence[Cell]) -> str:
    one = group[0].setup
    slope = "" if one.slope is None else f" (slope {one.slope:.3g})"
    reason = next((f" ({cell.setup.reason})" for cell in group if cell.setup.reason), "")
    fates: dict[int, list[str]] = {}
    for cell in group:
        told = cell.fate if cell.agrees else f"{cell.fate} (predicted {cell.expected})"
        fates.setdefault(cell.setup.time.steps, []).append(f"{cell.depth} {told}")
    words = "; ".join(f"T={steps}: {', '.join(told)}" for steps, told in fates.items())
    return f"{one.scheme}, {one.surrogate}{slope}: {words}{reason}"
