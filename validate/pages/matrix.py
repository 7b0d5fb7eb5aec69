"""Claim by network: in each cell a word, whether the claim holds there, and the number that was measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..verdicts.judge import CaseResult, Verdict
from .lines import Line, anchor

if TYPE_CHECKING:
    from rich.text import Text

    from ..claims import Claim

Network = tuple[str, float]
"""Name of the surrogate, and threshold."""

WORDS = {"confirmed": "holds", "refuted": "fails", "inconclusive": "open", "not run": "none"}
"""In a cell, for the verdicts."""

MARKS = {"confirmed": "✓", "refuted": "✗", "inconclusive": "?", "not run": "–"}
"""In the place of the words where the terminal is narrow."""

MEANING = (
    "holds: confirmed; fails: refuted; open: inconclusive; dies: fails, for activity dies out, in that share of the draws; "
    "none: no such weights exist. The number is the measured factor a layer, which Theorem 1 takes to be 1."
)

STYLES = {"confirmed": "green", "refuted": "red", "inconclusive": "yellow", "not run": "dim"}

WIDE = 120
"""Columns of a terminal in which words fit."""

LABEL = 29
"""Letters of a claim's name, on a terminal."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """`number`: "" where nothing could be run. `told`: the cell in a sentence."""

    verdict: str
    word: str
    number: str
    told: str


@dataclass(frozen=True, kw_only=True)
class Row:
    """`anchor`: "" where no network of the claim could be run. `instead`: said where a cell fails, else empty."""

    number: int
    claim: Claim
    anchor: str
    cells: tuple[Cell | None, ...]

    @property
    def name(self) -> str:
        return self.claim.short or self.claim.id

    @property
    def instead(self) -> str:
        return self.claim.instead if any(cell and cell.verdict == "refuted" for cell in self.cells) else ""


@dataclass(frozen=True, kw_only=True)
class Matrix:
    networks: tuple[Network, ...]
    rows: tuple[Row, ...]

    @property
    def surrogates(self) -> list[tuple[str, int]]:
        """Neighbouring columns of one surrogate, with their number."""
        found: list[tuple[str, int]] = []
        for name, _ in self.networks:
            found[-1:] = [(name, found[-1][1] + 1)] if found and found[-1][0] == name else [*found[-1:], (name, 1)]
        return found

    def instead(self) -> list[tuple[list[Row], str]]:
        """What is right where claims fail; those that share it together."""
        found: dict[str, list[Row]] = {}
        for row in self.rows:
            if row.instead:
                found.setdefault(row.instead, []).append(row)
        return [(rows, text) for text, rows in found.items()]

    def to_dict(self) -> dict[str, object]:
        return {
            "networks": [{"surrogate": name, "threshold": theta} for name, theta in self.networks],
            "rows": [
                {
                    "claim": row.claim.id,
                    "name": row.name,
                    "instead": row.instead,
                    "cells": [
                        cell and {"verdict": cell.verdict, "word": cell.word, "number": cell.number} for cell in row.cells
                    ],
                }
                for row in self.rows
            ],
        }


def matrix_of(
    claims: Sequence[Claim], networks: Sequence[Network], verdicts: Sequence[Verdict], missing: Sequence[tuple[Network, Line]]
) -> Matrix:
    """`missing`: what could not be run, by network."""
    found = {(v.claim.id, network_of(r)): _cell(r) for v in verdicts for r in v.results}
    found |= {(line.claim, network): _absent(line) for network, line in missing}
    run = {verdict.claim.id for verdict in verdicts if verdict.results}
    rows = [
        Row(
            number=number,
            claim=claim,
            anchor=anchor(claim) if claim.id in run else "",
            cells=tuple(found.get((claim.id, network)) for network in networks),
        )
        for number, claim in enumerate(claims, 1)
    ]
    return Matrix(networks=tuple(networks), rows=tuple(rows))


def network_of(result: CaseResult) -> Network:
    """A scheme that sets the slope leaves the surrogate's name."""
    neuron = result.case.architecture.neuron
    return neuron.surrogate.surrogate.name, neuron.threshold


def _cell(result: CaseResult) -> Cell:
    main = result.checks[0]
    if main.interval.known:
        word, number = WORDS[result.outcome], short(main.interval.value)
        told = f"measured {number}, claimed {main.range}"
    else:
        dead = sum(draw.alive == 0 for draw in result.draws) / len(result.draws)
        word, number = "dies", f"{dead:.0%}"
        told = f"activity dies in {number} of the draws"
    return Cell(verdict=result.outcome, word=word, number=number, told=f"{result.case.label}: {word}, {told}")


def _absent(line: Line) -> Cell:
    return Cell(verdict=line.verdict, word=WORDS[line.verdict], number="", told=f"{line.case}: {line.note}")


def short(value: float) -> str:
    """Two decimals, or one digit of what is smaller."""
    return f"{value:.2f}" if 0.01 <= abs(value) < 100 else f"{value:.0e}" if abs(value) >= 100 else f"{value:.1g}"


def on_terminal(matrix: Matrix, width: int) -> Iterator[Text]:
    """Lines: surrogates, thresholds, a line a claim. In a narrow terminal marks stand for the words."""
    from rich.text import Text

    wide = width >= WIDE
    cell = 10 if wide else 5
    first = LABEL + 3
    heads = "".join(f" {name:^{count * (cell + 1) - 1}}" for name, count in matrix.surrogates)
    yield Text(" " * first + heads.rstrip())
    yield Text(
        " " * first
        + "".join(f" {f'θ = {theta:g}' if wide else f'θ={theta:g}':^{cell}}" for _, theta in matrix.networks).rstrip()
    )
    for row in matrix.rows:
        line = Text(f"{row.number:>2} {_cut(row.name):<{LABEL}}")
        for entry in row.cells:
            if entry is None:
                line.append(" " * (cell + 1))
                continue
            mark = entry.word if wide else MARKS[entry.verdict] if entry.word != "dies" else "†"
            line.append(f" {f'{mark} {entry.number}'.rstrip() if wide else mark + entry.number:^{cell}}", STYLES[entry.verdict])
        line.rstrip()
        yield line


def key(width: int) -> str:
    """What the marks of a narrow terminal mean."""
    if width >= WIDE:
        return ""
    words = {MARKS[verdict]: word for verdict, word in WORDS.items()} | {"†": "dies"}
    return ", ".join(f"{mark} {word}" for mark, word in words.items())


def _cut(name: str) -> str:
    return name if len(name) <= LABEL else name[: LABEL - 1] + "…"
