"""The sign and the value of a constant, to as many digits as it takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import mpmath
import sympy as sp

from ..catalogue.piecewise import R, U

VARIABLES = frozenset({U, R})
Point = Mapping[sp.Symbol, sp.Expr]


class Undecided(Exception):
    """A number that cannot be told from zero, or is not real and finite, or is out of reach."""


def varies(expr: sp.Expr) -> bool:
    """Whether `expr` is not a constant."""
    return not VARIABLES.isdisjoint(expr.free_symbols)


def _context(digits: int) -> Any:
    context = mpmath.MPContext()
    context.dps = digits
    return context


CONTEXTS = tuple(_context(digits) for digits in (50, 100, 250, 500))
_LARGEST_ARGUMENT = {sp.exp: 1e300, sp.sin: 1e300, sp.cos: 1e300, sp.erf: 1e100, sp.erfc: 1e100}
_NUMERIC = {sp.exp: "exp", sp.log: "log", sp.sin: "sin", sp.cos: "cos", sp.erf: "erf", sp.erfc: "erfc"}


def _evaluate(expr: Any, at: Any, mp: Any) -> Any:
    """`expr` where the variables have the values `at`, in the context `mp`. sympy's own evaluation has no guard against
    exp(exp(exp(9)))."""
    if expr.is_Symbol:
        if expr not in at:
            raise Undecided
        return at[expr]
    if expr.is_Rational:
        return mp.mpf(int(expr.p)) / int(expr.q)
    if expr is sp.pi:
        return +mp.pi
    if expr is sp.E:
        return mp.exp(1)
    if not expr.args or not (expr.is_Add or expr.is_Mul or expr.is_Pow or expr.func in _NUMERIC):  # an infinity, or nan
        raise Undecided
    values = [_evaluate(arg, at, mp) for arg in expr.args]
    if expr.is_Add:
        return mp.fsum(values)
    if expr.is_Mul:
        return mp.fprod(values)
    if expr.is_Pow:
        return _evaluated_power(values[0], values[1], expr.exp, mp)
    limit = _LARGEST_ARGUMENT.get(expr.func)
    if (limit and abs(values[0]) > limit) or (expr.func is sp.log and values[0] <= 0):
        raise Undecided
    return getattr(mp, _NUMERIC[expr.func])(values[0])


def _evaluated_power(base: Any, exponent: Any, symbolic: Any, mp: Any) -> Any:
    if (base == 0 and exponent <= 0) or (base < 0 and not symbolic.is_Integer) or abs(exponent) > 1e300:
        raise Undecided
    return base ** int(symbolic) if symbolic.is_Integer else mp.power(base, exponent)


def numeric_value(expr: sp.Expr, at: Point | sp.Expr | int = 0, absolute: bool = False) -> Any:
    """`expr` at u = `at`, or at a point of u and r, to 30 digits, by raising the precision until two results agree;
    `absolute`: or both are tiny."""
    last = None
    point = at if isinstance(at, Mapping) else {U: sp.sympify(at)}
    for mp in CONTEXTS:
        try:
            now = _evaluate(expr, {name: _evaluate(value, {}, mp) for name, value in point.items()}, mp)
        except (ZeroDivisionError, ValueError, OverflowError):
            raise Undecided from None
        if not mp.isfinite(now):
            raise Undecided
        if last is not None and abs(now - last) <= max(abs(now), 1 if absolute else 0) * mp.mpf("1e-30"):
            return now
        last = now
    raise Undecided


def sign_of(expr: sp.Expr, at: Point | sp.Expr | int = 0) -> int:
    """The sign of `expr` at u = `at`; Undecided if it is too close to zero to tell."""
    if expr.is_Rational:
        return int(sp.sign(expr))
    value = numeric_value(expr, at)
    if value == 0 and varies(expr):  # true at this one point only, perhaps
        raise Undecided
    return int(value > 0) - int(value < 0)


def compare_values(a: sp.Expr, b: sp.Expr) -> int:
    """-1, 0 or 1 as a <, =, > b. Exact for rationals and infinity; irrationals that agree to 50 digits are equal."""
    if a == b:
        return 0
    if sp.oo in (a, b):
        return 1 if a is sp.oo else -1
    if a.is_Rational and b.is_Rational:
        return 1 if a > b else -1
    left, right = numeric_value(a), numeric_value(b)
    if abs(left - right) <= max(abs(left), abs(right)) * CONTEXTS[0].mpf("1e-29"):
        exact_left, exact_right = (_evaluate(c, {}, CONTEXTS[-1]) for c in (a, b))
        if abs(exact_left - exact_right) <= max(abs(left), abs(right)) * CONTEXTS[-1].mpf("1e-50"):
            return 0
        left, right = exact_left, exact_right
    return 1 if left > right else -1
