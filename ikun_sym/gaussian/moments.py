"""Rule: pieces of the form polynomial × exp(quadratic). Elementary functions and erf, at every mean and variance.

On a piece, value(u) N(u; m, v) = Σ P(u) e^{Q(u)} with Q'(u) = −(u − r)/w. An antiderivative is
R(u) e^{Q(u)} + κ e^{Q(r)} √(πw/2) erf((u − r)/√(2w)), where R' + Q'R + κ = P fixes the coefficients of R from the top.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from ..catalogue.piecewise import Piece, PiecewiseFunction, U
from .form import MEAN, VAR, ClosedForm

METHOD = "polynomial × exp(quadratic), piece by piece"


@dataclass(frozen=True)
class Term:
    """P(u) exp(a u² + b u + c), P's coefficients from u⁰ upwards."""

    coefficients: tuple[sp.Expr, ...]
    a: sp.Expr
    b: sp.Expr
    c: sp.Expr

    @property
    def expr(self) -> sp.Expr:
        polynomial = sp.Add(*(p * U**n for n, p in enumerate(self.coefficients)))
        return polynomial * sp.exp(self.a * U**2 + self.b * U + self.c)  # type: ignore[return-value]


def terms_of(value: sp.Expr) -> list[Term] | None:
    """`value` as a sum of terms, or None if it is not of this class."""
    found: dict[tuple[sp.Expr, sp.Expr, sp.Expr], dict[int, sp.Expr]] = {}
    for summand in sp.Add.make_args(sp.expand(value)):
        coefficient, degree, exponent = sp.S.One, 0, sp.S.Zero
        for factor in sp.Mul.make_args(summand):  # type: ignore[arg-type]
            if U not in factor.free_symbols:
                coefficient *= factor
            elif factor.is_Pow and factor.base == U and factor.exp.is_Integer and factor.exp > 0:  # type: ignore[union-attr]
                degree += int(factor.exp)  # type: ignore[union-attr]
            elif factor == U:
                degree += 1
            elif isinstance(factor, sp.exp):
                exponent += factor.args[0]
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
    return [Term(tuple(powers.get(n, sp.S.Zero) for n in range(max(powers) + 1)), *key) for key, powers in found.items()]


@dataclass(frozen=True)
class Antiderivative:
    """`expr` in u, and its limit at infinity, which exists if `decay` > 0."""

    expr: sp.Expr
    at_infinity: sp.Expr
    decay: sp.Expr


def antiderivative(term: Term, side: int) -> Antiderivative:
    """Of term(u) · N(u; side·mean, var)."""
    m, v = side * MEAN, VAR
    decay = sp.simplify(1 - 2 * term.a * v)
    w = v / decay
    r = sp.cancel((m + term.b * v) / decay)
    peak = sp.expand(sp.cancel(r**2 / (2 * w) - m**2 / (2 * v)) + term.c)
    rho: dict[int, sp.Expr] = {}

    def at(n: int) -> sp.Expr:
        return rho.get(n, sp.S.Zero)

    for i in range(len(term.coefficients) - 1, 0, -1):
        rho[i - 1] = sp.cancel(w * ((i + 1) * at(i + 1) - term.coefficients[i]) + r * at(i))
    kappa = sp.cancel(term.coefficients[0] - at(1) - r * at(0) / w)
    polynomial = sp.Add(*(value * U**n for n, value in rho.items()))
    density = sp.exp(-((U - m) ** 2) / (2 * v)) / sp.sqrt(2 * sp.pi * v)
    boundary = polynomial * sp.exp(term.a * U**2 + term.b * U + term.c) * density
    bulk = kappa * sp.exp(peak) / (2 * sp.sqrt(decay))
    return Antiderivative(boundary + bulk * sp.erf((U - r) / sp.sqrt(2 * w)), bulk, decay)


def between(primitive: Antiderivative, piece: Piece) -> sp.Expr:
    upper = primitive.at_infinity if piece.hi == sp.oo else primitive.expr.subs(U, piece.hi)
    return upper - primitive.expr.subs(U, piece.lo)  # type: ignore[operator]


def closed_form(function: PiecewiseFunction) -> ClosedForm | None:
    """E[function(X)] as a closed form, unproved; None if some piece is not of this class."""
    total = sp.S.Zero
    for piece in function.pieces:
        if piece.is_zero:
            continue
        terms = terms_of(piece.value)
        if terms is None:
            return None
        for term in terms:
            total += between(antiderivative(term, piece.side), piece)
    return ClosedForm(expr=tidy(total), kind="elementary", method=METHOD)


def tidy(expr: sp.Expr) -> sp.Expr:
    """One term per exponential, its error functions collected, so that a person can read the formula."""
    groups: dict[sp.Basic, list[sp.Expr]] = {}
    for term in sp.Add.make_args(sp.expand(expr.replace(sp.erf, _odd_erf))):
        exponent, rest = sp.S.Zero, sp.S.One
        for factor in sp.Mul.make_args(term):  # type: ignore[arg-type]
            if isinstance(factor, sp.exp):
                exponent += factor.args[0]
            else:
                rest *= factor
        groups.setdefault(sp.factor(exponent), []).append(rest)
    return sp.Add(*(sp.exp(exponent) * _collect(sp.Add(*parts)) for exponent, parts in groups.items()))  # type: ignore[return-value]


def _collect(expr: sp.Expr) -> sp.Expr:
    errors = sorted(expr.atoms(sp.erf), key=sp.default_sort_key)
    parts = sp.collect(expr, errors, evaluate=False)
    return sp.factor_terms(sp.Add(*(sp.factor(coefficient) * error for error, coefficient in parts.items())))


def _odd_erf(z: sp.Expr) -> sp.Expr:
    z = sp.factor(z)
    return -sp.erf(-z) if z.could_extract_minus_sign() else sp.erf(z)  # type: ignore[return-value]
