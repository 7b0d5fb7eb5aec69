"""One term per exponential, its error functions collected, so that a person can read the formula."""

from __future__ import annotations

import sympy as sp

OPAQUE_EXP = sp.Function("exponential")
"""Stands for exp while a product is expanded: sympy's expand moves exp into denominators, where terms no longer meet."""


def tidy(expr: sp.Expr) -> sp.Expr:
    """The same expression, grouped by exponentials; conjugate pairs of complex exponentials become cosines and sines."""
    groups: dict[sp.Basic, list[sp.Expr]] = {}
    expr = expr.replace(sp.erf, _odd_erf).replace(sp.exp, OPAQUE_EXP)  # type: ignore[assignment]
    for term in sp.Add.make_args(sp.expand(expr, power_exp=False)):
        exponent, rest = sp.S.Zero, sp.S.One
        for factor in sp.Mul.make_args(term):  # type: ignore[arg-type]
            base, power = factor.as_base_exp()
            if isinstance(base, OPAQUE_EXP) and power.is_Integer:
                exponent += base.args[0] * power
            else:
                rest *= factor.replace(OPAQUE_EXP, sp.exp)
        groups.setdefault(sp.expand(exponent), []).append(rest)
    collected = {exponent: _collect(sp.Add(*parts)) for exponent, parts in groups.items()}
    return sp.Add(*(sp.exp(_factored(e)) * value for e, value in _real(collected).items() if value != 0))  # type: ignore[return-value]


def _factored(exponent: sp.Basic) -> sp.Expr:
    return sp.factor(exponent) if not exponent.has(sp.I) else exponent  # type: ignore[return-value]


def _real(groups: dict[sp.Basic, sp.Expr]) -> dict[sp.Basic, sp.Expr]:
    """Pairs z e^{a + ib} + z e^{a − ib} with the same real z become 2 z cos(b) e^a."""
    result: dict[sp.Basic, sp.Expr] = {}
    paired: set[sp.Basic] = set()
    for exponent, value in groups.items():
        if exponent in paired:
            continue
        partner = sp.conjugate(exponent)
        if exponent.has(sp.I) and not value.has(sp.I) and groups.get(partner) == value:
            paired.add(partner)
            exponent, value = sp.re(exponent), 2 * value * sp.cos(sp.im(exponent))
        result[exponent] = result.get(exponent, sp.S.Zero) + value
    return result


def _collect(expr: sp.Expr) -> sp.Expr:
    errors = sorted(expr.atoms(sp.erf, sp.erfc), key=sp.default_sort_key)
    parts = sp.collect(expr, errors, evaluate=False)
    return sp.factor_terms(sp.Add(*(sp.factor(coefficient) * error for error, coefficient in parts.items())))


def _odd_erf(z: sp.Expr) -> sp.Expr:
    z = sp.factor(z) if not z.has(sp.I) else sp.expand(z)
    return -sp.erf(-z) if z.could_extract_minus_sign() else sp.erf(z)  # type: ignore[return-value]
