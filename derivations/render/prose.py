"""Prose as pieces that each format sets in its own way: text, `code`, $formulas$, and letters with an index (σ_X, X^p)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple


class Piece(NamedTuple):
    """`kind`: text, code, math (LaTeX), sub or sup."""

    kind: str
    text: str


_PIECE = re.compile(
    r"\$(?P<math>[^$\n]+)\$"
    r"|`(?P<code>[^`\n]+)`"
    # one letter and its index; fan_in and leaky_k_relu are words
    r"|(?<!\w[^\W_])(?<=[^\W\d_])_(?P<sub>\{[^{}]+\}|[A-Za-z0-9α-ωΑ-Ω]+)(?![A-Za-z0-9_])"
    r"|(?<=[\w)\]])\^(?P<sup>\{[^{}]+\}|[A-Za-z0-9α-ωΑ-Ω]+)"
)


def pieces(text: str) -> Iterator[Piece]:
    """`text` cut into pieces, in order."""
    end = 0
    for found in _PIECE.finditer(text):
        if found.start() > end:
            yield Piece("text", text[end : found.start()])
        kind = str(found.lastgroup)
        inside = found[kind]
        yield Piece(kind, inside[1:-1] if kind in ("sub", "sup") and inside.startswith("{") else inside)
        end = found.end()
    if end < len(text):
        yield Piece("text", text[end:])


def plain(text: str) -> str:
    """`text` where only characters are possible: the title of a page, a label in a plot. An index stays as σ_X."""
    marks = {"sub": "_", "sup": "^"}
    return "".join(marks.get(piece.kind, "") + piece.text for piece in pieces(text))
