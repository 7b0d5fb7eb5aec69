"""Ball arithmetic over a box of parameters. The box is halved until every part is decided."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

import sympy as sp
from flint import arb

from ikun_sym.expressions.lowering import precision

from .balls import evaluator, number
from .claim import Claim, Refused
from .inequality import Inequality, Range

MAX_BOXES = 20_000
SMALLEST = 1e-9
"""Smallest side of a box: an inequality that is undecided on such a box will stay undecided."""
BITS = 80

Box = Mapping[sp.Symbol, arb]


@dataclass(frozen=True)
class OverBox:
    """Shown on the closed box, so the inequality must be strict even at the ends. Every symbol needs a finite range; for
    unbounded ranges see `Substituted`, `Pieces` and `Monotone`."""

    max_boxes: int = MAX_BOXES

    @property
    def name(self) -> str:
        return "ball arithmetic over a box"

    @property
    def premises(self) -> tuple[Claim, ...]:
        return ()

    def show(self, inequality: Inequality) -> tuple[str, ...]:
        ranges = [inequality.range_of(s) for s in sorted(inequality.symbols, key=str)]
        for one in ranges:
            if one.low.is_infinite or one.high.is_infinite:
                raise Refused(f"the range {one} is unbounded; ball arithmetic needs a substitution or a tail bound there")
        count = positive_on(inequality.difference, ranges, self.max_boxes, strict=inequality.strict)
        where = ", ".join(map(str, ranges)) or "no parameters"
        return (f"{where}: {count} {'box' if count == 1 else 'boxes'}, each decided at {BITS} bits",)


def positive_on(expr: sp.Expr, ranges: list[Range], max_boxes: int = MAX_BOXES, *, strict: bool = True) -> int:
    """Shows expr > 0 on boxes that cover all ranges; returns their number. Otherwise Refused, with the box where it fails
    (expr <= 0, or expr < 0 if not `strict`) or where it could not be decided."""
    value = Centred(expr, [one.symbol for one in ranges])
    with precision(BITS):
        todo: list[dict[sp.Symbol, arb]] = [{one.symbol: number(one.low).union(number(one.high)) for one in ranges}]
        least = {symbol: float(ball.rad()) * SMALLEST for symbol, ball in todo[0].items()}
        count = 0
        while todo:
            box = todo.pop()
            count += 1
            found = value(box)
            if found > 0:
                continue
            where = ", ".join(f"{symbol} in [{float(b.lower()):.6g}, {float(b.upper()):.6g}]" for symbol, b in box.items())
            if any(one < 0 or (strict and one <= 0) for one in (found, *value.at_points(box))):
                raise Refused(f"it fails near {where}")
            if count + len(todo) >= max_boxes or all(float(ball.rad()) <= least[s] for s, ball in box.items()):
                raise Refused(f"not decided after {count} boxes; open near {where}")
            todo += _halves(box, value)
        return count


@dataclass(frozen=True)
class Centred:
    """An expression over boxes: the intersection of its centred form (value at the centre plus gradient times distance) and its
    plain enclosure. The first converges quadratically in the size of the box; the second is better on wide boxes."""

    expr: sp.Expr
    symbols: list[sp.Symbol]

    def __call__(self, box: Box) -> arb:
        plain = evaluator(self.expr)(box)
        if not box or plain > 0 or (plain.is_finite() and plain <= 0):
            return plain
        total = self.at_centre(box)
        for symbol in self.symbols:
            total += self.slope(symbol)(box) * (box[symbol] - box[symbol].mid())
        if not total.is_finite():
            return plain
        return total.intersection(plain) if plain.is_finite() and total.overlaps(plain) else total

    def at_centre(self, box: Box) -> arb:
        return evaluator(self.expr)({symbol: arb(ball.mid()) for symbol, ball in box.items()})

    def at_points(self, box: Box) -> Iterator[arb]:
        """Values at the centre and at the corners."""
        yield self.at_centre(box)
        for corner in itertools.product(*((ball.lower(), ball.upper()) for ball in box.values())):
            yield evaluator(self.expr)({symbol: arb(end) for symbol, end in zip(box, corner, strict=True)})

    def slope(self, symbol: sp.Symbol) -> Callable[[Box], arb]:
        return evaluator(_derivative(self.expr, symbol))


@lru_cache(maxsize=256)
def _derivative(expr: sp.Expr, symbol: sp.Symbol) -> sp.Expr:
    """Asked for on every box."""
    return sp.diff(expr, symbol)


def _halves(box: dict[sp.Symbol, arb], value: Centred) -> list[dict[sp.Symbol, arb]]:
    """The box, halved along the side on which the expression varies most."""

    def variation(symbol: sp.Symbol) -> float:
        slope = value.slope(symbol)(box)
        width = float(box[symbol].rad())
        return width * float(abs(slope).upper()) if slope.is_finite() else width * 1e300

    widest = max(box, key=lambda symbol: (variation(symbol), float(box[symbol].rad())))
    middle = arb(box[widest].mid())
    return [{**box, widest: middle.union(box[widest].upper())}, {**box, widest: box[widest].lower().union(middle)}]
