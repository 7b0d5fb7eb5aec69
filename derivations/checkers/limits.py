"""A limit: by leading terms, by two bounds with the same limit, or, as evidence only, by numbers along a sequence."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import sympy as sp

from ikun_sym.expressions.lowering import precision

from .balls import evaluator, number
from .claim import Claim, Finding, Refused, symbols_of
from .equality import vanishes
from .inequality import Inequality
from .leading import limit


@dataclass(frozen=True)
class Limit:
    """lim expr = value as symbol → point; a finite point is approached from above (`side` 1) or below (−1).

    `bounds`: two earlier inequalities lower <= expr <= upper, whose bounds have the same limit. `at`: exact points along the
    way; the values there are shown, as evidence, not as a proof.
    """

    expr: sp.Expr
    symbol: sp.Symbol
    point: sp.Expr
    value: sp.Expr
    side: int = 1
    bounds: tuple[Inequality, Inequality] | None = None
    at: tuple[sp.Expr, ...] = ()

    @property
    def symbols(self) -> set[sp.Symbol]:
        return symbols_of(self.expr, self.value) | {self.symbol}

    @property
    def premises(self) -> tuple[Claim, ...]:
        return self.bounds or ()

    def check(self) -> Finding:
        if self.at:
            return self._evidence()
        if self.bounds:
            return self._squeezed(*self.bounds)
        self._same(limit(self.expr, self.symbol, self.point, self.side), "the limit")
        return Finding("proved", "leading terms", (f"as {self.symbol} → {self.point}",))

    def _same(self, found: sp.Expr, what: str) -> None:
        infinite = found in (sp.oo, -sp.oo) or self.value in (sp.oo, -sp.oo)
        if not (found == self.value if infinite else vanishes(found - self.value)):
            raise Refused(f"{what} is {found}, not {self.value}")

    def _squeezed(self, lower: Inequality, upper: Inequality) -> Finding:
        for one, which in ((lower, "lower"), (upper, "upper")):
            others = [str(r) for r in one.region if r.symbol != self.symbol]
            if others:
                raise Refused(f"the {which} bound holds for {', '.join(others)} only, and the limit is stated without that")
            reach = one.range_of(self.symbol)
            if not (reach.high if self.point == sp.oo or self.side < 0 else reach.low) == self.point:
                raise Refused(f"the {which} bound holds for {reach}, which does not reach {self.point}")
        small, large = _sides(lower), _sides(upper)
        if not (vanishes(small[1] - self.expr) and vanishes(large[0] - self.expr)):
            raise Refused(f"the bounds are not bounds of {self.expr}")
        for bound, which in ((small[0], "lower"), (large[1], "upper")):
            self._same(limit(bound, self.symbol, self.point, self.side), f"the {which} bound's limit")
        return Finding("proved", "two bounds with one limit, by leading terms", (f"{small[0]} <= … <= {large[1]}",))

    def _evidence(self) -> Finding:
        """The distances to the value must shrink, and the last must be below a thousandth."""
        if self.value in (sp.oo, -sp.oo):
            raise Refused("numbers are no evidence of an infinite limit")
        details, distances = [], []
        with precision(120):
            for point in self.at:
                found = evaluator(self.expr)({self.symbol: number(point)})
                if not found.is_finite():
                    raise Refused(f"no finite value at {self.symbol} = {point}")
                distances.append(abs(found - number(self.value)))
                details.append(f"at {self.symbol} = {point}: {found.str(10)}")
            last = distances[-1]
            if not (all(b < a for a, b in itertools.pairwise(distances)) and last < 1e-3):
                raise Refused(f"the values do not approach {self.value}: " + "; ".join(details))
        return Finding("agrees", "values in ball arithmetic along a sequence", tuple(details))


def _sides(inequality: Inequality) -> tuple[sp.Expr, sp.Expr]:
    """(smaller, larger)."""
    if inequality.relation[0] == ">":
        return inequality.right, inequality.left
    return inequality.left, inequality.right
