"""Closed forms of expressions as users write them: proved where the class has a proof, and in agreement with the integral."""

from __future__ import annotations

import random
from collections.abc import Iterator
from fractions import Fraction

import pytest
import sympy as sp
from flint import arb

from ikun_sym.catalogue.piecewise import PiecewiseFunction
from ikun_sym.expressions.symbols import MEAN, VAR
from ikun_sym.expressions.tidy import tidy
from ikun_sym.gaussian.closed_form import derive, form_ball
from ikun_sym.gaussian.enclosures.certify import expectation
from ikun_sym.gaussian.form import ClosedForm
from ikun_sym.gaussian.moment import integrand
from ikun_sym.gaussian.rules import sum_of_terms as pieces
from ikun_sym.reading.surrogate_spec import resolve

PLACES = [(Fraction(1, 2), Fraction(1, 4)), (Fraction(-3, 2), Fraction(3))]

EXPRESSIONS = {
    "exp(-(x+1)**2)*(x-2)": "proved-ftc",  # constants e^{-1} of the exponent
    "exp(-(x+sqrt(2))**2)*x**2": "proved-ftc",
    "exp(-x**2/sqrt(2))": "proved-ftc",  # √(1 + √2 v)
    "exp(-sqrt(2)*abs(x+sqrt(3)))*x": "proved-ftc",
    "max(0,1-abs(x)/2**(1/3))**2": "proved-ftc",
    "1/(1+x**2/sqrt(2))": "proved-heat",
    "1/(sqrt(2)+abs(x))**2": "proved-ftc",
    "1/(sqrt(2)-1+abs(x))": "proved-ftc",  # a number that is positive only by the value of √2
    "cos(x)*piecewise((1,x<-1),(2,x<0),(1-x/2,x<2),(0,True))": "proved-ftc",  # phases without the mean
    "sin(x/2)*max(0,1-abs(x-1))": "proved-ftc",
    "(1+abs(x)/2)**(-5/2)": "proved-ftc",
    "exp(-sqrt(2)*x**2)*(1+sqrt(2)*x)**2": "proved-ftc",
    "cosh(x/2)*piecewise((max(0,1-x**2),x<0),(sech(4*x),True))": "proved-ftc",  # e^{x/2} and e^{4x} below a fraction line
    "cos(3/2*abs(x+4))*sigmoid(4*abs(x))": "proved-ftc",
    "exp(x/50)*sigmoid(x/7)": "proved-ftc",  # powers of e^{x/350}
}


def of_expression(text: str) -> PiecewiseFunction:
    return integrand(resolve(f"expr:{text}"), "fprime", 1)


def agrees(function: PiecewiseFunction, form: ClosedForm, factor: sp.Expr = sp.S.One) -> bool:
    """At each place, to 20 digits or the form's own error, relative to E|g| <= √E[g²]: the integrator takes no closed form."""
    assert form.expr is not None
    for mean, var in PLACES:
        integral = expectation(function, {}, mean, var, 20, integral=True).ball()
        size = expectation(function.power(2), {}, mean, var, 20).ball().sqrt().upper()
        found = form_ball(form.expr * factor, {}, mean, var, 20) + arb(0, size * float(form.error))
        if not (integral.overlaps(found) and integral.rad() < abs(integral.mid()) * 1e-15):
            return False
    return True


@pytest.mark.parametrize(("text", "status"), EXPRESSIONS.items())
def test_a_form_is_proved_and_agrees(text: str, status: str) -> None:
    function = of_expression(text)
    form = derive(function)
    assert form.certificate.status == status
    assert agrees(function, form)
    assert not agrees(function, form, 1 + sp.Rational(1, 10**12))


def _random_pieces(rng: random.Random) -> str:
    """Polynomials of degree up to 2, times an exponential or a Gaussian, times cos or sin or neither, piece by piece."""

    def value() -> Iterator[str]:
        yield rng.choice(["1", "x", "(1-x/2)", "(x**2-2)"])
        yield rng.choice(["1", "exp(-x/2)", "exp(x/3)", "exp(-x**2)", "exp(-(x-1)**2/2)", "exp(-sqrt(2)*x**2)"])
        yield rng.choice(["1", "1", "cos(x)", "sin(2*x)", "cos(x/2-1)"])

    ends = sorted(rng.sample([-2, -1, 0, 1, 2], 2))
    cases = [f"({'*'.join(value())}, x < {end})" for end in ends]
    return f"piecewise({', '.join(cases)}, ({'*'.join(value())}, True))"


@pytest.mark.parametrize("seed", [*range(5), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(5, 60))])
def test_elementary_pieces_are_proved_and_agree(seed: int) -> None:
    text = _random_pieces(random.Random(seed))
    function = of_expression(text)
    form = derive(function)
    assert form.kind == "elementary"
    assert form.certificate.status == "proved-ftc", text
    assert agrees(function, form), text


@pytest.mark.parametrize("seed", range(8))
def test_what_is_tidied_keeps_its_value(seed: int) -> None:
    """Evaluated at a mean and a variance, to 20 digits."""
    total = pieces.total_of(of_expression(_random_pieces(random.Random(seed))))
    assert total is not None
    at = {MEAN: sp.Rational(1, 2), VAR: sp.Rational(1, 4)}
    before, after = (sp.N(expr.xreplace(at), 20) for expr in (total.exact, tidy(total.exact)))
    assert abs(before - after) < 1e-15 * max(1, abs(before))
