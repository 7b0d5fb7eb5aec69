"""DIAGRAMS.md and its pictures, from the rows that lie beside it."""

from __future__ import annotations

from collections.abc import Sequence
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
    """Of the cells that theory speaks of: how many there are, learnt, are predicted rightly."""

    cells: int
    learnt: int
    right: int


def known(cells: Cells, diagram: Diagram) -> list[tuple[Line, bool]]:
    """Those, and whether they learnt."""
    there = [line for line in cells.lines if diagram.measure in line.numbers and expected_to_learn(line.theory) is not None]
    return [(line, line.numbers[diagram.measure] >= diagram.learnt) for line in there]


def verdicts(lines: Sequence[tuple[Line, bool]]) -> Verdicts:
    right = sum(expected_to_learn(line.theory) == learnt for line, learnt in lines)
    return Verdicts(len(lines), sum(learnt for _, learnt in lines), right)


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
    lines, states = known(cells, diagram), ", ".join(f"{count} {state}" for state, count in cells.states.items())
    if not lines:
        return f"Cells: {states}."
    all_, above = verdicts(lines), [(line, learnt) for line, learnt in lines if line.theory["gain_over_critical"] >= 1]
    told = f"Cells: {states}. Of {all_.cells}, {all_.learnt} reach a {diagram.measure} of {diagram.learnt:g}; theory, nothing "
    told += f"fitted, is right in {all_.right}."
    if below := [one for one in lines if one not in above]:
        told += f" Below K_c lie {len(below)}, of which {verdicts(below).learnt} learn; above it theory is right in "
        told += f"{verdicts(above).right} of {len(above)}."
    fitted = "; ".join(f"{factor:.2g} {letter}, right in {count}" for letter, factor, count in borders(above))
    return f"{told} The best single border above K_c, fitted: {fitted}." if fitted else told


def borders(lines: Sequence[tuple[Line, bool]]) -> list[tuple[str, float, int]]:
    """By length: the number of them that would be right most often as the only border, and how often; where that is more often
    than to say the same of all cells."""
    learnt = [one for _, one in lines]
    found = [(letter, *_best([_depths(line, word) for line, _ in lines], learnt)) for word, letter in LENGTHS.items()]
    return [one for one in found if one[2] > max(sum(learnt), len(learnt) - sum(learnt))]


def section(diagram: Diagram, cells: Cells) -> list[str]:
    lines = [f"## {diagram.title}", "", diagram.question, "", f"![{diagram.title}]({FOLDER}/{diagram.name}.svg)", ""]
    said = [diagram.says, ""] if diagram.says else []
    return [*lines, *said, counted(cells, diagram), "", f"`{diagram.typed()}`", ""]


def kept(beside: Path) -> dict[str, Cells]:
    """The diagrams whose rows lie there."""
    found = {diagram.name: beside / FOLDER / f"{diagram.name}.csv" for diagram in DIAGRAMS}
    return {name: Cells.read(DIAGRAMS[name].command, p.read_text(encoding="utf-8")) for name, p in found.items() if p.is_file()}


def page(beside: Path) -> str:
    """Of the rows under the page's folder."""
    lines = [f"# {TITLE}", "", INTRODUCTION, ""]
    for name, cells in kept(beside).items():
        lines += section(DIAGRAMS[name], cells)
    return "\n".join(lines)


def pictures(beside: Path) -> dict[str, str]:
    """By their paths under the page's folder."""
    found = {}
    for name, cells in kept(beside).items():
        measure = next(one for one in cells.measures if one.name == DIAGRAMS[name].measure)
        found[f"{FOLDER}/{name}.svg"] = picture(cells, measure, anchor=name, alone=True) + "\n"
    return found


def write(path: Path) -> None:
    write_atomically(path, page(path.parent))
    for name, text in pictures(path.parent).items():
        write_atomically(path.parent / name, text)
