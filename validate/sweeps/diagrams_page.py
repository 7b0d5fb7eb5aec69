"""DIAGRAMS.md and its pictures, from the rows that lie beside it."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ikun_sym.files import write_atomically

from .cells import Cells, Line
from .diagrams import DIAGRAMS, Diagram
from .heat_map import picture
from .theory_lines import FACTOR, expected_to_learn

FOLDER = "sweeps/diagrams"
"""Beside the page: NAME.csv and NAME.svg."""

TITLE = "Phase diagrams of training"

INTRODUCTION = f"""Which networks learn, over two of their settings, with the theory's lines on top. Written by
`ikun sweep diagram --markdown validate/DIAGRAMS.md` from the rows in `validate/sweeps/diagrams/`; never edited. A diagram is
computed by `ikun sweep diagram NAME --out DIR --resume`, on a finer grid with `--over`. In the pictures numbers are shown on
hover (open them alone).

Lines: K = K_c, below which activity dies in wide networks; depth = {FACTOR:g} ξ and {FACTOR:g} ξ_b, ξ the layers over which a
difference of two inputs falls to 1/e, ξ_b those of the correlation of their gradients ({FACTOR:g}: Schoenholz et al. 2017, of
networks without spikes); C = 1, where gradients keep their size. A cell is predicted to learn if its gain is above K_c and its
depth below both. A cell is a mean over the seeds of its sweep, with its standard error in the rows."""


class Verdicts(NamedTuple):
    """Of the cells that theory speaks of: how many there are, learnt, predicted rightly; how many lie below the critical scale,
    and learnt. `best`: by length, the number of them
    that would be right most often as the only border, and how often."""

    cells: int
    learnt: int
    right: int
    below: int
    learnt_below: int
    best: dict[str, tuple[float, int]]


def verdicts(cells: Cells, diagram: Diagram) -> Verdicts:
    known = [line for line in cells.lines if diagram.measure in line.numbers and expected_to_learn(line.theory) is not None]
    learnt = [line.numbers[diagram.measure] >= diagram.learnt for line in known]
    right = sum(expected_to_learn(line.theory) == found for line, found in zip(known, learnt, strict=True))
    best = {letter: _best([_depths(line, word) for line in known], learnt) for word, letter in LENGTHS.items()}
    below = [found for line, found in zip(known, learnt, strict=True) if line.theory["gain_over_critical"] < 1]
    return Verdicts(len(known), sum(learnt), right, len(below), sum(below), best)


LENGTHS = {"reach": "ξ", "coherence_reach": "ξ_b"}


def _depths(line: Line, word: str) -> float:
    """Layers over the length; infinite where there is none."""
    return line.theory["layers"] / line.theory[word] if line.theory.get(word) else np.inf


def _best(depths: list[float], learnt: list[bool]) -> tuple[float, int]:
    """The border halfway between two depths that divides those who learnt from the others best."""
    finite = sorted({depth for depth in depths if np.isfinite(depth)})
    borders = [0.0, *((a * b) ** 0.5 for a, b in pairwise(finite)), *(2 * depth for depth in finite[-1:])]

    def right(border: float) -> int:
        return sum((depth <= border) == found for depth, found in zip(depths, learnt, strict=True))

    count, border = max((right(border), border) for border in borders)
    return border, count


def counted(cells: Cells, diagram: Diagram) -> str:
    """The sentence of the numbers."""
    found = verdicts(cells, diagram)
    states = ", ".join(f"{count} {state}" for state, count in cells.states.items())
    if not found.cells:
        return f"Cells: {states}."
    best = "; ".join(f"a border at {factor:.2g} {letter} alone: {count}" for letter, (factor, count) in found.best.items())
    return (
        f"Cells: {states}. Of {found.cells}, {found.learnt} reach a {diagram.measure} of {diagram.learnt:g}; theory, nothing "
        f"fitted, is right in {found.right}. Below K_c lie {found.below}, of which {found.learnt_below} learn. Fitted: {best}."
    )


def section(diagram: Diagram, cells: Cells) -> list[str]:
    lines = [f"## {diagram.title}", "", diagram.question, "", f"![{diagram.title}]({FOLDER}/{diagram.name}.svg)", ""]
    said = [diagram.says, ""] if diagram.says else []
    return [*lines, *said, counted(cells, diagram), "", f"`{diagram.typed()}`", ""]


def kept(beside: Path) -> dict[str, Cells]:
    """The diagrams whose rows lie there."""
    found = {diagram.name: beside / FOLDER / f"{diagram.name}.csv" for diagram in DIAGRAMS}
    return {name: Cells.read(DIAGRAMS[name].command, p.read_text(encoding="utf-8")) for name, p in found.items() if p.is_file()}


def files(beside: Path) -> dict[str, str]:
    """The page and the pictures by their paths under the page's folder."""
    rows = kept(beside)
    lines = [f"# {TITLE}", "", INTRODUCTION, ""]
    pictures: dict[str, str] = {}
    for name, cells in rows.items():
        diagram = DIAGRAMS[name]
        lines += section(diagram, cells)
        measure = next(one for one in cells.measures if one.name == diagram.measure)
        pictures[f"{FOLDER}/{name}.svg"] = picture(cells, measure, anchor=name, alone=True) + "\n"
    return {"DIAGRAMS.md": "\n".join(lines)} | pictures


def write(page: Path) -> None:
    for name, text in files(page.parent).items():
        write_atomically(page if name == "DIAGRAMS.md" else page.parent / name, text)
