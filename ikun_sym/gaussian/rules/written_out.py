"""How large an expression gets when products and powers are written out: known before sympy spends minutes on it."""

from __future__ import annotations

import math

import sympy as sp

from ...catalogue.piecewise import U

MOST_DEGREE = 20
"""Of a polynomial that is written out: the antiderivative of a higher one takes minutes to write, and no reader is served."""

MOST_POLES = 100
"""Of a rational function, counted with their orders, and with the numerator's degree."""

MOST_TERMS = 200
"""Of a sum that is written out: beyond it, sympy takes minutes."""


def degree_written_out(value: sp.Expr) -> int:
    """An upper bound of the degree in U, of numerator and denominator together, once `value` is written out."""
    parts = [degree_written_out(part) for part in value.args if isinstance(part, sp.Expr)]
    if value.is_Add:
        return max(parts)
    if value.is_Mul:
        return sum(parts)
    if value.is_Pow and value.exp.is_Integer:  # type: ignore[union-attr]
        return parts[0] * abs(int(value.exp))  # type: ignore[call-overload]
    return int(value == U)


def terms_written_out(value: sp.Expr) -> int:
    """An upper bound of the number of summands once `value` is written out."""
    if value.is_Add:
        return sum(terms_written_out(part) for part in value.args)  # type: ignore[arg-type]
    if value.is_Mul:
        return math.prod(terms_written_out(part) for part in value.args)  # type: ignore[arg-type]
    if value.is_Pow and value.exp.is_Integer and value.exp > 0:  # type: ignore[union-attr]
        count, power = terms_written_out(value.base), int(value.exp)  # type: ignore[arg-type, union-attr]
        return math.comb(count + power - 1, power)
    return 1
