"""The integrand as the validated integrator evaluates it, and what is known of an integral without work."""

from __future__ import annotations

from fractions import Fraction

import pytest
import sympy as sp
from flint import acb, arb

from ikun_sym.catalogue.piecewise import R, U
from ikun_sym.catalogue.surrogates import SURROGATES
from ikun_sym.expressions.lowering import Balls, ball, lower, precision
from ikun_sym.gaussian.enclosures import certify
from ikun_sym.gaussian.enclosures.tails import tail
from ikun_sym.gaussian.enclosures.validated_integral import evaluator, plan

EVERY = [
    (name, piece)
    for name, derivative in ((name, SURROGATES[name].derivative.power(2)) for name in SURROGATES.names())
    for piece in derivative.pieces
    if piece.side > 0 or not derivative.is_even
]


@pytest.mark.parametrize("analytic", [False, True])
def test_an_expression_and_its_plan_are_one_function(analytic: bool) -> None:
    """At a point and at a ball off the real line, every piece of the catalogue's f'²."""
    for name, piece in EVERY:
        bound = SURROGATES[name].bind()
        env = {symbol: Balls().rational(value) for symbol, value in bound.environment.items()}
        written, planned = lower(piece.value, Balls(analytic)), evaluator(piece.value, env, analytic=analytic)
        for point in (acb("0.7", "0.2"), acb(arb("0.7", "0.01"), arb("0.2", "0.01"))):
            value = acb(written({**env, U: point}))
            assert planned(point, point).overlaps(value)
            assert planned(point, point).rel_accuracy_bits() >= value.rel_accuracy_bits() - 3


def test_what_does_not_vary_and_what_is_shared_is_evaluated_once() -> None:
    k = sp.Symbol("k", positive=True)
    found = plan(2 * k**2 * sp.exp(-k * U) / (1 + sp.exp(-k * U) + sp.sin(R)))
    assert {expr for _, expr in found.constants} == {2 * k**2, -k, sp.S.One}
    assert [type(expr) for _, expr in found.steps] == [sp.exp]
    assert not found.body.has(k, sp.exp)


def check_most(factor: arb) -> None:
    """∫_a^b |f'²| N <= most for each stretch of each piece, at three settings."""
    with precision(140):
        for name, piece in EVERY:
            env = {symbol: Balls().rational(value) for symbol, value in SURROGATES[name].bind().environment.items()}
            if piece.is_zero or piece.hi != sp.oo:
                continue
            for m, v in ((0, 1), (-2, 9), (Fraction(1, 2), Fraction(1, 100))):
                _, found = certify._segments(piece, env, piece.side * ball(Fraction(m)), ball(Fraction(v)), Fraction(100))
                for stretch in found:
                    value = stretch.integrate(rel_tol=arb("1e-3"), abs_tol=arb(0), eval_limit=20000)
                    assert abs(value).lower() <= stretch.most * factor


def test_no_stretch_holds_more_than_its_bound() -> None:
    check_most(arb(1))


def test_too_small_a_bound_is_seen() -> None:
    with pytest.raises(AssertionError):
        check_most(arb("0.4"))


def test_the_tail_of_a_steep_decay_has_a_bound() -> None:
    """∫_c^∞ e^{−bu} N(u; m, v) du is N(c) e^{−bc} / (b + (c − m)/v) but for a relative 1e-10; b = 2e8."""
    b, c, m, v = arb("2e8"), arb(1670), arb(-3), arb(10**4)
    with precision(140):
        truth = (-b * c - (c - m) ** 2 / (2 * v)).exp() / (2 * arb.pi() * v).sqrt() / (b + (c - m) / v)
        bound = tail(sp.exp(-2 * 10**8 * U), {}, c, m, v)
        assert truth < bound * (1 + arb("1e-9"))
        assert bound < 2 * truth
