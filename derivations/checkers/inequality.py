"""left > right (or >=, <, <=) for all values of the symbols, or for all values in a region."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol

import sympy as sp

from .claim import Claim, Finding, Refused, symbols_of

RELATIONS = {">": r">", ">=": r"\geq", "<": r"<", "<=": r"\leq"}


class Method(Protocol):
    """A way to show that an inequality's `difference` is above 0, or not below."""

    def show(self, inequality: Inequality) -> tuple[str, ...]:
        """Show the inequality; returns what was done. Raises Refused unless it is shown."""
        ...

    @property
    def name(self) -> str: ...

    @property
    def premises(self) -> tuple[Claim, ...]:
        """Earlier claims that the method uses."""
        ...


@dataclass(frozen=True)
class Range:
    """low < symbol < high. The ends are exact numbers or infinite."""

    symbol: sp.Symbol
    low: Any
    high: Any

    def __post_init__(self) -> None:
        object.__setattr__(self, "low", sp.sympify(self.low))
        object.__setattr__(self, "high", sp.sympify(self.high))
        if symbols_of(self.low, self.high):
            raise Refused(f"the range of {self.symbol} ends at {self.low} and {self.high}; ends must be numbers")
        if not self.low < self.high:
            raise Refused(f"the range of {self.symbol} is empty: {self.low} is not below {self.high}")
        s = self.symbol
        if (s.is_nonnegative and self.low < 0) or (s.is_nonpositive and self.high > 0) or not s.is_real:
            raise Refused(f"the range ({self.low}, {self.high}) of {s} contradicts what is assumed of it")

    def within(self, other: Range) -> bool:
        return self.symbol == other.symbol and bool(other.low <= self.low) and bool(self.high <= other.high)

    def __str__(self) -> str:
        return f"{self.low} < {self.symbol} < {self.high}"


@dataclass(frozen=True)
class Inequality:
    """`region` narrows the assumptions of the symbols. Symbols without a range keep their assumptions."""

    left: sp.Expr
    relation: str
    right: sp.Expr
    method: Method
    region: tuple[Range, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "left", sp.sympify(self.left))
        object.__setattr__(self, "right", sp.sympify(self.right))
        if self.relation not in RELATIONS:
            raise Refused(f"relation {self.relation!r} is not known; known: {', '.join(RELATIONS)}")

    @property
    def symbols(self) -> set[sp.Symbol]:
        return symbols_of(self.left, self.right) | {r.symbol for r in self.region}

    @property
    def premises(self) -> tuple[Claim, ...]:
        return self.method.premises

    @property
    def strict(self) -> bool:
        return self.relation in (">", "<")

    @property
    def difference(self) -> sp.Expr:
        """The expression that must be > 0 (>= 0 if not strict)."""
        return self.left - self.right if self.relation[0] == ">" else self.right - self.left

    def range_of(self, symbol: sp.Symbol) -> Range:
        for one in self.region:
            if one.symbol == symbol:
                return one
        if not symbol.is_real:
            raise Refused(f"{symbol} is not assumed to be real")
        return Range(symbol, 0 if symbol.is_nonnegative else -sp.oo, 0 if symbol.is_nonpositive else sp.oo)

    def narrowed(self, one: Range, method: Method) -> Inequality:
        """The same inequality on a part of the region."""
        if not one.within(self.range_of(one.symbol)):
            raise Refused(f"{one} reaches beyond {self.range_of(one.symbol)}")
        rest = tuple(r for r in self.region if r.symbol != one.symbol)
        return replace(self, region=(*rest, one), method=method)

    def check(self) -> Finding:
        return Finding("proved", self.method.name, self.method.show(self))
