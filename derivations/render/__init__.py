"""Renderings of a document: format name to (file suffix, function from Document to text)."""

from __future__ import annotations

from collections.abc import Callable

from ..document import Document
from .html import render_document

FORMATS: dict[str, tuple[str, Callable[[Document], str]]] = {"html": (".html", render_document)}
