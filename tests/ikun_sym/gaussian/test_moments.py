"""E[f'(X)^p], X ~ N(mean, var): the closed form, the ball arithmetic and the float64 rule against references that share
no code with them, against each other, against properties of the definition, and against planted errors.

Every check is a function of a surrogate, so that one which is added in a test (`ADDED`) passes the same ones.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy as sp
from flint import acb, arb
from mpmath import mp
from scipy.integrate import quad

from ikun_sym.catalogue.parameter import Param
from ikun_sym.catalogue.piecewise import PiecewiseFunction, U, even
from ikun_sym.catalogue.surrogate import Bound, Surrogate
from ikun_sym.catalogue.surrogates import SURROGATES
from ikun_sym.errors import DomainError, IkunError, UnknownNameError
from ikun_sym.expressions.lowering import Balls, ball
from ikun_sym.expressions.vocabulary import VOCABULARY
from ikun_sym.gaussian.closed_form import form_ball, form_of
from ikun_sym.gaussian.enclosures.certify import Enclosure, expectation, precision
from ikun_sym.gaussian.enclosures.tails import tail
from ikun_sym.gaussian.evaluate import FloatFunction
from ikun_sym.gaussian.form import KINDS, STATUSES
from ikun_sym.gaussian.moment import evaluate, float_function, integrand, moment
from ikun_sym.gaussian.primitive import with_primitive
from ikun_sym.reading.surrogate_spec import resolve
from tests.ikun_sym.gaussian.mutant_table import row
from tests.selection import spread

REFERENCE = json.loads((Path(__file__).parents[2] / "reference" / "moments.json").read_text(encoding="utf-8"))

DIGITS = 25
NARROW = arb("1e-24")
"""An enclosure asked for to 25 digits must be as narrow as that: one wide enough for anything proves nothing."""
REFERENCE_ERROR = arb("1e-31")
"""The references are rounded to 32 significant digits."""
FLOAT_ERROR = 1e-13
"""The relative error that `evaluate` promises above 1e-100; below, 1e-15 · |ln value|."""
SLACK = 1e-12
"""For comparisons between two or three float64 values, each of relative error FLOAT_ERROR."""

POWERS = (1, 2, 4)
NAMES = SURROGATES.names()

k, a = sp.Symbol("k", positive=True), sp.Symbol("alpha", positive=True)
ADDED = (
    Surrogate(
        name="epanechnikov",
        params=(Param("k", Fraction(2)),),
        derivative=even(1 - k**2 * U**2, support=1 / k),
        summary="1 - k²x² for |x| < 1/k, peak 1",
    ),
    Surrogate(
        name="alpha_function",
        params=(Param("alpha", Fraction(2)),),
        derivative=even((1 + a * U) * sp.exp(-a * U)),
        summary="(1 + α|x|) exp(-α|x|): smooth at 0",
    ),
    Surrogate(
        name="bimodal",
        params=(Param("alpha", Fraction(3, 2)),),
        derivative=even((1 + a**2 * U**2) * sp.exp(-(a**2) * U**2 / 2)),
        summary="a Gaussian times a polynomial",
    ),
)
"""Surrogates of the tests' own: one statement each, as in the catalogue."""


ELEMENTARY = {sp.exp, sp.erf, sp.erfc, sp.cos, sp.sin}


def bind(surrogate: Surrogate) -> Bound:
    """At the defaults; 1 where there is none."""
    return surrogate.bind({param.name: 1 for param in surrogate.params if param.default is None})


# --- checks -----------------------------------------------------------------------------------------------------------


def spec_of(entry: dict[str, Any]) -> str:
    return f"{entry['surrogate']}:" + ",".join(f"{name}={value}" for name, value in entry["params"].items())


def contains(enclosure: Enclosure, value: str) -> bool:
    """The enclosure contains the true value that `value` is rounded from, and is narrow."""
    with precision(400):
        true = arb(value) * (1 + arb(0, REFERENCE_ERROR))
        narrow = bool(arb(enclosure.rad) <= NARROW * abs(arb(value)))
        return narrow and bool(enclosure.ball().overlaps(true))


def check_float(bound: Bound, power: int, mean: Fraction, var: Fraction, value: float) -> None:
    """The float64 rule against a value: relative to it where f'^power >= 0, else to √E[f'^(2 power)], since what cancels is
    relative to the parts."""
    got = float(evaluate(bound, float(mean), float(var), power=power))
    if power % 2 == 0 or is_nonnegative(bound):
        relative = FLOAT_ERROR if not 0 < value <= 1e-100 else 1e-15 * abs(math.log(value))
        assert got == pytest.approx(value, rel=relative, abs=0)
    else:
        with precision(200):
            assert abs(got - value) <= FLOAT_ERROR * float(modulus(bound, power, mean, var).mid())


@lru_cache
def is_nonnegative(bound: Bound) -> bool:
    """f' >= 0 at 122 points over six decades on both sides."""
    points = [sign * 10 ** (n / 10) for n in range(-40, 21) for sign in (1, -1)]
    return bool(np.min(float_function(bound)(points)) >= 0)


def check_value(bound: Bound, power: int, mean: str, var: str, value: str) -> None:
    """Ball arithmetic and float64 against a reference value."""
    where = f"{bound.spec} power {power} mean {mean} var {var}"
    assert contains(moment(bound, mean, var, power=power, digits=DIGITS).enclosure, value), where
    check_float(bound, power, Fraction(mean), Fraction(var), float(value))


def check_routes(bound: Bound, power: int, mean: Fraction, var: Fraction) -> None:
    """The closed form, where there is one, the validated integral and the float64 rule give one value; a finite sum within
    its error, which is relative to E|g|, g = f'^power (g >= 0 for even powers; an odd one is bounded by the next even one)."""
    function = integrand(bound, "fprime", power)
    integral = expectation(function, bound.environment, mean, var, DIGITS, integral=True)
    form = form_of(function, bound.environment, mean)
    if form.expr is not None:
        closed = form_ball(form.expr, bound.environment, mean, var, DIGITS)
        with precision(200):
            allowed = modulus(bound, power, mean, var) * form.error.numerator / form.error.denominator
            assert (abs(closed - integral.ball())).lower() <= allowed.upper()
            # a value that cancels to 0 has no digits of its own: its balls are narrow beside the parts
            size = modulus(bound, power, mean, var) if closed.contains(0) else abs(closed)
            assert closed.rad() <= NARROW * size.upper()
            assert arb(integral.rad) <= NARROW * size.upper()
    check_float(bound, power, mean, var, integral.value)


def modulus(bound: Bound, power: int, mean: Fraction, var: Fraction) -> arb:
    """An upper bound of E|f'^power|: for odd powers, |g| <= √(E g²) by the inequality of Cauchy and Schwarz."""
    if power % 2 == 0:
        return expectation(integrand(bound, "fprime", power), bound.environment, mean, var, DIGITS).ball()
    return expectation(integrand(bound, "fprime", 2 * power), bound.environment, mean, var, DIGITS).ball().sqrt()


def check_status(surrogate: Surrogate) -> None:
    """Every form is proved, or agrees with the integral; whatever is known is said in the vocabulary; elementary forms have
    elementary parts only, and a finite sum states its error."""
    bound = bind(surrogate)
    for power in POWERS:
        found = moment(bound, "-0.5", 1, power=power)
        assert found.status in STATUSES
        assert found.status not in ("refuted", "unknown")
        assert found.form.kind in KINDS
        assert (found.form.expr is None) is (found.form.kind == "none") is (found.status == "numeric-only")
        assert found.proved is found.status.startswith("proved")
        assert all(check.holds for check in found.certificate.checks)
        assert bool(found.certificate.checks) is (found.form.expr is not None)
        assert (found.form.kind == "series") is (found.form.error > 0) is (found.form.series is not None)
        if found.form.kind == "elementary" and found.form.expr is not None:
            assert {type(f) for f in found.form.expr.atoms(sp.Function)} <= ELEMENTARY


def by_mpmath(bound: Bound, power: int, mean: Fraction, var: Fraction) -> str:
    """E[f'^power] by mpmath's quadrature of the declared pieces: nothing shared but the declaration."""
    with mp.workdps(45):
        m, v = (mpmath.mpf(x.numerator) / x.denominator for x in (mean, var))
        numbers = {s: sp.Rational(x) for s, x in bound.environment.items()}
        total = mpmath.mpf(0)
        reach = abs(m) + 40 * mp.sqrt(v)  # e^-800 is dropped, times at most e^480 of an exponential slope
        for piece in written_out(bound.surrogate.derivative, numbers, reach).pieces:
            value = sp.lambdify(U, piece.value.subs(numbers), "mpmath")
            centre = piece.side * m
            lo, hi = (reach if end == sp.oo else mpmath.mpf(sp.N(end.subs(numbers), 50)) for end in (piece.lo, piece.hi))
            steps = {lo, hi, centre, *(centre + j * mp.sqrt(v) for j in (-30, -16, -9, -4, -2, 2, 4, 9, 16, 23, 30))}
            steps |= {mpmath.mpf(2) ** j for j in range(-8, 5)}
            points = sorted(point for point in steps if lo <= point <= hi)
            total += mp.quad(lambda u, f=value, c=centre: f(u) ** power * mp.exp(-((u - c) ** 2) / (2 * v)), points)
        return mp.nstr(total / mp.sqrt(2 * mp.pi * v), 32)


def written_out(derivative: PiecewiseFunction, numbers: dict[sp.Symbol, sp.Rational], reach: Any) -> PiecewiseFunction:
    """As many cells of the periodic tails as begin below `reach`."""

    def count(tail: Any) -> int:
        return max(1, math.ceil((float(reach) - float(tail.start.subs(numbers))) / float(tail.period.subs(numbers))))

    return derivative.unrolled({tail.side: count(tail) for tail in derivative.tails})


def check_everything(surrogate: Surrogate) -> None:
    """What every surrogate passes, registered or added."""
    check_status(surrogate)
    mean, var = Fraction(-7, 10), Fraction(3, 10)
    for power in POWERS:
        bound = bind(surrogate)
        check_value(bound, power, "-0.7", "0.3", by_mpmath(bound, power, mean, var))
        for at in ((mean, var), (Fraction(0), Fraction(4)), (Fraction(3), Fraction(1, 4))):
            check_routes(bound, power, *at)


# --- values -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", spread(dict.fromkeys(entry["surrogate"] for entry in REFERENCE), 5, 1))
def test_stored_references(name: str) -> None:
    for entry in (entry for entry in REFERENCE if entry["surrogate"] == name):
        check_value(resolve(spec_of(entry)), entry["power"], entry["mean"], entry["var"], entry["value"])


@pytest.mark.parametrize("name", spread(NAMES, 12))
def test_registered_surrogate(name: str) -> None:
    check_everything(SURROGATES[name])


def test_planted_errors_in_a_reference_are_caught() -> None:
    entry = next(e for e in REFERENCE if e["surrogate"] == "sigmoid" and e["mean"] == "-1" and e["power"] == 2)
    true = moment(spec_of(entry), entry["mean"], entry["var"], power=2, digits=DIGITS).enclosure
    assert contains(true, entry["value"])
    with mp.workdps(40):
        for factor in ("1.001", "1.00000000000000000000000000001", "-1", "2"):
            wrong = mp.nstr(mpmath.mpf(entry["value"]) * mpmath.mpf(factor), 32)
            assert not contains(true, wrong)
    wide = Enclosure(mid=true.mid, rad=entry["value"], route="planted: too wide")
    assert not contains(wide, entry["value"])
    with pytest.raises(AssertionError):
        check_value(resolve(spec_of(entry)), 2, entry["mean"], entry["var"], "0.5")


# --- what is known of each form ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind", "status"),
    [
        ("atan", "special", "proved-heat"),
        ("sigmoid", "series", "proved-ftc"),
        ("tanh", "series", "proved-ftc"),
        ("fast_sigmoid", "special", "proved-ode"),
        ("erf", "elementary", "proved-ftc"),
        ("triangular", "elementary", "proved-ftc"),
    ],
)
def test_status_of(name: str, kind: str, status: str) -> None:
    found = moment(name, 0, 1, power=2)
    assert (found.form.kind, found.status, found.proved) == (kind, status, status.startswith("proved"))


# --- limits, shapes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", spread(NAMES, 3))
def test_variance_zero_is_the_limit(name: str) -> None:
    """At a kink the error is O(σ) = 1e-6 times a slope of up to 100, elsewhere O(v)."""
    for mean in ("0", "0.3", "-0.3", "-2"):
        point = moment(name, mean, 0)
        assert point.enclosure.value == pytest.approx(float(evaluate(name, float(mean), 1e-12)), rel=1e-3, abs=1e-30)
        assert point.note
        assert point.form.kind == "none"
        assert not point.proved


def test_variance_zero_at_a_jump_is_the_mean_of_the_limits() -> None:
    assert moment("rectangular", "0.5", 0).value == 0.5
    assert moment("rectangular:alpha=1/3", "-3/2", 0).value == pytest.approx(1 / 6, rel=1e-15)
    assert moment("rectangular", "0.51", 0).value == 0


def has_primitive(name: str) -> bool:
    try:
        return bool(with_primitive(bind(SURROGATES[name]))[1].pieces)
    except IkunError:
        return False


@pytest.mark.parametrize("name", spread(NAMES, 3, 1))
def test_primitive_moments_differentiate_to_derivative_moments(name: str) -> None:
    """d/dm E[f(X)] = E[f'(X)]: a central difference of step 1e-4, so an error of about 1e-8."""
    if not has_primitive(name):
        with pytest.raises(IkunError, match="no primitive is known"):
            evaluate(name, -0.6, 0.5, of="f")
        return
    step = 1e-4
    upper, lower = (float(evaluate(name, -0.6 + sign * step, 0.5, of="f")) for sign in (1, -1))
    assert (upper - lower) / (2 * step) == pytest.approx(float(evaluate(name, -0.6, 0.5)), rel=1e-5)


@pytest.mark.parametrize("spec", ["q_pseudo_spike:alpha=3", "expr:(1+abs(x)/c)**(-5/2);c=1/2"])
def test_primitive_where_only_the_values_tell_that_tails_are_integrable(spec: str) -> None:
    """E[f(X)] = ∫_{−∞}^m E[f'(X + t)] dt, by quadrature."""
    expected = quad(lambda m: float(evaluate(spec, m, 0.7)), -np.inf, 0.4, epsabs=0, epsrel=1e-11)[0]
    assert moment(spec, "0.4", "0.7", of="f").value == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("name", spread(NAMES, 6, 1))
def test_float_route_broadcasts(name: str) -> None:
    mean, var = np.linspace(-2, 1, 4)[:, None], np.array([0.1, 1.0, 10.0])
    grid = evaluate(name, mean, var, power=2)
    assert grid.shape == (4, 3)
    assert grid.dtype == np.float64
    for i in range(4):
        for j in range(3):
            assert grid[i, j] == pytest.approx(float(evaluate(name, mean[i, 0], var[j], power=2)), rel=1e-14)
    assert evaluate(name, 0, 1).shape == ()
    assert evaluate(name, [], []).shape == (0,)
    assert evaluate(name, np.zeros((2, 1, 3)), np.ones((5, 1))).shape == (2, 5, 3)


def test_long_arrays_equal_short_ones() -> None:
    """Longer than one internal batch."""
    var = np.geomspace(1e-6, 1e6, 3000)
    together = evaluate("fast_sigmoid", -0.5, var)
    assert np.array_equal(together[::500], [evaluate("fast_sigmoid", -0.5, v) for v in var[::500]])


# --- the vocabulary and the tails -------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", [w for w in VOCABULARY.values() if w.bound is not None], ids=lambda w: w.head.__name__)
def test_stated_bounds_hold(word: Any) -> None:
    """n = 400 reals over twelve decades, seed 7."""
    draw = random.Random(7)
    limit = ball(word.bound)
    for _ in range(400):
        x = draw.choice((-1, 1)) * 10 ** draw.uniform(-6, 6)
        # the ball of a value near the bound reaches beyond it: its lower end must not
        assert abs(word.ball(acb(x), analytic=False)).lower() <= limit
        assert abs(word.ball(acb(x), analytic=False).imag) == 0


STRADDLING = {
    "log": (acb(arb(-1), arb(0, 0.25)), lambda z, flag: VOCABULARY[sp.log].ball(z, analytic=flag)),
    "atan, upper cut": (acb(arb(0, 0.25), arb(2)), lambda z, flag: VOCABULARY[sp.atan].ball(z, analytic=flag)),
    "atan, lower cut": (acb(arb(0, 0.25), arb(-2)), lambda z, flag: VOCABULARY[sp.atan].ball(z, analytic=flag)),
    "square root": (acb(arb(-1), arb(0, 0.25)), lambda z, flag: Balls(analytic=flag).power(z, Fraction(1, 2))),
    "power 3/2": (acb(arb(-1), arb(0, 0.25)), lambda z, flag: Balls(analytic=flag).power(z, Fraction(3, 2))),
    "cube root": (acb(arb(-1), arb(0, 0.25)), lambda z, flag: Balls(analytic=flag).power(z, Fraction(1, 3))),
}


@pytest.mark.parametrize("label", STRADDLING)
def test_the_analytic_flag_refuses_balls_that_straddle_a_cut(label: str) -> None:
    """Without this the rigorous integrator would believe wrong values; away from the cut nothing is refused."""
    z, function = STRADDLING[label]
    assert not function(z, True).is_finite()
    assert function(z, False).is_finite()
    assert function(acb(arb(1, 0.25), arb(0, 0.25)), True).is_finite()


TAIL_EXPRESSIONS = [
    sp.Integer(2),
    U,
    U**2,
    sp.exp(U),
    U * sp.exp(-U),
    1 / (1 + U),
    1 / (1 + U) ** 2,
    sp.sqrt(U),
    U ** sp.Rational(-1, 2),
    U - 2,
    3 - U**3,
    sp.sin(5 * U),
    sp.log(U),
    sp.atan(U),
    sp.erf(U) - 1,
    sp.exp(U**2 / 10),
    sp.exp(-U) / (1 + sp.exp(-U)) ** 2,
    U**2 * sp.exp(U - U**2) + 1 / (2 + sp.sin(U)),
    1 / (1 - 2 * U) ** 3,
]


def numerical_tail(expr: sp.Expr, cut: float, mean: float, var: float) -> mpmath.mpf:
    """∫_cut^∞ |expr| N(u; mean, var) du by mpmath, up to 40 standard deviations beyond."""
    value, sigma = sp.lambdify(U, expr, "mpmath"), math.sqrt(var)
    points = [cut + sigma * j * j / 10 for j in range(21)]
    total = mp.quad(lambda u: abs(value(u)) * mp.exp(-((u - mean) ** 2) / (2 * var)), points)
    return total / mp.sqrt(2 * mp.pi * var)


@pytest.mark.parametrize("expr", TAIL_EXPRESSIONS, ids=str)
def test_tails_are_bounded(expr: sp.Expr) -> None:
    for cut, mean, var in ((1.0, 0.0, 1.0), (3.0, -1.0, 0.25), (6.0, 2.0, 1.0), (1.0, 2.0, 4.0)):
        bound = tail(expr, {}, arb(cut), arb(mean), arb(var))
        assert bound.is_finite()
        # 1e-9: the quadrature's own error where the bound is sharp (a constant)
        assert bound.upper() >= arb(float(numerical_tail(expr, cut, mean, var))) * (1 - arb("1e-9"))


@pytest.mark.parametrize("expr", [sp.exp(U**2 / 2), sp.exp(U**2), sp.exp(U**3), 1 / (U - 2), sp.log(U - 2)], ids=str)
def test_tails_without_a_bound_are_refused(expr: sp.Expr) -> None:
    """Infinite, singular beyond the cut, or of unknown growth: an error, never a number."""
    with pytest.raises(IkunError):
        tail(expr, {}, arb(1), arb(0), arb(1))


def test_an_infinite_expectation_is_refused() -> None:
    growing = even(sp.exp(U**2))
    finite = expectation(growing, {}, Fraction(0), Fraction(1, 10))
    assert finite.value == pytest.approx(1 / math.sqrt(0.8), rel=1e-15)
    for var in (Fraction(1, 2), Fraction(3)):
        with pytest.raises(IkunError, match="infinite"):
            expectation(growing, {}, Fraction(0), var)


# --- bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: moment("sigmiod", 0, 1), UnknownNameError, "did you mean sigmoid"),
        (lambda: moment("spikingjelly.Sigmiod", 0, 1), UnknownNameError, "did you mean spikingjelly.Sigmoid"),
        (lambda: moment("zzzzzz", 0, 1), UnknownNameError, "known: .*sigmoid"),
        (lambda: moment("", 0, 1), UnknownNameError, "unknown surrogate"),
        (lambda: moment(None, 0, 1), IkunError, "neither a name nor a Surrogate"),  # type: ignore[arg-type]
        (lambda: moment("atan:beta=2", 0, 1), IkunError, "no parameter 'beta'; it has alpha"),
        (lambda: moment("spikingjelly.DeterministicPass:k=2", 0, 1), IkunError, "has no parameters"),
        (lambda: moment("atan:alpha", 0, 1), IkunError, "not param=value"),
        (lambda: moment("atan:alpha=1,alpha=2", 0, 1), IkunError, "sets alpha twice"),
        (lambda: moment("atan:alpha=x", 0, 1), IkunError, "not a finite number"),
        (lambda: moment("norse.heavi_tanh_fn", 0, 1), IkunError, "no default for k"),
        (lambda: moment("atan:alpha=0", 0, 1), DomainError, "parameter alpha = 0 .*positive"),
        (lambda: moment("atan:alpha=-1", 0, 1), DomainError, "parameter alpha = -1 .*positive"),
        (lambda: evaluate("atan", 0, 1, alpha=-1), DomainError, "parameter alpha = -1"),
        (lambda: evaluate("atan", 0, 1, beta=2), IkunError, "no parameter 'beta'"),
        (lambda: moment("atan", 0, -1), DomainError, "var = -1 .*variance, not a standard deviation"),
        (lambda: moment("atan", 0, "-1e-9"), DomainError, "var = -1e-9"),
        (lambda: moment("atan", math.nan, 1), IkunError, "mean = nan is not a finite number"),
        (lambda: moment("atan", 0, math.inf), IkunError, "var = inf is not a finite number"),
        (lambda: moment("atan", "nan", 1), IkunError, "mean = 'nan'"),
        (lambda: moment("atan", "1/0", 1), IkunError, "divides by zero"),
        (lambda: moment("atan", "1e400", 1), IkunError, "out of range"),
        (lambda: moment("atan", None, 1), IkunError, "mean = None"),  # type: ignore[arg-type]
        (lambda: moment("atan", 0, 1, power=0), DomainError, "power = 0"),
        (lambda: moment("atan", 0, 1, power=-1), DomainError, "power = -1"),
        (lambda: moment("atan", 0, 1, power=17), DomainError, "power = 17 .*1 to 16"),
        (lambda: moment("atan", 0, 1, power=1.5), DomainError, "power = 1.5"),  # type: ignore[arg-type]
        (lambda: evaluate("atan", 0, 1, power=0), DomainError, "power = 0"),
        (lambda: moment("atan", 0, 1, of="g"), IkunError, "of = 'g' is not known; allowed: fprime, f"),
        (lambda: moment("atan", 0, 1, digits=0), DomainError, "digits = 0"),
        (lambda: moment("atan", 0, 1, digits=1.5), DomainError, "digits = 1.5"),  # type: ignore[arg-type]
        (lambda: moment("atan", 0, 1, digits=100000), DomainError, "digits = 100000"),
        (lambda: evaluate("atan", 0, 0), IkunError, "variances > 0"),
        (lambda: evaluate("atan", 0, -1), IkunError, "variances > 0"),
        (lambda: evaluate("atan", math.nan, 1), IkunError, "finite means"),
        (lambda: evaluate("atan", [0, 1], [1, math.inf]), IkunError, "finite"),
    ],
)
def test_bad_input_is_refused_in_one_line(call: Any, error: type[IkunError], message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        call()
    text = str(caught.value)
    assert "\n" not in text
    assert 10 < len(text) < 1000  # the longest lists every registered name


# --- adding a surrogate is one statement ------------------------------------------------------------------------------


@pytest.fixture(params=spread(ADDED, 3), ids=lambda surrogate: surrogate.name)
def added(request: pytest.FixtureRequest) -> Iterator[Surrogate]:
    surrogate: Surrogate = SURROGATES.register(request.param)
    yield surrogate
    SURROGATES.unregister(surrogate.name)


def test_an_added_surrogate_passes_the_same_checks(added: Surrogate) -> None:
    check_everything(SURROGATES[added.name.upper()])
    assert moment(added.name, "-0.5", 1, power=2).proved
    test_variance_zero_is_the_limit(added.name)
    test_primitive_moments_differentiate_to_derivative_moments(added.name)
    test_float_route_broadcasts(added.name)
    found = row(added.name, 1, ("factor 1 + 1e-9", "sign", "μ + 1/1000", "v · 1.001", "rate · 1.001", "+ dipole"))
    assert found.sound, found
    assert found.refused == 6


def test_a_name_is_registered_once() -> None:
    with pytest.raises(IkunError, match="registered already"):
        SURROGATES.register(Surrogate(name="ATAN", derivative=even(1), summary="differs in case only"))


def test_added_surrogates_are_gone() -> None:
    assert SURROGATES.names() == NAMES
    assert not {surrogate.name for surrogate in ADDED} & set(NAMES)


# --- regressions ------------------------------------------------------------------------------------------------------

GROWING = Surrogate(name="growing", derivative=even(sp.exp(U**2)), summary="finite moments for variances below 1/2")


def test_true_is_not_the_power_one() -> None:
    moment("atan", 0, 1, power=1)
    with pytest.raises(DomainError):
        moment("atan", 0, 1, power=True)


def test_a_law_much_narrower_than_its_mean() -> None:
    assert moment("triangular", "0.3", "1e-14").value == pytest.approx(0.7, rel=1e-15)


def test_numpy_scalars_are_numbers() -> None:
    assert moment("atan", np.int64(0), np.int64(1)).value == moment("atan", 0, 1).value  # type: ignore[arg-type]


def test_an_expectation_may_exist_at_small_variances_only() -> None:
    assert moment(GROWING, 0, "0.1").value == pytest.approx(1 / math.sqrt(0.8), rel=1e-15)


def test_the_float_route_sees_laws_narrower_than_its_nodes() -> None:
    assert float(evaluate("linear", 0.3, 1e-200)) == pytest.approx(1.0, rel=1e-13)


@pytest.mark.parametrize("exponent", ["2/3", "1/3", "5/4"])
@pytest.mark.parametrize(("mean", "var"), [("-13/10", "1/4"), ("0", "1/100")])
def test_rational_powers_of_the_distance(exponent: str, mean: str, var: str) -> None:
    """1/(1 + u^q)² has an infinite slope at 0, or a bend: against mpmath's quadrature with break points that crowd there."""
    q, m, v = (Fraction(text) for text in (exponent, mean, var))
    function = even((1 + U ** sp.Rational(exponent)) ** -2)
    found = expectation(function, {}, m, v, 17)
    with mp.workdps(30):
        power, centre, scale = (mpmath.mpf(x.numerator) / x.denominator for x in (q, m, v))
        reach = 12 * mp.sqrt(scale)
        inner = {sign * mpmath.mpf(10) ** -n for n in range(0, 22, 2) for sign in (1, -1)} | {mpmath.mpf(0), centre}
        ends = {centre - reach, centre + reach}
        points = sorted(ends | {x for x in inner if abs(x - centre) < reach})
        density = lambda x: (1 + abs(x) ** power) ** -2 * mp.exp(-((x - centre) ** 2) / (2 * scale))  # noqa: E731
        truth = float(mp.quad(density, points) / mp.sqrt(2 * mp.pi * scale))
    assert found.value == pytest.approx(truth, rel=1e-13)
    assert float(FloatFunction(function, {}).expectation(float(m), float(v))) == pytest.approx(found.value, rel=1e-13)


def test_a_power_near_its_branch_point_holds_its_values() -> None:
    """|z^q| = |z|^q, where the logarithm of a ball around 0 has no value; the integrator's flag still refuses it."""
    z, exponent = acb(arb(0, "1e-3"), arb(0, "1e-3")), Fraction(2, 3)
    found = Balls().power(z, exponent)
    for point in (acb(0), acb("1e-3"), acb(0, "1e-3"), acb("-1e-3"), acb("-5e-4", "-5e-4")):
        value = point.pow(acb(2) / 3) if point != 0 else acb(0)
        assert found.real.overlaps(value.real)
        assert found.imag.overlaps(value.imag)
    assert abs(found).upper() < arb("0.03")
    assert not Balls(analytic=True).power(z, exponent).is_finite()
    assert not Balls().power(z, -exponent).is_finite()


@pytest.mark.parametrize(("mean", "value", "within"), [(0, 1.0, 1e-17), (5, 0.0, 0.0)], ids=["inside the window", "outside"])
@pytest.mark.parametrize("integral", [False, True], ids=["antiderivatives", "integral"])
def test_what_decimal_exponents_do_not_reach(mean: int, value: float, within: float, integral: bool) -> None:
    """A density 1e20 standard deviations away: what it leaves is below any decimal number, and stays an enclosure."""
    bound = resolve("rectangular")
    found = expectation(
        integrand(bound, "fprime", 1), bound.environment, Fraction(mean), Fraction(1, 10**40), integral=integral
    )
    assert found.value == value
    assert float(found.rad) <= within
    assert found.rad != "0"
