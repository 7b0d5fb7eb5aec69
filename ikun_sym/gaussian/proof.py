"""Proofs that a closed form is E[g(X)].

The FTC certificate: on every piece an antiderivative of value · density is verified by differentiation, its limits at the
ends are taken, and the form is shown equal to their sum. The zero test that all of this rests on is sound and incomplete:
True is a proof, False means 'not shown', never 'shown to be different'.
"""

from __future__ import annotations

from collections import defaultdict

import sympy as sp

from ..catalogue.piecewise import PiecewiseFunction, U
from .form import MEAN, VAR, Certificate, Check
from .moments import antiderivative, between, terms_of

_EXP = sp.Function("exponential")
"""Stands for exp while a product is expanded: sympy's expand moves exp into denominators, where terms no longer meet."""


def is_zero(expr: sp.Expr) -> bool:
    """True only if `expr` vanishes identically, by normal form.

    The terms are grouped by their exponential and error functions (arguments in normal form, erf odd); every rational
    coefficient must cancel, square roots of polynomials being reduced by ω² = radicand.
    """
    expr = expr.rewrite(sp.erf).replace(sp.erfc, lambda z: 1 - sp.erf(z))
    root = sp.Symbol("s", positive=True)
    expr = expr.subs(VAR, root**2)
    expr = expr.replace(sp.erf, _normal_erf).replace(sp.exp, _EXP)
    groups: defaultdict[tuple, list[sp.Expr]] = defaultdict(list)
    for term in sp.Add.make_args(sp.expand(expr, power_exp=False)):
        exponent, errors, coefficient = sp.S.Zero, [], sp.S.One
        for factor in sp.Mul.make_args(term):  # type: ignore[arg-type]
            base, power = factor.as_base_exp()
            if isinstance(base, _EXP) and power.is_Integer:
                exponent += base.args[0] * power
            elif isinstance(base, sp.erf) and power.is_Integer:
                errors.append((base, power))
            else:
                coefficient *= factor
        key = (sp.expand(sp.cancel(exponent)), tuple(sorted(errors, key=sp.default_sort_key)))
        groups[key].append(coefficient)
    return all(_vanishes(sp.Add(*coefficients)) for coefficients in groups.values())


def _normal_erf(z: sp.Expr) -> sp.Expr:
    z = sp.expand(sp.cancel(sp.together(z)))
    return -sp.erf(-z) if z.could_extract_minus_sign() else sp.erf(z)  # type: ignore[return-value]


def _vanishes(coefficient: sp.Expr) -> bool:
    radicals = {
        power.base
        for power in coefficient.atoms(sp.Pow)
        if power.exp.is_Rational and power.exp.q == 2 and power.base.free_symbols  # type: ignore[union-attr]
    }
    omegas = {radicand: sp.Dummy("omega", positive=True) for radicand in radicals}

    def replace_root(base: sp.Expr, exponent: sp.Expr) -> sp.Expr:
        if base in omegas and exponent.is_Rational and exponent.q == 2:  # type: ignore[union-attr]
            return omegas[base] ** (2 * exponent)
        return base**exponent  # type: ignore[return-value]

    numerator = sp.expand(sp.fraction(sp.together(coefficient.replace(sp.Pow, replace_root)))[0])
    for radicand, omega in omegas.items():
        numerator = sp.expand(sp.rem(numerator, omega**2 - radicand, omega))
    return numerator == 0


def _limit_at_infinity(expr: sp.Expr) -> sp.Expr:
    """The limit as u → ∞ of polynomials times Gaussians in u (to 0) and error functions of increasing arguments (to 1)."""
    settled = sp.expand(expr.replace(sp.erf, lambda z: sp.S.One if z.has(U) else sp.erf(z)).replace(sp.exp, _EXP))
    kept = (term for term in sp.Add.make_args(settled) if not any(e.has(U) for e in term.atoms(_EXP)))
    return sp.Add(*kept).replace(_EXP, sp.exp)  # type: ignore[return-value]


def prove_ftc(function: PiecewiseFunction, form: sp.Expr) -> Certificate:
    """Is `form` = E[function(X)] for every mean, every variance > 0 and all parameters in their domains?"""
    checks: list[Check] = []
    assumptions = {f"{VAR} > 0", f"{MEAN} real"} | {f"{s} > 0" for s in function.free_symbols if s.is_positive}
    total = sp.S.Zero
    for piece in function.pieces:
        if piece.is_zero:
            continue
        where = f"side {piece.side:+d}, {piece.lo} < u < {piece.hi}"
        terms = terms_of(piece.value)
        if terms is None:
            return Certificate(status="unknown", checks=(Check(f"{where}: polynomial × exp(quadratic)", "normal form", False),))
        same = is_zero(piece.value - sp.Add(*(term.expr for term in terms)))
        checks.append(Check(f"{where}: the piece is its polynomial × exp(quadratic) terms", "zero test", same))
        density = sp.exp(-((U - piece.side * MEAN) ** 2) / (2 * VAR)) / sp.sqrt(2 * sp.pi * VAR)
        for term in terms:
            primitive = antiderivative(term, piece.side)
            differs = sp.diff(primitive.expr, U) - term.expr * density
            checks.append(Check(f"{where}: d/du of the antiderivative = value · density", "zero test", is_zero(differs)))
            if piece.hi == sp.oo:
                positive = bool(sp.expand(primitive.decay).is_positive)
                reached = is_zero(_limit_at_infinity(primitive.expr) - primitive.at_infinity)
                what = f"{where}: e^{{Q(u)}} → 0 and erf → 1 as u → ∞, since {primitive.decay} > 0"
                checks.append(Check(what, "sign of the leading coefficient, zero test", positive and reached))
            total += between(primitive, piece)
    checks.append(Check("the form = sum over pieces of the antiderivative's increments", "zero test", is_zero(form - total)))
    holds = all(check.holds for check in checks)
    return Certificate(
        status="proved-ftc" if holds else "unknown", assumptions=tuple(sorted(assumptions)), checks=tuple(checks)
    )
