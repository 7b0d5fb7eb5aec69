"""Expectations by antiderivatives in ball arithmetic, against the validated integrator, which shares nothing with them."""

from __future__ import annotations

from fractions import Fraction

import mpmath
import pytest
import sympy as sp
from flint import arb

from ikun_sym.catalogue.piecewise import U, even, two_sided
from ikun_sym.errors import IkunError, InfiniteExpectationError
from ikun_sym.expressions.lowering import precision
from ikun_sym.gaussian.enclosures import antiderivative_increments as increments
from ikun_sym.gaussian.enclosures import certify
from ikun_sym.gaussian.enclosures.certify import expectation
from ikun_sym.gaussian.moment import integrand, moment
from ikun_sym.reading.surrogate_spec import resolve

SPECS = (
    "exponential",
    "multi_gaussian",
    "triangular",
    "graded_exponential",
    "exponential_escape",
    "leaky_k_relu",
    "expr:cos(3*x)*exp(-x**2)",
    "expr:x**3*exp(x - x**2/9)*sin(x)*heaviside(2 - abs(x))",
    "expr:(1 + x)**2*exp(x/2)*heaviside(x + 1)",
    "expr:exp(x**2/9)*heaviside(3 - abs(x))",
)
SETTINGS = ((Fraction(1, 2), Fraction(1, 3)), (Fraction(-8), Fraction(1, 10)), (Fraction(-3), Fraction(5)))


def check(spec: str) -> None:
    bound = resolve(spec)
    function = integrand(bound, "fprime", 2)
    for mean, var in SETTINGS:
        found = expectation(function, bound.environment, mean, var, 25)
        truth = expectation(function, bound.environment, mean, var, 25, integral=True)
        assert (found.route, truth.route) == (increments.ROUTE, certify.ROUTE)
        with precision(200):
            assert found.ball().overlaps(truth.ball()), (spec, mean, var)
            assert arb(found.rad) <= abs(arb(found.mid)) * arb("1e-25")


@pytest.mark.parametrize("spec", SPECS)
def test_antiderivatives_and_the_integrator_agree(spec: str) -> None:
    check(spec)


@pytest.mark.parametrize("plant", ["kappa", "peak", "boundary", "tail"])
def test_a_planted_error_is_seen(plant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    right, law = increments._error_function, increments.Law
    if plant == "tail":
        moved = lambda peak, lo, hi: right(peak, lo, None if hi is None else hi + arb(2) ** -70)  # noqa: E731
        monkeypatch.setattr(increments, "_error_function", moved)
    else:
        of = law.of
        changed = {"kappa": ("kappa", 1 + arb(2) ** -40), "peak": ("peak", 1 + arb(2) ** -40), "boundary": ("r", arb(2))}

        def planted(*args: object) -> object:
            found = of(*args)  # type: ignore[arg-type]
            name, factor = changed[plant]
            object.__setattr__(found, name, getattr(found, name) * factor)
            return found

        monkeypatch.setattr(law, "of", planted)
    with pytest.raises(AssertionError):
        check("triangular" if plant == "tail" else "exponential")


def test_a_wave_keeps_its_digits_at_any_width() -> None:
    """E[(4/T) cos kX] = (4/T) e^{−k²v/2} cos kμ, k = 2π/T: at σ = 100 it is about 1e-1340."""
    for sigma, mean in ((10, Fraction(0)), (100, Fraction(0)), (10**4, Fraction(1, 3))):
        found = moment("squarewave_fourier_series", mean, sigma**2, digits=30).enclosure
        assert found.route.endswith("antiderivatives")  # by integration it takes minutes
        with precision(400):
            k = arb.pi() / 4
            truth = (-((k * sigma) ** 2) / 2).exp() / 2 * (k * arb(mean.numerator) / mean.denominator).cos()
            assert found.ball().overlaps(truth)
            assert arb(found.rad) <= abs(truth) * arb("1e-30")


def test_growth_and_decay_are_told_apart() -> None:
    """e^{u²/8}: finite below variance 4; cut off, at every variance but 4, where the exponent loses its square."""
    growing = even(sp.exp(U**2 / 8))
    assert expectation(growing, {}, Fraction(1), Fraction(3)).route == increments.ROUTE
    for var in (4, 5):
        with pytest.raises(InfiniteExpectationError):
            expectation(growing, {}, Fraction(1), Fraction(var))
    cut = even(sp.exp(U**2 / 8), sp.Integer(3))
    for var, route in ((3, increments.ROUTE), (4, certify.ROUTE), (5, increments.ROUTE)):
        found = expectation(cut, {}, Fraction(1), Fraction(var))
        assert found.route == route
        with precision(200):
            assert found.ball().overlaps(expectation(cut, {}, Fraction(1), Fraction(var), integral=True).ball())


def test_what_goes_on_across_a_breakpoint_is_one_stretch() -> None:
    assert len(increments.stretches(even(sp.exp(-(U**2)))) or ()) == 1
    assert len(increments.stretches(two_sided(U, -U)) or ()) == 1
    assert len(increments.stretches(even(U)) or ()) == 2
    assert increments.stretches(even(1 / (1 + U))) is None


def steep(tau: str) -> arb:
    bound = resolve(f"graded_exponential:tau_rho={tau}")
    found = expectation(bound.surrogate.derivative, bound.environment, Fraction(-3), Fraction(10**4), 30)
    assert found.route == increments.ROUTE
    return found.ball()


def check_steep() -> None:
    """E = Q(3/σ) + ½ e^{m/τ + v/2τ²} erfc((v/τ + m)/√(2v)): at τ = 1e-8 the power is 5e19, the product 1e-11. By mpmath at 80
    digits."""
    for tau in ("1e-8", "1e-3", "5"):
        with precision(300), mpmath.workdps(80):
            t, v = mpmath.mpf(tau), mpmath.mpf(10**4)
            below = mpmath.exp(-3 / t + v / (2 * t * t)) * mpmath.erfc((v / t - 3) / mpmath.sqrt(2 * v)) / 2
            truth = arb(mpmath.nstr(mpmath.erfc(mpmath.mpf(3) / mpmath.sqrt(2 * v)) / 2 + below, 60))
            assert abs(steep(tau) - truth) < abs(truth) * arb("1e-30")


def test_powers_beyond_all_bounds_whose_product_is_moderate() -> None:
    check_steep()


def test_a_wrong_factor_far_out_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    right = increments.erfcx
    monkeypatch.setattr(increments, "erfcx", lambda z: right(z) * (1 + arb(2) ** -40))
    with pytest.raises(AssertionError):
        check_steep()


def test_what_no_decimal_holds_is_an_error() -> None:
    with pytest.raises(IkunError, match="no decimal holds it"):
        moment("exponential_escape:delta_u=1e-8", -3, 10**4)
