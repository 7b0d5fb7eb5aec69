"""The cells of a sweep as a table: where each is, what was measured, what theory says. CSV keeps all of it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ikun_sym.errors import IkunError

from .axes import Axis
from .cell import DONE
from .measures import Measure, measures_of
from .sweep import Sweep

CELLS = "cells.csv"

THEORY = {
    "layers": "",
    "gain": "",
    "gain_over_critical": "K/K_c",
    "rate": "p",
    "factor": "C",
    "reach": "ξ",
    "coherence": "s_b",
    "coherence_reach": "ξ_b",
}
"""What theory says of a cell, and its letter; none where it is not shown on hover."""

MISSING = "missing"


@dataclass(frozen=True)
class Line:
    """A cell. `numbers`: by measure; its standard error by the measure's name and ` se`; what there is none of is left out."""

    at: dict[str, str]
    state: str
    numbers: dict[str, float]
    theory: dict[str, float]
    seconds: float | None = None
    reason: str = ""

    def told(self, name: str) -> str:
        """A measure in words, with what theory says."""
        where = ", ".join(f"{axis} = {text}" for axis, text in self.at.items())
        if self.state != DONE:
            return f"{where}: {self.state}" + (f", {self.reason}" if self.reason else "")
        value, error = self.numbers.get(name), self.numbers.get(f"{name} se")
        shown = "none" if value is None else f"{value:.3g}" + ("" if error is None else f" ± {error:.2g}")
        said = [(letter, self.theory[word]) for word, letter in THEORY.items() if letter and word in self.theory]
        theory = ", ".join(f"{letter} = {number:.3g}" for letter, number in said)
        return f"{where}: {name} {shown}" + (f"; theory: {theory}" if theory else "")


@dataclass(frozen=True)
class Cells:
    """In the order of the grid, the first axis outermost."""

    command: str
    axes: tuple[Axis, ...]
    lines: tuple[Line, ...]

    @property
    def measures(self) -> list[Measure]:
        return measures_of(self.command)

    @property
    def states(self) -> dict[str, int]:
        found = [line.state for line in self.lines]
        return {state: found.count(state) for state in sorted(set(found))}

    def array(self, value: Callable[[Line], float | None]) -> np.ndarray:
        """[values of the first axis, of the second]; NaN where there is none."""
        flat = [np.nan if (one := value(line)) is None else float(one) for line in self.lines]
        return np.array(flat).reshape([len(axis.texts) for axis in self.axes])

    @classmethod
    def of(cls, found: Sweep) -> Cells:
        measures = measures_of(found.command)
        return cls(found.command, found.axes, tuple(_line(cell.at, row, measures) for cell, row in found.pairs()))

    def csv(self) -> str:
        own = [name for measure in self.measures for name in measure.columns]
        head = [axis.name for axis in self.axes]
        theory = [f"theory {name}" for name in THEORY]
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([*head, "state", *own, *theory, "seconds", "reason"])
        for line in self.lines:
            numbers = [line.numbers.get(name) for name in own] + [line.theory.get(name) for name in THEORY] + [line.seconds]
            cells = ["" if number is None else f"{number:.6g}" for number in numbers]
            writer.writerow([*line.at.values(), line.state, *cells, line.reason])
        return text.getvalue()

    @classmethod
    def read(cls, command: str, text: str) -> Cells:
        """What `csv` wrote. Error: it is none."""
        rows = list(csv.DictReader(io.StringIO(text)))
        try:
            names = list(rows[0])
            axes = names[: names.index("state")]
            own = [name for measure in measures_of(command) for name in measure.columns]
            lines = tuple(_read(row, axes, own) for row in rows)
        except (IndexError, ValueError, KeyError) as error:
            raise IkunError(f"no cells of a sweep of {command} ({error}); a sweep leaves them in its {CELLS}") from None
        texts = {name: tuple(dict.fromkeys(line.at[name] for line in lines)) for name in axes}
        return cls(command, tuple(Axis(name, texts[name]) for name in axes), lines)


def _read(row: dict[str, str], axes: Iterable[str], own: Iterable[str]) -> Line:
    def known(names: dict[str, str]) -> dict[str, float]:
        return {word: float(row[name]) for word, name in names.items() if row[name]}

    return Line(
        at={name: row[name] for name in axes},
        state=row["state"],
        numbers=known({name: name for name in own}),
        theory=known({word: f"theory {word}" for word in THEORY}),
        seconds=float(row["seconds"]) if row["seconds"] else None,
        reason=row["reason"],
    )


def _line(at: dict[str, str], row: dict[str, Any] | None, measures: list[Measure]) -> Line:
    if row is None:
        return Line(at, MISSING, {}, {})
    if row["state"] != DONE:
        return Line(at, row["state"], {}, {}, row["seconds"], row["reason"])
    numbers = {name: _short(value) for measure in measures for name, value in measure.read(row["answer"]).items()}
    theory = {word: _short(row["theory"][word]) for word in THEORY if row["theory"].get(word) is not None}
    return Line(at, DONE, numbers, theory, row["seconds"], row["theory"].get("reason", ""))


def _short(value: float) -> float:
    """As the CSV has it: what is drawn is what is kept."""
    return float(f"{value:.6g}")
