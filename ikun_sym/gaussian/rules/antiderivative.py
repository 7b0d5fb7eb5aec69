"""What every summand of a piece must provide: an antiderivative of it times the Gaussian density."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Protocol

import sympy as sp

from ...catalogue.piecewise import Piece, U
from ...expressions.symbols import MEAN, VAR


def density(side: int) -> sp.Expr:
    """N(x; mean, var) at x = side · u."""
    return sp.exp(-((U - side * MEAN) ** 2) / (2 * VAR)) / sp.sqrt(2 * sp.pi * VAR)


@dataclass(frozen=True, kw_only=True)
class Antiderivative:
    """`expr`, in u, of `integrand` · density; its limit at infinity, which exists if `decay` > 0; and their difference
    `to_infinity`, written without cancellation."""

    expr: sp.Expr
    at_infinity: sp.Expr
    to_infinity: sp.Expr
    decay: sp.Expr
    integrand: sp.Expr

    def reflected(self) -> Antiderivative:
        """For the other side: the mean changes its sign."""
        return replace(
            self,
            expr=_negated(self.expr),
            at_infinity=_negated(self.at_infinity),
            to_infinity=_negated(self.to_infinity),
        )

    def between(self, piece: Piece, *, from_zero: bool = True) -> sp.Expr:
        """The increment over a piece; without `from_zero` the value at its lower end is left out."""
        if piece.hi == sp.oo:
            return self.to_infinity.subs(U, piece.lo) if from_zero else self.at_infinity
        upper = self.expr.subs(U, piece.hi)
        return upper - self.expr.subs(U, piece.lo) if from_zero else upper

    def between_tails(self, piece: Piece) -> sp.Expr:
        """The same increment as a difference of tails: no cancellation where the bulk lies below the piece."""
        beyond = sp.S.Zero if piece.hi == sp.oo else self.to_infinity.subs(U, piece.hi)
        return self.to_infinity.subs(U, piece.lo) - beyond


def _negated(expr: sp.Expr) -> sp.Expr:
    return expr.xreplace({MEAN: -MEAN})  # type: ignore[return-value]


class Summand(Protocol):
    """One term of a piece's value, a function of u. `kind` and `method` say what its expectation is made of."""

    kind: ClassVar[str]
    method: ClassVar[str]

    @property
    def expr(self) -> sp.Expr: ...

    @property
    def mirrored(self) -> Summand | None:
        """The same function of x written for the other side, if it is smooth across 0 there."""

    def antiderivative(self, side: int) -> Antiderivative: ...
