"""A piecewise function as polynomial × exp(quadratic) over stretches of the signed axis, with numbers for parameters.

Pieces that are the same function on both sides of a breakpoint are one stretch: a Gaussian or a rectangle that is
written in u = |x| has no breakpoint at 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import sympy as sp

from ...catalogue.piecewise import Piece, PiecewiseFunction, U
from ..rules.polynomial_exponential import Term, terms_of
from .route import Values, exact

DIGITS = 40
"""Decimal digits to which ends and coefficients are known before they are rounded."""


@dataclass(frozen=True)
class Point:
    """An end as the sum of two floats: next to it, a narrow density sees more than 53 bits of its position."""

    high: float
    low: float = 0.0

    @property
    def finite(self) -> bool:
        return math.isfinite(self.high)


@dataclass(frozen=True)
class Summand:
    """P(x) exp(a x² + b x + c), P's coefficients from x⁰ upwards; and P's coefficients in the distance from the lower and
    from the upper end, where that is finite: near a zero of P at an end, only they keep their digits."""

    coefficients: tuple[float, ...]
    a: float
    b: float
    c: float
    from_lo: tuple[float, ...] = ()
    from_hi: tuple[float, ...] = ()


@dataclass(frozen=True)
class Segment:
    """The sum of `summands` between two points."""

    lo: Point
    hi: Point
    summands: tuple[Summand, ...]


def segments_of(function: PiecewiseFunction, values: Values) -> tuple[Segment, ...] | None:
    """The stretches on which the function is not zero, from left to right; None if it is not of this class."""
    if function.tails:
        return None
    numbers = exact(values)
    found: list[tuple[sp.Expr, sp.Expr, frozenset[Term]]] = []
    for piece in [*reversed(function.side(-1)), *function.side(1)]:
        terms = _terms(piece, numbers)
        if terms is None:
            return None
        lo, hi = (end.subs(numbers) for end in (piece.lo, piece.hi))
        if piece.side < 0:
            lo, hi = -hi, -lo  # type: ignore[operator]
        if found and found[-1][2] == terms:
            lo = found.pop()[0]
        found.append((lo, hi, terms))  # type: ignore[arg-type]
    segments = []
    for lo, hi, terms in found:
        summands = tuple(_summand(term, lo, hi) for term in sorted(terms, key=str))
        if any(summand is None for summand in summands):
            return None
        if summands:
            segments.append(Segment(point(lo), point(hi), summands))  # type: ignore[arg-type]
    return tuple(segments)


def _terms(piece: Piece, numbers: list[tuple[sp.Basic, sp.Basic]]) -> frozenset[Term] | None:
    if piece.is_zero:
        return frozenset()
    terms = terms_of(piece.value.subs(numbers))  # type: ignore[arg-type]
    if terms is None:
        return None
    return frozenset(term if piece.side > 0 else term.mirrored for term in terms)


def point(end: sp.Expr) -> Point:
    if end in (sp.oo, -sp.oo):
        return Point(float(end))
    number = sp.N(end, DIGITS)
    high = float(number)
    return Point(high, float(number - sp.Float(high, DIGITS)))


def _summand(term: Term, lo: sp.Expr, hi: sp.Expr) -> Summand | None:
    """The numbers of a term; None where one is complex or beyond float64."""
    polynomial = sp.Add(*(p * U**n for n, p in enumerate(term.coefficients)))
    degree = len(term.coefficients) - 1
    groups = [
        _numbers([*term.coefficients, term.a, term.b, term.c]),
        () if lo == -sp.oo else _numbers(_shifted(polynomial, lo + U, degree)),
        () if hi == sp.oo else _numbers(_shifted(polynomial, hi - U, degree)),
    ]
    if None in groups:
        return None
    (*coefficients, a, b, c), from_lo, from_hi = groups
    return Summand(tuple(coefficients), a, b, c, from_lo, from_hi)


def _shifted(polynomial: sp.Expr, at: sp.Expr, degree: int) -> list[sp.Expr]:
    shifted = sp.Poly(sp.expand(polynomial.subs(U, at)), U)
    return [shifted.coeff_monomial(U**n) for n in range(degree + 1)]


def _numbers(expressions: list[sp.Expr]) -> tuple[float, ...] | None:
    """Floats; None where one is complex or beyond float64."""
    numbers = [complex(sp.N(number, DIGITS)) for number in expressions]
    return None if any(n.imag or not math.isfinite(n.real) for n in numbers) else tuple(n.real for n in numbers)
