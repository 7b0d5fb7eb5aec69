"""Floors without end: periodic tails against the text written by hand in numpy, and against quadrature between the steps."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp
from scipy.integrate import quad

from ikun_sym.catalogue.piecewise import R, U
from ikun_sym.errors import IkunError
from ikun_sym.reading.expression import parse_surrogate

from .test_expression import compiled, evaluate

Array = np.ndarray
PI = math.pi

# text: (the same in numpy, the steps' distance in an interval that contains all breakpoints k*step)
PERIODIC: dict[str, tuple[Callable[[Array], Array], float]] = {
    "piecewise((exp(-abs(x)/0.5), x<0), (exp(-2*abs(x-floor(x+1/2))/0.5), True))": (
        lambda x: np.where(x < 0, np.exp(-2 * np.abs(x)), np.exp(-4 * np.abs(x - np.floor(x + 0.5)))),
        0.5,
    ),
    "1/(1+100*abs(x-max(floor(x+1/2),0)))**2": (
        lambda x: 1 / (1 + 100 * np.abs(x - np.maximum(np.floor(x + 0.5), 0))) ** 2,
        0.5,
    ),
    "piecewise((0,x<0),(1-(x-floor(x)),True))": (lambda x: np.where(x < 0, 0, 1 - np.mod(x, 1)), 1),
    "exp(-x**2)*(x-floor(2*x)/2)": (lambda x: np.exp(-(x**2)) * np.mod(x, 0.5), 0.5),
    "exp(-abs(x))*(x-floor(x))*(x/2-floor(x/2))": (lambda x: np.exp(-np.abs(x)) * np.mod(x, 1) * np.mod(x / 2, 1), 1),
    "floor(x)-2*floor(x/2)": (lambda x: np.floor(x) % 2, 1),
    "floor(3*x)/3 - floor(2*x)/2": (lambda x: np.floor(3 * x) / 3 - np.floor(2 * x) / 2, 1 / 6),
    "1/(1+4*abs(x-floor(x+1/2)))**2": (lambda x: 1 / (1 + 4 * np.abs(x - np.rint(x))) ** 2, 0.5),
    "1/(1+4*abs(x-1/4-floor(x+1/4)))**2": (lambda x: 1 / (1 + 4 * np.abs(x - 0.25 - np.floor(x + 0.25))) ** 2, 0.25),
    "max(0,1-4*abs(x-pi*floor(x/pi+1/2)))": (
        lambda x: np.maximum(0, 1 - 4 * np.abs(x - PI * np.floor(x / PI + 0.5))),
        0.0,
    ),
    "exp(-abs(sin(pi/4)*x))*(x/sqrt(2)-floor(x/sqrt(2)))": (
        lambda x: np.exp(-np.abs(x) / math.sqrt(2)) * np.mod(x / math.sqrt(2), 1),
        math.sqrt(2),
    ),
    "floor(x)": (np.floor, 1),
    "floor(-x/3)": (lambda x: np.floor(-x / 3), 3),
    "floor(x)**2": (lambda x: np.floor(x) ** 2, 1),
    "exp(-abs(floor(x)))": (lambda x: np.exp(-np.abs(np.floor(x))), 1),
    "1/(1+floor(x)**2)": (lambda x: 1 / (1 + np.floor(x) ** 2), 1),
    "floor(floor(x)/3)*3-x": (lambda x: np.floor(np.floor(x) / 3) * 3 - x, 1),
    "floor(2*(x-floor(x)))": (lambda x: np.floor(2 * np.mod(x, 1)), 0.5),
    "piecewise((x,x<3.3),(x-floor(x),True))": (lambda x: np.where(x < 3.3, x, np.mod(x, 1)), 0.1),
    "max(floor(x),3)*exp(-x**2/8)": (lambda x: np.maximum(np.floor(x), 3) * np.exp(-(x**2) / 8), 1),
    "floor(x)+heaviside(x-2.5)": (lambda x: np.floor(x) + (x > 2.5), 0.5),
    "piecewise((1,x-floor(x)<1/4),(exp(-abs(x)),True))": (lambda x: np.where(np.mod(x, 1) < 0.25, 1, np.exp(-np.abs(x))), 0.25),
    "tanh(10*(x-floor(x)-1/2))**2": (lambda x: np.tanh(10 * (np.mod(x, 1) - 0.5)) ** 2, 0.5),
    "exp(x-floor(x))/(1+exp(x-floor(x)))**2": (lambda x: 0.25 / np.cosh(np.mod(x, 1) / 2) ** 2, 1),
    "sqrt(x-floor(x))*log(1+x-floor(x))": (lambda x: np.sqrt(np.mod(x, 1)) * np.log1p(np.mod(x, 1)), 1),
    "max(0, x-floor(x)-x/4)": (lambda x: np.maximum(0, np.mod(x, 1) - x / 4), 1 / 3),
    "sin(2*pi*x)*(x-floor(x))": (lambda x: np.sin(2 * PI * x) * np.mod(x, 1), 1),
    "cos(2*pi*floor(x)/3)": (lambda x: np.cos(2 * PI * np.floor(x) / 3), 1),
    "sign(x)*min(abs(x-floor(x)), 1/3)": (lambda x: np.sign(x) * np.minimum(np.mod(x, 1), 1 / 3), 1 / 3),
}
GRID = np.random.default_rng(11).uniform(-11.9, 11.9, 1500)
GRID = GRID[np.abs(GRID * 12 - np.rint(GRID * 12)) > 1e-6]  # no step: the values there are not defined


@pytest.mark.parametrize("text", PERIODIC, ids=lambda text: text[:50])
def test_values_of_the_text(text: str) -> None:
    surrogate = parse_surrogate(text)
    assert surrogate.derivative.tails
    with np.errstate(over="raise", invalid="raise"):
        np.testing.assert_allclose(evaluate(surrogate, GRID), PERIODIC[text][0](GRID), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("text", PERIODIC, ids=lambda text: text[:50])
def test_expectation_between_the_steps(text: str) -> None:
    """The mean of the pieces under N(0.4, 1.2²), integrated piece by piece, is that of the text between multiples of its
    step."""
    mean, std = 0.4, 1.2
    reach = 9.6  # 8 standard deviations

    def weighted(function: Callable[[Array], Array], side: int, lo: float, hi: float) -> float:
        def integrand(u: float) -> float:
            density = math.exp(-(((side * u - mean) / std) ** 2) / 2) / (std * math.sqrt(2 * PI))
            return float(function(np.array([u]))[0]) * density

        return quad(integrand, lo, hi, epsabs=1e-12, epsrel=1e-10, limit=100)[0]

    reference, step = PERIODIC[text]
    ends = np.arange(0, math.ceil(reach / step) + 1) * step if step else np.array([])
    if not step:  # the kinks of the teeth of width 1/4 around the multiples of pi
        ends = np.array(sorted({0.0, *(k * PI + d for k in range(4) for d in (-0.25, 0, 0.25) if k * PI + d > 0)}))
    expected = 0.0
    for side, (lo, hi) in itertools.product((1, -1), itertools.pairwise(ends)):
        expected += weighted(lambda u, side=side: reference(side * u), side, lo, hi)
    found = 0.0
    for piece in parse_surrogate(text).derivative.unrolled({1: 40, -1: 40}).pieces:
        lo, hi = float(piece.lo), min(float(piece.hi), float(ends[-1]))
        if lo < hi and not piece.is_zero:
            value = compiled(piece.value)
            found += weighted(lambda u, value=value: value(u) + 0 * u, piece.side, lo, hi)
    assert found == pytest.approx(expected, rel=1e-8, abs=1e-10)


def test_the_cell_is_exact_and_as_small_as_the_floors_allow() -> None:
    [tail] = parse_surrogate("piecewise((0, x<0), (x-floor(x)+floor(2*x)-2*floor(x), True))").derivative.tails
    assert (tail.side, tail.start, tail.period) == (1, 0, 1)
    assert tail.cell == ((sp.Rational(1, 2), R), (1, R + 1))


def test_a_value_that_does_not_recur_keeps_u() -> None:
    [tail] = parse_surrogate("piecewise((0, x<0), (exp(-x)*(x-floor(x)), True))").derivative.tails
    assert tail.cell == ((1, R * sp.exp(-U)),)


def test_breakpoints_that_do_not_recur_come_before_the_tail() -> None:
    function = parse_surrogate("piecewise((0, x<0), (x, x<5/2), (x-floor(x), True))").derivative
    [tail] = function.tails
    assert tail.start == sp.Rational(5, 2)
    assert tail.cell == ((sp.Rational(1, 2), R + sp.Rational(1, 2)), (1, R - sp.Rational(1, 2)))


def test_floors_that_cancel_leave_no_tail() -> None:
    function = parse_surrogate("exp(-abs(x))*(floor(x+2)-floor(x))").derivative
    assert not function.tails
    assert [p.value for p in function.pieces] == [2 * sp.exp(-U)] * 2


def test_a_tail_that_is_the_same_on_both_sides_is_even() -> None:
    assert parse_surrogate("1/(1+4*abs(x-floor(x+1/2)))**2").derivative.is_even


REFUSED = {
    "floor(x**2)": ("floor(x**2) (at character 1)", "linear"),
    "exp(-abs(x))*floor(exp(-x))": ("(at character 14)", "linear"),
    "x+floor(x*(x-floor(x)))": ("(at character 3)", "linear"),
    "floor(x)+floor(sqrt(2)*x)": ("floor(sqrt(2)*x) (at character 10)", "no common period"),
    "floor(x/pi)*exp(-abs(x))+floor(2*x)": ("floor(2*x) (at character 26)", "no common period"),
    "floor(x)+floor(x/211)": ("(at character 10)", "200"),
    "floor(x/7)+floor(x/11)+floor(x/13)": ("floor(x/7)+floor(x/11)+floor(x/13)", "200 pieces"),
    "1/(x-floor(x))": ("1/(x-floor(x))", "no finite limit"),
    "1/(floor(x)-5)": ("(at character 3)", "divides by zero"),
    "abs(exp(-x)-(x-floor(x)))": ("(at character 1)", "explicit breakpoints"),
    "abs(sin(x-floor(x)))": ("(at character 1)", "explicit breakpoints"),
    "piecewise((x-floor(x),x<2000),(0,True))": ("floor(x) (at character 14)", "200 steps"),
}


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: text[:50])
def test_what_has_no_cell_is_refused_in_one_line_at_its_character(text: str) -> None:
    with pytest.raises(IkunError) as caught:
        parse_surrogate(text)
    message = str(caught.value)
    for part in REFUSED[text]:
        assert part in message
    assert len(message) < 250
    assert "\n" not in message


@pytest.mark.parametrize("rates", [(1, 2), (2, 3), ("1/2", "3/4"), ("2/5", 1), ("1/6", "1/10")])
def test_the_period_is_the_least_common_multiple_of_the_steps(rates: tuple[object, object]) -> None:
    a, b = (Fraction(str(rate)) for rate in rates)
    [tail] = parse_surrogate(f"piecewise((0,x<0),(floor({a}*x+1/9)*floor({b}*x+2/7)*exp(-x**2),True))").derivative.tails
    steps = [1 / a, 1 / b]
    scale = math.lcm(*(step.denominator for step in steps))
    assert tail.period == sp.Rational(math.lcm(*(int(step * scale) for step in steps)), scale)
