"""Axes of a sweep: a flag, or a parameter inside a flag's SPEC, and the values that it takes."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ikun_sym.errors import DomainError, IkunError
from ikun_sym.exact import exact
from ikun_sym.told import Told

ALLOWED = "NAME=from:to:step, NAME=from:to:*factor, or NAME=a,b,c (values with commas: a;b;c)"

MOST = 100_000
"""Values on one axis: more is a slip of the pen."""

_RANGE = re.compile(r"([^:=]+):([^:=]+):(\*?)([^:=]+)")


@dataclass(frozen=True)
class Axis(Told):
    """`name`: a flag without its dashes, or flag.parameter. `texts`: the values as they would be typed."""

    name: str
    texts: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.texts or "" in self.texts:
            raise IkunError(f"axis {self.name!r} has no values; write {ALLOWED}")
        if len(self.texts) > MOST:
            raise DomainError(f"values of axis {self.name}", len(self.texts), f"at most {MOST}")
        if twice := sorted({text for text in self.texts if self.texts.count(text) > 1}):
            raise IkunError(f"axis {self.name!r} has the value {twice[0]!r} twice; give it once")

    @property
    def values(self) -> tuple[Any, ...]:
        return tuple(map(typed, self.texts))

    @property
    def numeric(self) -> bool:
        return all(isinstance(value, int | float) for value in self.values)

    @property
    def logarithmic(self) -> bool:
        """The same ratio from each value to the next rather than the same difference."""
        values = self.values
        if not self.numeric or len(values) < 3 or min(values) <= 0 or list(values) != sorted(values):
            return False
        ratios = [b / a for a, b in itertools.pairwise(values)]
        steps = [b - a for a, b in itertools.pairwise(values)]
        return max(ratios) / min(ratios) < max(steps) / min(steps)

    @classmethod
    def of(cls, name: str, values: Iterable[Any]) -> Axis:
        return cls(_name(name), tuple(_text(value) for value in values))

    @classmethod
    def parse(cls, given: str) -> Axis:
        """Of --over."""
        name, equals, text = given.partition("=")
        if not (name.strip() and equals):
            raise IkunError(f"--over {given!r} is no axis; write {ALLOWED}")
        spread = _RANGE.fullmatch(text.strip())
        if spread:
            try:
                return cls(_name(name), tuple(_spread(*spread.groups())))
            except IkunError as error:
                raise IkunError(f"--over {given!r}: {error}; write {ALLOWED}") from None
        return cls(_name(name), tuple(part.strip() for part in text.split(";" if ";" in text else ",")))


def _name(text: str) -> str:
    return text.strip().lstrip("-").replace("_", "-") if "." not in text else text.strip().lstrip("-")


def _spread(first: str, last: str, times: str, step: str) -> list[str]:
    here, end, by = exact(first, "from"), exact(last, "to"), exact(step, "step")
    up = end >= here
    if times and (by <= 0 or by == 1 or here <= 0 or end <= 0 or (by > 1) != up):
        raise IkunError(f"a factor of {step} does not lead from {first} to {last}")
    if not times and (by == 0 or (by > 0) != up):
        raise IkunError(f"a step of {step} does not lead from {first} to {last}")
    if not times and abs(end - here) > MOST * abs(by):
        raise IkunError(f"a step of {step} makes more than {MOST} values")
    found: list[str] = []
    while (here <= end if up else here >= end) and len(found) <= MOST:
        found.append(_text(here))
        here = here * by if times else here + by
    return found


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Fraction):
        return str(value.numerator) if value.denominator == 1 else f"{float(value):.12g}"
    return f"{value:.17g}" if isinstance(value, float) and not value.is_integer() else str(value)


def typed(text: str) -> Any:
    """As JSON has it: a number where the text is one."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
