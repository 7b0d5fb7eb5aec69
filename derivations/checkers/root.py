"""A root of left = right in one symbol: existence and uniqueness in a bracket, and its location."""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp
from flint import arb

from ikun_sym.expressions.lowering import precision
from ikun_sym.gaussian.enclosures.certify import Enclosure, digits_of

from .balls import evaluator, number
from .box import positive_on
from .claim import Claim, Finding, Refused, symbols_of
from .equality import Equality
from .inequality import Range

ROUTE = "isolated: sign change, derivative of one sign, bisection in ball arithmetic"


@dataclass(frozen=True)
class Root:
    """Existence: left − right changes sign between the ends of the bracket. Uniqueness: its derivative has one sign on the
    whole bracket, ends included."""

    left: sp.Expr
    right: sp.Expr
    symbol: sp.Symbol
    bracket: tuple[sp.Expr, sp.Expr]
    digits: int = 30

    @property
    def symbols(self) -> set[sp.Symbol]:
        return symbols_of(self.left, self.right) | {self.symbol}

    @property
    def premises(self) -> tuple[Claim, ...]:
        return ()

    @property
    def equation(self) -> Equality:
        """The equation that holds at the root, for later steps."""
        return Equality(self.left, self.right)

    def check(self) -> Finding:
        stray = symbols_of(self.left, self.right) - {self.symbol}
        if stray:
            raise Refused(f"{', '.join(sorted(map(str, stray)))} have no values; a root is isolated at numbers")
        one = Range(self.symbol, *self.bracket)
        rising = self._rising(one)
        slope = sp.diff(self.left - self.right, self.symbol)
        count = positive_on(slope if rising else -slope, [one])
        found = self._bisect(rising)
        return Finding(
            "proved",
            ROUTE,
            (
                f"existence: left − right changes its sign on {one}",
                f"uniqueness: its derivative is {'positive' if rising else 'negative'} there ({count} boxes)",
                f"isolated to {self.digits} digits by bisection",
            ),
            found,
        )

    def _rising(self, one: Range) -> bool:
        value = evaluator(self.left - self.right)
        with precision(int(self.digits * 3.33) + 60):
            low, high = value({self.symbol: number(one.low)}), value({self.symbol: number(one.high)})
            if low < 0 < high:
                return True
            if low > 0 > high:
                return False
        raise Refused(f"left − right does not change its sign between the ends of {one}")

    def _bisect(self, rising: bool) -> Enclosure:
        value = evaluator(self.left - self.right)
        bits = int(self.digits * 3.33) + 60
        with precision(bits):
            low, high = number(self.bracket[0]), number(self.bracket[1])
            for _ in range(2 * bits):
                middle = arb(((low + high) / 2).mid())
                at = value({self.symbol: middle})
                if not (at > 0 or at < 0):
                    break  # too close for this precision to decide
                low, high = (low, middle) if (at > 0) == rising else (middle, high)
            found = low.union(high)
            if digits_of(found) < self.digits:
                raise Refused(f"only {digits_of(found)} of {self.digits} digits of the root could be isolated")
            return Enclosure.of(found, self.digits, ROUTE)
