"""The sign of an expression as its form shows it: squares, sums and products of terms of known sign."""

from __future__ import annotations

import sympy as sp

from ikun_sym.expressions.arguments import arguments
from ikun_sym.expressions.lowering import precision

from ..words import Density, UpperTail, tex
from .balls import number
from .claim import Refused

_POSITIVE = (sp.exp, sp.erfc, Density, UpperTail)
"""Functions that are positive at every real argument."""


def sign(expr: sp.Expr) -> float | None:
    """1: > 0; 0.5: >= 0; 0: = 0; −0.5: <= 0; −1: < 0; None: the form does not show the sign.

    Only rules that can be read off the expression tree are used, and the assumptions of the symbols.
    """
    found = _of_form(expr)
    return _of_number(expr) if found is None and not expr.free_symbols else found


def _of_form(expr: sp.Expr) -> float | None:
    if expr.is_Number or expr.is_NumberSymbol:
        return float(sp.sign(expr)) if expr.is_real else None
    if isinstance(expr, sp.Symbol):
        return _of_symbol(expr)
    if isinstance(expr, sp.Mul):
        return _of_product([sign(factor) for factor in expr.args])
    if isinstance(expr, sp.Add):
        found = _of_sum([sign(term) for term in expr.args])
        return _less_an_exponential(expr) if found is None else found
    if isinstance(expr, sp.Pow):
        return _of_power(expr.base, expr.exp)
    if isinstance(expr, _POSITIVE):
        return 1.0 if expr.args[0].is_real else None
    if isinstance(expr, sp.Abs):
        return 1.0 if sign(expr.args[0]) in (1, -1) else 0.5
    if isinstance(expr, (sp.erf, sp.atan)):
        return sign(arguments(expr)[0])
    return None


def _of_number(expr: sp.Expr) -> float | None:
    """The sign of a number, by ball arithmetic, if its form does not show it."""
    with precision(120):
        value = number(expr)
    return 1.0 if value > 0 else -1.0 if value < 0 else None


def _of_symbol(symbol: sp.Symbol) -> float | None:
    if symbol.is_positive:
        return 1.0
    if symbol.is_negative:
        return -1.0
    return 0.5 if symbol.is_nonnegative else -0.5 if symbol.is_nonpositive else None


def _of_product(signs: list[float | None]) -> float | None:
    result = 1.0
    for one in signs:
        if one is None:
            return None
        result *= one
    return float(sp.sign(result)) if abs(result) in (0, 1) else 0.5 * float(sp.sign(result))


def _less_an_exponential(expr: sp.Expr) -> float | None:
    """n − n e^{z} has the sign of n for z < 0, and the opposite sign for z > 0."""
    number, rest = expr.as_coeff_Add()
    c, power = rest.as_coeff_Mul()
    if number.is_nonzero and c == -number and isinstance(power, sp.exp):
        found = sign(arguments(power)[0])
        return None if found is None else -found * float(sp.sign(number))
    return None


def _of_sum(signs: list[float | None]) -> float | None:
    known = [one for one in signs if one is not None]
    if len(known) < len(signs):
        return None
    if all(one >= 0 for one in known):
        return 1.0 if 1.0 in known else 0.5
    if all(one <= 0 for one in known):
        return -1.0 if -1.0 in known else -0.5
    return None


def _of_power(base: sp.Expr, exponent: sp.Expr) -> float | None:
    inner = sign(base)
    if inner == 1 and exponent.is_real:
        return 1.0
    if not exponent.is_Integer:
        return 0.5 if inner == 0.5 and exponent.is_Rational and exponent.is_positive else None
    if exponent % 2 == 0 and base.is_real:
        return 1.0 if inner in (1, -1) else 0.5 if exponent.is_positive else None
    return inner if exponent.is_positive or inner in (1, -1) else None


def demand(expr: sp.Expr, strict: bool) -> None:
    """Raises Refused unless the form of `expr` shows that it is > 0 (`strict`) or >= 0."""
    found = sign(expr)
    if found is None or found < 0 or (strict and found != 1):
        what = "positive" if strict else "nonnegative"
        assumed = ", ".join(sorted(f"{tex(s)}: {_said(s)}" for s in expr.free_symbols)) or "no symbols"
        raise Refused(f"the form of {expr} does not show it to be {what} ({assumed})")


def _said(symbol: sp.Basic) -> str:
    known = [name for name in ("positive", "negative", "nonnegative", "real", "integer") if getattr(symbol, f"is_{name}")]
    return known[0] if known else "nothing assumed"
