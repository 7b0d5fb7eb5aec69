"""Summands c (u + b)^{−s}: rational in |x| on half-lines, and real powers. No standard function is known for them at a
general mean, so they go by a name of our own, T_s(a, z) = ∫_a^∞ e^{−t²} (t + z)^{−s} dt (`GoodwinStaton`):

    ∫_lo^∞ (u + b)^{−s} N(u; m, v) du = (2v)^{−s/2} T_s((lo − m)/√(2v), (m + b)/√(2v)) / √π.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import sympy as sp

from ...catalogue.piecewise import Piece, U
from ...expressions.symbols import MEAN, VAR
from ...expressions.vocabulary import GoodwinStaton
from .antiderivative import Antiderivative, Summand
from .polynomial_exponential import terms_of


@dataclass(frozen=True)
class Power:
    """coefficient · (u + shift)^{−order}, order > 0."""

    kind: ClassVar[str] = "special"
    method: ClassVar[str] = "powers of u + b, by the two-parameter Goodwin–Staton integral"

    coefficient: sp.Expr
    shift: sp.Expr
    order: sp.Expr

    @property
    def expr(self) -> sp.Expr:
        return self.coefficient * (U + self.shift) ** (-self.order)

    @property
    def mirrored(self) -> None:
        return None

    def antiderivative(self, side: int) -> Antiderivative:
        m, root = side * MEAN, sp.sqrt(2 * VAR)
        integral = GoodwinStaton(self.order, (U - m) / root, (m + self.shift) / root)
        scale = self.coefficient * (2 * VAR) ** (-self.order / 2) / sp.sqrt(sp.pi)
        return Antiderivative(
            expr=-scale * integral,
            at_infinity=sp.S.Zero,
            to_infinity=scale * integral,
            decay=sp.S.One,
            integrand=self.expr,
        )


def summands_of(piece: Piece) -> list[Summand] | None:
    """The piece's value as a sum of powers of linear factors and of `moments` terms; None if it is not of that form."""
    found: list[Summand] = []
    for part in _partial_fractions(piece.value):
        terms = terms_of(part)
        if terms is not None:
            found += terms
            continue
        powers = _powers(part)
        if powers is None:
            return None
        for power in powers:
            if not isinstance(power, Power):
                found += terms_of(power) or ()
            elif (power.shift + piece.lo).is_positive:
                found.append(power)
            else:
                return None  # a pole on the piece, or one whose place is not known
    return found


def _partial_fractions(value: sp.Expr) -> Iterator[sp.Expr]:
    rational = value.is_rational_function(U) and len(_linear_bases(value)) != 1
    yield from sp.Add.make_args(sp.apart(value, U) if rational else sp.expand_mul(value))


def _linear_bases(value: sp.Expr) -> set[sp.Basic]:
    return {power.base for power in value.atoms(sp.Pow) if power.base.has(U)}


def _powers(part: sp.Expr) -> list[Power | sp.Expr] | None:
    """polynomial(u) · (p u + q)^e as a sum of powers of u + q/p (and polynomials), or None."""
    outer, base, exponent = sp.S.One, None, sp.S.Zero
    for factor, power in part.as_powers_dict().items():
        power = sp.sympify(power)
        if not factor.has(U) or (factor.is_polynomial(U) and power.is_Integer and power > 0):
            outer *= factor**power
        elif base is None and not power.has(U) and factor.is_polynomial(U) and sp.Poly(factor, U).degree() == 1:
            base, exponent = factor, power
        else:
            return None
    if base is None or not outer.is_polynomial(U):
        return None
    slope = sp.diff(base, U)
    shift = sp.cancel(base.subs(U, 0) / slope)
    scale = slope**exponent if exponent.is_Integer or slope.is_positive else None
    if scale is None:
        return None
    found: list[Power | sp.Expr] = []
    polynomial = sp.Poly(sp.expand(outer.subs(U, U - shift)), U)  # in powers of u + shift
    for (degree,), coefficient in polynomial.terms():
        order = -(exponent + degree)
        if order.is_positive:
            found.append(Power(sp.factor_terms(coefficient * scale), shift, order))
        elif order.is_Integer:
            found.append(coefficient * scale * (U + shift) ** (-order))
        else:
            return None
    return found
