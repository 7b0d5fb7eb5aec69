"""The set of documents that is written together: what a page knows of the others, and the index of all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ..document import Document
from ..statement import MARKS, Statement
from ..symbols import Symbol, used_by
from .numbered import numbered

SETTLED = ("assumed", "defined", "proved", "enclosed", "cited", "concluded", "plotted")
"""Marks that need no word of warning on the index; a conclusion on weak grounds says so itself."""


@dataclass(frozen=True)
class Open:
    """A statement that is less than shown, and its place."""

    statement: Statement
    anchor: str
    section: str


@dataclass(frozen=True)
class Entry:
    """One document as the index and its neighbours see it. `tally` counts its statements by mark; `source` is the file that
    builds it."""

    id: str
    title: str
    summary: str
    source: str
    tally: dict[str, int]
    open: tuple[Open, ...]
    symbols: tuple[Symbol, ...]


@dataclass(frozen=True)
class Provenance:
    """`commit` None: no repository."""

    command: str
    versions: dict[str, str]
    commit: str | None

    def lines(self, source: str = "") -> list[str]:
        """`source`: the file that builds the page."""
        told = [self.command, *(f"{name}: {version}" for name, version in self.versions.items())]
        told.append(f"commit: {self.commit or 'no repository'}")
        return [*told, f"source: {source}"] if source else told


@dataclass(frozen=True)
class Volume:
    """Entries in reading order."""

    entries: tuple[Entry, ...]
    provenance: Provenance

    def entry(self, id: str) -> Entry:
        return next(entry for entry in self.entries if entry.id == id)

    def around(self, id: str) -> tuple[Entry | None, Entry | None]:
        """The entries before and after."""
        at = [entry.id for entry in self.entries].index(id)
        before = self.entries[at - 1] if at > 0 else None
        return before, self.entries[at + 1] if at + 1 < len(self.entries) else None

    @property
    def glossary(self) -> list[tuple[Symbol, list[Entry]]]:
        """Every symbol that a document uses, with the documents that do: the common ones, then each document's own."""
        symbols = dict.fromkeys(symbol for entry in self.entries for symbol in entry.symbols)
        found = [(symbol, [entry for entry in self.entries if symbol in entry.symbols]) for symbol in symbols]
        places = {"": -1} | {entry.id: place for place, entry in enumerate(self.entries)}
        return sorted(found, key=lambda pair: (places[pair[0].document], pair[0].order))


def entry(document: Document, source: str) -> Entry:
    lines = [line for part in numbered(document) for line in part.lines]
    counts = Counter(line.statement.mark for line in lines)
    return Entry(
        id=document.id,
        title=document.title,
        summary=document.summary,
        source=source,
        tally={mark: counts[mark] for mark in MARKS if counts[mark]},
        open=tuple(Open(line.statement, line.anchor, line.section) for line in lines if line.statement.mark not in SETTLED),
        symbols=used_by(document),
    )


def volume(documents: Sequence[Document], sources: Sequence[str], provenance: Provenance) -> Volume:
    return Volume(tuple(entry(d, source) for d, source in zip(documents, sources, strict=True)), provenance)
