"""The table on a terminal, as a page, as Markdown, and as records."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from ikun_derivations.render.html_pages import render_page
from ikun_sym.cli.console import table as rich_table
from ikun_sym.files import write_atomically

from ..layer_fate import FADED, SATURATED, SILENT
from . import best, findings
from .experiment import Table
from .fates_of_samples import BATCH
from .grid import INPUT_RATE, SURROGATES, Time
from .picture import picture
from .table_cell import NO_WEIGHTS, Cell
from .two_inputs import INPUTS, SHARED

MARKS = {
    "silent": "○",
    "saturated": "■",
    "vanishing": "▼",
    "exploding": "△",
    "uninformative": "≈",
    "healthy": "✓",
    NO_WEIGHTS: "–",
}
"""As in the picture."""

MISS = "!"
"""After a mark: the prediction was another."""

PAGE, PICTURE, MARKDOWN, CELLS, PROVENANCE = "report.html", "fates.svg", "FATES.md", "cells.jsonl", "provenance.json"

COLUMNS = ("scheme", *SURROGATES)
RATE_COLUMNS = ("surrogate", *(f"rate {rate:g}" for rate in best.RATES))

TITLE = "Fates of deep random spiking networks"


def introduction(table: Table) -> list[str]:
    one = table.settings
    return [
        f"Dense networks of {one.width} neurons a layer, threshold 1, hard reset, detached; Bernoulli input of rate "
        f"{INPUT_RATE:g}. Measured: most of {one.draws} draws of weights, one input each. Predicted: networks of the same "
        "width by the law of their sums, weights never drawn: given the spikes below, a layer's currents are Gaussian with "
        "their Gram matrix as covariance, and so are the gradients on the way back, independent of the spikes.",
        f"The first that applies, of any layer: silent (rate below {SILENT:g}), saturated (above {SATURATED:g}), vanishing "
        f"(E[δ²] below 1e{round(math.log10(FADED))} of the last layer's), exploding (above 1e{round(-math.log10(FADED))}), "
        f"uninformative, healthy. Uninformative: sizes are right, but in no layer both are two inputs told apart and do their "
        f"gradients agree. {INPUTS} inputs of a network are measured, partners with {SHARED:g} of their spikes in common: "
        "overlaps of partners above those of others, and the correlation of gradients above 0, by 99 % intervals over "
        "networks. The rule is provisional, that of `ikun diagnose`; it is not calibrated on training.",
        "At one step schemes that ask for a time constant take their authors'; the neurons here have no synaptic current. LSUV "
        f"rescales on the very input that is measured; batch norm has batches of {BATCH}; delta-orthogonal weights of a dense "
        "layer are orthogonal.",
    ]


def conclusions(table: Table) -> list[str]:
    """What is found, in sentences."""
    found = [findings.tally(table), findings.infinite_width(table), findings.shares(table)]
    return [*found, *findings.healthy(table), *findings.informative(table), *findings.spreads(table)]


def rows(table: Table, time: Time) -> list[tuple[str, ...]]:
    """A row a scheme: its name, and for each surrogate a mark a depth."""
    return [(scheme, *(marks(columns[name]) for name in SURROGATES)) for scheme, columns in _by_scheme(table, time).items()]


def _by_scheme(table: Table, time: Time) -> dict[str, dict[str, list[Cell]]]:
    """Cells, depths ascending, by scheme and surrogate."""
    found: dict[str, dict[str, list[Cell]]] = {}
    for cell in table.cells:
        if cell.setup.time == time:
            found.setdefault(cell.setup.scheme, {}).setdefault(cell.setup.surrogate, []).append(cell)
    return found


def marks(cells: Sequence[Cell]) -> str:
    """One surrogate's, depths ascending, then the slope where the scheme sets it."""
    text = " ".join(MARKS[cell.fate] + ("" if cell.agrees else MISS) for cell in cells)
    slope = cells[0].setup.slope
    return text if slope is None else f"{text} ({slope:.3g})"


def legend(table: Table) -> str:
    named = ", ".join(f"{mark} {fate}" for fate, mark in MARKS.items())
    depths = ", ".join(map(str, table.settings.depths))
    return f"{named}; {MISS} the prediction was another. In a cell: depth {depths}; in brackets the slope that the scheme sets."


def terminal(table: Table) -> list[Any]:
    shown: list[Any] = [rich_table(time.label, COLUMNS, rows(table, time)) for time in table.settings.times]
    shown += [legend(table), "", *conclusions(table), "", *best.answer(table.settings.width)]
    for cause, cells in findings.causes(table):
        shown += ["", f"{cause}:", *(f"  {findings.name(cell)}: {cell.explanation}" for cell in cells)]
    return shown


def page(table: Table) -> str:
    """One self-contained page."""
    return render_page(
        "ikun_validate.fates",
        title=TITLE,
        table=table,
        introduction=introduction(table),
        conclusions=conclusions(table),
        answer=best.answer(table.settings.width),
        best=rate_tables(table),
        best_columns=RATE_COLUMNS,
        picture=Markup(picture(table)),
        legend=legend(table),
        columns=COLUMNS,
        times=[(time.label, rows(table, time), halving_rows(table, time)) for time in table.settings.times],
        halves=HALVES,
        causes=[(cause, [(findings.name(c), c.explanation) for c in cells]) for cause, cells in findings.causes(table)],
        explained=findings.explained(),
        missing=missing(table),
        provenance=table.provenance,
    )


def rate_tables(table: Table) -> list[tuple[str, list[tuple[str, ...]]]]:
    """At critical slopes and at the surrogates' own: a row a surrogate, and at each rate three numbers."""
    own, set_ = best.entries(table.settings.width)
    described = {
        "critical slope; n β₁; the greatest depth": [(e, f"{e.set_slope:.3g}") if not e.reason else (e, "none") for e in set_],
        "own slope: change of the gradient per layer, χ; n β₁; the greatest depth": [(e, f"{e.factor:.3g}") for e in own],
    }
    tables = []
    for title, found in described.items():
        cells = {(e.surrogate, e.rate): first + ("" if e.reason else f"; {e.spread:.3g}; {e.deepest}") for e, first in found}
        tables.append((title, [(name, *(cells[name, rate] for rate in best.RATES)) for name in SURROGATES]))
    return tables


HALVES = (
    "H: the first layer at which Var(H) is half of layer 1's; δ↓, δ↑: so many layers below the last E[δ²] has halved, doubled, "
    "in the deepest network that a gradient goes through; of the mean over draws. In brackets the prediction where it differs."
)


def halving_rows(table: Table, time: Time) -> list[tuple[str, ...]]:
    """A row a scheme, as HALVES says."""
    return [(scheme, *(halving(columns[name]) for name in SURROGATES)) for scheme, columns in _by_scheme(table, time).items()]


def halving(cells: Sequence[Cell]) -> str:
    """Of one surrogate's networks, depths ascending."""
    if cells[-1].fate == NO_WEIGHTS:
        return MARKS[NO_WEIGHTS]
    lit = [cell for cell in cells if cell.measured is not None and np.isfinite(cell.measured.profile).any()]
    signal = _halved("H", cells[-1].halves["signal"])
    gradient = [_halved(sign, lit[-1].halves[name]) for sign, name in (("δ↓", "gradient"), ("δ↑", "growth"))] if lit else []
    return " ".join(part for part in (signal, *gradient) if part) or "steady"


def _halved(sign: str, found: dict[str, int | None]) -> str:
    drawn, law = found["measured"], found["predicted"]
    if drawn is None and law is None:
        return ""
    shown = sign + ("–" if drawn is None else str(drawn))
    return shown if drawn == law else f"{shown} [{'–' if law is None else law}]"


def missing(table: Table) -> list[tuple[str, str, str]]:
    """(scheme, surrogates, why) of the cells without weights."""
    found: dict[tuple[str, str], list[str]] = {}
    for cell in table.cells:
        if cell.fate == NO_WEIGHTS:
            names = found.setdefault((cell.setup.scheme, cell.setup.reason), [])
            if cell.setup.surrogate not in names:
                names.append(cell.setup.surrogate)
    return [(scheme, ", ".join(names), reason) for (scheme, reason), names in found.items()]


def markdown(table: Table) -> str:
    """The page as Markdown, for a repository."""
    made = table.provenance
    origin = ", ".join(f"{key} {made[key]}" for key in ("ikun", "torch", "device") if made.get(key))
    lines = [f"# {TITLE}", "", f"Written by `{made.get('command', 'ikun fates')}`; never edited. {origin}.", ""]
    lines += [line for paragraph in introduction(table) for line in (paragraph, "")]
    lines += [f"![{TITLE}: a grid of schemes and surrogates]({PICTURE})", "", "## What is found", ""]
    lines += [f"* {line}" for line in conclusions(table)]
    lines += [
        "",
        "## Which surrogate is best, by rate and depth",
        "",
        *(f"* {line}" for line in best.answer(table.settings.width)),
    ]
    for title, body in rate_tables(table):
        lines += ["", f"In each cell: {title}.", "", *_grid(RATE_COLUMNS, body)]
    for time in table.settings.times:
        lines += ["", f"## {time.label}", "", legend(table), "", *_grid(COLUMNS, rows(table, time))]
        lines += ["", f"### Where the signal halves, {time.label}", "", HALVES, ""]
        lines += _grid(COLUMNS, halving_rows(table, time))
    lines += ["", "## Misses", "", *(f"* {line}" for line in findings.explained())]
    for cause, cells in findings.causes(table):
        lines += ["", f"### {cause}", "", *(f"* {findings.name(cell)}: {cell.explanation}" for cell in cells)]
    if absent := missing(table):
        lines += ["", "## No weights", "", *(f"* {scheme} with {names}: {why}" for scheme, names, why in absent)]
    return "\n".join([*lines, ""])


def _grid(columns: Sequence[str], body: Sequence[Sequence[str]]) -> list[str]:
    return ["| " + " | ".join(line) + " |" for line in (columns, ["---"] * len(columns), *body)]


def document(table: Table) -> dict[str, Any]:
    """All of it as JSON."""
    own, set_ = best.entries(table.settings.width)
    causes = {cause: len(cells) for cause, cells in findings.causes(table)}
    return {
        "cells": [cell.to_dict() for cell in table.cells],
        "run": len(table.run),
        "predicted_right": len(table.run) - len(table.misses),
        "misses": causes,
        "findings": conclusions(table),
        "best": {
            "answer": best.answer(table.settings.width),
            "own_slopes": [entry.to_dict() for entry in own],
            "critical_slopes": [entry.to_dict() for entry in set_],
        },
        "provenance": table.provenance,
    }


def write(table: Table, out: Path) -> None:
    """Records, page, picture and Markdown."""
    write_atomically(out / PROVENANCE, json.dumps(table.provenance, ensure_ascii=False, allow_nan=False, indent=2) + "\n")
    lines = [json.dumps(cell.to_dict(), ensure_ascii=False, allow_nan=False) for cell in table.cells]
    write_atomically(out / CELLS, "\n".join(lines) + "\n")
    write_atomically(out / PAGE, page(table))
    write_markdown(table, out / MARKDOWN)


def write_markdown(table: Table, path: Path) -> None:
    """With the picture beside it."""
    write_atomically(path.parent / PICTURE, picture(table, alone=True) + "\n")
    write_atomically(path, markdown(table))
