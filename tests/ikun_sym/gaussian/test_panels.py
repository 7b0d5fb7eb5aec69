"""The density interpolated on panels: right wherever it vouches, and it refuses where something is cut off or cancels."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import sympy as sp

from ikun_sym.catalogue.piecewise import PiecewiseFunction, R, U, one_side
from ikun_sym.gaussian.enclosures.certify import expectation
from ikun_sym.gaussian.evaluate import FloatFunction
from ikun_sym.gaussian.floats.panels import _basis, _points, highest
from ikun_sym.gaussian.moment import float_function, integrand
from ikun_sym.reading.surrogate_spec import resolve


def worst(spec: str, power: int, count: int, seed: int) -> tuple[float, float]:
    """(largest relative error where panels vouch, their share) at means in ±4 and σ from 0.03 to 10, beside balls."""
    bound = resolve(spec)
    function, exact = float_function(bound, "fprime", power), integrand(bound, "fprime", power)
    draw = np.random.default_rng(seed)
    mean = draw.uniform(-4, 4, count)
    var = np.exp(2 * draw.uniform(np.log(0.03), np.log(10), count))
    errors, sure = [0.0], np.zeros(count, dtype=bool)
    for panels in function.panels:
        value, vouched = panels(mean, var)
        for i in np.flatnonzero(vouched):
            known = expectation(exact, bound.environment, Fraction(float(mean[i])), Fraction(float(var[i]))).value
            errors.append(abs(value[i] / known - 1))
        sure |= vouched
    return max(errors), float(sure.mean())


@pytest.mark.parametrize(
    ("spec", "power", "count"),
    [
        ("periodic_exponential", 1, 3),
        ("squarewave_fourier_series:n=3", 2, 3),
        *(
            pytest.param(spec, 2, 20, marks=pytest.mark.slow)
            for spec in ("multi_spike:slope=20", "multi_spike:slope=1000", "refractory_logistic", "tanh_spike")
        ),
    ],
)
def test_values_beside_balls(spec: str, power: int, count: int) -> None:
    error, share = worst(spec, power, count, 7)
    assert error < 2e-14
    assert share > 0.9


def test_a_value_depends_on_its_point_alone() -> None:
    function = float_function(resolve("multi_spike"), "fprime", 2)
    mean, var = np.linspace(-1, 1, 61), np.geomspace(1, 4, 61)
    together = function.expectation(mean, var)
    assert all(function.expectation(m, v) == one for m, v, one in zip(mean[::20], var[::20], together[::20], strict=True))


def test_what_is_cut_off_is_not_vouched_for() -> None:
    """g = 1 beyond 12, small before it: panels that reach 11σ see nothing of the far part, 1.8e-33 at N(0, 1)."""
    for small, near in ((sp.Rational(1, 10**30), False), (sp.exp(-60), False), (sp.Integer(1), True)):
        function = FloatFunction(PiecewiseFunction(one_side(1, (small, 12), (1, sp.oo)) + one_side(-1, (small, sp.oo))), {})
        _, sure = function.panels[0](np.zeros(1), np.ones(1))
        assert bool(sure[0]) is near


def test_what_cancels_is_not_vouched_for() -> None:
    """E[cos(20 X)] = e^{-200} at N(0, 1), and e^{-2} at σ = 0.1."""
    function = FloatFunction(
        PiecewiseFunction(one_side(1, (sp.cos(20 * U), sp.oo)) + one_side(-1, (sp.cos(20 * U), sp.oo))), {}
    )
    value, sure = function.panels[0](np.zeros(2), np.array([1.0, 0.01]))
    assert sure.tolist() == [False, True]
    assert value[1] == pytest.approx(np.exp(-2), rel=1e-14)


def test_the_basis_is_that_of_lagrange() -> None:
    at = np.array([0.0, 0.1, 0.77, 1.0])
    for degree in (4, 18):
        points, _ = _points(degree)
        for power in range(degree + 1):
            assert _basis(at, degree) @ points**power == pytest.approx(at**power, abs=1e-14)


@pytest.mark.parametrize(
    ("value", "bound"),
    [
        (sp.exp(-U), 1),
        (3 * sp.exp(-2 * U**2) * sp.cos(U) ** 2, 3),
        (1 / (2 + U) ** 2, 0.25),
        (sp.exp(-U) / (1 + sp.exp(-U)), 1),
        (sp.exp(U), np.inf),
        (1 / (U - 1), np.inf),
        (U, np.inf),
    ],
)
def test_bounds(value: sp.Expr, bound: float) -> None:
    assert highest(sp.sympify(value)) == bound


def test_the_bound_of_a_cell() -> None:
    assert 2 * np.exp(-1) <= highest(R * sp.exp(-R), (0.0, 2.0)) <= 2.01 * np.exp(-1)
