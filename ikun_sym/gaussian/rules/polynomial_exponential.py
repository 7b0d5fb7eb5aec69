"""Summands polynomial × exp(quadratic) × cos or sin: elementary functions and erf, at every mean and variance.

cos and sin are read as complex exponentials, so that a linear coefficient may be complex; the sum is real again. On a
piece, value(u) N(u; m, v) = Σ P(u) e^{Q(u)} with Q'(u) = −(u − r)/w. An antiderivative is
R(u) e^{Q(u)} + κ e^{Q(r)} √(πw/2) erf((u − r)/√(2w)), where R' + Q'R + κ = P fixes the coefficients of R from the top.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import sympy as sp

from ...catalogue.piecewise import U
from ...expressions.rational_functions import cancelled
from ...expressions.symbols import MEAN, VAR
from ...expressions.zero_test import exponentials
from .antiderivative import Antiderivative, density
from .written_out import MOST_DEGREE, MOST_TERMS, degree_written_out, terms_written_out


@dataclass(frozen=True)
class Term:
    """P(u) exp(a u² + b u + c), P's coefficients from u⁰ upwards; a, b and c may be complex."""

    kind: ClassVar[str] = "elementary"
    method: ClassVar[str] = "polynomial × exp(quadratic) × cos or sin, piece by piece"

    coefficients: tuple[sp.Expr, ...]
    a: sp.Expr
    b: sp.Expr
    c: sp.Expr

    @property
    def expr(self) -> sp.Expr:
        polynomial = sp.Add(*(p * U**n for n, p in enumerate(self.coefficients)))
        return polynomial * sp.exp(self.a * U**2 + self.b * U + self.c)

    @property
    def mirrored(self) -> Term:
        """The same function of x on the other side of 0."""
        signed = tuple(p * (-1) ** n for n, p in enumerate(self.coefficients))
        return Term(signed, self.a, -self.b, self.c)

    def antiderivative(self, side: int) -> Antiderivative:
        """Of term(u) · N(u; side·mean, var)."""
        return derived(self) if side > 0 else derived(self).reflected()


def terms_of(value: sp.Expr) -> list[Term] | None:
    """`value` as a sum of terms, or None if it is not of this class."""
    found = summed(value)
    return None if found is None else list(found)


@lru_cache(maxsize=1024)
def summed(value: sp.Expr) -> tuple[Term, ...] | None:
    if degree_written_out(value) > MOST_DEGREE or terms_written_out(value) > MOST_TERMS:
        return None
    found: dict[tuple[sp.Expr, sp.Expr, sp.Expr], dict[int, sp.Expr]] = {}
    for summand in sp.Add.make_args(sp.expand(exponentials(value))):
        coefficient, degree, exponent = sp.S.One, 0, sp.S.Zero
        for factor in sp.Mul.make_args(summand):
            base, power = factor.as_base_exp()
            if base is sp.E:  # constants too: as coefficients they would be one more letter of every fraction
                exponent += power
            elif U not in factor.free_symbols:
                coefficient *= factor
            elif factor.is_Pow and factor.base == U and factor.exp.is_Integer and factor.exp > 0:  # type: ignore[union-attr]
                degree += int(factor.exp)  # type: ignore[union-attr]
            elif factor == U:
                degree += 1
            else:
                return None
        if not exponent.is_polynomial(U):
            return None
        quadratic = sp.Poly(exponent, U)
        if quadratic.degree() > 2:
            return None
        key = (quadratic.coeff_monomial(U**2), quadratic.coeff_monomial(U), quadratic.coeff_monomial(1))
        powers = found.setdefault(key, {})
        powers[degree] = powers.get(degree, sp.S.Zero) + coefficient
    return tuple(Term(tuple(powers.get(n, sp.S.Zero) for n in range(max(powers) + 1)), *key) for key, powers in found.items())


@lru_cache(maxsize=1024)
def derived(term: Term) -> Antiderivative:
    """The antiderivative on the positive side."""
    m, v = MEAN, VAR
    decay = sp.expand(1 - 2 * term.a * v)
    w = v / decay
    r = cancelled((m + term.b * v) / decay)
    peak = sp.expand(cancelled(r**2 / (2 * w) - m**2 / (2 * v)) + term.c)
    rho: dict[int, sp.Expr] = {}

    def at(n: int) -> sp.Expr:
        return rho.get(n, sp.S.Zero)

    for i in range(len(term.coefficients) - 1, 0, -1):
        rho[i - 1] = cancelled(w * ((i + 1) * at(i + 1) - term.coefficients[i]) + r * at(i))
    kappa = cancelled(term.coefficients[0] - at(1) - r * at(0) / w)
    polynomial = sp.Add(*(value * U**n for n, value in rho.items()))
    boundary = polynomial * sp.exp(term.a * U**2 + term.b * U + term.c) * density(1)
    bulk = kappa * sp.exp(peak) / (2 * sp.sqrt(decay))
    z = (U - r) / sp.sqrt(2 * w)
    return Antiderivative(
        expr=boundary + bulk * sp.erf(z),
        at_infinity=bulk,
        to_infinity=bulk * sp.erfc(z) - boundary,
        decay=decay,
        integrand=term.expr,
    )
