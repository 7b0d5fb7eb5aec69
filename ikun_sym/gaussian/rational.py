"""Rule: one even analytic value A/(B + C x²)ⁿ on the whole line. The Faddeeva function w, at every mean and variance.

E[1/(X² + y²)] = (1/y) √(π/2v) Re w((μ + iy)/√(2v)), and E[1/(X² + y²)^{n+1}] = −(1/2ny) ∂/∂y E[1/(X² + y²)ⁿ].
"""

from __future__ import annotations

import sympy as sp

from ..catalogue.piecewise import PiecewiseFunction, U
from .form import MEAN, VAR, ClosedForm
from .special import ImW, ReW

METHOD = "rational in x², by the Faddeeva function"


def closed_form(function: PiecewiseFunction) -> ClosedForm | None:
    """E[function(X)] as a closed form, unproved; None if the function is not of this class."""
    found = _match(function)
    if found is None:
        return None
    scale, square, n = found
    y = sp.Symbol("y", positive=True)
    root = sp.sqrt(2 * VAR)
    value = sp.sqrt(sp.pi / (2 * VAR)) / y * ReW(MEAN / root, y / root)
    for order in range(1, n):
        value = -sp.diff(value, y) / (2 * order * y)
    value = sp.expand(scale * value.subs(y, sp.sqrt(square)))
    atoms = sorted(value.atoms(ReW, ImW), key=sp.default_sort_key)
    collected = sp.collect(value, atoms, evaluate=False)
    expr = sp.Add(*(sp.factor(coefficient) * key for key, coefficient in collected.items()))
    return ClosedForm(expr=expr, kind="special", method=METHOD)  # type: ignore[arg-type]


def _match(function: PiecewiseFunction) -> tuple[sp.Expr, sp.Expr, int] | None:
    """(scale, square, n): the function is scale/(x² + square)ⁿ, one even piece on each whole half-line."""
    if not function.is_even or len(function.pieces) != 2:
        return None
    constant, quadratic, order = sp.S.One, None, 0
    for base, power in function.pieces[0].value.as_powers_dict().items():
        exponent = sp.sympify(power)
        if U not in base.free_symbols:
            constant *= base**exponent
        elif quadratic is None and exponent.is_Integer and exponent < 0 and base.is_polynomial(U):
            quadratic, order = sp.Poly(base, U), -int(exponent)
        else:
            return None
    if quadratic is None or quadratic.degree() != 2 or quadratic.coeff_monomial(U) != 0:
        return None
    lead, rest = quadratic.coeff_monomial(U**2), quadratic.coeff_monomial(1)
    square = sp.simplify(rest / lead)
    if not square.is_positive:
        return None
    return constant * lead ** (-order), square, order
