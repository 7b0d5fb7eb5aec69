"""What a sweep leaves in its folder besides the journal: the cells as CSV, the page, the provenance."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from ikun_derivations.render.html_pages import render_page
from ikun_sym.files import write_atomically

from ..verdicts.records import PROVENANCE, command_line, provenance
from .heat_map import picture
from .measures import measures_of
from .sweep import Sweep
from .theory_lines import LINES

CELLS, PAGE = "cells.csv", "report.html"

THEORY = ("layers", "gain", "gain_over_critical", "rate", "factor", "reach", "coherence", "coherence_reach")


@dataclass(frozen=True)
class Figure:
    svg: Markup
    caption: str


def write(found: Sweep, out: Path) -> None:
    made = provenance(command_line(), "cpu", {"command": found.command, "seed": found.seed})
    write_atomically(out / PROVENANCE, json.dumps(made, ensure_ascii=False, allow_nan=False, indent=2) + "\n")
    write_atomically(out / CELLS, cells_csv(found))
    write_atomically(out / PAGE, page(found, made))


def cells_csv(found: Sweep) -> str:
    """A line a cell: its place, what was measured, with standard errors, and what theory says."""
    measures = measures_of(found.command)
    head = [axis.name for axis in found.axes]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    own = [name for measure in measures for name in (measure.name, *([f"{measure.name} se"] if measure.error else []))]
    writer.writerow([*head, "state", *own, *(f"theory {name}" for name in THEORY), "seconds", "reason"])
    for cell, row in found.pairs():
        answer, theory = (row or {}).get("answer"), (row or {}).get("theory") or {}
        numbers: list[Any] = []
        for measure in measures:
            numbers.append(None if answer is None else measure.of(answer))
            if measure.error:
                numbers.append(None if answer is None else measure.error(answer))
        line = [*(cell.at[name] for name in head), "missing" if row is None else row["state"], *map(_short, numbers)]
        line += [_short(theory.get(name)) for name in THEORY]
        writer.writerow([*line, (row or {}).get("seconds"), (row or {}).get("reason", theory.get("reason", ""))])
    return text.getvalue()


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def page(found: Sweep, made: dict[str, Any]) -> str:
    """One self-contained page."""
    figures = [
        Figure(Markup(picture(found, measure, anchor=f"map-{number}")), measure.label)
        for number, measure in enumerate(measures_of(found.command), 1)
    ]
    head, *body = csv.reader(io.StringIO(cells_csv(found)))
    return render_page(
        "ikun_validate.sweeps",
        title=f"ikun {found.command} over {' and '.join(axis.name for axis in found.axes)}",
        states=found.states,
        figures=figures,
        lines=[(line.name, line.meaning) for line in LINES],
        failed=found.failed,
        columns=head,
        rows=body,
        flags=found.constant_flags(),
        provenance=made,
    )
