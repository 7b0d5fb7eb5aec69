"""A parameter is a parameter, whatever its name: no letter of our own formulas is a symbol that a user could write."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from functools import cache

import pytest
import sympy as sp
from flint import arb

from ikun_sym.catalogue.piecewise import PiecewiseFunction, U, even, two_sided
from ikun_sym.expressions.lowering import precision
from ikun_sym.gaussian.closed_form import derive_at, forget, form_ball
from ikun_sym.gaussian.enclosures.certify import expectation
from ikun_sym.gaussian.form import ClosedForm, latex, plain
from ikun_sym.gaussian.moment import moment
from ikun_sym.gaussian.rules import logistic
from tests.selection import spread

LETTERS = ("s", "y", "z", "a", "Lambda", "t", "x", "k", "b", "c", "e", "E", "j", "n", "w", "tau", "omega", "sigma")
"""What our own formulas call their letters, or might."""

MEANS = (Fraction(0), Fraction(2, 3))
VALUE, SPREAD = Fraction(3, 7), Fraction(1, 2)


@cache
def named(name: str) -> dict[str, PiecewiseFunction]:
    """A function of every class with one parameter of that name."""
    p = sp.Symbol(name, positive=True)
    return {
        "rational": two_sided(1 / (1 + (U - p) ** 2), 1 / (1 + (U + p) ** 2)),
        "exponential": even(U * sp.exp(-p * U), p),
        "rational in an exponential": even(1 / (1 + p * sp.exp(-U))),
        "logistic": even(sp.exp(-p * U) / (1 + sp.exp(-p * U)) ** 2),
        "rational on half-lines": even(1 / (1 + p * U) ** 2),
        "trigonometric": even(sp.exp(-(U**2)) * sp.cos(p * U)),
        "power of a quadratic": even((1 + p**2 * U**2) ** sp.Rational(-3, 2)),
    }


def check(label: str, names: Iterable[str]) -> None:
    """What is claimed of a function does not depend on its parameter's name, and its form has the integral's values."""
    plainly = named("gamma_0")[label]
    for name in names:
        function = named(name)[label]
        (p,) = function.free_symbols
        for mean in MEANS:
            form, reference = derive_at(function, mean), derive_at(plainly, mean)
            assert (form.kind, form.certificate.status) == (reference.kind, reference.certificate.status), name
            if form.expr is not None:
                agrees(form, function, {p: VALUE}, mean)


def agrees(form: ClosedForm, function: PiecewiseFunction, values: dict[sp.Symbol, Fraction], mean: Fraction) -> None:
    assert form.expr is not None
    with precision(100):
        found = form_ball(form.expr, values, mean, SPREAD, 20)
        truth = expectation(function, values, mean, SPREAD, 20).ball()
        slack = abs(truth) * arb(form.error.numerator) / arb(form.error.denominator)
        assert abs(found - truth) <= slack + arb("1e-18")


@pytest.mark.parametrize("label", spread(named("gamma_0"), 2))
def test_a_parameter_is_never_taken_for_a_letter_of_ours(label: str) -> None:
    check(label, ("y",) if label.startswith("rational") else ("s",))


@pytest.mark.slow
@pytest.mark.parametrize("label", named("gamma_0"))
def test_a_parameter_of_any_name_is_a_parameter(label: str) -> None:
    check(label, LETTERS)


def test_a_letter_that_is_a_parameter_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: the exponential in D is a plain s, so that 1/(1 + s e^{−u}) passes for 1/(1 + e^{−2u})."""
    forget()
    monkeypatch.setattr(logistic, "S", sp.Symbol("s", positive=True))
    with pytest.raises(AssertionError):
        check("rational in an exponential", ("s",))
    forget()


@pytest.mark.parametrize("name", ["S", "a", "z", "mu", "v", "u", "r"])
def test_parameters_of_expressions(name: str) -> None:
    """In an expression a parameter is the number that it stands for."""
    by_name = moment(f"expr:exp(-{name}*abs(x))/(1 + {name}*x**2);{name}=2", "1/3", 1)
    by_number = moment("expr:exp(-2*abs(x))/(1 + 2*x**2)", "1/3", 1)
    assert by_name.enclosure == by_number.enclosure
    assert by_name.form == by_number.form


def test_our_letters_are_shown_apart_from_a_parameter_of_their_name() -> None:
    own, theirs = sp.Dummy("s", positive=True), sp.Symbol("s", positive=True)
    assert str(plain(own + 1)) == "s + 1"
    assert str(plain(own * theirs)) == "s*s'"
    assert "s'" in latex(plain(own * theirs))
