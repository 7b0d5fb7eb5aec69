"""The picture: a row a scheme, a column a surrogate, in each cell the depths side by side and the times one above the other.

Every fate has a colour and a shape. A frame says that the prediction was another; a dash, that there are no weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from importlib.resources import files

from ..layer_fate import FATES
from ..pages.svg import spoken
from .experiment import Table
from .findings import tally
from .grid import SURROGATES
from .table_cell import NO_WEIGHTS, Cell

SIZE = 26.0
"""Side of a sub-cell in units of the picture, which is about 860 of them wide: 11 pixels on a phone that shows all of it."""

GAP, LEFT, TOP, HEAD = 7.0, 192.0, 84.0, 15.0
"""Between cells; room for the names of schemes and surrogates; size of the letters."""

KEY = 118.0
"""Room for what the marks mean."""

COLOURS = {
    "silent": "var(--quiet)",
    "saturated": "var(--series-4)",
    "vanishing": "var(--series-1)",
    "exploding": "var(--bad)",
    "healthy": "var(--good)",
}

SHAPES = {
    "silent": '<circle cx="13" cy="13" r="6.5" fill="none" stroke="currentColor" stroke-width="2.4"/>',
    "saturated": '<rect x="6" y="6" width="14" height="14" fill="currentColor"/>',
    "vanishing": '<path d="M5 7.5H21L13 20.5Z" style="fill:currentColor;stroke:none"/>',
    "exploding": '<path d="M5 19.5H21L13 6.5Z" style="fill:none;stroke:currentColor;stroke-width:2.6"/>',
    "healthy": '<path d="M5.5 14L11 19.5L21 6.5" style="fill:none;stroke:currentColor;stroke-width:3.4"/>',
}
"""In a square of side 26. Down and filled, up and hollow, ring, square, tick: told apart without colour, and small."""


def picture(table: Table, *, anchor: str = "fates", alone: bool = False) -> str:
    """SVG for a page, whose colours it takes; `alone`: with colours of its own, light and dark, for a file."""
    schemes = list(dict.fromkeys(cell.setup.scheme for cell in table.cells))
    depths, times = table.settings.depths, table.settings.times
    wide, tall = len(depths) * SIZE, len(times) * SIZE
    width = LEFT + len(SURROGATES) * (wide + GAP)
    height = TOP + len(schemes) * (tall + GAP) + KEY
    by_key = {cell.key: cell for cell in table.cells}
    parts = [f"<defs>{''.join(_symbol(anchor, fate) for fate in FATES)}</defs>"]
    for column, surrogate in enumerate(SURROGATES):
        x = LEFT + column * (wide + GAP)
        parts.append(_text(x + wide / 2, TOP - 42, surrogate, HEAD, "middle", bold=True))
        parts += [_text(x + (i + 0.5) * SIZE, TOP - 12, str(d), 13, "middle") for i, d in enumerate(depths)]
    parts.append(_text(LEFT - 10, TOP - 12, "depth", 14, "end"))
    for row, scheme in enumerate(schemes):
        y = TOP + row * (tall + GAP)
        parts += _name(scheme, LEFT - 46, y + tall / 2)
        parts += [_text(LEFT - 8, y + (i + 0.7) * SIZE, f"T={time.steps}", 13, "end") for i, time in enumerate(times)]
        for column, surrogate in enumerate(SURROGATES):
            x = LEFT + column * (wide + GAP)
            cells = [[by_key[scheme, surrogate, time.steps, depth] for depth in depths] for time in times]
            parts.append(_group(cells, x, y, anchor))
    parts += _key(TOP + len(schemes) * (tall + GAP) + 26, width, table, anchor)
    style = f"<style>{_style()}</style><rect width='100%' height='100%' fill='var(--paper)'/>" if alone else ""
    box = f'viewBox="0 0 {width:g} {height:g}"'
    text = f'<svg xmlns="http://www.w3.org/2000/svg" class="plot" {box}>' + style + "".join(parts) + "</svg>"
    return spoken(text, anchor=anchor, title="Fates of deep random spiking networks", description=tally(table))


def _name(scheme: str, x: float, middle: float) -> list[str]:
    """A long name in two lines, broken behind a hyphen."""
    breaks = [i + 1 for i, letter in enumerate(scheme) if letter == "-"]
    if len(scheme) <= LONG or not breaks:
        return [_text(x, middle + 6, scheme, NAME, "end")]
    at = min(breaks, key=lambda i: abs(2 * i - len(scheme)))
    return [_text(x, middle - 4, scheme[:at], NAME, "end"), _text(x, middle + 16, scheme[at:], NAME, "end")]


LONG, NAME = 12, 18.0
"""Letters of a name in one line; their size."""


def _style() -> str:
    """The colours of the pages, light and dark."""
    render = files("ikun_derivations.render")
    return "".join(render.joinpath(name).read_text(encoding="utf-8") for name in ("palette.css", "plot.css"))


def _symbol(anchor: str, fate: str) -> str:
    return f'<symbol id="{anchor}-{fate}" viewBox="0 0 26 26">{SHAPES[fate]}</symbol>'


def _group(cells: Sequence[Sequence[Cell]], x: float, y: float, anchor: str) -> str:
    """The sub-cells of a scheme and a surrogate, with their fates in words."""
    told = "; ".join(f"T={row[0].setup.time.steps}: " + ", ".join(f"{c.depth} {_told(c)}" for c in row) for row in cells)
    one = cells[0][0].setup
    slope = "" if one.slope is None else f" (slope {one.slope:.3g})"
    reason = next((f" ({cell.setup.reason})" for row in cells for cell in row if cell.setup.reason), "")
    parts = [f"<g><title>{escape(f'{one.scheme}, {one.surrogate}{slope}: {told}{reason}')}</title>"]
    for i, row in enumerate(cells):
        parts += [_mark(cell, x + j * SIZE, y + i * SIZE, anchor) for j, cell in enumerate(row)]
    return "".join([*parts, "</g>"])


def _told(cell: Cell) -> str:
    return cell.fate if cell.agrees else f"{cell.fate} (predicted {cell.expected})"


def _mark(cell: Cell, x: float, y: float, anchor: str) -> str:
    if cell.fate == NO_WEIGHTS:
        return (
            f'<rect x="{x + 1:g}" y="{y + 1:g}" width="24" height="24" fill="none" stroke="var(--line)"/>'
            f'<path d="M{x + 9:g} {y + 13:g}h8" style="stroke:var(--quiet);stroke-width:1.5"/>'
        )
    return _fate(cell.fate, x, y, anchor) + ("" if cell.agrees else _frame(x, y))


def _fate(fate: str, x: float, y: float, anchor: str) -> str:
    colour = COLOURS[fate]
    return (
        f'<g style="color:{colour}"><rect x="{x + 1:g}" y="{y + 1:g}" width="24" height="24" fill="currentColor" '
        f'fill-opacity=".15"/><use href="#{anchor}-{fate}" x="{x:g}" y="{y:g}" width="26" height="26"/></g>'
    )


def _frame(x: float, y: float) -> str:
    return f'<rect x="{x + 2:g}" y="{y + 2:g}" width="22" height="22" fill="none" stroke="var(--ink)" stroke-width="3"/>'


def _key(y: float, width: float, table: Table, anchor: str) -> list[str]:
    parts, step = [], width / len(FATES)
    for index, fate in enumerate(FATES):
        x = 8 + index * step
        parts += [_fate(fate, x, y - 18, anchor), _text(x + 34, y, fate, 16)]
    parts += [_frame(8, y + 12), _text(42, y + 30, "the prediction was another", 16)]
    parts += [f'<path d="M{width / 2 + 9:g} {y + 25:g}h8" style="stroke:var(--quiet);stroke-width:1.5"/>']
    parts.append(_text(width / 2 + 34, y + 30, "the scheme has no weights here", 16))
    one = table.settings
    drawn = f"Measured: most of {one.draws} draws, width {one.width}. {times_of(table)}."
    return [*parts, _text(8, y + 66, drawn, 15)]


def times_of(table: Table) -> str:
    return ", ".join(time.label for time in table.settings.times)


def _text(x: float, y: float, text: str, size: float, anchor: str = "start", *, bold: bool = False) -> str:
    weight = ' font-weight="600"' if bold else ""
    return f'<text x="{x:g}" y="{y:g}" font-size="{size:g}" text-anchor="{anchor}"{weight}>{escape(text)}</text>'
