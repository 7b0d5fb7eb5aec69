"""Rigorous enclosures of E[g(X) g(X')]: which rule, and how precisely, until the ball is narrow."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import sympy as sp
from flint import arb

from ...catalogue.piecewise import PiecewiseFunction
from ...errors import IkunError
from ...expressions.lowering import Balls, precision
from ..enclosures.certify import GUARD_BITS, Enclosure, digits_of, expectation
from .exact_law import ExactLaw
from .nested_enclosure import ROUTE as NESTED
from .nested_enclosure import nested_enclosure
from .trapezoidal_enclosure import ROUTE as TRAPEZOIDAL
from .trapezoidal_enclosure import trapezoidal_enclosure

ATTEMPTS = 5

STEEP = Fraction(9, 10)
"""|ρ| from which two dimensions are cheaper than the nodes of one."""

STEEPEST_PERIODIC = Fraction(9999, 10000)
"""|ρ| up to which functions with infinitely many breakpoints are taken: only the rule in one dimension serves them."""


def pair_expectation(
    function: PiecewiseFunction, values: Mapping[sp.Symbol, Fraction], law: ExactLaw, digits: int = 17
) -> Enclosure:
    """E[function(X) function(X')] to at least `digits` correct digits. Errors: no growth bound is known, the expectation is
    infinite, or the digits cannot be reached."""
    if law.rho == 1 and law.alike:
        return expectation(function.power(2), values, law.mean, law.var, digits)
    nested = abs(law.rho) > STEEP and not function.tails
    if function.tails and abs(law.rho) > STEEPEST_PERIODIC:
        raise IkunError(
            f"rho = {float(law.rho):g} is too near ±1 for a function with infinitely many breakpoints; allowed are magnitudes "
            f"up to {float(STEEPEST_PERIODIC):g}, and 1 itself for one law of both"
        )
    squares = [expectation(function.power(2), values, *pair, 6).ball().abs_upper() for pair in law.laws]
    size = (arb(squares[0]) * arb(squares[1])).sqrt()
    if size.is_zero():
        return Enclosure.of(arb(0), digits, TRAPEZOIDAL)
    bits, missing, best, attempt = int(digits * 3.3220) + GUARD_BITS, digits + 3, arb("nan"), 0
    while attempt < ATTEMPTS:
        with precision(bits):
            env = {symbol: Balls().rational(value) for symbol, value in values.items()}
            if nested:
                best = nested_enclosure(function, values, env, law, int(missing * 2.31) + 5, size * arb(10) ** -missing)
            else:
                best = trapezoidal_enclosure(function, values, env, law, int(missing * 2.31) + 5)
            if best.is_finite() and digits_of(best) >= digits:
                return Enclosure.of(best, digits, NESTED if nested else TRAPEZOIDAL)
            zero = best.contains(0) and best.is_finite() and attempt > 1
            if zero and abs(best) < size * arb(10) ** (-4 * digits):  # cancels, or is nothing beside E[g²]
                return Enclosure.of(arb(0, abs(best).upper()), digits, NESTED if nested else TRAPEZOIDAL)
        missing += digits if best.contains(0) or not best.is_finite() else digits - digits_of(best) + 2
        bits, attempt = max(bits * 5 // 4, int(missing * 3.3220) + GUARD_BITS), attempt + 1
    raise IkunError(
        f"only {digits_of(best)} of {digits} digits could be enclosed; ask for fewer digits or a less extreme setting"
    )
