"""Group an expression by products of exponentials and error functions; coefficients stay as written.

Expanding everything (sympy's expand) is slow if a coefficient is a polynomial of many terms, and it moves exp into
denominators, where equal terms no longer cancel.
"""

from __future__ import annotations

from collections.abc import Iterable

import sympy as sp

Errors = tuple[tuple[sp.Expr, int], ...]
Key = tuple[sp.Expr, Errors]
"""The exponent of e, and the error functions with their powers, in a fixed order."""

Groups = dict[Key, sp.Expr]

_ONE: Key = (sp.S.Zero, ())
_ERRORS = (sp.erf, sp.erfc)


def grouped(expr: sp.Expr) -> Groups:
    """{(exponent, error functions): coefficient}. Denominators and roots stay in the coefficient."""
    if not expr.has(sp.E, sp.exp, *_ERRORS):
        return {_ONE: expr}
    if isinstance(expr, sp.Add):
        return added(item for term in expr.args for item in grouped(term).items())
    if isinstance(expr, sp.Mul):
        return _product(map(grouped, expr.args))
    base, power = expr.as_base_exp()
    if base is sp.E:
        return {(power, ()): sp.S.One}
    if isinstance(power, sp.Integer) and power > 0:
        if isinstance(base, _ERRORS):
            return {(sp.S.Zero, ((base, int(power)),)): sp.S.One}
        return _product([grouped(base)] * int(power))
    return {_ONE: expr}


def added(terms: Iterable[tuple[Key, sp.Expr]]) -> Groups:
    """The sum of the coefficients of each key."""
    found: dict[Key, list[sp.Expr]] = {}
    for key, coefficient in terms:
        found.setdefault(key, []).append(coefficient)
    return {key: sp.Add(*coefficients) for key, coefficients in found.items()}


def _product(factors: Iterable[Groups]) -> Groups:
    total: Groups = {_ONE: sp.S.One}
    for factor in factors:
        total = added(
            ((exponent + other, _merged(errors, others)), coefficient * value)
            for (exponent, errors), coefficient in total.items()
            for (other, others), value in factor.items()
        )
    return total


def _merged(left: Errors, right: Errors) -> Errors:
    powers = dict(left)
    for error, power in right:
        powers[error] = powers.get(error, 0) + power
    return tuple(sorted(powers.items(), key=lambda item: sp.default_sort_key(item[0])))
