"""left = right for all values of the symbols."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sympy as sp

from ikun_sym.expressions.zero_test import is_zero

from ..words import Density, UpperTail, unfold
from .claim import Claim, Finding, Refused, symbols_of

CHECKER = "zero test of normal forms"


@dataclass(frozen=True)
class Equality:
    """Shown by the zero test, which is sound but incomplete: an equality that it cannot show is refused. `using`: equations
    from earlier steps. Each is solved for one expression, in which it must be linear; that expression is then replaced."""

    left: sp.Expr
    right: sp.Expr
    using: tuple[tuple[Equality, sp.Expr], ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "left", sp.sympify(self.left))
        object.__setattr__(self, "right", sp.sympify(self.right))

    @property
    def symbols(self) -> set[sp.Symbol]:
        return symbols_of(self.left, self.right)

    @property
    def premises(self) -> tuple[Claim, ...]:
        return tuple(equation for equation, _ in self.using)

    def check(self) -> Finding:
        difference, details = performed(self.left - self.right), []
        for equation, target in self.using:
            replacement = equation.solved_for(target)
            difference = difference.subs(target, replacement)
            details.append(f"with {target} = {replacement}")
        if not vanishes(difference):
            raise Refused(f"{self.left} − ({self.right}) is not shown to be zero")
        return Finding("proved", CHECKER, tuple(details))

    def solved_for(self, target: sp.Expr) -> sp.Expr:
        """The right side of target = …; this equation must be linear in `target`, with a coefficient of known sign."""
        from .sign import sign

        place = sp.Dummy("target", real=True)
        difference = sp.expand((self.left - self.right).subs(target, place))
        slope = sp.diff(difference, place)
        if slope.has(place) or sign(slope) not in (1, -1):
            raise Refused(f"{self.left} = {self.right} cannot be solved for {target}")
        return -difference.subs(place, 0) / slope


def vanishes(expr: sp.Expr) -> bool:
    """The zero test on `expr`; if it fails, on its numerator with φ and Q as unknowns, since the test itself does not combine
    functions in denominators."""
    if is_zero(unfold(expr)):
        return True
    names = {word: sp.Dummy("word", positive=True) for word in expr.atoms(Density, UpperTail)}
    numerator = sp.fraction(sp.together(expr.xreplace(names)))[0]
    back = {dummy: word for word, dummy in names.items()}
    restored: Any = sp.expand(numerator).xreplace(back)  # sympy calls the result of xreplace a Basic
    return is_zero(unfold(restored))


def performed(expr: sp.Expr) -> sp.Expr:
    """`expr` with derivatives carried out. Integrals, sums and limits are refused: sympy's results for them are not proved."""
    undone = expr.atoms(sp.Integral, sp.Sum, sp.Product, sp.Limit)
    if undone:
        raise Refused(f"{undone.pop()} is not taken on sympy's word; show it by its derivative")
    return expr.replace(lambda e: isinstance(e, sp.Derivative), lambda e: e.doit())  # type: ignore[return-value]
