"""One term per exponential, its error functions collected, so that a person can read the formula."""

from __future__ import annotations

import sympy as sp

from .groups import Groups, grouped


def tidy(expr: sp.Expr) -> sp.Expr:
    """The same expression, grouped by exponentials; conjugate pairs of complex exponentials become cosines and sines."""
    groups: dict[sp.Expr, Groups] = {}
    for (exponent, errors), coefficient in grouped(expr.replace(sp.erf, _odd_erf)).items():  # type: ignore[arg-type]
        group = groups.setdefault(sp.expand(exponent), {})
        group[sp.S.Zero, errors] = group.get((sp.S.Zero, errors), sp.S.Zero) + coefficient
    collected = {exponent: _collected(group) for exponent, group in groups.items()}
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


def _collected(group: Groups) -> sp.Expr:
    parts = []
    for (_, errors), coefficient in group.items():
        parts.append(sp.factor(coefficient) * sp.Mul(*(error**power for error, power in errors)))
    return sp.factor_terms(sp.Add(*parts))


def _odd_erf(z: sp.Expr) -> sp.Expr:
    z = sp.factor(z) if not z.has(sp.I) else sp.expand(z)
    return -sp.erf(-z) if z.could_extract_minus_sign() else sp.erf(z)  # type: ignore[return-value]
