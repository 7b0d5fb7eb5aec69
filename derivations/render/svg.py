"""Figures as SVG: colours are variables of the page, curves differ by dashes too, title and description are read aloud."""

from __future__ import annotations

from functools import cache
from html import escape
from importlib.resources import files

from ..figure import Figure
from .latex import runs
from .plot import Drawing, Label, Line, layout
from .prose import Piece, pieces

DASHES = ("", "7 3", "2 3", "9 3 2 3")
"""Curves that follow each other; the colours repeat with them, so that nothing is told by colour alone."""


def svg(figure: Figure, anchor: str, *, standalone: bool = False) -> str:
    """One `<svg>`. `anchor` begins its ids. Standalone: a file of its own, which brings the colours along."""
    drawing = layout(figure)
    ids = (f"{anchor}-title", f"{anchor}-desc")
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="plot" viewBox="0 0 {drawing.width:g} {drawing.height:g}" '
        f'role="img" aria-labelledby="{ids[0]} {ids[1]}">'
        f'<title id="{ids[0]}">{_plain(figure.title)}</title><desc id="{ids[1]}">{_plain(figure.alt)}</desc>'
    )
    style = f"<style>{_resource('palette.css')}{_resource('plot.css')}</style>" if standalone else ""
    return head + style + "".join(_parts(drawing)) + "</svg>"


def _parts(drawing: Drawing) -> list[str]:
    return [_line(line) for line in drawing.lines] + [_label(label) for label in drawing.labels]


def _line(line: Line) -> str:
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in line.points)
    if line.role != "curve":
        return f'<path class="{line.role}" d="{path}"/>'
    dash = DASHES[line.index % len(DASHES)]
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<path class="curve series-{line.index % len(DASHES) + 1}"{dashes} d="{path}"/>'


def _label(label: Label) -> str:
    turn = f' transform="rotate(-90 {label.x:.1f} {label.y:.1f})"' if label.turned else ""
    text = "".join(_run(piece) for piece in _set(label.text))
    return f'<text x="{label.x:.1f}" y="{label.y:.1f}" text-anchor="{label.anchor}"{turn}>{text}</text>'


def _set(text: str) -> list[Piece]:
    return [run for piece in pieces(text) for run in (runs(piece.text) if piece.kind == "math" else [piece])]


def _run(piece: Piece) -> str:
    if piece.kind not in ("sub", "sup"):
        return escape(piece.text)
    shift = 3.5 if piece.kind == "sub" else -4.5
    # baseline-shift is not drawn by every browser; dy is, and has to be taken back: by a word joiner, which has no width
    return f'<tspan dy="{shift}" font-size="75%">{escape(piece.text)}</tspan><tspan dy="{-shift}">\u2060</tspan>'


def _plain(text: str) -> str:
    return escape("".join(piece.text for piece in _set(text)))


@cache
def _resource(name: str) -> str:
    return files("ikun_derivations").joinpath("render", name).read_text(encoding="utf-8")
