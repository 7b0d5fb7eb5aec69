"""Expressions as users write them: every value, piece and expectation against formulas written by hand here."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy as sp
from scipy.integrate import quad

from ikun_sym import moment
from ikun_sym.reading.expression import parse_surrogate
from ikun_sym.reading.surrogate_spec import resolve
from tests.selection import spread

from .test_expression import evaluate

Reference = Callable[[Any, Any], Any]
"""The function of (mpmath context, x): mpmath.mp for digits, mpmath.fp for speed."""

KERNELS: dict[str, tuple[Reference, tuple[float, ...]]] = {
    "k*exp(-k*x)/(1 + exp(-k*x))**2;k=3/2": (lambda m, x: 1.5 / (2 * m.cosh(0.75 * x)) ** 2, ()),
    "k/(4*cosh(k*x/2)**2);k=3/2": (lambda m, x: 1.5 / (2 * m.cosh(0.75 * x)) ** 2, ()),
    "k*(1 - tanh(k*x)**2);k=3/2": (lambda m, x: 1.5 / m.cosh(1.5 * x) ** 2, ()),
    "alpha/(pi**2*alpha**2*x**2/2 + 2);alpha=2": (lambda m, x: 1 / (1 + (m.pi * x) ** 2), ()),
    "1/(c**2*x**2 + 1);c=3/2": (lambda m, x: 1 / (1 + 2.25 * x * x), ()),
    "(k*Abs(x) + 1)**(-2);k=3/2": (lambda m, x: 1 / (1 + 1.5 * abs(x)) ** 2, (0,)),
    "1/(Abs(x) + 1/alpha);alpha=2": (lambda m, x: 1 / (abs(x) + 0.5), (0,)),
    "(k**2*x**2 + 1)**(-3/2);k=3/2": (lambda m, x: 1 / m.sqrt(1 + 2.25 * x * x) ** 3, ()),
    "Piecewise((-k*Abs(x) + 1, Abs(x) < 1/k), (0, True));k=3/2": (
        lambda m, x: 1 - 1.5 * abs(x) if 3 * abs(x) < 2 else 0,
        (-2 / 3, 0, 2 / 3),
    ),
    "Max(0, -k*Abs(x) + 1);k=3/2": (lambda m, x: max(0, 1 - 1.5 * abs(x)), (-2 / 3, 0, 2 / 3)),
    "Piecewise((1/a, Abs(x) < a/2), (0, True));a=3/2": (lambda m, x: m.mpf(2) / 3 if abs(x) < 0.75 else 0, (-0.75, 0.75)),
    "(-Heaviside(-a/2 + x) + Heaviside(a/2 + x))/a;a=3/2": (
        lambda m, x: m.mpf(2) / 3 if abs(x) < 0.75 else 0,
        (-0.75, 0.75),
    ),
    "sqrt(2)*exp(-x**2/(2*s**2))/(2*sqrt(pi)*s);s=3/4": (
        lambda m, x: m.exp(-((x / 0.75) ** 2) / 2) / (0.75 * m.sqrt(2 * m.pi)),
        (),
    ),
    "k*exp(-k**2*x**2)/sqrt(pi);k=3/2": (lambda m, x: 1.5 * m.exp(-2.25 * x * x) / m.sqrt(m.pi), ()),
    "exp(-k*Abs(x));k=3/2": (lambda m, x: m.exp(-1.5 * abs(x)), (0,)),
    "Piecewise((-k**2*x**2 + 1, Abs(x) < 1/k), (0, True));k=3/2": (
        lambda m, x: max(0, 1 - 2.25 * x * x),
        (-2 / 3, 2 / 3),
    ),
    "Piecewise(((-k**2*x**2 + 1)**2, Abs(x) < 1/k), (0, True));k=3/2": (
        lambda m, x: max(0, 1 - 2.25 * x * x) ** 2,
        (-2 / 3, 2 / 3),
    ),
    "Piecewise((cos(pi*x/w)/2 + 1/2, w > Abs(x)), (0, True));w=5/4": (
        lambda m, x: m.cos(0.4 * m.pi * x) ** 2 if abs(x) < 1.25 else 0,  # (1 + cos 2y)/2 = cos² y
        (-1.25, 1.25),
    ),
    "-sqrt(2)*h*exp(-(s + x)**2/(72*s**2))/(12*sqrt(pi)*s) - sqrt(2)*h*exp(-(-s + x)**2/(72*s**2))/(12*sqrt(pi)*s)"
    " + sqrt(2)*(h + 1)*exp(-x**2/(2*s**2))/(2*sqrt(pi)*s);s=3/4;h=3/20": (
        lambda m, x: m.mpf("1.15") * m.npdf(x, 0, 0.75) - m.mpf("0.15") * (m.npdf(x, 0.75, 4.5) + m.npdf(x, -0.75, 4.5)),
        (),
    ),
    "Piecewise((alpha, x < 0), (k, True));alpha=1/10;k=1": (lambda m, x: m.mpf(1) / 10 if x < 0 else 1, (0,)),
    "Piecewise((1/w, w >= Abs(x)), (c, True));w=1;c=1/100": (lambda m, x: 1 if abs(x) <= 1 else m.mpf(1) / 100, (-1, 1)),
    "Piecewise((alpha*exp(-alpha*x)/(1 + exp(-alpha*x))**2, x < 0), (beta/(x + 1), True));alpha=4;beta=1": (
        lambda m, x: 1 / m.cosh(2 * x) ** 2 if x < 0 else 1 / (1 + x),
        (0,),
    ),
    "Piecewise((alpha, x <= 0), (1, x <= 1), (1/x, True));alpha=1/10": (
        lambda m, x: m.mpf(1) / 10 if x <= 0 else 1 / max(x, 1),
        (0, 1),
    ),
    "(4*cos(pi*x/(2*w)) + 4*cos(3*pi*x/(2*w)) + 4*cos(5*pi*x/(2*w)))/(2*w);w=4": (
        lambda m, x: sum(m.cos(j * m.pi * x / 8) for j in (1, 3, 5)) / 2,
        (),
    ),
}


def s(m: Any, x: Any) -> Any:
    """The logistic function, without overflow in doubles."""
    return 1 / (1 + m.exp(-x)) if x > 0 else 1 - 1 / (1 + m.exp(x)) if x > -30 else m.exp(x)


USERS: dict[str, tuple[Reference, tuple[float, ...]]] = {
    "max(0, 1-x**2)**2": (lambda m, x: (1 - x * x) ** 2 if abs(x) < 1 else 0, (-1, 1)),
    "min(1, max(0, 1-abs(x)))": (lambda m, x: max(0, 1 - abs(x)), (-1, 0, 1)),
    "min(1, max(0, 2-abs(x)))": (lambda m, x: sorted((0, 2 - abs(x), 1))[1], (-2, -1, 1, 2)),
    "exp(-abs(x))/(1+exp(-3*x))": (lambda m, x: m.exp(-abs(x)) * s(m, 3 * x), (0,)),
    "(1+abs(x))**(-3/2)": (lambda m, x: 1 / m.sqrt(1 + abs(x)) ** 3, (0,)),
    "1/(1+abs(x)**3)": (lambda m, x: 1 / (1 + abs(x) ** 3), (0,)),
    "sqrt(abs(x))*exp(-abs(x))": (lambda m, x: m.sqrt(abs(x)) * m.exp(-abs(x)), (0,)),
    "exp(x)": (lambda m, x: m.exp(x), ()),
    "x**2": (lambda m, x: x * x, ()),
    "exp(x**2/4)": (lambda m, x: m.exp(x * x / 4), ()),
    "log(1+abs(x))": (lambda m, x: m.log(1 + abs(x)), (0,)),
    "piecewise((1/(1+x**2), x>0), (exp(x), True))": (lambda m, x: 1 / (1 + x * x) if x > 0 else m.exp(x), (0,)),
    "erfc(x)": (lambda m, x: m.erfc(x), ()),
    "1-erf(x)**2": (lambda m, x: m.erfc(x) * m.erfc(-x), ()),
    "piecewise((1+cos(pi*x), abs(x)<1), (0, True))": (
        lambda m, x: 2 * m.cos(m.pi * x / 2) ** 2 if abs(x) < 1 else 0,
        (-1, 1),
    ),
    "heaviside(x+1)-heaviside(x-2)": (lambda m, x: 1 if -1 < x < 2 else 0, (-1, 2)),
    "heaviside(x)*exp(-x)+heaviside(-x)*exp(2*x)": (lambda m, x: m.exp(-x) if x > 0 else m.exp(2 * x), (0,)),
    "min(max(x,0),max(1-x,0))": (lambda m, x: max(0, m.mpf(1) / 2 - abs(x - 0.5)), (0, 0.5, 1)),
    "max(min(max(x,-1),1),min(-x,1/2))": (lambda m, x: x if 0 < x < 1 else 1 if x > 1 else min(-x, m.mpf(0.5)), (-0.5, 0, 1)),
    "exp(-abs(x-1))": (lambda m, x: m.exp(-abs(x - 1)), (1,)),
    "exp(-(x-1)**2/2)": (lambda m, x: m.exp(-((x - 1) ** 2) / 2), ()),
    "1/(1+abs(x-1))**2": (lambda m, x: 1 / (1 + abs(x - 1)) ** 2, (1,)),
    "max(0,1-abs(x-1/2))": (lambda m, x: max(0, 1 - abs(x - 0.5)), (-0.5, 0.5, 1.5)),
    "exp(-3*(x-1))/(1+exp(-3*(x-1)))**2": (lambda m, x: s(m, 3 * (x - 1)) * s(m, 3 * (1 - x)), ()),
    "1-tanh(x-1)**2": (lambda m, x: 1 / m.cosh(x - 1) ** 2, ()),
    "1/(2+2*cosh(x))": (lambda m, x: 1 / (2 * m.cosh(x / 2)) ** 2, ()),
    "1/(1+sinh(x)**2)": (lambda m, x: 1 / m.cosh(x) ** 2, ()),
    "1 - (exp(x)-exp(-x))**2/(exp(x)+exp(-x))**2": (lambda m, x: 1 / m.cosh(x) ** 2, ()),
    "(1-tanh(x))/2": (lambda m, x: s(m, -2 * x), ()),
    "log(1+exp(x))/(1+x**2)": (lambda m, x: (max(x, 0) + m.log(1 + m.exp(-abs(x)))) / (1 + x * x), ()),
    "x**2*exp(-x**2)": (lambda m, x: x * x * m.exp(-x * x), ()),
    "exp(-sqrt(abs(x)))": (lambda m, x: m.exp(-m.sqrt(abs(x))), (0,)),
    "exp(-x**4)": (lambda m, x: m.exp(-(x**4)), ()),
    "abs(x)**3*exp(-abs(x))": (lambda m, x: abs(x) ** 3 * m.exp(-abs(x)), (0,)),
    "piecewise((1,x<-1),(2,x<0),(3,x<1),(4,True))": (lambda m, x: 1 + (x >= -1) + (x >= 0) + (x >= 1), (-1, 0, 1)),
    "exp(-abs(x))*cos(x)": (lambda m, x: m.exp(-abs(x)) * m.cos(x), (0,)),
    "1/(1+abs(x)+x**2)": (lambda m, x: 1 / (1 + abs(x) + x * x), (0,)),
    "max(0,1-abs(x)**(3/2))": (lambda m, x: max(0, 1 - m.sqrt(abs(x)) ** 3), (-1, 0, 1)),
    "max(0,x)-max(0,x-1)": (lambda m, x: min(1, max(0, x)), (0, 1)),
    "sech(x)**2*exp(-x**2/2)": (lambda m, x: m.exp(-x * x / 2) / m.cosh(x) ** 2, ()),
    "1/(1+exp(x**2))": (lambda m, x: s(m, -x * x), ()),
    "1/(1+log(1+abs(x)))": (lambda m, x: 1 / (1 + m.log(1 + abs(x))), (0,)),
    "exp(3*x)/(1+exp(2*x))**2": (lambda m, x: m.exp(x) * s(m, 2 * x) * s(m, -2 * x) * m.exp(0), ()),
    "piecewise((floor(2*x)/2, abs(x)<1), (1/x**2, True))": (
        lambda m, x: m.floor(2 * x) / 2 if abs(x) < 1 else 1 / (x * x),
        (-1, -0.5, 0, 0.5, 1),
    ),
    "max(0,1-abs(x))*(1+sign(x)/2)": (lambda m, x: max(0, 1 - abs(x)) * (1.5 if x > 0 else 0.5), (-1, 0, 1)),
}
REMOVABLE: dict[str, tuple[Reference, tuple[float, ...]]] = {  # 0/0 at 0: read, but no enclosure starts from there
    "x/sinh(x)": (lambda m, x: x / m.sinh(x) if abs(x) < 700 else 0, ()),
    "sin(x)/x": (lambda m, x: m.sin(x) / x, ()),
}
ALL = {**KERNELS, **USERS, **REMOVABLE}
FAR = (-1e4, -300.0, -30.0, -7.3, 7.3, 30.0, 300.0, 1e4)


def test_the_table_is_as_long_as_it_says() -> None:
    assert len(KERNELS) == 24
    assert len(USERS) >= 40


@pytest.mark.parametrize("text", ALL, ids=lambda text: text[:50])
def test_values_near_zero_at_the_breakpoints_and_far_out(text: str) -> None:
    reference, kinks = ALL[text]
    near = [kink + d for kink in kinks for d in (-1e-3, -1e-9, 1e-9, 1e-3)]
    x = np.array([*near, *(sign * 10.0**-n for sign in (1, -1) for n in range(7)), 0.37, -0.37, 2.9, -2.9, *FAR])
    x = x[~np.isin(x, kinks)]
    surrogate = parse_surrogate(text)
    with mpmath.workdps(40):
        expected = [reference(mpmath.mp, mpmath.mpf(at)) for at in x]
    finite = np.array([abs(value) < 1e300 for value in expected])
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        found = evaluate(surrogate, x[finite])
    wanted = np.array([float(value) for value, keep in zip(expected, finite, strict=True) if keep])
    allowed = 1e-11 * np.abs(wanted) + 1e-15 * (1 + np.abs(x[finite]))  # cos(2e4) is known to 2e4 roundings
    worst = np.argmax(np.abs(found - wanted) / allowed)
    assert np.all(np.abs(found - wanted) <= allowed), (x[finite][worst], found[worst], wanted[worst])


MEAN, VAR = 0.3, 0.8


@pytest.mark.parametrize("text", spread({**KERNELS, **USERS}, 4), ids=lambda text: text[:50])
def test_expectations_against_quadrature_of_the_hand_written_function(text: str) -> None:
    reference, kinks = ALL[text]
    ends = [-14.0, *sorted({-3.0, *kinks, MEAN, 3.0}), 14.0]
    expected = 0.0
    for lo, hi in itertools.pairwise(ends):
        expected += quad(
            lambda x: float(reference(mpmath.fp, x)) * math.exp(-((x - MEAN) ** 2) / (2 * VAR)) / math.sqrt(2 * math.pi * VAR),
            lo,
            hi,
            epsabs=1e-13,
            epsrel=1e-12,
            limit=200,
        )[0]
    assert moment("expr:" + text, "3/10", "4/5").value == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(
    ("text", "registered"),
    [
        ("k*exp(-k*x)/(1 + exp(-k*x))**2;k=3/2", "sigmoid:alpha=3/2"),
        ("k*exp(k*x)/(1 + exp(k*x))**2;k=3/2", "sigmoid:alpha=3/2"),
        ("k/(4*cosh(k*x/2)**2);k=3/2", "sigmoid:alpha=3/2"),
        ("k*sech(k*x/2)**2/4;k=3/2", "sigmoid:alpha=3/2"),
        ("k*sigmoid(k*x)*(1 - sigmoid(k*x));k=3/2", "sigmoid:alpha=3/2"),
        ("k*sigmoid(-k*x)*sigmoid(k*x);k=3/2", "sigmoid:alpha=3/2"),
        ("k*(1 - tanh(k*x/2)**2)/4;k=3/2", "sigmoid:alpha=3/2"),
        ("k/(2+2*cosh(k*x));k=3/2", "sigmoid:alpha=3/2"),
        ("k/(1+exp(-k*x))*(1-1/(1+exp(-k*x)));k=3/2", "sigmoid:alpha=3/2"),
        ("k/(exp(k*x/2)+exp(-k*x/2))**2;k=3/2", "sigmoid:alpha=3/2"),
        ("1 - tanh(2*x)**2", "tanh:slope=2"),
        ("1/(1+sinh(2*x)**2)", "tanh:slope=2"),
        ("(1+25*abs(x))**-2", "fast_sigmoid:slope=25"),
    ],
)
def test_spellings_of_one_function_give_the_pieces_of_the_registered_one(text: str, registered: str) -> None:
    bound = resolve(registered)
    values = {name: sp.Rational(value) for name, value in bound.environment.items()}
    function = bound.surrogate.derivative.substitute(values)
    parsed = parse_surrogate(text).derivative
    assert [(p.side, p.lo, p.hi) for p in parsed.pieces] == [(p.side, p.lo, p.hi) for p in function.pieces]
    assert [p.value for p in parsed.pieces] == [p.value for p in function.pieces]


@pytest.mark.parametrize("text", [text for text in KERNELS if "x < 0" not in text and "x <= 0" not in text])
def test_even_kernels_are_seen_to_be_even(text: str) -> None:
    assert parse_surrogate(text).derivative.is_even
