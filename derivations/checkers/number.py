"""A number: the enclosed value of an expression at given values, compared with the decimals in the text, if any."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import sympy as sp
from flint import arb

from ikun_sym.expressions.lowering import precision
from ikun_sym.gaussian.enclosures.certify import Enclosure, digits_of

from .balls import evaluator, number
from .claim import Claim, Finding, Refused, Standalone, symbols_of

ROUTE = "ball arithmetic"


def half_a_unit(claimed: str) -> arb:
    """Half a unit in the last place of a decimal: the accuracy that a reader expects."""
    exponent = Decimal(claimed).as_tuple().exponent
    return arb(10) ** int(exponent) / 2


def agree(found: arb, claimed: str) -> None:
    if not abs(found - arb(claimed)) <= half_a_unit(claimed) * arb("1.0000001"):
        raise Refused(f"the text says {claimed}, but it is {found.str(12)}")


@dataclass(frozen=True)
class Enclosed(Standalone):
    """A value enclosed elsewhere, by its `route`; `claimed` is checked against it."""

    enclosure: Enclosure
    claimed: str = ""

    def check(self) -> Finding:
        found = self.enclosure.ball()
        if not found.is_finite():
            raise Refused("the enclosure is not finite")
        if self.claimed:
            agree(found, self.claimed)
        return Finding("enclosed", self.enclosure.route, (), self.enclosure)


@dataclass(frozen=True)
class Value:
    """`expr` with its symbols at the values `at`: exact numbers, or enclosures from earlier steps."""

    expr: sp.Expr
    at: tuple[tuple[sp.Symbol, sp.Expr | Enclosure], ...] = ()
    claimed: str = ""
    digits: int = 12

    @property
    def symbols(self) -> set[sp.Symbol]:
        return symbols_of(self.expr)

    @property
    def premises(self) -> tuple[Claim, ...]:
        return ()

    def check(self) -> Finding:
        with precision(int(self.digits * 3.33) + 60):
            values = {s: v.ball() if isinstance(v, Enclosure) else number(v) for s, v in self.at}
            found = evaluator(self.expr)(values)
            if not found.is_finite() or digits_of(found) < self.digits:
                raise Refused(f"{self.expr} is known to {digits_of(found) if found.is_finite() else 0} digits only")
            if self.claimed:
                agree(found, self.claimed)
            enclosure = Enclosure.of(found, self.digits, ROUTE)
        return Finding("enclosed", ROUTE, tuple(f"{s} = {_shown(v)}" for s, v in self.at), enclosure)


def _shown(value: sp.Expr | Enclosure) -> str:
    return f"{value.mid} ± {value.rad}" if isinstance(value, Enclosure) else str(value)
