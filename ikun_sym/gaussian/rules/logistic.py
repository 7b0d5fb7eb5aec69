"""Pieces that are rational in s = e^{−λu}: a finite sum of exponentials with a proved uniform error.

No finite form is known for E[sech⁴]; but on 0 <= s <= 1 the factor 1/D(s) of such a piece is a polynomial P(s) up to a
relative error ε, |P D − 1| <= ε. So value = numerator/D becomes numerator · P, a sum of terms polynomial × e^{−λ j u},
and the expectation's error is at most ε E|g| whatever the mean, the variance and λ.

The bound is computed, not sampled: P D − 1 is expanded in Chebyshev polynomials of 2s − 1 in ball arithmetic; the sum of
the magnitudes of its coefficients bounds it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache

import sympy as sp
from flint import acb, arb

from ...catalogue.piecewise import U
from ...expressions.algebraic_zero_test import independent, vanishes
from ...expressions.lowering import Balls, lower, precision
from ...expressions.zero_test import exponentials
from ..form import plain
from .polynomial_exponential import Term, terms_of

METHOD = "finite sum of exponentials, rational in e^{−λu}"

RATE = sp.Dummy("Lambda", real=True)
"""Stands for the rate of an exponential while its expectation is derived and proved, once for all real rates; no parameter is
it, whatever its name."""

TARGET = Fraction(1, 10**15)
MAX_DEGREE = 120
PRECISION = 400


S = sp.Dummy("s", positive=True)
"""The exponential in D, which no parameter is, whatever its name: 1/(1 + s e^{−u}) is not 1/(1 + e^{−2u})."""


@dataclass(frozen=True)
class FiniteSum:
    """value = (Σ numerator) / D(s), s = e^{−rate·u}, and P(s) = Σ coefficients[j] s^j with |P D − 1| <= error."""

    numerator: tuple[Term, ...]
    denominator: sp.Expr
    rate: sp.Expr
    coefficients: tuple[Fraction, ...]
    error: Fraction

    @property
    def degree(self) -> int:
        return len(self.coefficients) - 1

    @cached_property
    def members(self) -> tuple[tuple[Term, sp.Expr, sp.Expr], ...]:
        """numerator · P term by term: (term with RATE in its exponent, its rate, its weight)."""
        found = []
        for term in self.numerator:
            own = -sp.re(term.b)  # e^{b u} with b = −own + iβ
            generic = Term(term.coefficients, term.a, term.b + own - RATE, term.c)
            for power, weight in enumerate(self.coefficients):
                found.append((generic, own + power * self.rate, sp.Rational(weight)))
        return tuple(found)

    def defines(self, value: sp.Expr) -> bool:
        """Whether value · D(e^{−λu}) = Σ numerator, as fractions of independent exponentials."""
        difference = value * self.denominator.subs(S, sp.exp(-self.rate * U)) - sp.Add(*(t.expr for t in self.numerator))
        return bool(vanishes(independent(exponentials(difference))))

    @property
    def shown(self) -> str:
        """D, in its variable s."""
        return str(plain(self.denominator))

    def defect(self) -> Fraction:
        """A bound of |P D − 1| on [0, 1], computed anew."""
        with precision(PRECISION):
            return _defect(self.coefficients, sp.Poly(self.denominator, S))


def finite_sum(value: sp.Expr) -> FiniteSum | None:
    """`value` within a relative error of numerator/D, or None if it is not rational in one exponential."""
    split = _split(value)
    if split is None:
        return None
    numerator, denominator, rate = split
    terms = terms_of(numerator)
    found = None if terms is None else _reciprocal(denominator)
    if terms is None or found is None:
        return None
    return FiniteSum(tuple(terms), denominator, rate, *found)


def _split(value: sp.Expr) -> tuple[sp.Expr, sp.Expr, sp.Expr] | None:
    """(numerator, D(s), λ) with value = numerator/D(e^{−λu}), D with D(0) ≠ 0 and numbers for coefficients."""
    hidden: dict[sp.Expr, sp.Symbol] = {e: sp.Dummy("e", positive=True) for e in value.atoms(sp.exp) if e.has(U)}
    numerator, denominator = sp.fraction(sp.together(value.xreplace(hidden)))
    below = [e for e, symbol in hidden.items() if denominator.has(symbol)]
    rates = [-sp.diff(e.args[0], U) for e in below]
    if not below or denominator.has(U) or not all(r.is_positive and not r.has(U) for r in rates):
        return None
    ratios = [sp.cancel(r / rates[0]) for r in rates]
    if not all(ratio.is_Rational for ratio in ratios):
        return None
    unit = sp.Rational(math.gcd(*(int(r.p) for r in ratios)), math.lcm(*(int(r.q) for r in ratios)))
    powers = {
        hidden[e]: S ** int(ratio / unit) * sp.exp(sp.cancel(e.args[0] + r * U))
        for e, r, ratio in zip(below, rates, ratios, strict=True)
    }
    polynomial = denominator.xreplace(powers)
    if polynomial.free_symbols != {S} or not polynomial.is_polynomial(S):  # type: ignore[union-attr]
        return None
    shown = {symbol: e for e, symbol in hidden.items()}
    return numerator.xreplace(shown), sp.factor(polynomial), sp.cancel(rates[0] * unit)  # type: ignore[return-value]


@lru_cache(maxsize=64)
def _reciprocal(denominator: sp.Expr) -> tuple[tuple[Fraction, ...], Fraction] | None:
    """P and its error, by interpolation of 1/D at Chebyshev points, of the least degree (a multiple of 4) within TARGET."""
    with precision(PRECISION):
        for degree in range(8, MAX_DEGREE + 1, 4):
            found = _interpolate(denominator, degree)
            if found is not None:
                return found
    return None


def _interpolate(denominator: sp.Expr, degree: int) -> tuple[tuple[Fraction, ...], Fraction] | None:
    at = lower(denominator, Balls())
    nodes = [(arb(1) + (arb.pi() * (2 * k + 1) / (2 * degree + 2)).cos()) / 2 for k in range(degree + 1)]
    values = [acb(at({S: acb(s)})).real for s in nodes]
    if not all(value != 0 for value in values):
        return None
    series = _chebyshev([1 / value for value in values])
    if abs(series[-1]) > arb(1) / 10**13 * abs(series[0]):  # far from converged: spare the bound
        return None
    coefficients = tuple(_dyadic(c, 200) for c in _monomials(series))
    error = _defect(coefficients, sp.Poly(denominator, S))
    return (coefficients, error) if error <= TARGET else None


def _dyadic(value: arb, bits: int) -> Fraction:
    mantissa, exponent = value.mid().man_exp()
    exact = Fraction(int(mantissa)) * Fraction(2) ** int(exponent)
    return Fraction(round(exact * 2**bits), 2**bits)


def _chebyshev(values: list[arb]) -> list[arb]:
    """Coefficients in T_k(2s − 1) of the interpolant through `values` at the nodes of `_interpolate`."""
    n = len(values)
    result = []
    for k in range(n):
        total = sum((v * (arb.pi() * k * (2 * j + 1) / (2 * n)).cos() for j, v in enumerate(values)), arb(0))
        result.append(total * (1 if k == 0 else 2) / n)
    return result


def _monomials(series: list[arb]) -> list[arb]:
    """Σ c_k T_k(2s − 1) in powers of s."""
    total = [arb(0)] * len(series)
    for weight, polynomial in zip(series, _shifted_chebyshev(len(series)), strict=True):
        for power, coefficient in enumerate(polynomial):
            total[power] += weight * coefficient
    return total


def _shifted_chebyshev(count: int) -> list[list[int]]:
    """T_k(2s − 1), k < count, in powers of s: T_{k+1} = 2(2s − 1)T_k − T_{k−1}."""
    found = [[1], [-1, 2]]
    while len(found) < count:
        last, before = found[-1], found[-2]
        following = [0] * (len(last) + 1)
        for power, coefficient in enumerate(last):
            following[power] -= 2 * coefficient
            following[power + 1] += 4 * coefficient
        for power, coefficient in enumerate(before):
            following[power] -= coefficient
        found.append(following)
    return found[:count]


def _defect(coefficients: tuple[Fraction, ...], denominator: sp.Poly) -> Fraction:
    """An upper bound of |P D − 1| on [0, 1], P by its exact coefficients: powers of s have Chebyshev coefficients of sum 1."""
    lowered = [acb(lower(c, Balls())({})).real for c in reversed(denominator.all_coeffs())]
    exact = [arb(c.numerator) / c.denominator for c in coefficients]
    product = [arb(0)] * (len(exact) + len(lowered) - 1)
    for i, p in enumerate(exact):
        for j, d in enumerate(lowered):
            product[i + j] += p * d
    product[0] -= 1
    # s^n = 4^{−n} Σ_k binom(2n, n−k) ε_k T_k(2s − 1), ε_0 = 1 and ε_k = 2
    size = len(product)
    series = [arb(0)] * size
    for n, value in enumerate(product):
        for k in range(n + 1):
            series[k] += value * math.comb(2 * n, n - k) * (1 if k == 0 else 2) / arb(4) ** n
    bound = sum((abs(c).upper() for c in series), arb(0)).upper()
    return _dyadic(bound, 120) + Fraction(1, 2**119)
