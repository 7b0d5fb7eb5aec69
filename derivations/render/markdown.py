"""Markdown as GitHub renders it: formulas in math fences, anchors that links can reach, plots as SVG files beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ..document import MARKS, Document
from .curves import picture
from .latex import names_apart
from .numbered import Line, figures, numbered
from .prose import pieces
from .volume import Provenance, Volume

INDEX = "README.md"
"""The file that GitHub shows for a folder."""


def prose(text: str) -> str:
    """Prose with every character escaped that Markdown could take for its own."""
    return "".join(_piece(kind, inside) for kind, inside in pieces(text))


def _piece(kind: str, inside: str) -> str:
    if kind == "math":
        return f"$`{formula(inside)}`$"  # with plain dollars GitHub would read Markdown inside the formula
    if kind == "code":
        return f"`{inside}`"
    escaped = re.sub(r"([\\`*_\[\]<>|#~$&!])", r"\\\1", inside)
    return f"<{kind}>{escaped}</{kind}>" if kind in ("sub", "sup") else escaped


def formula(latex: str) -> str:
    """GitHub refuses \\operatorname ("macros are not allowed"), but not what it stands for."""
    return re.sub(r"\\operatorname\s*\{([^{}]*)\}", r"\\mathop{\\mathrm{\1}}\\nolimits", names_apart(latex))


def pages(document: Document, volume: Volume) -> dict[str, str]:
    """File name to text: the page and its plots."""
    files = {f"{document.id}.md": "\n".join(_page(document, volume))}
    return files | {f"{anchor}.svg": picture(figure, anchor, alone=True) + "\n" for anchor, figure in figures(document)}


def _page(document: Document, volume: Volume) -> Iterator[str]:
    here, (before, after) = volume.entry(document.id), volume.around(document.id)
    way = [f"[All derivations]({INDEX})"]
    way += [f"[← {prose(before.title)}]({before.id}.md)"] if before else []
    way += [f"[{prose(after.title)} →]({after.id}.md)"] if after else []
    yield from (" · ".join(way), "", f"# {prose(document.title)}", "", prose(document.summary), "")
    parts = numbered(document)
    if len(parts) > 1:
        yield from (f"{part.number}. [{prose(part.title)}](#{part.anchor})" for part in parts)
        yield ""
    for part in parts:
        yield from (f'<a id="{part.anchor}"></a>', "", f"## {part.number}. {prose(part.title)}", "")
        for line in part.lines:
            yield from _statement(line)
    if document.references:
        yield from ("## References", "", *(f"- {prose(str(reference))}" for reference in document.references), "")
    if here.symbols:
        yield from ("## Symbols", "", "| symbol | meaning |", "| --- | --- |")
        yield from (f"| [$`{formula(s.latex)}`$]({INDEX}#{s.anchor}) | {prose(s.meaning)} |" for s in here.symbols)
        yield ""
    yield from _marks()
    yield from _reproduce(volume.provenance, here.source)


def _statement(line: Line) -> Iterator[str]:
    it = line.statement
    yield from (f'<a id="{line.anchor}"></a>', "", f"**[{line.number}](#{line.anchor})** _{it.mark}_ · {prose(it.text)}", "")
    for latex in it.formulas:
        yield from ("```math", formula(latex), "```", "")
    if it.figure is not None:
        yield from (f"![{prose(it.figure.alt)}]({line.anchor}.svg)", "")
    why = [prose(it.because)] if it.because else []
    if line.rests_on:
        why.append("(rests on " + ", ".join(f"[{number}](#{target})" for target, number in line.rests_on) + ")")
    if why:
        yield from (" ".join(why), "")
    if it.checker and it.details:
        # a blank line after the summary, or GitHub does not read Markdown inside
        yield from (f"<details><summary>checked by {prose(it.checker)}</summary>", "")
        yield from (*(f"- {prose(detail)}" for detail in it.details), "", "</details>", "")
    elif it.checker:
        yield from (f"Checked by {prose(it.checker)}.", "")
    elif it.details:
        yield from (*(f"- {prose(detail)}" for detail in it.details), "")


def index(documents: Sequence[Document], volume: Volume, title: str, introduction: str) -> dict[str, str]:
    return {INDEX: "\n".join(_index(volume, title, introduction))}


def _index(volume: Volume, title: str, introduction: str) -> Iterator[str]:
    yield from (f"# {prose(title)}", "", prose(introduction), "")
    for number, entry in enumerate(volume.entries, 1):
        tally = ", ".join(f"{count} {mark}" for mark, count in entry.tally.items())
        yield from (f"{number}. [{prose(entry.title)}]({entry.id}.md) ({tally})", "", f"   {prose(entry.summary)}", "")
    yield from ("## What is not shown", "")
    for entry in volume.entries:
        for line in entry.open:
            where = f"{entry.id}.md#{line.anchor}"
            yield f"- _{line.statement.mark}_ · [{prose(line.section)}: {prose(line.statement.text)}]({where})"
    if not any(entry.open for entry in volume.entries):
        yield "Every statement is proved, enclosed or given."
    yield from ("", "## Symbols", "", "| symbol | meaning | in |", "| --- | --- | --- |")
    for symbol, users in volume.glossary:
        used = ", ".join(f"[{entry.id}]({entry.id}.md)" for entry in users)
        yield f'| <a id="{symbol.anchor}"></a>$`{formula(symbol.latex)}`$ | {prose(symbol.meaning)} | {used} |'
    yield ""
    yield from _marks()
    yield from _reproduce(volume.provenance)


def _marks() -> Iterator[str]:
    yield from ("## What the marks mean", "", "| mark | means |", "| --- | --- |")
    yield from (f"| _{mark}_ | {prose(meaning)} |" for mark, meaning in MARKS.items())
    yield ""


def _reproduce(provenance: Provenance, source: str = "") -> Iterator[str]:
    yield from ("## Reproduce", "", "```text", *provenance.lines(source), "```", "")
