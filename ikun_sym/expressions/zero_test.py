"""Zero test: whether an expression vanishes identically. Sound but incomplete: True is a proof; False means 'not shown', never
'shown to be different from 0'."""

from __future__ import annotations

from functools import lru_cache
from zlib import crc32

import sympy as sp

from .algebraic_zero_test import vanishes
from .exponential_groups import added, grouped
from .rational_functions import reduced
from .symbols import VAR

_SIGMA = sp.Dummy("sigma", positive=True)
"""√v, as a symbol that cannot clash with a parameter's name."""


def is_zero(expr: sp.Expr) -> bool:
    """True only if `expr` vanishes identically, by normal form.

    The terms are grouped by their exponential and error functions (arguments in normal form, erf odd). The rational
    coefficient of every group must cancel; square roots of polynomials are reduced by ω² = radicand.
    """
    if expr == 0:
        return True
    if not expr.has(sp.Function):  # one group: no expansion needed
        return _vanishes(expr)
    expr = exponentials(expr.rewrite(sp.erf).replace(sp.erfc, lambda z: 1 - sp.erf(z)))  # type: ignore[arg-type]
    expr = expr.subs(VAR, _SIGMA**2)
    expr = sp.expand_power_base(expr.replace(sp.erf, _Arguments().error_function))
    expr = expr.replace(_is_opaque, lambda function: function.func(*map(sp.expand, function.args)))  # type: ignore[assignment]
    exponents = _Arguments()
    groups = added(((exponents.one(exponent), errors), c) for (exponent, errors), c in grouped(expr).items())
    return all(_vanishes(coefficient) for coefficient in groups.values())


def exponentials(expr: sp.Expr) -> sp.Expr:
    """Write cos and sin as complex exponentials."""
    half, i = sp.S.Half, sp.I
    expr = expr.replace(sp.cos, lambda z: half * (sp.exp(i * z) + sp.exp(-i * z)))  # type: ignore[assignment]
    return expr.replace(sp.sin, lambda z: half / i * (sp.exp(i * z) - sp.exp(-i * z)))  # type: ignore[return-value]


def _is_opaque(expr: sp.Basic) -> bool:
    return isinstance(expr, sp.Function) and not isinstance(expr, (sp.erf, sp.exp))


class _Arguments:
    """A unique way to write each argument: the normal form of a rational function, else the first argument shown to be
    equal."""

    def __init__(self) -> None:
        self.seen: list[sp.Expr] = []

    def one(self, z: sp.Expr) -> sp.Expr:
        normal = _normal_form(z)
        return self._first(z) if normal is None else normal

    def error_function(self, z: sp.Expr) -> sp.Expr:
        """±erf of the argument: erf is odd."""
        normal = _normal_form(z)
        if normal is not None:
            return -sp.erf(-normal) if normal.could_extract_minus_sign() else sp.erf(normal)
        opposite = next((other for other in self.seen if _are_equal(-z, other)), None)
        return sp.erf(self._first(z)) if opposite is None else -sp.erf(opposite)

    def _first(self, z: sp.Expr) -> sp.Expr:
        for other in self.seen:
            if _are_equal(z, other):
                return other
        self.seen.append(z)
        return z


@lru_cache(maxsize=4096)
def _normal_form(z: sp.Expr) -> sp.Expr | None:
    """Normal form of z; None if z is not a rational function of its symbols with rational coefficients."""
    return reduced(sp.expand(z))


@lru_cache(maxsize=4096)
def _are_equal(left: sp.Expr, right: sp.Expr) -> bool:
    here, there = _somewhere(left), _somewhere(right)
    return left == right or (not abs(here - there) > 1e-9 * abs(here) and _vanishes(left - right))


@lru_cache(maxsize=4096)
def _somewhere(z: sp.Expr) -> complex:
    """Value of z at one point, NaN if it has none. Most expressions that differ do so there, and need no further test."""
    place = {s: sp.Rational(crc32(str(s).encode()) % 1000 + 500, 1000) for s in z.free_symbols}
    value = sp.N(z.xreplace(place), 15)
    return complex(value) if value.is_number and value.is_finite else complex("nan")


def _primitive_root(base: sp.Expr, exponent: sp.Expr) -> sp.Expr:
    """√(c P/D) = √c √P/√D for c, D > 0, so that the roots of a polynomial and of its multiples are the same root."""
    if not (exponent.is_Rational and exponent.q == 2 and base.free_symbols):  # type: ignore[attr-defined]
        return base**exponent
    numerator, denominator = sp.fraction(sp.together(base))
    content, primitive = _without_positive_factors(sp.factor_terms(numerator))
    below = sp.factor(denominator)
    if content.is_positive and below.is_positive:
        return content**exponent * sp.expand(primitive) ** exponent * below**-exponent
    return base**exponent


def _without_positive_factors(expr: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    """(positive content including roots of numbers, remaining factor): √2 u + 1 is √2 (u + √2/2)."""
    content, primitive = expr.as_content_primitive()
    symbols = sorted(primitive.free_symbols, key=sp.default_sort_key)
    lead = sp.Poly(primitive, *symbols).LC() if symbols and primitive.is_polynomial(*symbols) else sp.S.One
    if lead.is_Rational or not (lead.is_number and lead.is_positive):
        return content, primitive
    return content * lead, sp.expand(primitive / lead)


def _vanishes(coefficient: sp.Expr) -> bool:
    coefficient = coefficient.replace(sp.Pow, _primitive_root)  # type: ignore[assignment]
    found = vanishes(coefficient)
    if found is not None:
        return found
    radicals = {
        power.base
        for power in coefficient.atoms(sp.Pow)
        if power.exp.is_Rational and power.exp.q == 2 and power.base.free_symbols  # type: ignore[union-attr]
    }
    omegas = {radicand: sp.Dummy("omega", positive=True) for radicand in radicals}

    def replace_root(base: sp.Expr, exponent: sp.Expr) -> sp.Expr:
        if base in omegas and exponent.is_Rational and exponent.q == 2:  # type: ignore[union-attr]
            return omegas[base] ** (2 * exponent)
        return base**exponent

    numerator = sp.expand(sp.fraction(sp.together(coefficient.replace(sp.Pow, replace_root)))[0])
    for radicand, omega in omegas.items():
        numerator = sp.expand(sp.rem(numerator, omega**2 - radicand, omega))
    return numerator == 0
