"""A document's statements with the numbers and anchors under which every format shows them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..document import Document
from ..figure import Figure
from ..statement import Statement


@dataclass(frozen=True)
class Line:
    """A statement in its place. `number` counts (section.statement) and may change; `anchor` is permanent. `rests_on`:
    anchor and number of each statement it needs."""

    statement: Statement
    number: str
    anchor: str
    section: str
    rests_on: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Part:
    """A section: its anchor, title and lines."""

    anchor: str
    title: str
    number: int
    lines: tuple[Line, ...]


def numbered(document: Document) -> list[Part]:
    numbers = {
        statement.id: f"{i}.{j}"
        for i, section in enumerate(document.sections, 1)
        for j, statement in enumerate(section.statements, 1)
    }

    def line(statement: Statement, section: str) -> Line:
        return Line(
            statement=statement,
            number=numbers[statement.id],
            anchor=anchor(document, statement.id),
            section=section,
            rests_on=tuple((anchor(document, id), numbers[id]) for id in statement.rests_on),
        )

    return [
        Part(
            anchor=f"{document.id}-{section.id}",
            title=section.title,
            number=i,
            lines=tuple(line(statement, section.title) for statement in section.statements),
        )
        for i, section in enumerate(document.sections, 1)
    ]


def anchor(document: Document, statement: str) -> str:
    """Permanent, unique where several documents share a page, and apart from the anchors of sections."""
    return f"{document.id}.{statement}"


def figures(document: Document) -> Iterator[tuple[str, Figure]]:
    """Each with its anchor."""
    for statement in document.statements:
        if statement.figure is not None:
            yield anchor(document, statement.id), statement.figure
