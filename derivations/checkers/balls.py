"""Evaluate expressions at exact numbers and over intervals, in ball arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

import sympy as sp
from flint import acb, arb

from ikun_sym.expressions.lowering import Balls, lower

from ..words import unfold
from .claim import Refused

Point = Mapping[sp.Symbol, arb]


@lru_cache(maxsize=256)
def evaluator(expr: sp.Expr) -> Callable[[Point], arb]:
    """`expr` as a function of balls for its symbols. NaN unless the value is shown to be real and finite."""
    lowered = lower(unfold(expr), Balls())

    def evaluate(at: Point) -> arb:
        missing = expr.free_symbols - set(at)
        if missing:
            raise Refused(f"no range is given for {', '.join(sorted(map(str, missing)))} in {expr}")
        try:
            value = acb(lowered({symbol: acb(ball) for symbol, ball in at.items()}))
        except ZeroDivisionError:  # of exact rationals
            return arb("nan")
        return value.real if value.imag == 0 and value.real.is_finite() else arb("nan")

    return evaluate


def number(expr: sp.Expr | int) -> arb:
    """A number without symbols, as a ball at the current precision; ±oo as infinite balls."""
    expr = sp.sympify(expr)
    if expr in (sp.oo, -sp.oo):
        return arb.pos_inf() if expr == sp.oo else arb.neg_inf()
    return evaluator(expr)({})
