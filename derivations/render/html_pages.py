"""Static, self-contained HTML: MathML with its LaTeX as annotation, plots as SVG, no script, no network."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from ..document import MARKS, Document
from ..figure import Figure
from .mathml import mathml
from .numbered import numbered
from .prose import pieces, plain
from .svg import svg
from .volume import Volume


@cache
def environment() -> Environment:
    """Templates of this folder, with the filters they use."""
    made = Environment(
        loader=PackageLoader("ikun_derivations", "render"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(math=mathml, prose=prose, plain=plain, numbered=numbered, svg=_figure)
    return made


def prose(text: str) -> Markup:
    """Prose with its indices, code and inline formulas."""
    tags = {"sub": "sub", "sup": "sup", "code": "code"}
    parts = []
    for kind, inside in pieces(text):
        if kind == "math":
            parts.append(mathml(inside, "inline"))
        else:
            tag = tags.get(kind)
            parts.append(Markup(f"<{tag}>{escape(inside)}</{tag}>") if tag else escape(inside))
    return Markup("").join(parts)


def _figure(figure: Figure, anchor: str) -> Markup:
    return Markup(svg(figure, anchor))


def pages(document: Document, volume: Volume) -> dict[str, str]:
    """File name to text."""
    before, after = volume.around(document.id)
    here = volume.entry(document.id)
    text = (
        environment()
        .get_template("derivation.html")
        .render(
            document=document, marks=MARKS, volume=volume, before=before, after=after, symbols=here.symbols, source=here.source
        )
    )
    return {f"{document.id}.html": text}


def index(documents: Sequence[Document], volume: Volume, title: str, introduction: str) -> dict[str, str]:
    text = environment().get_template("index.html").render(volume=volume, marks=MARKS, title=title, introduction=introduction)
    return {"index.html": text}


def render_page(template: str, **values: Any) -> str:
    """A page of another package's making that includes this folder's style and macros."""
    return environment().from_string(template).render(marks=MARKS, **values)
