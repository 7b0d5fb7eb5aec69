"""A rigorous enclosure of E[g(X) h(X')] = E[G(C) H(C)] by the trapezoidal rule in ball arithmetic.

Every node's G and H are enclosed as expectations in one dimension are; the rule's own error is bounded as in `trapezoidal`,
whatever g and h are; and what lies beyond the last node by envelopes |g(x)| <= A e^{b|x|}: with u = (1−|ρ|)v,
|G(c)| <= 2A e^{b|μ| + b√|ρ|σ|c| + b²u/2}, without the 2 if b = 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import sympy as sp
from flint import arb, ctx

from ...catalogue.piecewise import PiecewiseFunction, R, U
from ...errors import IkunError
from ...expressions.lowering import ball
from ..enclosures.antiderivative_increments import increments
from ..enclosures.certify import digits_of, expectation, integral_of
from ..enclosures.tails import Envelope, constant, envelope
from .exact_law import ExactLaw

ROUTE = "ball arithmetic: trapezoidal rule with a bounded error"

Env = Mapping[sp.Symbol, object]


def trapezoidal_enclosure(
    function: PiecewiseFunction, values: Mapping[sp.Symbol, Fraction], env: Env, law: ExactLaw, logarithm: int
) -> arb:
    """One attempt at the working precision; its error is about e^{−logarithm} √(E[g²] E[h²]). `env` holds balls of `values`."""
    steepness = ball((1 + abs(law.rho)) / (1 - abs(law.rho)))
    step = (arb.pi() * (2 / (logarithm * steepness)).sqrt()).mid()
    last = int(float((arb(2 * logarithm).sqrt() + 1) / step)) + 1
    last = max(last, int(float((_growth(function, env, law) + 1 + arb(2 * logarithm).sqrt()) / step)) + 1)
    height = 2 * arb.pi() / (step * steepness)
    squares = [expectation(function.power(2), values, *pair, 6).ball().abs_upper() for pair in law.laws]
    error = 2 * (steepness * height**2 / 2).exp() / ((2 * arb.pi() * height / step).exp() - 1)
    error = error * (arb(squares[0]) * arb(squares[1])).sqrt() + _beyond(function, env, law, step * last, step)
    total = arb(0)
    for k in range(-last, last + 1):
        c = step * k
        g = convolved(function, env, law, False, c)
        h = g if law.alike and law.rho >= 0 else convolved(function, env, law, True, c)
        total += g * h * (-c * c / 2).exp()
    return total * step / (2 * arb.pi()).sqrt() + arb(0, error.upper())


def convolved(function: PiecewiseFunction, env: Env, law: ExactLaw, other: bool, c: arb) -> arb:
    """G(c), or H(c)."""
    mean, scale, var = law.shared(other)
    at = mean + scale * c
    found = increments(function, env, at, var)
    if found is not None and found.is_finite() and (digits_of(found) * 3 >= ctx.prec // 2):
        return found
    return integral_of(function, env, at, var, Fraction(ctx.prec))[0]


@dataclass(frozen=True)
class Bound:
    """|g(x)| <= scale · e^{rate |x|}."""

    scale: arb
    rate: arb


def bound_of(function: PiecewiseFunction, env: Env, rate: arb) -> Bound:
    """The largest over all pieces. Error: none is known, or a piece grows like e^{cx²}."""
    zero, found = arb(0), Bound(arb(0), arb(0))
    parts: list[Envelope] = []
    for piece in function.pieces:
        if piece.is_zero:
            continue
        one = envelope(piece.value, env, constant(piece.lo, env), rate).widest()
        if piece.hi != sp.oo:
            end = constant(piece.hi, env)
            one = Envelope(one.scale * (one.linear.max(zero) * end + one.quadratic.max(zero) * end**2).exp(), zero, zero)
        parts.append(one)
    for tail in function.tails:
        inner = arb(0)
        for end, value in tail.cell:
            outer = constant(end, env)
            if value != 0:
                parts.append(envelope(value, {**env, R: inner.union(outer)}, constant(tail.start, env), rate).widest())
            inner = outer
    for one in parts:
        if one.quadratic > 0:
            raise IkunError(
                f"a function that grows like exp(c x²) is not enclosed in pairs; use one that grows like exp(b|{U}|)"
            )
        found = Bound(found.scale.max(one.scale), found.rate.max(one.linear))
    return found


def envelope_rate(law: ExactLaw) -> arb:
    return 1 / max(ball(var).sqrt() for _, var in law.laws)


def _growth(function: PiecewiseFunction, env: Env, law: ExactLaw) -> arb:
    """B with |G H| <= a constant times e^{B|c|}."""
    rate = bound_of(function, env, envelope_rate(law)).rate
    return sum((rate * abs(law.shared(other)[1]) for other in (False, True)), arb(0)).upper()


def _beyond(function: PiecewiseFunction, env: Env, law: ExactLaw, last: arb, step: arb) -> arb:
    """A bound of Σ step · φ |G H| over the nodes beyond ±last: e^{B²/2} times those of φ(|c| − B), which fall from c = B on."""
    bound = bound_of(function, env, envelope_rate(law))
    factor, shift = arb(1), arb(0)
    for other in (False, True):
        mean, scale, var = law.shared(other)
        shift += bound.rate * abs(scale)
        factor *= bound.scale
        if not bound.rate.is_zero():
            factor *= 2 * (bound.rate * abs(mean) + bound.rate**2 * var / 2).exp()
    away = last - shift
    if not away > 0:
        return arb.pos_inf()
    density = (-(away**2) / 2).exp() / (2 * arb.pi()).sqrt()
    return factor * (shift**2 / 2).exp() * 2 * (step * density + (away / arb(2).sqrt()).erfc() / 2)
