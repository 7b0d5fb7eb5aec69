"""How much of E[g(X)] lies beyond a cut: a rigorous bound, from an envelope |g(u)| <= A exp(b u + c u²).

The envelope is found by a small absolute-value calculus on the expression; nothing is sampled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sympy as sp
from flint import acb, arb, arb_poly

from ...catalogue.piecewise import R, U
from ...errors import IkunError, InfiniteExpectationError
from ...expressions.lowering import Balls, ball, lower
from ...expressions.vocabulary import word

Values = Mapping[sp.Symbol, object]
"""Numbers for the parameters; for r, the place in a cell, the ball of all its values."""


@dataclass(frozen=True)
class Envelope:
    """|g(u)| <= scale · exp(linear·u + quadratic·u²) for all u >= the cut."""

    scale: arb
    linear: arb
    quadratic: arb

    def times(self, other: Envelope) -> Envelope:
        return Envelope(self.scale * other.scale, self.linear + other.linear, self.quadratic + other.quadratic)

    def plus(self, other: Envelope) -> Envelope:
        # u >= 0, so the larger rate bounds both.
        return Envelope(self.scale + other.scale, _max(self.linear, other.linear), _max(self.quadratic, other.quadratic))

    def widest(self) -> Envelope:
        """Exact numbers, the upper end of each ball: as u >= 0 this one envelope is above all that the balls contain."""
        return Envelope(self.scale.upper(), self.linear.upper(), self.quadratic.upper())

    def power(self, exponent: arb) -> Envelope:
        return Envelope(self.scale**exponent, self.linear * exponent, self.quadratic * exponent)


def _max(a: arb, b: arb) -> arb:
    return a.max(b)


def constant(value: sp.Expr, values: Values) -> arb:
    """A parameter-only expression as a real ball."""
    result = acb(lower(value, Balls())(values)).real
    if not result.is_finite():
        raise IkunError(f"{value} has no finite value at the given parameters")
    return result


def envelope(expr: sp.Expr, values: Values, cut: arb, rate: arb) -> Envelope:
    """An envelope of `expr` on [cut, ∞), cut >= 0. Powers of u are absorbed by u <= e^{rate·u}/(e·rate), which is right
    for every rate > 0 and sharp at u = 1/rate: that is the cut, or `rate` where the cut is 0. Error: none is known."""
    zero = arb(0)
    if U not in expr.free_symbols:
        return Envelope(abs(constant(expr, values)), zero, zero)
    if expr == U:
        sharp = 1 / cut if cut > 0 else rate
        return Envelope(1 / (sharp * arb(1).exp()), sharp, zero)
    if isinstance(expr, (sp.Add, sp.Mul)):
        parts = [envelope(arg, values, cut, rate) for arg in expr.args]
        total = parts[0]
        for part in parts[1:]:
            total = total.plus(part) if isinstance(expr, sp.Add) else total.times(part)
        return total
    if isinstance(expr, sp.Pow) and not {U, R} & expr.exp.free_symbols:
        exponent = constant(expr.exp, values)
        if exponent > 0:
            return envelope(expr.base, values, cut, rate).power(exponent)
        lowest, highest = span(expr.base, values, cut)
        least = lowest if lowest > 0 else -highest
        if not (least > 0 and exponent < 0):
            raise IkunError(f"no bound is known for 1/({expr.base}) far from the threshold")
        return Envelope(least**exponent, zero, zero)
    if isinstance(expr, sp.exp):
        return _exponential(expr, values, cut)
    if isinstance(expr, sp.log) and (least := span(expr.args[0], values, cut)[0]) > 0:
        # log(least) <= log w < w
        return Envelope(abs(least.log()), zero, zero).plus(envelope(expr.args[0], values, cut, rate))
    if isinstance(expr, sp.Function) and (bound := word(expr).bound) is not None:
        return Envelope(ball(bound), zero, zero)
    raise IkunError(f"no growth bound is known for {expr}")


def _exponential(expr: sp.exp, values: Values, cut: arb) -> Envelope:
    argument: sp.Expr = expr.args[0]  # type: ignore[assignment]
    exponent = sp.Poly(argument, U) if argument.is_polynomial(U) else None
    if exponent is None or exponent.degree() > 2:
        largest = span(argument, values, cut)[1]
        if largest.is_finite():
            return Envelope(largest.exp(), arb(0), arb(0))
        raise IkunError(f"{expr} may grow faster than a Gaussian decays; no expectation can be enclosed")
    constant_term, linear, quadratic = (constant(exponent.coeff_monomial(U**n), values) for n in range(3))
    return Envelope(constant_term.exp(), linear, quadratic)


def span(expr: sp.Expr, values: Values, cut: arb) -> tuple[arb, arb]:
    """(lower, upper) bounds of `expr` on [cut, ∞), possibly infinite: interval arithmetic with exact monotone parts."""
    infinity = arb.pos_inf()
    if U not in expr.free_symbols:
        value = constant(expr, values)
        return value, value
    if expr == U:
        return cut, infinity
    if isinstance(expr, sp.Add):
        if expr.is_polynomial(U) and (one_way := _one_way(sp.Poly(expr, U), values, cut)):
            return one_way
        ends = [span(arg, values, cut) for arg in expr.args]
        return sum((e[0] for e in ends), arb(0)), sum((e[1] for e in ends), arb(0))
    if isinstance(expr, sp.Mul):
        low, high = arb(1), arb(1)
        for arg in expr.args:
            low, high = _times((low, high), span(arg, values, cut))
        return low, high
    if isinstance(expr, sp.Pow) and not {U, R} & expr.exp.free_symbols:
        low, high = span(expr.base, values, cut)
        exponent = constant(expr.exp, values)
        if high <= 0 and expr.exp.is_even:
            low, high = -high, -low
        if low < 0 < high and expr.exp.is_even:
            low, high = arb(0), high.max(-low)
        if low >= 0 and exponent > 0:
            return low**exponent, high if not high.is_finite() else high**exponent
        if low > 0 and exponent < 0:
            return (high**exponent if high.is_finite() else arb(0)), low**exponent
    if isinstance(expr, sp.exp):
        low, high = span(expr.args[0], values, cut)  # type: ignore[arg-type]
        return (low.exp() if low.is_finite() else arb(0)), (high.exp() if high.is_finite() or high < 0 else infinity)
    if isinstance(expr, sp.log):
        low, high = span(expr.args[0], values, cut)
        return (low.log() if low > 0 else arb.neg_inf()), (high.log() if high > 0 and high.is_finite() else infinity)
    if isinstance(expr, sp.Function) and (bound := word(expr).bound) is not None:
        return -ball(bound), ball(bound)
    return arb.neg_inf(), infinity


def _one_way(polynomial: sp.Poly, values: Values, cut: arb) -> tuple[arb, arb] | None:
    """The exact range of p on [cut, ∞) where p(cut + t) = p(cut) + Σ c_n tⁿ has c_n of one sign only; else None. Far enough
    out that is so of every p: the term of the highest degree gives all of them its sign."""
    shifted = arb_poly([constant(c, values) for c in reversed(polynomial.all_coeffs())])(arb_poly([cut, 1]))
    first, *others = shifted.coeffs()
    if all(c >= 0 for c in others):
        return first, arb.pos_inf()
    if all(c <= 0 for c in others):
        return arb.neg_inf(), first
    return None


def within(expr: sp.Expr, values: Values, lo: arb, hi: arb, mean: arb, var: arb) -> arb:
    """An upper bound of ∫_lo^hi |expr(u)| N(u; mean, var) du, 0 <= lo < hi: the envelope's largest value times P(X < hi)."""
    bound = envelope(expr, values, lo, 1 / var.sqrt()).widest()
    zero = arb(0)
    largest = bound.scale * (bound.linear.max(zero) * hi + bound.quadratic.max(zero) * hi**2).exp()
    return largest * ((mean - hi) / (2 * var).sqrt()).erfc() / 2


def _times(a: tuple[arb, arb], b: tuple[arb, arb]) -> tuple[arb, arb]:
    # 0 · ∞ is 0 here: the ends are limits of products of finite numbers of a bounded factor that is exactly 0.
    products = [arb(0) if x == 0 or y == 0 else x * y for x in a for y in b]
    low, high = products[0], products[0]
    for product in products[1:]:
        low, high = low.min(product), high.max(product)
    return low, high


def tail(expr: sp.Expr, values: Values, cut: arb, mean: arb, var: arb) -> arb:
    """An upper bound of ∫_cut^∞ |expr(u)| N(u; mean, var) du.

    With |expr| <= A e^{bu+cu²} the integral is A √(v'/v) e^{m'²/2v' − m²/2v} Q(x), x = (cut − m')/√v', 1/v' = 1/v − 2c,
    m' = v'(m/v + b): Gaussian again. For x > 0, Q(x) <= e^{−x²/2} min(1/2, 1/(√2π x)), and the exponents together are the
    exponent at the cut: no large numbers cancel. Error: expr grows at least as fast as the density decays.
    """
    bound = envelope(expr, values, cut, 1 / var.sqrt()).widest()
    new_mean, new_var = tilted(bound, mean, var)
    x = (cut - new_mean) / new_var.sqrt()
    if x > 0:
        at_cut = (bound.linear + bound.quadratic * cut) * cut - (cut - mean) ** 2 / (2 * var)
        share = (arb(1) / 2).min(1 / ((2 * arb.pi()).sqrt() * x))
        return bound.scale * at_cut.exp() * share * (new_var / var).sqrt()
    exponent = new_mean**2 / (2 * new_var) - mean**2 / (2 * var)
    beyond = ((cut - new_mean) / (2 * new_var).sqrt()).erfc() / 2
    return bound.scale * exponent.exp() * beyond * (new_var / var).sqrt()


def tilted(bound: Envelope, mean: arb, var: arb) -> tuple[arb, arb]:
    """(m', v') of the Gaussian that e^{bu + cu²} N(u; mean, var) is. Error: it is none, c >= 1/2var."""
    shrink = 1 - 2 * bound.quadratic * var
    if not shrink > 0:
        raise InfiniteExpectationError(
            "the expectation is infinite: the function grows as fast as the Gaussian density decays; use a smaller variance"
        )
    return (mean + bound.linear * var) / shrink, var / shrink
