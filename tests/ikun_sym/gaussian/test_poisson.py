"""A wave times a logistic function over all periods at once, against the sum over its cells: only the integrator is shared."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from unittest.mock import patch

import pytest
import sympy as sp
from flint import acb, arb

from ikun_sym.catalogue.piecewise import PiecewiseFunction, R, U
from ikun_sym.expressions.lowering import Balls, ball, precision
from ikun_sym.gaussian.enclosures import cell_sums, certify, poisson
from ikun_sym.reading.surrogate_spec import resolve

SETTINGS = (("1/20", "-8", "9"), ("3", "1/3", "8"), ("8", "-1", "9"))
"""Slope, mean, variance: without poles below the path, with a few, with many."""


def refractory(slope: str, power: int = 2) -> tuple[PiecewiseFunction, dict[sp.Symbol, Fraction]]:
    bound = resolve(f"refractory_logistic:slope={slope},frequency=1")
    return bound.surrogate.derivative.power(power), bound.environment


def check(function: PiecewiseFunction, values: dict[sp.Symbol, Fraction], mean: str, var: str) -> None:
    """Both ways to 20 digits."""
    with precision(100):
        numbers = {symbol: Balls().rational(value) for symbol, value in values.items()}
        assert poisson.smooth(function, numbers, ball(Fraction(mean)), ball(Fraction(var))) is not None
    found = certify.expectation(function, values, Fraction(mean), Fraction(var), 20)
    with patch.object(certify, "smooth", return_value=None):
        truth = certify.expectation(function, values, Fraction(mean), Fraction(var), 20)
    with precision(200):
        assert found.ball().overlaps(truth.ball())
        assert found.ball().rad() <= abs(truth.ball()) * arb("1e-20")


@pytest.mark.parametrize("power", [1, 2, 4])
def test_all_periods_at_once(power: int) -> None:
    slope, mean, var = SETTINGS[power % 3]
    check(*refractory(slope, power), mean, var)


@pytest.mark.slow
@pytest.mark.parametrize("power", [1, 2, 3, 4, 6])
@pytest.mark.parametrize("setting", SETTINGS)
def test_all_periods_at_once_everywhere(setting: tuple[str, str, str], power: int) -> None:
    slope, mean, var = setting
    check(*refractory(slope, power), mean, var)


def test_falling_instead_of_rising() -> None:
    function, values = refractory("3")
    check(function.__class__((), tuple(replace(t, side=-t.side) for t in reversed(function.tails))), values, "-1/3", "8")


@pytest.mark.parametrize("plant", ["residue", "pole", "tilt"])
def test_a_planted_error_is_seen(plant: str) -> None:
    right, path, growing = poisson._one_over, poisson._path, poisson._coefficients
    planted = {
        "residue": patch.object(poisson, "_one_over", lambda n: right(n) * (2 if n == 1 else 1)),
        "pole": patch.object(poisson, "_path", lambda *args: (1, *path(*args)[1:])),  # type: ignore[index,misc]
        "tilt": patch.object(poisson, "_coefficients", lambda m, *args: growing(m + arb(2) ** -30, *args)),
    }[plant]
    slope, mean, var = SETTINGS[1]
    check(*refractory(slope), mean, var)
    with planted, pytest.raises(AssertionError):
        check(*refractory(slope), mean, var)


@pytest.mark.parametrize(("slope", "mean", "var"), SETTINGS)
def test_what_is_left_out_is_bounded(slope: str, mean: str, var: str) -> None:
    """On a path that lies too low the ball is wide, and holds the value; its middle is not the value."""
    path = poisson._path
    function, values = refractory(slope, 1)
    truth = certify.expectation(function, values, Fraction(mean), Fraction(var), 25)
    for goal in (8, 16):
        low = patch.object(poisson, "_path", lambda omega, rate, v, _, q, goal=goal: path(omega, rate, v, arb(goal), q))
        with low, precision(120):
            wide, _ = certify._integral(function, values, Fraction(mean), Fraction(var), Fraction(100))
            assert wide.overlaps(truth.ball())
            assert wide.rad() < abs(truth.ball()) * 100 * arb(-goal).exp()
            if float(Fraction(slope)) > 1:  # with no pole to pass, the wave averages out better than the path says
                assert abs(wide.mid() - truth.ball().mid()) > arb("1e-20") * abs(truth.ball())


def test_only_one_function_of_the_whole_line_is_a_wave() -> None:
    """The left side is to be what the right side goes on as: each other wave, and each other height, is none."""
    function, _ = refractory("3", 1)
    assert poisson.wave(function) is not None
    right, left = function.tails
    for change in (
        lambda value: value.xreplace({U: 2 * U}),
        lambda value: value.xreplace({sp.cos: sp.sin}) * R,
        lambda value: 2 * value,
        lambda value: value * sp.exp(-U),
    ):
        other = replace(left, cell=tuple((end, change(value)) for end, value in left.cell))
        assert poisson.wave(PiecewiseFunction((), (right, other))) is None


def test_a_limit_and_its_rest_are_the_value() -> None:
    tail = refractory("50", 3)[0].tail(1)
    assert tail is not None
    first, second = cell_sums.limit(tail) or (None, None)
    assert first is not None
    assert second is not None
    numbers = [(symbol, sp.Rational(1, 3)) for symbol in sorted(tail.cell[0][1].free_symbols - {U, R}, key=str)]
    for (_, value), (_, last), (_, rest) in zip(tail.cell, first.cell, second.cell, strict=True):
        assert not last.has(U)
        for point in (sp.Rational(1, 7), sp.Integer(5)):
            at = [*numbers, (U, point), (R, sp.Rational(1, 9))]
            assert abs(sp.N((value - last - rest).subs(at), 40, chop=True)) < 1e-35
    assert cell_sums.limit(replace(tail, cell=((tail.period, R / (1 + U)),))) is None
    assert cell_sums.limit(replace(tail, cell=((tail.period, R),))) is None


def test_harmonics_are_real_at_real_points() -> None:
    kernel = poisson.Harmonics([acb(1, 2), acb("0.5", -1)], 2 * arb.pi())
    for r in ("0.1", "0.7"):
        assert kernel(acb(r)).imag.contains(0)
        z = [acb(0, -2) * arb.pi() * n * acb(r) for n in (1, 2)]
        assert kernel(acb(r)).real.overlaps(2 * (acb(1, 2) * z[0].exp() + acb("0.5", -1) * z[1].exp()).real)
