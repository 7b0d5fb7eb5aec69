"""Make a formula readable: one term per exponential, with its error functions collected."""

from __future__ import annotations

import sympy as sp

from .exponential_groups import added, grouped


def tidy(expr: sp.Expr) -> sp.Expr:
    """The same expression, grouped by exponentials; conjugate pairs of complex exponentials become cosines and sines."""
    parts: dict[sp.Expr, list[sp.Expr]] = {}
    found = grouped(expr.replace(sp.erf, _odd_erf))  # type: ignore[arg-type]
    merged = added(((sp.expand(exponent), errors), coefficient) for (exponent, errors), coefficient in found.items())
    for (exponent, errors), coefficient in merged.items():
        functions = sp.Mul(*(error**power for error, power in errors))
        parts.setdefault(exponent, []).append(sp.factor(coefficient) * functions)
    collected = {exponent: sp.factor_terms(sp.Add(*terms)) for exponent, terms in parts.items()}
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


def _odd_erf(z: sp.Expr) -> sp.Expr:
    z = sp.factor(z) if not z.has(sp.I) else sp.expand(z)  # type: ignore[assignment]
    return -sp.erf(-z) if z.could_extract_minus_sign() else sp.erf(z)
