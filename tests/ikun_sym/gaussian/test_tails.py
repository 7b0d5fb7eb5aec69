"""Bounds far from the threshold: found where there are some, and never too small."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import sympy as sp
from flint import arb
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from ikun_sym.catalogue.piecewise import U
from ikun_sym.gaussian.enclosures.tails import span
from ikun_sym.gaussian.moment import moment

FALLING_FIRST: dict[str, Callable[[float], float]] = {
    "1/(1+(abs(x)-2)**2)": lambda x: 1 / (1 + (abs(x) - 2) ** 2),
    "exp(-abs(x))/(x**2-4*abs(x)+5)": lambda x: np.exp(-abs(x)) / (x**2 - 4 * abs(x) + 5),
    "abs(x)/(1+(abs(x)-3)**4)": lambda x: abs(x) / (1 + (abs(x) - 3) ** 4),
}
"""Their denominators fall before they rise."""

STEPS = [sp.Rational(n, 4) for n in (0, 1, 2, 3, 4, 6, 8, 10, 12, 16, 20, 24, 36, 200)]
"""How far beyond the cut values are compared."""


@pytest.mark.parametrize("text", FALLING_FIRST)
@pytest.mark.parametrize(("mean", "var"), [(-0.3, 0.7), (-8.0, 0.1), (0.5, 1e4)])
def test_what_has_no_bound_near_the_threshold_is_enclosed(text: str, mean: float, var: float) -> None:
    """Against scipy's quadrature."""
    sigma = var**0.5
    lo, hi = mean - 12 * sigma, mean + 12 * sigma
    points = sorted({-3.0, -2.0, 0.0, 2.0, 3.0, *(mean + n * sigma for n in (-3, 0, 3))})
    expected, _ = quad(
        lambda x: FALLING_FIRST[text](x) * np.exp(-((x - mean) ** 2) / (2 * var)) / (sigma * np.sqrt(2 * np.pi)),
        lo,
        hi,
        points=[p for p in points if lo < p < hi],
        limit=500,
        epsabs=0,
        epsrel=1e-11,
    )
    assert moment(f"expr:{text}", mean, var).value == pytest.approx(expected, rel=1e-9)


@given(
    st.lists(st.integers(-9, 9), min_size=3, max_size=5).filter(any),
    st.integers(0, 4),
    st.sampled_from([sp.Integer(-1), sp.Rational(1, 2), sp.Integer(1), sp.Integer(2), sp.Integer(3)]),
)
def test_a_span_holds_every_value_beyond_the_cut(coefficients: list[int], cut: int, power: sp.Expr) -> None:
    """Powers of polynomials, and sums of their expanded and other forms."""
    polynomial = sp.Poly(coefficients, U).as_expr()
    for expr in (polynomial**power, (U - 3) ** 2 + polynomial):
        low, high = span(expr, {}, arb(cut))
        for step in STEPS:
            value = expr.subs(U, cut + step)
            if value.is_real and value.is_finite:
                number = arb(str(value.evalf(30)))
                assert not low > number, (expr, cut, value)
                assert not high < number, (expr, cut, value)


@pytest.mark.parametrize(
    ("expr", "cut", "low", "high"),
    [
        (U**2 - 4 * U + 5, 2, "1", "inf"),
        (-(U**3) + 7, 1, "-inf", "6"),
        ((U - 2) ** 2, 1, "0", "inf"),
        (1 / ((U - 2) ** 2 + 1), 1, "0", "1"),
    ],
)
def test_a_span_is_sharp_where_powers_go_one_way(expr: sp.Expr, cut: int, low: str, high: str) -> None:
    assert [str(end) for end in span(expr, {}, arb(cut))] == [str(arb(low)), str(arb(high))]
