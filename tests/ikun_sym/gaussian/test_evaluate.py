"""E[g(X)] in float64: every route against ball arithmetic, over the whole domain, and against quadrature."""

from __future__ import annotations

import contextlib
import itertools
import math
import warnings
from collections.abc import Iterator
from fractions import Fraction
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import sympy as sp
from scipy.integrate import quad

from ikun_sym.catalogue.piecewise import PeriodicTail, PiecewiseFunction, R, U, even, one_side
from ikun_sym.catalogue.surrogate import Bound
from ikun_sym.catalogue.surrogates import SURROGATES
from ikun_sym.errors import IkunError
from ikun_sym.gaussian.enclosures.certify import expectation
from ikun_sym.gaussian.evaluate import FloatFunction
from ikun_sym.gaussian.floats import graded, panels, recurring
from ikun_sym.gaussian.floats.closed import Closed
from ikun_sym.gaussian.floats.from_end import singularity
from ikun_sym.gaussian.floats.graded import Graded
from ikun_sym.gaussian.floats.logistic import Logistic, match, step
from ikun_sym.gaussian.floats.rational import Rational
from ikun_sym.gaussian.floats.repeated import MAX_ORDER, centre, roundings, scaled_integrals
from ikun_sym.gaussian.floats.series import Series
from ikun_sym.gaussian.floats.split import Split
from ikun_sym.gaussian.floats.tanh_sinh import growth
from ikun_sym.gaussian.moment import float_function, integrand
from ikun_sym.reading.surrogate_spec import resolve
from tests.selection import spread

POWERS = (1, 2, 4)
FAST = ("rectangular", "triangular", "exponential", "erf", "atan", "sigmoid", "tanh", "fast_sigmoid", "q_pseudo_spike")
"""Surrogates that never need ball arithmetic."""
SIGMAS, SLOPES = (0.01, 0.1, 1.0, 10.0, 100.0), ("1/2", "2", "25", "100")
MEANS = (0.0, 0.5, -0.5, -1.0, -3.0)

Setting = tuple[float, float]


def tolerance(value: float) -> float:
    """What `evaluate` promises, relative."""
    return max(1e-13, 1e-15 * abs(math.log(abs(value)))) if value else 0.0


def bound_at(name: str, slope: str) -> Bound:
    """The surrogate with its slope parameter, or its first one that is no count, at a value; as it is where that is outside its
    domain."""
    surrogate = SURROGATES[name]
    continuous = [param.name for param in surrogate.params if param.domain != "count"]
    parameter = surrogate.slope or next(iter(continuous), None)
    with contextlib.suppress(IkunError):
        return surrogate.bind({parameter: Fraction(slope)} if parameter else {})
    return surrogate.bind({})


ROUNDING = 1e-15
"""Of √E[f'²ᵖ]: what may be left where an f' that changes its sign cancels."""


def worst(bound: Bound, power: int, settings: list[Setting]) -> float:
    """The largest error in units of the tolerance. Below the normal range of float64 only smallness is checked, above it
    that the value is infinite. Where an f' that changes its sign cancels, what counts is √E[f'²ᵖ]. Settings for which the
    reference refuses are left out; they may be no more than half."""
    function, truths = integrand(bound, "fprime", power), []
    for m, v in settings:
        with contextlib.suppress(IkunError):
            truths.append((m, v, expectation(function, bound.environment, Fraction(m), Fraction(v)).value))
    assert len(truths) >= len(settings) / 2
    mean, var, _ = np.array(truths).T
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = float_function(bound, "fprime", power).expectation(mean, var)
    largest = 0.0
    for (m, v, truth), value in zip(truths, found.tolist(), strict=True):
        if abs(truth) < 1e-290 and abs(value) < 1e-285:
            continue
        if math.isinf(truth):
            assert value == truth
            continue
        assert math.isfinite(value)
        error = abs(value / truth - 1) / tolerance(truth) if truth else math.inf
        if error > 1 and power % 2:
            square = expectation(integrand(bound, "fprime", 2 * power), bound.environment, Fraction(m), Fraction(v)).value
            error = min(error, abs(value - truth) / (ROUNDING * math.sqrt(square)))
        largest = max(largest, error)
    return largest


def grid() -> list[Setting]:
    """Means as they are, and in units of σ."""
    return [(m * unit, s * s) for s, m in itertools.product(SIGMAS, MEANS) for unit in ({1.0, s} if m else {1.0})]


def extremes(slope: str, draw: np.random.Generator, count: int) -> Iterator[Setting]:
    """slope · σ from 1e-6 to 1e6, means up to 12 σ or 3/slope."""
    k = float(Fraction(slope))
    for _ in range(count):
        sigma = 10 ** draw.uniform(-6, 6) / k
        yield draw.choice([0.0, draw.uniform(-12, 12) * sigma, draw.uniform(-3, 3) / k]), sigma * sigma


@pytest.mark.parametrize(("name", "power"), spread(itertools.product(FAST, POWERS), 4))
def test_right_to_the_last_digits(name: str, power: int) -> None:
    """n = 4 slopes × (6 of the grid + 5 draws, seed 11); the reference is rigorous, so there are no false alarms."""
    draw = np.random.default_rng([11, power])
    for slope in SLOPES:
        settings = [grid()[i] for i in draw.choice(len(grid()), 6, replace=False)] + list(extremes(slope, draw, 5))
        assert worst(bound_at(name, slope), power, settings) <= 1


@pytest.mark.slow
@pytest.mark.parametrize("power", POWERS)
@pytest.mark.parametrize("name", SURROGATES.names())
def test_right_everywhere(name: str, power: int) -> None:
    """The full grid and 40 draws a slope, seed 12."""
    draw = np.random.default_rng([12, power])
    for slope in SLOPES:
        assert worst(bound_at(name, slope), power, [*grid(), *extremes(slope, draw, 40)]) <= 1


def vouched(route: object, mean: np.ndarray, var: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    with np.errstate(all="ignore"):
        return route(mean, var)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("name", "kinds"),
    [("rectangular", {Series, Closed}), ("triangular", {Series, Closed}), ("exponential", {Closed}), ("erf", {Closed}),
     ("hard_tanh", {Series, Closed, Split}), ("atan", {Rational}), ("sigmoid", {Logistic}), ("tanh", {Logistic}),
     ("fast_sigmoid", {Graded}), ("q_pseudo_spike", {Graded}), ("superspike_mem_clamp", {Graded}), ("s2nn", {Graded})],
)  # fmt: skip
def test_moderate_settings_never_need_the_slow_routes(name: str, kinds: set[type]) -> None:
    """n = 4000 settings, seed 3: means in ±3, σ from 0.1 to 10, f'²."""
    draw = np.random.default_rng(3)
    mean, var = draw.uniform(-3, 3, 4000), 10 ** draw.uniform(-2, 2, 4000)
    left = np.ones(4000, dtype=bool)
    for route in float_function(SURROGATES[name].bind(), "fprime", 2).routes:
        if type(route) in kinds:
            left &= ~vouched(route, mean, var)[1]
    assert left.mean() < 1e-3


def error_of(route: object, bound: Bound, mean: float, var: float, power: int = 2) -> float:
    value, sure = vouched(route, np.array([mean]), np.array([var]))
    assert sure[0]
    truth = expectation(integrand(bound, "fprime", power), bound.environment, Fraction(mean), Fraction(var)).value
    return abs(float(value[0]) / truth - 1)


def test_a_dropped_residue_is_seen() -> None:
    bound = SURROGATES["atan"].bind()
    route = Rational.of(integrand(bound, "fprime", 2), bound.environment)
    assert error_of(route, bound, 0.3, 1.0) < 1e-13
    none = lambda self, xi, eta, shift: (np.zeros(xi.shape), np.zeros(xi.shape))  # noqa: E731
    with patch.object(Rational, "_residue", none):
        assert error_of(route, bound, 0.3, 1.0) > 1e-3


def test_a_wrong_tilt_is_seen() -> None:
    bound = SURROGATES["exponential"].bind()
    function = integrand(bound, "fprime", 2)
    route = Closed.of(function, bound.environment)
    assert error_of(route, bound, 0.3, 1.0) < 1e-13
    wrong = Closed.of(function.map(lambda value: value.subs(U, U * sp.Rational(1000001, 1000000))), bound.environment)
    assert error_of(wrong, bound, 0.3, 1.0) > 1e-8


def test_a_step_that_is_too_long_is_seen() -> None:
    bound = SURROGATES["tanh"].bind()
    with patch("ikun_sym.gaussian.floats.logistic.step", lambda order, width: 2 * step(order, width)):
        route = Logistic.of(integrand(bound, "fprime", 2), bound.environment)
    assert error_of(route, bound, 0.3, 1.0) > 1e-12
    assert error_of(Logistic.of(integrand(bound, "fprime", 2), bound.environment), bound, 0.3, 1.0) < 1e-13


NEEDLE = (0.3, 1e4)
"""kσ = 2500 for the fast sigmoid at its slope 25."""


def fast_sigmoid() -> tuple[Bound, Graded]:
    bound = SURROGATES["fast_sigmoid"].bind()
    route = Graded.of(integrand(bound, "fprime", 2), bound.environment)
    assert route is not None
    return bound, route


def refused(route: Graded, mean: float, var: float) -> bool:
    return not vouched(route, np.array([mean]), np.array([var]))[1][0]


@pytest.mark.parametrize(("mean", "var"), [NEEDLE, (0.3, 1e-2), (-1.0, 0.04), (0.02, 1e-3), (1.0, 1e-4), (0.0, 1e-10)])
@pytest.mark.parametrize("row", [1, 2, 3])
def test_a_wrong_weight_is_seen(row: int, mean: float, var: float) -> None:
    """Weights of the value (row 1) in error by 1e-7 are no more the rule's; those of the checks may be."""
    bound, route = fast_sigmoid()
    assert error_of(route, bound, mean, var) < 2e-14
    right = graded.legendre

    def wrong(n: int) -> tuple[np.ndarray, ...]:
        rows = [column.copy() for column in right(n)]
        rows[row][:] *= 1 + 1e-7
        return tuple(rows)

    with patch.object(graded, "legendre", wrong), patch.object(graded, "STEPS", 1000):  # no trapezoidal sums
        assert (error_of(route, bound, mean, var) > 1e-8) == (row == 1)


@pytest.mark.parametrize("nodes", [12, 20, 28])
def test_too_few_nodes_are_refused(nodes: int) -> None:
    _, route = fast_sigmoid()
    with patch.object(graded, "NODES", ((nodes,) * 5,)):
        assert refused(route, *NEEDLE)
        assert refused(route, 1.0, 1.0)


@pytest.mark.parametrize("step", [0.6, 0.8, 1.5])
def test_a_trapezoidal_step_that_is_too_long_is_refused(step: float) -> None:
    _, route = fast_sigmoid()
    with patch.object(graded, "STEP", step), patch.object(graded, "NODES", graded.NODES[:1]):
        assert refused(route, 1.0, 1e-4)
    assert not refused(route, 1.0, 1e-4)


def test_a_needle_between_the_nodes_is_refused() -> None:
    """e^{−10⁶u} + 1/1000 at σ = 1: with q = 1 the nodes see the constant alone. Only the ratio tells."""
    function = even(sp.exp(-(10**6) * U) + sp.Rational(1, 1000))
    route, truth = Graded.of(function, {}), expectation(function, {}, Fraction(0), Fraction(1)).value
    assert route is not None
    value, sure = vouched(route, np.zeros(1), np.ones(1))
    assert not sure[0] or abs(float(value[0]) / truth - 1) < 1e-13
    with patch.object(graded, "RATIOS", np.full((4, 5), np.inf)):
        assert refused(route, 0.0, 1.0)
        with patch.object(graded, "SPREAD", 1e9):
            value, sure = vouched(route, np.zeros(1), np.ones(1))
            assert sure[0]
            assert abs(float(value[0]) / truth - 1) > 1e-4


def test_a_part_that_its_bound_does_not_settle_is_summed() -> None:
    """At 4 σ from 0 the other side holds 2e-3 of the value: with a bound of 0 it would be left out."""
    bound, route = fast_sigmoid()
    assert error_of(route, bound, 40.0, 100.0) < 2e-14
    for each in route.stretches:
        object.__setattr__(each, "largest", 0.0)
    assert error_of(route, bound, 40.0, 100.0) > 1e-5


@pytest.mark.parametrize(
    ("value", "distance"),
    [
        (U**3 + 1, math.inf),
        (1 / (1 + 4 * U) ** 2, 0.25),
        ((2 + U) ** sp.Rational(-3, 2) * sp.log(1 + U), 1),
        (1 / (U**2 + 2 * U + 5), math.sqrt(5)),
        (sp.atan(2 * U) + 1, 0.5),
        (sp.exp(-2 * U), math.pi / 2),
        (1 / (1 + sp.exp(-3 * U)), math.pi / 3),
        (1 / (1 + 2 * sp.exp(-U)), math.pi),
        (1 / (2 - U), 0),
        (sp.sqrt(U), 0),
        (1 / (1 - sp.exp(-U)), 0),
        (sp.cos(U), 0),
        (sp.exp(U), 0),
        (1 / (1 + 100 * sp.exp(-U)), 0),
    ],
    ids=str,
)
def test_where_a_value_stops_being_analytic(value: sp.Expr, distance: float) -> None:
    assert singularity(value) == pytest.approx(distance)


def test_logistic_forms_are_recognised_by_their_algebra() -> None:
    s = sp.exp(-3 * U)
    assert match(even(s / (1 + s) ** 2)) == (1, 3, 1)
    assert match(even(5 * s**4 / (1 + s) ** 8)) == (5, 3, 4)
    for other in (s / (1 + s) ** 3, s**2 / (1 + s) ** 2, s / (2 + s) ** 2, s * U / (1 + s) ** 2, s, s / (1 + s)):
        assert match(even(other)) is None


@pytest.mark.parametrize("order", [0, 1, 2, 3, 4, 8, MAX_ORDER])
def test_repeated_integrals(order: int) -> None:
    """I_k(z) = 2^{−k} U((k + 1)/2, ½, z²)/√π by mpmath, at 60 points from 0 to 1e4, within the stated roundings; and by its
    integral 2/(k! √π) ∫ tᵏ e^{−2zt−t²} dt at z = 1."""
    from mpmath import mp

    z, c = np.concatenate([np.linspace(0, 8, 40), np.geomspace(8.5, 1e4, 20)]), centre([order])
    inverse, (scaled,) = scaled_integrals(z, [order])
    found = scaled * inverse**order
    with mp.workdps(40):
        k = mp.mpf(order)
        truth = [mp.hyperu((k + 1) / 2, mp.mpf(1) / 2, mp.mpf(x) ** 2) / (2**k * mp.sqrt(mp.pi)) for x in z.tolist()]
        integral = mp.quad(lambda t: t**order * mp.exp(-2 * t - t * t), [0, 1, 2, 4, 8, 12])
        assert mp.almosteq(mp.hyperu((k + 1) / 2, 0.5, 1) / 2**k, 2 * integral / mp.factorial(order), 1e-25)
        errors = [float(abs(f / t - 1)) for f, t in zip(found.tolist(), truth, strict=True)]
    assert max(errors) <= roundings(order, c) * 2.0**-53
    assert max(errors) > 2.0**-60  # the points are no fixed points of both


@pytest.mark.parametrize(
    ("value", "growing"),
    [
        (sp.exp(2 * U) + U, (2, 0)),
        (sp.exp(-(U**2) + 3 * U), (3, 0)),
        (sp.exp(U**2 / 10), (0, 0.1)),
        (sp.exp(3 * (U - 1)), (3, 0)),
        (sp.exp(U) / (1 + sp.exp(U)) ** 2, (0, 0)),
        (1 / (1 + sp.exp(-U)), (0, 0)),
        (sp.exp(U) * sp.cos(U) / (1 + U), (1, 0)),
        (sp.exp(U) / (2 - sp.exp(-U)), (1, 0)),
        (sp.exp(U) / (2 - sp.exp(U)), (1, 0)),  # its denominator may vanish: nothing makes up for what grows
        (sp.sqrt(1 + sp.exp(2 * U)), (1, 0)),
    ],
    ids=str,
)
def test_what_grows(value: sp.Expr, growing: tuple[float, float]) -> None:
    assert growth(value) == pytest.approx(growing)


@pytest.mark.parametrize(
    "name", ["logistic", "tanh_spike", "s2nn", "fast_sigmoid", "q_pseudo_spike", "superspike_mem_clamp", "log_tailed_relu"]
)
def test_moderate_settings_never_need_ball_arithmetic(name: str) -> None:
    """n = 200 settings, seed 3, as above: without a fast route the tanh-sinh rule settles them all."""
    draw = np.random.default_rng(3)
    mean, var = draw.uniform(-3, 3, 200), 10 ** draw.uniform(-2, 2, 200)
    assert np.isfinite(float_function(SURROGATES[name].bind(), "fprime", 2).expectation(mean, var, settle=False)).all()


def test_a_finite_piece_that_grows_is_not_cut() -> None:
    """e^{200(x − 1)} up to x = 1 and mean −1, σ = 1/10: the bulk lies 20 σ from the mean."""
    bound = SURROGATES["spike_rate_escape"].bind({"beta": 100})
    assert worst(bound, 2, [(-1.0, 0.01), (-1.0, 0.010000000000000002), (-0.5, 0.01)]) <= 1


@pytest.mark.parametrize("power", POWERS)
def test_a_breakpoint_far_below_the_mean_keeps_its_digits(power: int) -> None:
    """1/|x| from 1/100 outwards, means to 3 σ = 300: an end taken as mean − length would be off by 3e-12 of itself."""
    bound = SURROGATES["fake_numerical_gradient"].bind({"alpha": 100})
    assert worst(bound, power, [(-300.0, 1e4), (-100.0, 1e4), (50.0, 1e4), (700.0, 1e5)]) <= 1


def sawtooth(side: int) -> PeriodicTail:
    """1 − r on [0, 1/2) and r²/4 on [1/2, 2), for ever, fading as e^{−u/5}."""
    fade = sp.exp(-U / 5)
    return PeriodicTail(
        side, sp.Rational(1, 2), sp.Integer(2), ((sp.Rational(1, 2), (1 - R) * fade), (sp.Integer(2), R**2 / 4 * fade))
    )


@pytest.mark.parametrize(("mean", "sigma"), [(0.0, 1.0), (3.2, 0.1), (-2.0, 4.0), (9.0, 1.5), (0.4, 0.01)])
def test_periodic_tails(mean: float, sigma: float) -> None:
    """Against scipy's quadrature between all break points, of a function written out by hand."""
    start = [(sp.S.One, sp.Rational(1, 2))]
    pieces = one_side(1, *start) + one_side(-1, *start)
    function = FloatFunction(PiecewiseFunction(pieces, (sawtooth(1), sawtooth(-1))), {})

    def by_hand(x: float) -> float:
        u = abs(x)
        r = (u - 0.5) % 2
        return 1.0 if u < 0.5 else (1 - r if r < 0.5 else r * r / 4) * math.exp(-u / 5)

    ends = {sign * (0.5 + 2 * n + half) for sign in (1, -1) for n in range(40) for half in (0, 0.5)} | {0.0, mean}
    inside = sorted({mean - 10 * sigma, mean + 10 * sigma} | {e for e in ends if abs(e - mean) < 10 * sigma})
    density = lambda x: by_hand(x) * math.exp(-0.5 * ((x - mean) / sigma) ** 2)  # noqa: E731
    total = sum(quad(density, lo, hi, epsabs=0, epsrel=1e-12)[0] for lo, hi in itertools.pairwise(inside))
    truth = total / (sigma * math.sqrt(2 * math.pi))
    assert float(function.expectation(mean, sigma**2)) == pytest.approx(truth, rel=1e-11)
    for x in (-7.3, -0.2, 0.49, 0.6, 1.2, 5.7, 33.3):
        assert float(function(x)) == pytest.approx(by_hand(x), rel=1e-13)


def after_a_gap(value: sp.Expr) -> PiecewiseFunction:
    """0 up to x = 1/2, from there on with period 1/10 the value on the first half of a cell and 1 on the second."""
    tail = PeriodicTail(1, sp.S.Half, sp.Rational(1, 10), ((sp.Rational(1, 20), value), (sp.Rational(1, 10), sp.S.One)))
    return PiecewiseFunction(one_side(1, (0, sp.S.Half)) + one_side(-1, (0, sp.oo)), (tail,))


def off(function: PiecewiseFunction, mean: float, var: float, *, settle: bool = False) -> float:
    """Error in units of the tolerance, by the float routes alone unless `settle`."""
    truth = expectation(function, {}, Fraction(mean), Fraction(var)).value
    found = FloatFunction(function, {}).expectation(mean, var, settle=settle)
    return abs(float(found) / truth - 1) / tolerance(truth)


@pytest.mark.parametrize("value", [R, R * sp.exp(-U / 3)], ids=["in the cell alone", "along the tail too"])
@pytest.mark.parametrize(("mean", "var"), [(-20.0, 1.0), (-5.0, 0.04), (0.3, 0.01), (0.3, 1.0), (9.0, 4.0), (-6.0, 4.0)])
def test_periodic_tails_from_both_sides_of_their_start(value: sp.Expr, mean: float, var: float) -> None:
    """Seen from 20 σ below, 19 cells hold what matters."""
    assert off(after_a_gap(value), mean, var) <= 1


def test_a_periodic_tail_that_grows_is_not_cut() -> None:
    """e^{u/2} at σ = 30 has its bulk 15 σ beyond the mean: the float routes pass, ball arithmetic answers."""
    function = after_a_gap(sp.exp(U / 2))
    assert np.isnan(FloatFunction(function, {}).expectation(0.0, 900.0, settle=False))
    assert off(function, 0.0, 1.0) <= 1


@pytest.mark.parametrize("name", spread(["multi_spike", "periodic_exponential", "refractory_logistic"], 3))
def test_tails_at_long_sigma_are_summed_as_a_whole(name: str) -> None:
    function = float_function(SURROGATES[name].bind(), "fprime", 2)
    mean, var = np.array([0.0, 0.5, -3.0, 30.0])[:, None], np.array([1.0, 25.0, 1e4])
    with patch.object(FloatFunction, "_unrolled_tails", side_effect=AssertionError("cell by cell")):
        assert np.isfinite(function.expectation(mean[:3], var, settle=False)).all()
    assert worst(SURROGATES[name].bind(), 2, [(0.0, 25.0), (-15.0, 25.0), (2.5, 1.0), (-28.0, 1.0)]) <= 1
    with pytest.raises(IkunError, match="periods within reach of the Gaussian"):
        function.expectation(1e6, 1e8)


def test_a_wrong_weight_in_the_table_is_seen() -> None:
    right = recurring.rule
    assert off(after_a_gap(R), 0.3, 0.25) <= 1

    def wrong(level: int) -> Any:
        return *right(level)[:2], right(level)[2] * (1 + 1e-10)

    with patch.object(panels, "rule", wrong):
        assert off(after_a_gap(R), 0.3, 0.25) > 10
    with patch.object(panels.Panels, "of", lambda *_: None), patch.object(recurring, "rule", wrong):
        assert off(after_a_gap(R), 0.3, 0.25) > 10


@pytest.mark.skipif(bool(np.finfo(np.longdouble).eps >= np.finfo(float).eps), reason="no type is wider than a double here")
def test_a_needle_at_the_end_of_a_cell_keeps_its_digits() -> None:
    """In doubles P − r is off by 3 tolerances."""
    bound = SURROGATES["multi_spike"].bind({"slope": 10_000})
    assert worst(bound, 2, [(0.3, 4.0), (2.0, 25.0)]) <= 1


@pytest.mark.parametrize("sharpness", [10**4, 10**10, 10**18])
def test_a_table_that_is_too_coarse_is_not_vouched_for(sharpness: int) -> None:
    """A needle inside every cell: resolved, or every second node does not agree, or nothing is seen."""
    needle, period = sp.exp(-((R - sp.Rational(1, 50)) ** 2) * sharpness), sp.Rational(1, 10)
    for value in (needle, needle * (1 + sp.exp(-U))):
        route = recurring.Tail(PeriodicTail(1, sp.S.Zero, period, ((period, value),)), {})
        assert vouched(route, np.array([0.3]), np.array([0.25]))[1][0] == (sharpness == 10**4)


@pytest.mark.parametrize("name", FAST)
def test_a_value_does_not_depend_on_its_neighbours(name: str) -> None:
    draw = np.random.default_rng(8)
    function = float_function(SURROGATES[name].bind(), "fprime", 2)
    mean, var = draw.uniform(-3, 3, 20_000), 10 ** draw.uniform(-3, 3, 20_000)
    together = function.expectation(mean, var)
    assert np.array_equal(together, function.expectation(mean, var))
    for i in range(0, 20_000, 2000):
        assert function.expectation(mean[i], var[i]) == together[i]
    assert np.array_equal(function.expectation(mean[:40, None], var[None, :50]).diagonal()[:40], together[:40])


@pytest.mark.parametrize("name", FAST)
def test_extremes_are_finite_and_quiet(name: str) -> None:
    function = float_function(SURROGATES[name].bind(), "fprime", 2)
    mean, var = np.array([0.0, 1e-300, 1e8, -1e8, 1e-8])[:, None], np.array([1e-40, 1e-12, 1.0, 1e12, 1e40])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = function.expectation(mean, var)
    assert np.isfinite(found).all()
    assert (found >= 0).all()


FAR = ["erfc(3*abs(x-10))", "1+erf(3*(x-10))", "erfc(abs(x-10))*log(2+abs(x))", "(2-2*erf(x))*sqrt(1+x**2)"]


@pytest.mark.parametrize("text", FAR)
@pytest.mark.parametrize(
    ("mean", "var"),
    [(0.0, 0.1), *(pytest.param(*law, marks=pytest.mark.slow) for law in [(-8.0, 0.1), (0.0, 1.0), (10.0, 5.0)])],
)
def test_the_bulk_may_lie_far_from_the_mean(text: str, mean: float, var: float) -> None:
    """What grows towards a cut has its bulk beyond it, and 1 ± erf(z) keeps its digits where it is small."""
    function = integrand(resolve(f"expr:{text}"), "fprime", 1)
    expected = expectation(function, {}, Fraction(mean), Fraction(var)).value
    found = float(FloatFunction(function, {}).expectation(mean, var))
    assert abs(found - expected) <= tolerance(expected) * abs(expected)
