"""A parameter of a surrogate: its symbol, default and domain."""

from __future__ import annotations

import keyword
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

import sympy as sp

from ..errors import DomainError, IkunError
from ..exact import Number, exact

DOMAINS = {
    "positive": (lambda value: value > 0, "a positive number", {"positive": True}),
    "nonnegative": (lambda value: value >= 0, "zero or a positive number", {"nonnegative": True}),
    "real": (lambda value: True, "a real number", {"real": True}),
    "share": (lambda value: 0 <= value <= 1, "between 0 and 1", {"nonnegative": True}),
    "above one": (lambda value: value > 1, "a number above 1", {"positive": True}),
    "count": (
        lambda value: value >= 1 and value.denominator == 1,
        "a whole number from 1",
        {"integer": True, "positive": True},
    ),
}


VARIABLES = ("x", "u", "pi")
"""Names that have a fixed meaning in every expression."""

LETTERS = ("mu", "v", "r")
"""Letters that formulas use: mean and variance of the Gaussian, and the position within a cell of a periodic tail."""


@dataclass(frozen=True)
class Param:
    """`default` None: the user must give a value (some library functions demand this). `letter`: replaces the name in formulas
    if the name has another meaning there."""

    name: str
    default: Number | None = None
    domain: str = "positive"
    letter: str = ""

    def __post_init__(self) -> None:
        if not self.name.isidentifier() or keyword.iskeyword(self.name) or self.name in VARIABLES:
            raise IkunError(
                f"parameter name {self.name!r} is not allowed; use an identifier that is neither a keyword of Python "
                f"nor a variable of the formulas ({', '.join(VARIABLES)})"
            )
        if (self.letter or self.name) in LETTERS:
            raise IkunError(f"parameter {self.name}: formulas use {', '.join(LETTERS)} themselves; give it another letter")
        if self.domain not in DOMAINS:
            raise IkunError(f"parameter {self.name}: unknown domain {self.domain!r}; known: {', '.join(DOMAINS)}")
        if self.default is not None:
            object.__setattr__(self, "default", self.check(self.default))

    @property
    def symbol(self) -> sp.Symbol:
        return sp.Symbol(self.letter or self.name, **DOMAINS[self.domain][2])

    def check(self, value: Number) -> Fraction:
        """`value` as an exact number of the domain, or DomainError."""
        number = exact(value, f"parameter {self.name}")
        contains, allowed, _ = DOMAINS[self.domain]
        if not contains(number):
            raise DomainError(f"parameter {self.name}", value, allowed)
        return number


def bound_values(kind: str, name: str, params: Iterable[Param], given: Mapping[str, Number]) -> dict[str, Fraction]:
    """Exact values of an entry's parameters: the given ones, else the defaults. `kind` and `name` are for the errors."""
    known = {param.name: param for param in params}
    for wrong in given.keys() - known.keys():
        allowed = f"it has {', '.join(known)}" if known else "it has no parameters"
        raise IkunError(f"{kind} {name!r} has no parameter {wrong!r}; {allowed}")
    values: dict[str, Fraction] = {}
    for param in known.values():
        value = given.get(param.name, param.default)
        if value is None:
            raise IkunError(f"{kind} {name!r} has no default for {param.name}; write {name}:{param.name}=…")
        values[param.name] = param.check(value)
    return values


def plain(value: Fraction) -> str:
    """As a decimal where that is exact."""
    return str(float(value)).removesuffix(".0") if Fraction(repr(float(value))) == value else str(value)
