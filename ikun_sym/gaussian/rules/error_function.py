"""Rule: error functions of linear arguments on the whole line, and polynomials beside them.

    E[erf(pX + q)] = erf((pμ + q)/√(1 + 2p²v)):

erf(pX + q) is 2 P(Z < √2 (pX + q)) − 1 for Z ~ N(0, 1) independent of X, and Z − √2 pX is Gaussian again (Owen 1980, A table of
normal integrals, 10,010.8).
"""

from __future__ import annotations

import sympy as sp

from ...catalogue.piecewise import PiecewiseFunction, U
from ...expressions.symbols import MEAN, VAR
from ...expressions.zero_test import is_zero
from ..form import ClosedForm
from .rational_line import power_moment

METHOD = "error functions of linear arguments, by a Gaussian sum"

X = sp.Dummy("x", real=True)


def kind(function: PiecewiseFunction) -> str | None:
    return None if _decompose(function) is None else "elementary"


def closed_form(function: PiecewiseFunction) -> ClosedForm | None:
    """E[function(X)] as a closed form, unproved; None if the function is not of this class."""
    found = _decompose(function)
    if found is None:
        return None
    polynomial, errors = found
    total = sum((power_moment(n) * c for (n,), c in sp.Poly(polynomial, X).terms()), sp.S.Zero)
    for weight, slope, shift in errors:
        total += weight * sp.erf((slope * MEAN + shift) / sp.sqrt(1 + 2 * slope**2 * VAR))
    return ClosedForm(expr=total, kind="elementary", method=METHOD)


def _decompose(function: PiecewiseFunction) -> tuple[sp.Expr, list[tuple[sp.Expr, sp.Expr, sp.Expr]]] | None:
    """A polynomial in X and (c, p, q) for each c erf(pX + q), if both sides are one piece and the same function of x."""
    if function.tails or len(function.pieces) != 2 or not any(p.value.has(sp.erf, sp.erfc) for p in function.pieces):
        return None
    right, left = (function.side(side)[0].value.xreplace({U: side * X}) for side in (1, -1))
    if not is_zero(right - left):  # type: ignore[arg-type]
        return None
    polynomial, errors = sp.S.Zero, []
    for term in sp.Add.make_args(sp.expand(right.replace(sp.erfc, lambda z: 1 - sp.erf(z)))):
        weight, rest = term.as_independent(X, as_Add=False)
        if isinstance(rest, sp.erf) and rest.args[0].is_polynomial(X) and sp.degree(rest.args[0], X) == 1:  # type: ignore[union-attr]
            linear = sp.Poly(rest.args[0], X)
            errors.append((weight, linear.coeff_monomial(X), linear.coeff_monomial(1)))
        elif rest.is_polynomial(X):
            polynomial += term
        else:
            return None
    return polynomial, errors
