"""Gaussian expectations of functions whose breakpoints recur for ever, against sums by mpmath over hand-written cells."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import cache
from typing import Any

import mpmath
import pytest
import sympy as sp
from flint import arb

from ikun_sym.catalogue.piecewise import PeriodicTail, PiecewiseFunction, R, U, one_side
from ikun_sym.catalogue.surrogate import Bound
from ikun_sym.errors import IkunError
from ikun_sym.expressions.lowering import Balls, precision
from ikun_sym.expressions.lowering import ball as exact_ball
from ikun_sym.gaussian.enclosures import cell_sums, cells, certify
from ikun_sym.gaussian.primitive import area, primitive
from ikun_sym.reading.surrogate_spec import resolve
from tests.selection import spread

mpf = mpmath.mpf
Real = Any


def exponential(x: Real) -> Real:
    return mpmath.exp(2 * x) if x < 0 else mpmath.exp(-4 * abs(x - mpmath.nint(x)))


def spikes(x: Real) -> Real:
    return (1 + 10 * abs(x - max(mpmath.floor(x + mpf(1) / 2), 0))) ** -2


def refractory(x: Real) -> Real:
    return max(mpmath.cos(2 * mpmath.pi * x) / (1 + mpmath.exp(-5 * x)), 0)


FUNCTIONS: dict[str, Callable[[Real], Real]] = {
    "periodic_exponential:grad_width=0.5,spike_threshold=1": exponential,
    "multi_spike:slope=10": spikes,
    "refractory_logistic:slope=5,frequency=1": refractory,
}
EACH = pytest.mark.parametrize("spec", FUNCTIONS)
POINTS = [("0", "1"), ("-1", "1/100"), ("7/3", "1/2"), ("15/2", "1/100"), ("3", "1/10000000000"), ("-1/3", "9")]
"""A mean at the end of two cells, and σ of many periods, are among them."""


@cache
def integral(function: Callable[[Real], Real], mean: Fraction, var: Fraction) -> Real:
    """E[function(X)²], every multiple of 1/4 being a break point, to 25 digits."""
    with mpmath.workdps(35):
        m, v = mpf(mean.numerator) / mean.denominator, mpf(var.numerator) / var.denominator
        reach = 14 * mpmath.sqrt(v)
        quarters = [mpf(i) / 4 for i in range(int((m - reach) * 4), int((m + reach) * 4) + 1)]
        ends = sorted({m - reach, m, m + reach, *(q for q in quarters if abs(q - m) < reach)})
        return mpmath.quad(lambda x: function(x) ** 2 * mpmath.npdf(x, m, mpmath.sqrt(v)), ends)


@EACH
@pytest.mark.parametrize(("mean", "var"), POINTS)
def test_enclosure_holds_the_sum(spec: str, mean: str, var: str) -> None:
    bound, m, v = resolve(spec), Fraction(mean), Fraction(var)
    found = certify.expectation(bound.surrogate.derivative.power(2), bound.environment, m, v)
    with mpmath.workdps(35):
        expected = integral(FUNCTIONS[spec], m, v)
        assert abs(mpf(found.mid) - expected) <= mpf(found.rad) + abs(expected) * mpf(10) ** -20
        assert mpf(found.rad) <= abs(mpf(found.mid)) * mpf(10) ** -17
        assert abs(mpf(found.mid) * (1 + mpf(10) ** -15) - expected) > mpf(found.rad)


def attempt(bound: Bound, mean: Fraction, var: Fraction, depth: Fraction) -> tuple[arb, arb]:
    env = {symbol: Balls().rational(value) for symbol, value in bound.environment.items()}
    return certify.integral_of(bound.surrogate.derivative.power(2), env, exact_ball(mean), exact_ball(var), depth)


@EACH
@pytest.mark.parametrize("depth", ["1/10", "5"])
@pytest.mark.parametrize(("mean", "var"), spread([("6", "4"), ("15/2", "1/100"), ("-2", "1")], 3))
def test_what_is_left_out_is_bounded(spec: str, depth: str, mean: str, var: str) -> None:
    """With far too few cells the ball is wide, but still holds the value: on both ends of the cells that are kept."""
    bound, m, v = resolve(spec), Fraction(mean), Fraction(var)
    expected = integral(FUNCTIONS[spec], m, v)
    with precision(120):
        ball, _ = attempt(bound, m, v, Fraction(depth))
        assert ball.contains(arb(str(expected), "1e-20"))
        assert ball.rad() > 1e-12


def test_without_the_bound_the_ball_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cell_sums, "rest", lambda *args: arb(0))
    bound, m, v = resolve("multi_spike:slope=10"), Fraction(6), Fraction(4)
    with precision(120):
        ball, _ = attempt(bound, m, v, Fraction(1))
        assert not ball.overlaps(arb(str(integral(spikes, m, v)), "1e-20"))


@EACH
@pytest.mark.parametrize("at", ["1/3", "-1/5", "17/3", "1000001/10"])
def test_variance_zero_is_the_value(spec: str, at: str) -> None:
    bound, point = resolve(spec), Fraction(at)
    found = certify.expectation(bound.surrogate.derivative, bound.environment, point, Fraction(0))
    with mpmath.workdps(35):
        expected = FUNCTIONS[spec](mpf(point.numerator) / point.denominator)
        assert abs(mpf(found.mid) - expected) <= mpf(found.rad) + mpf(10) ** -20


def test_a_jump_counts_half() -> None:
    sawtooth = PiecewiseFunction(one_side(-1, (0, sp.oo)), (PeriodicTail(1, sp.S.Zero, sp.S.One, ((sp.S.One, 1 + R),)),))
    values = [certify.expectation(sawtooth, {}, Fraction(at), Fraction(0)).value for at in (0, 3, Fraction(7, 2))]
    assert values == [0.5, 1.5, 1.5]


@pytest.mark.parametrize("value", [R, R / (1 + U)], ids=["in the cell alone", "along the tail too"])
def test_too_many_periods_are_refused(value: sp.Expr) -> None:
    function = PiecewiseFunction(one_side(-1, (0, sp.oo)), (PeriodicTail(1, sp.S.Zero, sp.S.One, ((sp.S.One, value),)),))
    for mean, var in ((0, 10**8), (0, 10**12), (10**300, 10**300)):
        with pytest.raises(IkunError, match=f"at most {cells.MAX_CELLS} can be summed"):
            certify.expectation(function, {}, Fraction(mean), Fraction(var))


def test_at_long_deviations_the_mean_over_a_period_counts() -> None:
    """Half of the mass lies in the tail: E[g²] → ½ ∫_0^1 g², by 900 cells."""
    bound = resolve("multi_spike:slope=10")
    found = certify.expectation(bound.surrogate.derivative.power(2), bound.environment, Fraction(0), Fraction(60**2), 25)
    with precision(150):
        mean = 2 * (1 - arb(6) ** -3) / 30  # 2 ∫_0^½ (1 + 10r)^{−4} dr
        assert abs(found.ball() - mean / 2) < 1e-3
        assert found.ball().rad() < 1e-25


@pytest.mark.parametrize("at", [10**60, pytest.param(10**300, marks=pytest.mark.slow)])
def test_one_cell_at_the_end_of_the_numbers_that_are_allowed(at: int) -> None:
    bound = resolve("expr:x - floor(x)")
    found = certify.expectation(bound.surrogate.derivative, bound.environment, at + Fraction(1, 4), Fraction("1e-8"), 20)
    with precision(100):
        assert abs(found.ball() - arb("0.25")) < 1e-18


@EACH
def test_no_primitive_and_an_infinite_area(spec: str) -> None:
    bound = resolve(spec)
    derivative = bound.surrogate.derivative
    numbers = {symbol: sp.Rational(value) for symbol, value in bound.environment.items()}
    assert area(derivative.substitute(numbers)) == sp.oo
    with pytest.raises(IkunError, match="no primitive is known"):
        primitive(derivative)


def test_area_of_cells_that_cancel_or_die_out() -> None:
    def tailed(*cell: tuple[sp.Expr, sp.Expr]) -> PiecewiseFunction:
        return PiecewiseFunction(one_side(-1, (0, sp.oo)), (PeriodicTail(1, sp.S.Zero, sp.S.One, cell),))

    assert area(tailed((sp.S.Half, sp.S.One), (sp.S.One, -sp.S.One))) is sp.nan
    assert area(tailed((sp.S.Half, -sp.S.One), (sp.S.One, sp.S.Zero))) == -sp.oo
    with pytest.raises(IkunError, match="no formula for the area"):
        area(tailed((sp.S.Half, sp.exp(-U)), (sp.S.One, sp.S.Zero)))
