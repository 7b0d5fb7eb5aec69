"""Formulas as expressions of the intermediate program."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import fields, is_dataclass, replace
from fractions import Fraction
from typing import Any

import sympy as sp

from ..errors import IkunError
from ..expressions.lowering import lower
from ..expressions.vocabulary import Function as Word
from .program import FUNCTIONS, Binary, Expression, Let, Math, Name, Negative, Number, apply, number


class ProgramArithmetic:
    """An arithmetic (`ikun_sym.expressions.lowering.Arithmetic`) whose numbers are expressions of the program."""

    def rational(self, value: Fraction) -> Expression:
        try:
            return number(float(value)) if value >= 0 else -number(float(-value))
        except OverflowError:
            raise IkunError(
                f"the formula has a constant of 1e{len(str(abs(int(value)))) - 1}, and float64 ends at 1.8e308; "
                "scale the surrogate, or choose the target json or latex"
            ) from None

    def pi(self) -> Expression:
        return number(math.pi)

    def imaginary(self) -> Expression:
        raise IkunError("what is exported is real: it has no imaginary unit")

    def power(self, base: Expression, exponent: Fraction) -> Expression:
        if exponent < 0:
            return number(1) / self.power(base, -exponent)
        if exponent == Fraction(1, 2):
            return apply("sqrt", base)
        whole, rest = divmod(exponent, 1)
        if rest not in (0, Fraction(1, 2)) or whole > 12:
            return apply("pow", base, number(float(exponent)))
        # as products: these give infinity on overflow, where a power function may raise an error
        result = self._whole(base, int(whole))
        return result if not rest else apply("sqrt", base) * result

    def _whole(self, base: Expression, exponent: int) -> Expression:
        if exponent == 1:
            return base
        half = self._whole(base, exponent // 2)
        return half * half if exponent % 2 == 0 else half * half * base

    def raised(self, base: Expression, exponent: Expression) -> Expression:
        return apply("pow", base, exponent)

    def call(self, function: Word, args: list[Any]) -> Expression:
        name = function.head.__name__
        if name not in FUNCTIONS:
            raise IkunError(f"{name} ({function.meaning}) is not exported as code; choose the target json or latex")
        return Math(name, tuple(args))


ARITHMETIC = ProgramArithmetic()


def lowered(expr: sp.Expr, names: dict[sp.Symbol, Expression]) -> Expression:
    """`expr` as an expression of the program, with sums of negative terms written as differences."""
    if expr == sp.oo:
        return number(math.inf)
    return _tidied(lower(expr, ARITHMETIC)(names))


def _tidied(node: Expression) -> Expression:
    """1·x = x, (−1)·x = −x, x + (−y) = x − y, x·(1/y) = x/y."""
    if not isinstance(node, Binary):
        return _mapped(node, _tidied)
    left, right = _tidied(node.left), _tidied(node.right)
    one = Number(1.0)
    if node.symbol == "*":
        for a, b in ((left, right), (right, left)):
            if a == one:
                return b
            if isinstance(a, Negative):
                return _tidied(-(a.of * b))
        if isinstance(right, Binary) and right.symbol == "/" and right.left == one:
            return Binary("/", left, right.right)
        if isinstance(left, Binary) and left.symbol == "/" and left.left == one:
            return Binary("/", right, left.right)
    if node.symbol == "+" and isinstance(right, Negative):
        return left - right.of
    if node.symbol == "+" and isinstance(left, Negative):
        return right - left.of
    return Binary(node.symbol, left, right)


def _mapped(node: Any, change: Any) -> Any:
    """`node` with `change` applied to the expressions inside it."""
    changed = {}
    for item in fields(node):
        value = getattr(node, item.name)
        if isinstance(value, Expression):
            changed[item.name] = change(value)
        elif isinstance(value, tuple) and value and isinstance(value[0], Expression):
            changed[item.name] = tuple(change(part) for part in value)
    return replace(node, **changed) if changed else node


def shared(expr: Expression, prefix: str) -> tuple[list[Let], Expression]:
    """(bindings of function values that occur more than once in `expr`, `expr` with these names)."""
    counts: Counter[Expression] = Counter()

    def count(node: Any) -> None:
        if isinstance(node, Math):
            counts[node] += 1
            if counts[node] > 1:
                return
        if is_dataclass(node):
            for item in fields(node):
                value = getattr(node, item.name)
                for part in value if isinstance(value, tuple) else (value,):
                    if isinstance(part, Expression):
                        count(part)

    count(expr)
    lets: list[Let] = []
    known: dict[Expression, Name] = {}

    def change(node: Any) -> Any:
        if node in known:
            return known[node]
        inner = _mapped(node, change)
        if isinstance(node, Math) and counts[node] > 1:
            known[node] = Name(f"{prefix}{len(lets) + 1}")
            lets.append(Let(known[node].text, inner))
            return known[node]
        return inner

    result = change(expr)
    return lets, result
