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
    root = sp.sqrt(2 * VAR)
    height = sp.sqrt(square) / root
    parts = [sp.factor(part.subs({X: MEAN / root, Y: height}) * scale / (2 * VAR) ** n) for part in _expectation(n)]
    words = (ReW(MEAN / root, height), ImW(MEAN / root, height), sp.S.One)
    expr = sp.Add(*(part * word for part, word in zip(parts, words, strict=True)))
    return ClosedForm(expr=expr, kind="special", method=METHOD)  # type: ignore[arg-type]


X, Y = sp.Symbol("x", real=True), sp.Symbol("y", positive=True)
"""mean/√(2v) and (distance of the pole)/√(2v)."""


def _expectation(n: int) -> tuple[sp.Expr, sp.Expr, sp.Expr]:
    """(A, B, C) with (2v)ⁿ E[1/(X² + y²)ⁿ] = A Re w + B Im w + C at x + iy, Laurent polynomials in y.

    ∂y Re w = 2(x Im w + y Re w) − 2/√π and ∂y Im w = −2(x Re w − y Im w).
    """
    a, b, c = sp.sqrt(sp.pi) / Y, sp.S.Zero, sp.S.Zero
    for order in range(1, n):
        step = -1 / (2 * order * Y)
        a, b, c = (
            sp.expand(step * derivative)
            for derivative in (
                sp.diff(a, Y) + 2 * Y * a - 2 * X * b,
                sp.diff(b, Y) + 2 * X * a + 2 * Y * b,
                sp.diff(c, Y) - 2 * a / sp.sqrt(sp.pi),
            )
        )
    return a, b, c  # type: ignore[return-value]


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
