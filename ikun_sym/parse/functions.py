"""The functions a user may call: arity and what each becomes on an interval."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import mpmath
import sympy as sp

from ..catalogue.piecewise import U
from ..errors import IkunError
from .exponentials import stable_exp
from .interval import EndlessFloor, Split, shifted
from .limits import MAX_PIECES
from .numeric import Undecided, numeric_value
from .tree import TRUTHS

if TYPE_CHECKING:
    from .resolver import Resolver


def _log(at: Resolver, w: sp.Expr) -> sp.Expr:
    """log w; for w = c + d*exp(g) with g growing it is g + log(c*exp(-g) + d)."""
    if at.sure_sign(w) <= 0:
        at.refuse_part("is the logarithm of a number that is not positive")
    growing = at.growing(w) if w.is_Add else None
    if growing is None:
        return sp.log(w)
    return growing + sp.log(sp.Add(*(shifted(term, -growing) for term in w.args)))


def _tanh(at: Resolver, w: sp.Expr) -> sp.Expr:
    """(1 - exp(-2w))/(1 + exp(-2w)), or minus the same at -w."""
    s = at.direction(w) or 1
    e = stable_exp(-2 * s * w)
    return sp.Mul(s, 1 - e, 1 / (1 + e))  # one product, or sympy would move the sign into the bracket


def _sech(at: Resolver, w: sp.Expr) -> sp.Expr:
    """2 exp(-w)/(1 + exp(-2w)), an even function of w."""
    s = at.direction(w) or 1
    return 2 * stable_exp(-s * w) / (1 + stable_exp(-2 * s * w))


def _floor(at: Resolver, w: sp.Expr) -> sp.Expr:
    """Steps of an argument that is constant or a*u + b on a bounded interval; they end at u = (n - b)/a."""
    try:
        b, a = w.subs(U, 0), sp.diff(w, U)
        if U not in w.free_symbols:
            return _constant_floor(at, w)
        if U in a.free_symbols:
            raise IkunError(
                f"{at.text()} (at character {at.node.at + 1}): floor needs an argument linear in x; "
                "write it as piecewise with explicit breakpoints"
            )
        if at.interval.hi is sp.oo:
            raise EndlessFloor(
                f"{at.text()} (at character {at.node.at + 1}) has infinitely many steps; bound it, as in "
                "piecewise((floor(x), abs(x)<3), (0, True))"
            )
        ends = sorted(numeric_value(a * end + b, absolute=True) for end in (at.interval.lo, at.interval.hi))
        first, last = (int(mpmath.floor(end)) for end in ends)
        if last - first > MAX_PIECES:
            raise IkunError(f"{at.text()} (at character {at.node.at + 1}) has over {MAX_PIECES} steps; use fewer")
        points = [p for p in ((n - b) / a for n in range(first, last + 2)) if at.interval.contains(p)]
        if points:
            raise Split(points)
        return sp.Integer(int(mpmath.floor(numeric_value(w, at.interval.at(Fraction(1, 2))))))
    except Undecided:
        at.refuse_part("cannot be evaluated")


def _constant_floor(at: Resolver, w: sp.Expr) -> sp.Expr:
    if w.is_Rational:
        return sp.Integer(int(w.p // w.q))  # type: ignore[attr-defined]
    value = numeric_value(w)
    if abs(value) > 1e20 or abs(value - mpmath.nint(value)) < 1e-20:
        at.refuse_part("is too close to a step to decide")
    return sp.Integer(int(mpmath.floor(value)))


def _extreme(which: int) -> Callable[..., sp.Expr]:
    def build(at: Resolver, *args: sp.Expr) -> sp.Expr:
        best = args[0]
        for other in args[1:]:
            best = other if at.sure_sign(other - best) == which else best
        return best

    return build


def _sqrt(at: Resolver, w: sp.Expr) -> sp.Expr:
    return at.power(w, sp.S.Half, at.node)


@dataclass(frozen=True)
class _Function:
    """How many arguments, and the value on an interval from the values of the arguments there."""

    build: Callable[..., sp.Expr]
    least: int = 1
    most: float = 1
    copies: int = 1  # of the argument in the value

    @property
    def arity(self) -> str:
        return "1 argument" if self.most == 1 else f"{self.least} or more arguments"


FUNCTIONS: dict[str, _Function] = {
    "exp": _Function(lambda at, w: stable_exp(w)),
    "log": _Function(_log),
    "sqrt": _Function(_sqrt),
    "abs": _Function(lambda at, w: at.sure_sign(w) * w),
    "sign": _Function(lambda at, w: sp.Integer(at.sure_sign(w))),
    "tanh": _Function(_tanh, copies=2),
    "sech": _Function(_sech, copies=2),
    "cosh": _Function(lambda at, w: (stable_exp(w) + stable_exp(-w)) / 2, copies=2),
    "sinh": _Function(lambda at, w: (stable_exp(w) - stable_exp(-w)) / 2, copies=2),
    "erf": _Function(lambda at, w: sp.erf(w)),
    "erfc": _Function(lambda at, w: sp.erfc(w)),
    "cos": _Function(lambda at, w: sp.cos(w)),
    "sin": _Function(lambda at, w: sp.sin(w)),
    "floor": _Function(_floor),
    "heaviside": _Function(lambda at, w: sp.Rational(1 + at.sure_sign(w), 2)),
    "min": _Function(_extreme(-1), 2, math.inf),
    "max": _Function(_extreme(1), 2, math.inf),
}
RESERVED = (*FUNCTIONS, "piecewise", *TRUTHS)


def function_names() -> str:
    return " ".join((*FUNCTIONS, "piecewise"))
