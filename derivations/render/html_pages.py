"""Static, self-contained HTML: MathML with its LaTeX as annotation, plots as SVG, no script, no network."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from ..document import MARKS, Document
from ..figure import Figure
from .curves import picture
from .mathml import mathml
from .numbered import numbered
from .prose import pieces, plain
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
    made.globals.update(marks=MARKS)
    made.globals.update(show=made.get_template("macros.html").module)
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
    return Markup(picture(figure, anchor))


def pages(document: Document, volume: Volume) -> dict[str, str]:
    """File name to text."""
    before, after = volume.around(document.id)
    here = volume.entry(document.id)
    told = {"title": document.title, "document": document, "volume": volume, "here": here, "before": before, "after": after}
    text = environment().get_template("derivation.html").render(told)
    return {f"{document.id}.html": text}


def index(documents: Sequence[Document], volume: Volume, title: str, introduction: str) -> dict[str, str]:
    text = environment().get_template("index.html").render(volume=volume, title=title, introduction=introduction)
    return {"index.html": text}


def render_page(package: str, **values: Any) -> str:
    """`page.html` of another package, which extends this folder's base.html."""
    template = files(package).joinpath("page.html").read_text(encoding="utf-8")
    return environment().from_string(template).render(**values)
