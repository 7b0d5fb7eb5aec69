"""The statements as data, for other programs: each with its mark, formulas, checker, what it rests on, its number."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from ..document import Document
from .numbered import Line, numbered
from .volume import Volume


def pages(document: Document, volume: Volume) -> dict[str, str]:
    sections = [
        {"anchor": part.anchor, "title": part.title, "statements": [_statement(line) for line in part.lines]}
        for part in numbered(document)
    ]
    here = volume.entry(document.id)
    return {
        f"{document.id}.json": _text(
            {
                "id": document.id,
                "title": document.title,
                "summary": document.summary,
                "sections": sections,
                "references": [str(reference) for reference in document.references],
                "source": here.source,
                "reproduce": asdict(volume.provenance),
            }
        )
    }


def _statement(line: Line) -> dict[str, Any]:
    it = line.statement
    found: dict[str, Any] = {"anchor": line.anchor, "number": line.number, "mark": it.mark, "text": it.text}
    found |= {"formulas": it.formulas, "checker": it.checker, "details": it.details, "because": it.because}
    found["rests_on"] = [target for target, _ in line.rests_on]
    if it.enclosure is not None:
        found["enclosure"] = {"mid": it.enclosure.mid, "rad": it.enclosure.rad}
    if it.figure is not None:
        found["figure"] = asdict(it.figure)
    return found


def index(documents: Sequence[Document], volume: Volume, title: str, introduction: str) -> dict[str, str]:
    entries = [
        {"id": e.id, "title": e.title, "summary": e.summary, "tally": e.tally, "file": f"{e.id}.json"} for e in volume.entries
    ]
    symbols = [
        {"latex": symbol.latex, "meaning": symbol.meaning, "in": [entry.id for entry in users]}
        for symbol, users in volume.glossary
    ]
    return {"index.json": _text({"title": title, "derivations": entries, "symbols": symbols})}


def _text(data: Any) -> str:
    return json.dumps(_finite(data), ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def _finite(data: Any) -> Any:
    """JSON has neither NaN nor infinity: a gap in a curve is null."""
    if isinstance(data, float):
        return data if math.isfinite(data) else None
    if isinstance(data, dict):
        return {key: _finite(value) for key, value in data.items()}
    return [_finite(value) for value in data] if isinstance(data, list | tuple) else data
