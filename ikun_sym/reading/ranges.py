"""Bounds of an expression on a range of u, by interval arithmetic in floats, rounded outwards."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping
from typing import Any

import sympy as sp

from .exponentials import exponential_of

Range = tuple[float, float]
_EVERYWHERE: Range = (-math.inf, math.inf)


def wider(lo: float, hi: float) -> Range:
    """Outwards by more than the rounding of one operation in double precision; a lower end is never +infinity."""
    if math.isnan(lo) or math.isnan(hi):
        return _EVERYWHERE
    lo, hi = min(lo, sys.float_info.max), max(hi, -sys.float_info.max)
    return lo - abs(lo) * 1e-12 if math.isfinite(lo) else lo, hi + abs(hi) * 1e-12 if math.isfinite(hi) else hi


def to_float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _times(a: float, b: float) -> float:
    return 0.0 if a == 0 or b == 0 else a * b


def _range_product(a: Range, b: Range) -> Range:
    ends = [_times(p, q) for p in a for q in b]
    return wider(min(ends), max(ends))


def _range_power(base: Range, exponent: Any) -> Range:
    """The range of base**exponent; everything where 0 is a pole inside."""
    lo, hi, n = *base, float(exponent)
    if n < 0:
        return _range_reciprocal(*_range_power(base, -exponent))
    if not exponent.is_Integer:
        return wider(_pow(max(lo, 0.0), n), _pow(max(hi, 0.0), n))
    ends = [_pow(lo, int(n)), _pow(hi, int(n))]
    least = 0.0 if int(n) % 2 == 0 and lo <= 0 <= hi else min(ends)
    return wider(least, max(ends))


def _range_reciprocal(lo: float, hi: float) -> Range:
    if lo < 0 < hi or lo == hi == 0:
        return _EVERYWHERE
    if lo >= 0:
        return wider(1 / hi, 1 / lo if lo else math.inf)
    return wider(1 / hi if hi else -math.inf, 1 / lo)


def _pow(base: float, n: float) -> float:
    try:
        return base**n
    except OverflowError:
        return -math.inf if base < 0 and n % 2 == 1 else math.inf


def _float_exp(w: float) -> float:
    return math.inf if w > 700 else math.exp(w)


_RANGES: dict[Any, Callable[[float, float], Range]] = {
    sp.exp: lambda lo, hi: (_float_exp(lo), _float_exp(hi) if hi > -700 else 1e-300),
    sp.log: lambda lo, hi: (math.log(lo) if lo > 0 else -math.inf, math.log(hi) if hi > 0 else math.inf),
    sp.sin: lambda lo, hi: (-1.0, 1.0),
    sp.cos: lambda lo, hi: (-1.0, 1.0),
    sp.erf: lambda lo, hi: (math.erf(lo), math.erf(hi)),
    sp.erfc: lambda lo, hi: (math.erfc(hi), math.erfc(lo)),
}


def range_of(expr: Any, u: Mapping[sp.Symbol, Range]) -> Range:
    """An interval that contains `expr` for all values of the variables in the intervals `u` (interval arithmetic:
    rigorous, not tight)."""
    if expr in u:
        return u[expr]
    if expr.is_Rational:
        return wider(to_float(expr), to_float(expr))
    if expr.is_NumberSymbol:
        return wider(float(expr), float(expr))
    if expr.is_Add:
        parts = [range_of(arg, u) for arg in expr.args]
        total = sum(max(abs(a), abs(b)) for a, b in parts) * 1e-12
        slack = total if math.isfinite(total) else 0.0
        return wider(sum(a for a, _ in parts) - slack * any(a for a, _ in parts), sum(b for _, b in parts) + slack)
    if expr.is_Mul:
        result: Range = (1.0, 1.0)
        for arg in expr.args:
            result = _range_product(result, range_of(arg, u))
        return result
    if expr.is_Pow:
        if expr.exp.is_Rational:
            return _range_power(range_of(expr.base, u), expr.exp)
        return wider(*_RANGES[sp.exp](*range_of(exponential_of(expr), u)))
    return wider(*_RANGES[expr.func](*range_of(expr.args[0], u))) if expr.func in _RANGES else _EVERYWHERE
