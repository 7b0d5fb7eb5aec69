"""Figures of matplotlib as SVG that belongs to a page: its colours, light and dark; read aloud; no id twice."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Stand-ins that are replaced by the page's own variables once the SVG is text.
COLOURS = {
    "#010203": "currentColor",
    "#0a0b0c": "var(--line)",
    "#040506": "var(--series-1)",
    "#070809": "var(--series-2)",
    "#0d0e0f": "var(--series-3)",
    "#101112": "var(--series-4)",
    "#131415": "var(--good)",
    "#161718": "var(--bad)",
    "#191a1b": "var(--open)",
}
INK, GRID, *SERIES = list(COLOURS)[:6]
GOOD, BAD, OPEN = list(COLOURS)[6:]

SIZE = (5.2, 3.1)
"""Inches of 72 units: drawn at about this size, and scaled to the column."""


def svg(draw: Callable[[Axes], None], *, anchor: str, title: str, description: str, size: tuple[float, float] = SIZE) -> str:
    """What `draw` puts on the axes. `anchor` begins all ids; `description` says in words what there is to see."""
    import matplotlib
    from matplotlib.figure import Figure

    style: dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": "ikun", "font.family": "sans-serif", "font.size": 9}
    with matplotlib.rc_context(style):
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.add_subplot()
        draw(axes)
        for spine in axes.spines.values():
            spine.set_color(GRID)
        axes.tick_params(colors=INK, which="both")
        axes.xaxis.label.set_color(INK)
        axes.yaxis.label.set_color(INK)
        axes.grid(color=GRID, linewidth=0.6)
        axes.set_axisbelow(True)
        figure.patch.set_alpha(0)
        axes.patch.set_alpha(0)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return spoken(_of_the_page(buffer.getvalue(), anchor), anchor=anchor, title=title, description=description)


def _of_the_page(text: str, anchor: str) -> str:
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.S)
    for stand_in, colour in COLOURS.items():
        text = text.replace(stand_in, colour)
    used = set(re.findall(r'(?:href="|url\()#([^")]+)', text))
    text = re.sub(r' id="([^"]*)"', lambda m: f' id="{anchor}-{m[1]}"' if m[1] in used else "", text)
    text = re.sub(r'((?:href="|url\()#)', rf"\g<1>{anchor}-", text)
    text = re.sub(r' (?:xmlns:xlink|version)="[^"]*"', "", text).replace("xlink:href", "href")
    text = re.sub(r"(\d\.\d\d)\d+", r"\1", text)  # a hundredth of a point is enough
    return text.replace("font: ", "font-family: inherit; font: ")


def spoken(text: str, *, anchor: str, title: str, description: str) -> str:
    """The SVG with a name and a description for those who cannot see it."""
    named = (
        f'role="img" aria-labelledby="{anchor}-title {anchor}-desc">'
        f'<title id="{anchor}-title">{escape(title)}</title><desc id="{anchor}-desc">{escape(description)}</desc>'
    )
    return re.sub(r">", lambda _: " " + named, text, count=1)
