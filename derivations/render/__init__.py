"""Formats of a report: one statement each. What a format makes is file names and contents; nothing here writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ..document import Document
from . import html_pages as html
from . import json_data, markdown, tex
from .volume import Volume


@dataclass(frozen=True)
class Format:
    """`suffix` of a document's file. `pages`: a document's files. `index`: those of the whole set."""

    suffix: str
    pages: Callable[[Document, Volume], Mapping[str, str | bytes]]
    index: Callable[[Sequence[Document], Volume, str, str], Mapping[str, str | bytes]]


FORMATS: dict[str, Format] = {
    "html": Format(".html", html.pages, html.index),
    "markdown": Format(".md", markdown.pages, markdown.index),
    "latex": Format(".tex", tex.pages, tex.index),
    "json": Format(".json", json_data.pages, json_data.index),
}
