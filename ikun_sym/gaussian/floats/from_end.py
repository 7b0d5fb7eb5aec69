"""A smooth piece as a function of the distance from one of its ends, and how far from that end it stops being smooth.

A power, logarithm or arctangent is analytic up to the zeros of its arguments. Where all of these lie behind an end of the
piece or beside it, the piece varies fastest there, on the scale of the distance to the nearest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp
from flint import arb

from ...catalogue.piecewise import Piece, U
from ...errors import IkunError
from ...expressions.lowering import Evaluator, Numpy, lower, precision
from ..enclosures.tails import constant, envelope
from .route import Values, exact
from .segments import DIGITS, Point, point
from .tanh_sinh import growth


@dataclass(frozen=True)
class FromEnd:
    """value(d) at distances 0 < d < length from an end at side·u = `end`; d grows in the direction `sign` of x. The nearest
    point of the complex plane at which it is not analytic lies |d| = `scale` away, none of them ahead."""

    end: Point
    sign: int
    length: float
    scale: float
    value: Evaluator
    one_sign: bool
    degree: int
    largest: float
    order: float


def from_end(piece: Piece, values: Values) -> FromEnd | None:
    """None where the value's singularities are not known, not all at one end, or where it grows like an exponential."""
    numbers = exact(values)
    lo, hi, value = (_expr(e.subs(numbers)) for e in (piece.lo, piece.hi, piece.value))
    if any(growth(value)):
        return None
    found: list[tuple[float, int, sp.Expr, sp.Expr]] = []
    for sign, end in ((1, lo), (-1, hi)):
        if end == sp.oo:
            continue
        shifted = _collected(_expr(value.xreplace({U: end + sign * U})))
        scale = singularity(shifted)
        if scale:
            found.append((scale, sign, end, shifted))
    if not found:
        return None
    scale, sign, end, shifted = max(found, key=lambda each: each[:2])
    at = point(piece.side * end)
    lowered = lower(shifted, Numpy())
    return FromEnd(
        end=at,
        sign=piece.side * sign,
        length=float(sp.N(hi - lo, DIGITS)),
        scale=scale,
        value=lowered,
        one_sign=bool(shifted.is_nonnegative or shifted.is_nonpositive),
        degree=_degree(value),
        largest=_largest(value, lo),
        order=_order(lowered, scale),
    )


def _expr(value: Any) -> sp.Expr:
    return value


def _collected(value: sp.Expr) -> sp.Expr:
    """Polynomials inside the value multiplied out: next to an end that is far from 0 their digits would cancel."""
    return value.replace(lambda e: e.is_Add and e.is_polynomial(U), sp.expand)  # type: ignore[no-any-return]


def _order(value: Evaluator, scale: float) -> float:
    """s of a value that falls like (1 + d/scale)^{−s}; 0 where it does not fall."""
    if not math.isfinite(scale):
        return 0.0
    near, far = (abs(float(value({U: np.asarray(d)}))) for d in (0.0, scale))
    return max(0.0, math.log2(near / far)) if near and far else 0.0


def _largest(value: sp.Expr, lo: sp.Expr) -> float:
    """A bound of |value| from `lo` outwards; infinite if none is known."""
    with precision(DIGITS * 4):
        try:
            found = envelope(value, {}, constant(lo, {}), arb(1))
        except IkunError:
            return math.inf
        return math.inf if found.linear > 0 or found.quadratic > 0 else float(found.scale.upper())


def _degree(value: Any) -> int:
    """|value| grows at most like this power of u, a logarithm counting as one."""
    if U not in value.free_symbols:
        return 0
    if value == U or isinstance(value, sp.log):
        return 1
    if value.is_Pow and value.exp.is_number:
        return math.ceil(max(0.0, float(value.exp)) * _degree(value.base)) if value.exp > 0 else 0
    if value.is_Mul:
        return sum(_degree(part) for part in value.args)
    return max((_degree(part) for part in value.args), default=0)


def singularity(value: Any) -> float:
    """Distance from u = 0 to the nearest point where the value may not be analytic; a decay e^{−λu} counts as one at π/λ. 0
    where that is not known, or where one lies ahead of 0."""
    if U not in value.free_symbols or value == U:
        return math.inf
    inner = min(singularity(part) for part in value.args)
    if value.is_Add or value.is_Mul or not inner:
        return inner
    if isinstance(value, sp.exp):
        rate, _ = _line(value.args[0])
        return math.pi / -rate if rate < 0 else 0.0
    if isinstance(value, sp.log):
        return min(inner, _nearest_zero(value.args[0]))
    if isinstance(value, sp.atan):
        return min(inner, _nearest_zero(1 + value.args[0] ** 2))
    if value.is_Pow and value.exp.is_number:
        return inner if value.exp.is_Integer and value.exp > 0 else min(inner, _nearest_zero(value.base))
    return 0.0


def _nearest_zero(value: Any) -> float:
    """Of polynomials, and of p + q e^{−λu} with p, q > 0, |ln(q/p)| <= π: distance from 0, or 0 if one lies ahead."""
    value = sp.expand(value)
    if value.is_polynomial(U):
        zeros = np.roots([complex(sp.N(c, DIGITS)) for c in sp.Poly(value, U).all_coeffs()])
        ahead = any(zero.real > 1e-12 * abs(zero) for zero in zeros)
        return 0.0 if ahead else float(min(abs(zeros), default=math.inf))
    constant, falling = value.as_independent(U, as_Add=True)
    if not constant.is_positive or falling.is_Add:
        return 0.0
    rate, offset = _line(sp.expand_log(sp.log(falling / constant), force=True))
    # offset + rate u = ±iπ
    return abs(complex(offset, math.pi)) / -rate if rate < 0 and abs(offset) <= math.pi else 0.0


def _line(value: Any) -> tuple[float, float]:
    """(p, q) of p u + q; zeros for any other value."""
    polynomial = sp.Poly(value, U) if value.is_polynomial(U) else None
    if polynomial is None or polynomial.degree() != 1:
        return 0.0, 0.0
    slope, offset = (complex(sp.N(c, DIGITS)) for c in polynomial.all_coeffs())
    return (0.0, 0.0) if slope.imag or offset.imag else (slope.real, offset.real)
