"""The general rule: every piece is a sum of terms with known antiderivatives, and the form is the sum of their increments.

Which terms those are is said by `moments` (polynomial × exp(quadratic) × cos or sin), `half_line` (powers of u + b) and,
up to a proved relative error, `logistic` (rational in e^{−λu}).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache

import sympy as sp

from ...catalogue.piecewise import Piece, PiecewiseFunction
from ...expressions.tidy import tidy
from ..form import ClosedForm, latex, plain
from . import logistic
from .antiderivative import Summand
from .half_line import summands_of
from .logistic import RATE, FiniteSum, finite_sum
from .polynomial_exponential import Term, terms_of

_INDEX = sp.Dummy("j", integer=True, nonnegative=True)
"""Of a finite sum's terms."""


@dataclass(frozen=True)
class Decomposition:
    """A piece's value as a sum of `summands`, or within its relative error as a `series`."""

    piece: Piece
    summands: tuple[Summand, ...] = ()
    series: FiniteSum | None = None


@lru_cache(maxsize=512)
def decompose(piece: Piece) -> Decomposition | None:
    """None if no class of terms contains the piece's value."""
    terms = terms_of(piece.value)
    if terms is not None:
        return Decomposition(piece, tuple(terms))
    powers = summands_of(piece)
    if powers is not None:
        return Decomposition(piece, tuple(powers))
    series = finite_sum(piece.value)
    return None if series is None else Decomposition(piece, series=series)


@dataclass(frozen=True)
class Total:
    """The increments of all pieces of a function."""

    parts: tuple[Decomposition, ...]

    @cached_property
    def smooth_at_zero(self) -> frozenset[tuple[Summand, int]]:
        """(term, side) that continue across 0 as one function of x: their antiderivatives at 0 cancel."""
        found = {(s, part.piece.side) for part in self.parts if part.piece.lo == 0 for s in part.summands}
        return frozenset((s, side) for s, side in found if (s.mirrored, -side) in found)

    @cached_property
    def exact(self) -> sp.Expr:
        """The increments of the exact summands."""
        return sp.Add(
            *(
                s.antiderivative(part.piece.side).between(part.piece, from_zero=not self._continues(s, part.piece))
                for part in self.parts
                for s in part.summands
            )
        )

    def _continues(self, summand: Summand, piece: Piece) -> bool:
        return piece.lo == 0 and (summand, piece.side) in self.smooth_at_zero

    @cached_property
    def series(self) -> sp.Expr:
        """The increments of the finite sums, term by term."""
        total = []
        for part in self.parts:
            if part.series is not None:
                increments: dict[Term, sp.Expr] = {}
                for term, rate, weight in part.series.members:
                    if term not in increments:
                        increments[term] = term.antiderivative(part.piece.side).between_tails(part.piece)
                    total.append(weight * increments[term].xreplace({RATE: rate}))
        return sp.Add(*total)

    @property
    def _is_series(self) -> bool:
        return any(part.series for part in self.parts)

    @property
    def kind(self) -> str:
        """The least elementary of its parts' kinds."""
        kinds = {s.kind for part in self.parts for s in part.summands} | ({"series"} if self._is_series else set())
        return next((kind for kind in ("series", "special") if kind in kinds), "elementary")

    @property
    def method(self) -> str:
        methods = {s.method for part in self.parts for s in part.summands} | ({logistic.METHOD} if self._is_series else set())
        return "; ".join(sorted(methods)) or "zero"

    @property
    def error(self) -> Fraction:
        """Relative to E|g|, so the largest of the pieces' errors."""
        return max((part.series.error for part in self.parts if part.series), default=Fraction(0))


@lru_cache(maxsize=64)
def total_of(function: PiecewiseFunction) -> Total | None:
    """None if some piece is of no known class, or if pieces recur for ever."""
    if function.tails:
        return None
    parts = [decompose(piece) for piece in function.pieces if not piece.is_zero]
    return None if any(part is None for part in parts) else Total(tuple(parts))  # type: ignore[arg-type]  # none is None


def kind(function: PiecewiseFunction) -> str | None:
    total = total_of(function)
    return None if total is None else total.kind


def closed_form(function: PiecewiseFunction) -> ClosedForm | None:
    """E[function(X)] as a closed form, unproved; None if some piece is not of these classes."""
    total = total_of(function)
    if total is None:
        return None
    exact = tidy(total.exact)
    sums = _sums(total)
    if not sums:
        return ClosedForm(expr=exact, kind=total.kind, method=total.method)
    return ClosedForm(
        expr=exact + total.series,
        kind=total.kind,
        method=total.method,
        error=total.error,
        series=(_series_text(sums), _series_latex(sums)),
        exact=exact,
    )


@dataclass(frozen=True)
class _Sum:
    """Σ_j weights[j] · increment(rate(j)): what the finite sums of several pieces have in common, written once."""

    increment: sp.Expr
    weights: tuple[sp.Expr, ...]
    rate: sp.Expr

    @property
    def named(self) -> tuple[sp.Expr, sp.Expr, sp.Expr, sp.Expr]:
        """The increment, the rate, the letter of the rate and the index, for people."""
        return tuple(plain(sp.Tuple(self.increment, self.rate, RATE, _INDEX)))  # type: ignore[arg-type, return-value]


def _sums(total: Total) -> list[_Sum]:
    found: dict[tuple[tuple[sp.Expr, ...], sp.Expr], sp.Expr] = {}
    for part in total.parts:
        if part.series is None:
            continue
        by_term: dict[Term, list[tuple[sp.Expr, sp.Expr]]] = {}
        for term, rate, weight in part.series.members:
            by_term.setdefault(term, []).append((rate, weight))
        for term, members in by_term.items():
            step = members[1][0] - members[0][0]
            key = (tuple(weight for _, weight in members), sp.factor(members[0][0] + _INDEX * step))
            found[key] = found.get(key, sp.S.Zero) + term.antiderivative(part.piece.side).between_tails(part.piece)  # type: ignore[arg-type]
    return [_Sum(tidy(increment), weights, rate) for (weights, rate), increment in found.items()]


def _series_text(sums: list[_Sum]) -> str:
    parts = []
    for s in sums:
        increment, rate, letter, index = s.named
        listed = ", ".join(f"{float(w):.17g}" for w in s.weights)
        last = len(s.weights) - 1
        parts.append(f"Sum_{{{index}=0..{last}}} c_{index}*({increment}) with {letter} = {rate}, c = [{listed}]")
    return " + ".join(parts)


def _series_latex(sums: list[_Sum]) -> str:
    parts = []
    for s in sums:
        increment, rate, letter, index = map(latex, s.named)
        last = len(s.weights) - 1
        parts.append(rf"\sum_{{{index}=0}}^{{{last}}} c_{{{index}}} \left({increment}\right)_{{{letter} = {rate}}}")
    return " + ".join(parts)
