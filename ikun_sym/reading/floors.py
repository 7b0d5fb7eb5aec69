"""The steps of floor(a*u + b) on an interval."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import mpmath
import sympy as sp

from ..catalogue.piecewise import U
from ..errors import IkunError
from .bounds_on_input import MAX_PIECES
from .interval import EndlessFloor, Split
from .numeric import Undecided, numeric_value
from .signs import Signs


def steps(at: Signs, w: sp.Expr) -> sp.Expr:
    """Steps of an argument that is constant or a*u + b on a bounded interval; they end at u = (n - b)/a."""
    try:
        b, a = w.subs(U, 0), sp.diff(w, U)
        if U not in w.free_symbols:
            return _constant_floor(at, w)
        if U in a.free_symbols:
            raise IkunError(
                f"{at.where()}: floor needs an argument linear in x; write it as piecewise with explicit breakpoints"
            )
        if at.interval.hi is sp.oo:
            raise EndlessFloor(f"{at.where()} has infinitely many steps; bound it", a)
        ends = sorted(numeric_value(a * end + b, absolute=True) for end in (at.interval.lo, at.interval.hi))
        first, last = (int(mpmath.floor(end)) for end in ends)
        if last - first > MAX_PIECES:
            raise IkunError(f"{at.where()} has over {MAX_PIECES} steps; use fewer")
        points = [p for p in (sp.expand((n - b) / a) for n in range(first, last + 2)) if at.interval.contains(p)]
        if points:
            raise Split(points)
        return sp.Integer(int(mpmath.floor(numeric_value(w, at.interval.at(Fraction(1, 2))))))
    except Undecided:
        at.refuse_part("cannot be evaluated")


def _constant_floor(at: Signs, w: Any) -> sp.Expr:
    if w.is_Rational:
        return sp.Integer(int(w.p // w.q))
    value = numeric_value(w)
    if abs(value) > 1e20 or abs(value - mpmath.nint(value)) < 1e-20:
        at.refuse_part("is too close to a step to decide")
    return sp.Integer(int(mpmath.floor(value)))
