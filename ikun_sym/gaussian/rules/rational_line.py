"""Rule: one rational function on the whole line without real poles. The Faddeeva function w, at every mean and variance.

With X ~ N(μ, v) and z = (μ − p + iy)/√(2v):

    E[1/((X − p)² + y²)] = √(π/2v) Re w(z)/y,    E[(X − p)/((X − p)² + y²)] = √(π/2v) Im w(z),

and higher powers of the denominator by −1/(2ny) ∂/∂y.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import sympy as sp

from ...catalogue.piecewise import PiecewiseFunction, U
from ...expressions.symbols import MEAN, VAR
from ...expressions.vocabulary import ImW, ReW
from ..form import ClosedForm

METHOD = "rational in x, by the Faddeeva function"

X = sp.Dummy("x", real=True)
_Y = sp.Dummy("y", positive=True)


@dataclass(frozen=True)
class Fraction:
    """(odd·(x − centre) + even)/((x − centre)² + height²)^order."""

    even: sp.Expr
    odd: sp.Expr
    centre: sp.Expr
    height: sp.Expr
    order: int

    def expectation(self) -> sp.Expr:
        root = sp.sqrt(2 * VAR)
        x, y = (MEAN - self.centre) / root, self.height / root
        total = sp.S.Zero
        for numerator, is_odd in ((self.even, False), (self.odd, True)):
            if numerator != 0:
                scale = numerator * root ** int(is_odd) / (2 * VAR) ** self.order
                parts = (sp.factor(part.xreplace({X: x, _Y: y}) * scale) for part in _standard(self.order, is_odd))
                total += sp.Add(*(p * w for p, w in zip(parts, (ReW(x, y), ImW(x, y), sp.S.One), strict=True)))  # type: ignore[operator]
        return total


@lru_cache(maxsize=64)
def _standard(order: int, odd: bool) -> tuple[sp.Expr, sp.Expr, sp.Expr]:
    """(A, B, C) with E[T^odd/(T² + y²)^order] = A Re w + B Im w + C at x + iy, T ~ N(x, 1/2); Laurent polynomials in y.

    ∂y Re w = 2(x Im w + y Re w) − 2/√π and ∂y Im w = −2(x Re w − y Im w).
    """
    root = sp.sqrt(sp.pi)
    a, b, c = (sp.S.Zero, root, sp.S.Zero) if odd else (root / _Y, sp.S.Zero, sp.S.Zero)
    for n in range(1, order):
        step = -1 / (2 * n * _Y)
        a, b, c = (
            sp.expand(step * derivative)
            for derivative in (
                sp.diff(a, _Y) + 2 * _Y * a - 2 * X * b,
                sp.diff(b, _Y) + 2 * X * a + 2 * _Y * b,
                sp.diff(c, _Y) - 2 * a / root,
            )
        )
    return a, b, c


def on_the_line(function: PiecewiseFunction) -> sp.Expr | None:
    """The function as one expression in x, if each side is one piece and they are the same rational function."""
    if function.tails or len(function.pieces) != 2:
        return None
    right, left = (function.side(side)[0].value for side in (1, -1))
    if not (right.is_rational_function(U) and left.is_rational_function(U)):
        return None
    value = right.subs(U, X)
    return value if sp.cancel(sp.together(value - left.subs(U, -X))) == 0 else None


def kind(function: PiecewiseFunction) -> str | None:
    return None if decompose(function) is None else "special"


def closed_form(function: PiecewiseFunction) -> ClosedForm | None:
    """E[function(X)] as a closed form, unproved; None if the function is not of this class."""
    decomposed = decompose(function)
    if decomposed is None:
        return None
    polynomial, found = decomposed
    total = sp.Add(*(fraction.expectation() for fraction in found))
    if polynomial != 0:
        total += sum((power_moment(n) * c for (n,), c in sp.Poly(polynomial, X).terms()), sp.S.Zero)
    return ClosedForm(expr=total, kind="special", method=METHOD)


def decompose(function: PiecewiseFunction) -> tuple[sp.Expr, list[Fraction]] | None:
    value = on_the_line(function)
    return None if value is None or value.is_polynomial(X) else _fractions(value)


def power_moment(n: int) -> sp.Expr:
    """E[Xⁿ] = μ E[Xⁿ⁻¹] + (n − 1) v E[Xⁿ⁻²]."""
    before, last = sp.S.Zero, sp.S.One
    for k in range(1, n + 1):
        before, last = last, sp.expand(MEAN * last + (k - 1) * VAR * before)
    return last


def _fractions(value: sp.Expr) -> tuple[sp.Expr, list[Fraction]] | None:
    """The polynomial part and the partial fractions, or None where a pole is real or cannot be located."""
    numerator, denominator = sp.fraction(sp.together(value))
    _, factors = sp.factor_list(denominator, X)
    poles = [(factor, order) for factor, order in factors if factor.has(X)]
    parts = [value] if len(poles) == 1 and not numerator.has(X) else sp.Add.make_args(sp.apart(value, X))
    polynomial, found = sp.S.Zero, []
    for part in parts:
        if part.is_polynomial(X):
            polynomial += part
            continue
        fraction = _fraction(part)
        if fraction is None:
            return None
        found.append(fraction)
    return polynomial, found


def _fraction(part: sp.Expr) -> Fraction | None:
    numerator, denominator = sp.fraction(sp.together(part))
    constant, factors = sp.factor_list(denominator, X)
    poles = [(sp.Poly(factor, X), order) for factor, order in factors if factor.has(X)]
    rest = sp.Mul(constant, *(factor**order for factor, order in factors if not factor.has(X)))
    if len(poles) != 1 or poles[0][0].degree() != 2 or sp.Poly(numerator, X).degree() > 1:
        return None
    (quadratic, order) = poles[0]
    lead, linear, last = quadratic.all_coeffs()
    centre = -linear / (2 * lead)
    square = sp.cancel(last / lead - centre**2)
    if not square.is_positive:
        return None
    top = sp.Poly(numerator, X)
    odd = top.coeff_monomial(X)
    even = top.coeff_monomial(1) + odd * centre
    scale = 1 / (rest * lead**order)
    return Fraction(sp.cancel(even * scale), sp.cancel(odd * scale), centre, sp.sqrt(square), order)
