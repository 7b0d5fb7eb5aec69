"""An expression as a sum over products of exponentials and error functions, the coefficients left as they were written.

Writing everything out (sympy's expand) takes longest where a coefficient is a polynomial of many terms, and moves exp into
denominators, where terms no longer meet.
"""

from __future__ import annotations

import sympy as sp

Key = tuple[sp.Expr, tuple[tuple[sp.Expr, int], ...]]
"""The exponent of e, and the error functions with their powers, in one order."""

Groups = dict[Key, sp.Expr]

_ONE: Key = (sp.S.Zero, ())
_ERRORS = (sp.erf, sp.erfc)


def grouped(expr: sp.Expr) -> Groups:
    """{(exponent, error functions): coefficient}. What is below a fraction line or a root stays in the coefficient."""
    if not expr.has(sp.E, sp.exp, *_ERRORS):
        return {_ONE: expr}
    if isinstance(expr, sp.Add):
        found: dict[Key, list[sp.Expr]] = {}
        for term in expr.args:
            for key, coefficient in grouped(term).items():  # type: ignore[arg-type]
                found.setdefault(key, []).append(coefficient)
        return {key: sp.Add(*coefficients) for key, coefficients in found.items()}
    if isinstance(expr, sp.Mul):
        total: Groups = {_ONE: sp.S.One}
        for factor in expr.args:
            total = _product(total, grouped(factor))  # type: ignore[arg-type]
        return total
    base, power = expr.as_base_exp()
    if base is sp.E:
        return {(power, ()): sp.S.One}
    if isinstance(power, sp.Integer) and power > 0:
        if isinstance(base, _ERRORS):
            return {(sp.S.Zero, ((base, int(power)),)): sp.S.One}
        total, once = {_ONE: sp.S.One}, grouped(base)
        for _ in range(int(power)):
            total = _product(total, once)
        return total
    return {_ONE: expr}


def _product(left: Groups, right: Groups) -> Groups:
    found: dict[Key, list[sp.Expr]] = {}
    for (exponent, errors), coefficient in left.items():
        for (other, others), factor in right.items():
            key = exponent + other, _merged(errors, others)
            found.setdefault(key, []).append(coefficient * factor)
    return {key: sp.Add(*coefficients) for key, coefficients in found.items()}


def _merged(left: tuple[tuple[sp.Expr, int], ...], right: tuple[tuple[sp.Expr, int], ...]) -> tuple[tuple[sp.Expr, int], ...]:
    powers = dict(left)
    for error, power in right:
        powers[error] = powers.get(error, 0) + power
    return tuple(sorted(powers.items(), key=lambda item: sp.default_sort_key(item[0])))
