"""Ways to show an inequality without a box: its form, monotonicity up to a limit, substitution, pieces, earlier steps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import sympy as sp

from ..words import unfold
from .claim import Claim, Refused
from .equality import vanishes
from .inequality import Inequality, Method, Range
from .leading import limit_from_inside
from .sign import demand


@dataclass(frozen=True)
class Manifest:
    """The difference of the two sides equals `form`, whose factors and terms show its sign under the symbols' assumptions. A
    region is not used. `equality`: an expression whose zeros are the only cases of equality."""

    form: sp.Expr
    equality: sp.Expr | None = None

    @property
    def name(self) -> str:
        return "exact identity, signs of its factors"

    @property
    def premises(self) -> tuple[Claim, ...]:
        return ()

    def show(self, inequality: Inequality) -> tuple[str, ...]:
        if not vanishes(inequality.difference - self.form):
            raise Refused(f"{inequality.difference} is not shown to be {self.form}")
        demand(self.form, inequality.strict)
        details = [f"difference of the sides = {self.form}, {'> 0' if inequality.strict else '>= 0'} by the signs of its parts"]
        if self.equality is not None:
            details.append(self._equality(inequality))
        return tuple(details)

    def _equality(self, inequality: Inequality) -> str:
        if inequality.strict:
            raise Refused("a strict inequality has no case of equality")
        form, zeros = sp.factor(self.form), self.equality
        power = next((p for p in (2, 1, 4) if not _quotient(form, zeros, p).has(zeros)), None)  # type: ignore[arg-type]
        if power is None:
            raise Refused(f"{self.equality} is not the factor on which equality depends")
        demand(_quotient(form, zeros, power), strict=True)  # type: ignore[arg-type]
        return f"equality if and only if {self.equality} = 0: the other factors are positive"


def _quotient(form: sp.Expr, zeros: sp.Expr, power: int) -> sp.Expr:
    return sp.cancel(form / zeros**power)


@dataclass(frozen=True)
class Monotone:
    """The difference is monotone in `symbol` and its limit at one end of the range ("low" or "high") is >= 0, so it is > 0
    inside. `derivative`: the method that shows the sign of the derivative."""

    symbol: sp.Symbol
    end: str
    derivative: Method

    @property
    def name(self) -> str:
        return f"monotone, limit at one end; derivative: {self.derivative.name}"

    @property
    def premises(self) -> tuple[Claim, ...]:
        return self.derivative.premises

    def show(self, inequality: Inequality) -> tuple[str, ...]:
        one = inequality.range_of(self.symbol)
        if self.end not in ("low", "high"):
            raise Refused(f"end = {self.end!r}; write 'low' or 'high'")
        slope = sp.diff(unfold(inequality.difference), self.symbol)
        relation = ">" if self.end == "low" else "<"
        needed = Inequality(slope, relation, sp.S.Zero, self.derivative, inequality.region)
        shown = self.derivative.show(needed)
        at, value = limit_from_inside(inequality.difference, one, self.end)
        demand(value, strict=False) if value not in (sp.oo,) else None
        return (*shown, f"so it is {'in' if self.end == 'low' else 'de'}creasing in {self.symbol}, and → {value} as {at}")


@dataclass(frozen=True)
class Substituted:
    """`symbol` = `value`(new symbol), a monotone function from the new symbol's range onto the old range."""

    symbol: sp.Symbol
    value: sp.Expr
    new: Range
    method: Method

    @property
    def name(self) -> str:
        return f"substitution; {self.method.name}"

    @property
    def premises(self) -> tuple[Claim, ...]:
        return self.method.premises

    def show(self, inequality: Inequality) -> tuple[str, ...]:
        old = inequality.range_of(self.symbol)
        slope: sp.Expr = sp.factor(sp.diff(self.value, self.new.symbol))  # type: ignore[assignment]
        try:
            demand(slope, strict=True)
            ends = ("low", "high")
        except Refused:
            demand(-slope, strict=True)
            ends = ("high", "low")
        reached = [limit_from_inside(self.value, self.new, end)[1] for end in ends]
        if not (reached[0] <= old.low and old.high <= reached[1]):
            raise Refused(f"{self.symbol} = {self.value} reaches from {reached[0]} to {reached[1]}, not over {old}")
        rest = tuple(r for r in inequality.region if r.symbol != self.symbol)
        difference = sp.cancel(sp.together(inequality.difference.subs(self.symbol, self.value)))
        relation = ">" if inequality.strict else ">="
        moved = replace(inequality, left=difference, relation=relation, right=sp.S.Zero, region=(*rest, self.new))
        return (f"{self.symbol} = {self.value}, {self.new}", *self.method.show(moved))


@dataclass(frozen=True)
class Pieces:
    """The range of `symbol` cut at `cuts`, one method for each piece. A cut belongs to both neighbours, and one of them
    must include its ends (as `OverBox` does)."""

    symbol: sp.Symbol
    cuts: tuple[sp.Expr, ...]
    methods: tuple[Method, ...]

    @property
    def name(self) -> str:
        return "piece by piece: " + "; ".join(dict.fromkeys(method.name for method in self.methods))

    @property
    def premises(self) -> tuple[Claim, ...]:
        return tuple(premise for method in self.methods for premise in method.premises)

    def show(self, inequality: Inequality) -> tuple[str, ...]:
        from .box import OverBox

        one = inequality.range_of(self.symbol)
        ends = [one.low, *map(sp.sympify, self.cuts), one.high]
        if len(self.methods) != len(ends) - 1:
            raise Refused(f"{len(ends) - 1} pieces need as many methods, not {len(self.methods)}")
        for left, right in zip(self.methods, self.methods[1:], strict=False):
            if not (isinstance(left, OverBox) or isinstance(right, OverBox)):
                raise Refused("a cut between two pieces belongs to neither: one of them must be shown with its ends")
        details: list[str] = []
        for (low, high), method in zip(pairwise(ends), self.methods, strict=True):
            part = Range(self.symbol, low, high)
            details += [f"{part}: {what}" for what in method.show(inequality.narrowed(part, method))]
        return tuple(details)


@dataclass(frozen=True)
class Combined:
    """The difference equals `rest` plus multiples of the differences of earlier inequalities. The forms of `rest` and of the
    multipliers show their signs."""

    parts: tuple[tuple[Inequality, sp.Expr], ...]
    rest: sp.Expr = sp.S.Zero

    @property
    def name(self) -> str:
        return "combination of earlier steps"

    @property
    def premises(self) -> tuple[Claim, ...]:
        return tuple(earlier for earlier, _ in self.parts)

    def show(self, inequality: Inequality) -> tuple[str, ...]:
        total, strict, details = self.rest, False, []
        demand(self.rest, strict=False)
        for earlier, multiplier in self.parts:
            for one in earlier.region:
                if not inequality.range_of(one.symbol).within(one):
                    raise Refused(f"the earlier step holds for {one} only, not for {inequality.range_of(one.symbol)}")
            demand(multiplier, strict=earlier.strict and inequality.strict)
            strict |= earlier.strict
            total += multiplier * earlier.difference
            details.append(f"{multiplier} times ({earlier.left} {earlier.relation} {earlier.right})")
        if not vanishes(inequality.difference - total):
            raise Refused(f"{inequality.difference} is not shown to be {total}")
        if inequality.strict and not strict:
            demand(self.rest, strict=True)
        return (*details, f"and {self.rest}") if self.rest != 0 else tuple(details)


@dataclass(frozen=True)
class Scaled:
    """Show the inequality after multiplying the difference by `factor`, whose form shows that it is positive."""

    factor: sp.Expr
    method: Method

    @property
    def name(self) -> str:
        return self.method.name

    @property
    def premises(self) -> tuple[Claim, ...]:
        return self.method.premises

    def show(self, inequality: Inequality) -> tuple[str, ...]:
        demand(self.factor, strict=True)
        relation = ">" if inequality.strict else ">="
        product: sp.Expr = sp.expand(self.factor * inequality.difference)
        scaled = replace(inequality, left=product, relation=relation, right=sp.S.Zero)
        return (f"times {self.factor} > 0", *self.method.show(scaled))
