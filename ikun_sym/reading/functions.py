"""The functions a user may call: arity and what each becomes on an interval."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sympy as sp

from .decay import growing
from .exponentials import stable_exp
from .interval import shifted
from .signs import Signs
from .tree import TRUTHS, Node


class Place(Signs, ABC):
    """Where a function takes its value: what it may ask there, beside signs."""

    @abstractmethod
    def power(self, base: sp.Expr, exponent: Any, node: Node) -> sp.Expr: ...

    @abstractmethod
    def floor(self, w: sp.Expr) -> sp.Expr: ...


def _log(at: Place, w: sp.Expr) -> sp.Expr:
    """log w; for w = c + d*exp(g) with g growing it is g + log(c*exp(-g) + d)."""
    if at.sure_sign(w) <= 0:
        at.refuse_part("is the logarithm of a number that is not positive")
    large = growing(at, w) if w.is_Add else None
    if large is None:
        return sp.log(w)
    return large + sp.log(sp.Add(*(shifted(term, -large) for term in w.args)))


def _tanh(at: Place, w: sp.Expr) -> sp.Expr:
    """(1 - exp(-2w))/(1 + exp(-2w)), or minus the same at -w."""
    s = at.direction(w) or 1
    e = stable_exp(-2 * s * w)
    return sp.Mul(s, 1 - e, 1 / (1 + e))  # one product, or sympy would move the sign into the bracket


def _sigmoid(at: Place, w: sp.Expr) -> sp.Expr:
    """1/(1 + exp(-w)) where w grows, exp(w)/(1 + exp(w)) where it falls."""
    s = at.direction(w) or 1
    e = stable_exp(-s * w)
    return 1 / (1 + e) if s > 0 else e / (1 + e)


def _sech(at: Place, w: sp.Expr) -> sp.Expr:
    """2 exp(-w)/(1 + exp(-2w)), an even function of w."""
    s = at.direction(w) or 1
    return 2 * stable_exp(-s * w) / (1 + stable_exp(-2 * s * w))


def _extreme(which: int) -> Callable[..., sp.Expr]:
    def build(at: Place, *args: sp.Expr) -> sp.Expr:
        best = args[0]
        for other in args[1:]:
            best = other if at.sure_sign(other - best) == which else best
        return best

    return build


def _sqrt(at: Place, w: sp.Expr) -> sp.Expr:
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
    "sigmoid": _Function(_sigmoid, copies=2),
    "cosh": _Function(lambda at, w: (stable_exp(w) + stable_exp(-w)) / 2, copies=2),
    "sinh": _Function(lambda at, w: (stable_exp(w) - stable_exp(-w)) / 2, copies=2),
    "erf": _Function(lambda at, w: sp.erf(w)),
    "erfc": _Function(lambda at, w: sp.erfc(w)),
    "cos": _Function(lambda at, w: sp.cos(w)),
    "sin": _Function(lambda at, w: sp.sin(w)),
    "floor": _Function(lambda at, w: at.floor(w)),
    "heaviside": _Function(lambda at, w: sp.Rational(1 + at.sure_sign(w), 2)),
    "min": _Function(_extreme(-1), 2, math.inf),
    "max": _Function(_extreme(1), 2, math.inf),
}
CALLABLE = (*FUNCTIONS, "piecewise")
RESERVED = (*CALLABLE, *TRUTHS)
