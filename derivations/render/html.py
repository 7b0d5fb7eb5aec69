"""Static, self-contained HTML: MathML with its LaTeX as annotation, no script, no network."""

from __future__ import annotations

import html
import re
from functools import cache, lru_cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ..document import MARKS, Document


@cache
def environment() -> Environment:
    """Templates of this folder, with the filter `math`."""
    made = Environment(
        loader=PackageLoader("ikun_derivations", "render"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["math"] = mathml
    return made


@lru_cache(maxsize=1024)
def mathml(latex: str, display: str = "block") -> Markup:
    """LaTeX as MathML, the LaTeX kept as annotation and as accessible text."""
    from latex2mathml.converter import convert

    made = convert(latex, display=display)
    annotation = f'<annotation encoding="application/x-tex">{html.escape(latex)}</annotation>'
    body = re.sub(r"^<math[^>]*>(.*)</math>$", r"\1", made, flags=re.S)
    return Markup(
        f'<math xmlns="http://www.w3.org/1998/Math/MathML" display="{display}"><semantics>{body}{annotation}</semantics></math>'
    )


def render_document(document: Document) -> str:
    """One document as one page."""
    return environment().get_template("derivation.html").render(document=document, marks=MARKS)


def render_page(template: str, **values: Any) -> str:
    """A page of another package's making that includes this folder's style and macros."""
    return environment().from_string(template).render(marks=MARKS, **values)
