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
from .cells import CELLS, Cells
from .heat_map import picture
from .sweep import Sweep
from .theory_lines import LINES

PAGE = "report.html"


@dataclass(frozen=True)
class Figure:
    svg: Markup
    caption: str


def write(found: Sweep, out: Path) -> None:
    made = provenance(command_line(), "cpu", {"command": found.command, "seed": found.seed})
    write_atomically(out / PROVENANCE, json.dumps(made, ensure_ascii=False, allow_nan=False, indent=2) + "\n")
    write_atomically(out / CELLS, Cells.of(found).csv())
    write_atomically(out / PAGE, page(found, made))


def page(found: Sweep, made: dict[str, Any]) -> str:
    """One self-contained page."""
    cells = Cells.of(found)
    figures = [
        Figure(Markup(picture(cells, measure, anchor=f"map-{number}")), measure.label)
        for number, measure in enumerate(cells.measures, 1)
    ]
    head, *body = csv.reader(io.StringIO(cells.csv()))
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
