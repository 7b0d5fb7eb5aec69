"""Roots of numbers, such as √2, as letters while a form is derived and proved.

What holds for every c > 0 holds at c = √2, and fractions with letters have a normal form where those with nested roots,
√(1 + 2√2 v), are not seen to be equal. The converse fails: what needs √2² = 2 is not found so.
"""

from __future__ import annotations

from collections.abc import Mapping

import sympy as sp

from ..catalogue.piecewise import PiecewiseFunction


def lettered(function: PiecewiseFunction) -> tuple[PiecewiseFunction, Mapping[sp.Expr, sp.Symbol]]:
    """The function with a positive symbol for each root of a rational number, and these. A symbol is written as its number is:
    no parameter has such a name."""
    exprs = [expr for piece in function.pieces for expr in (piece.lo, piece.hi, piece.value)]
    found = {power for expr in exprs for power in expr.atoms(sp.Pow) if power.is_positive and _is_surd(power)}
    letters: dict[sp.Expr, sp.Symbol] = {number: sp.Symbol(str(number), positive=True) for number in sorted(found, key=str)}
    return function.replaced(letters), letters


def _is_surd(power: sp.Pow) -> bool:
    base, exponent = power.args
    return bool(base.is_Rational and exponent.is_Rational)
