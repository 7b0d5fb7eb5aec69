"""Figures as TikZ pictures, from the same drawing as the SVG."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

from ..figure import Figure
from .plot import Drawing, Label, Line, layout
from .svg import DASHES
from .tex_text import prose


def tikz(figure: Figure) -> str:
    drawing = layout(figure)
    return "\n".join([r"\begin{tikzpicture}[x=0.75bp,y=-0.75bp,font=\footnotesize]", *_parts(drawing), r"\end{tikzpicture}"])


def _parts(drawing: Drawing) -> list[str]:
    return [_line(line) for line in drawing.lines] + [_label(label) for label in drawing.labels]


def _line(line: Line) -> str:
    style = f"series-{line.index % len(DASHES) + 1}, line width=1pt, line join=round" if line.role == "curve" else line.role
    dash = DASHES[line.index % len(DASHES)] if line.role == "curve" else ""
    if dash:
        lengths = [float(length) for length in dash.split()]
        pattern = " ".join(f"on {on:g}bp off {off:g}bp" for on, off in zip(lengths[::2], lengths[1::2], strict=True))
        style += f", dash pattern={pattern}"
    return rf"\draw[{style}] " + " -- ".join(f"({x:.1f},{y:.1f})" for x, y in line.points) + ";"


def _label(label: Label) -> str:
    anchor = {"start": "base west", "middle": "base", "end": "base east"}[label.anchor]
    turn = ", rotate=90" if label.turned else ""
    return rf"\node[anchor={anchor}, inner sep=0pt{turn}] at ({label.x:.1f},{label.y:.1f}) {{{prose(label.text)}}};"


@cache
def colours() -> str:
    """The page's light colours as LaTeX definitions: each variable is named once, in palette.css."""
    text = files("ikun_derivations").joinpath("render", "palette.css").read_text(encoding="utf-8")
    light = text[: text.index("@media")]
    found = re.findall(r"--([\w-]+): #([0-9a-f]{6});", light)
    return "\n".join(rf"\definecolor{{{name}}}{{HTML}}{{{value.upper()}}}" for name, value in found)
