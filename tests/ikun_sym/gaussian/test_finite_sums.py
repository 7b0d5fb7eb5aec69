"""Finite sums of exponentials for pieces rational in e^{−λu}: their error bound by routes that share nothing with it, its
meaning for expectations at extreme rates, and planted errors."""

from __future__ import annotations

import itertools
from dataclasses import replace
from fractions import Fraction
from functools import cache

import mpmath
import pytest
import sympy as sp
from flint import arb
from mpmath import mp

from ikun_sym.catalogue.piecewise import PiecewiseFunction, U, even, two_sided
from ikun_sym.catalogue.surrogates import SURROGATES
from ikun_sym.expressions.lowering import precision
from ikun_sym.expressions.symbols import MEAN, VAR
from ikun_sym.gaussian.closed_form import derive, form_ball
from ikun_sym.gaussian.enclosures.certify import expectation
from ikun_sym.gaussian.proofs import by_antiderivatives as proof
from ikun_sym.gaussian.proofs.by_antiderivatives import prove_ftc
from ikun_sym.gaussian.rules import sum_of_terms as pieces
from ikun_sym.gaussian.rules.logistic import FiniteSum, S, finite_sum
from tests.ikun_sym.gaussian.mutant_table import MUTANTS, function_of
from tests.selection import spread

K = sp.Symbol("k", positive=True)
DENOMINATORS = (1 + S, (1 + S) ** 2, (1 + S) ** 4, (1 + S) ** 8, 3 + S, (2 - S) ** 2, 1 + S**2, 1 + S + S**2)


@cache
def sum_of(denominator: sp.Expr) -> FiniteSum:
    found = finite_sum(sp.exp(-K * U) / denominator.subs(S, sp.exp(-K * U)))
    assert found is not None
    return found


def largest_defect(found: FiniteSum, denominator: sp.Expr, count: int = 4000) -> tuple[mpmath.mpf, mpmath.mpf]:
    """(max over a grid, upper bound on [0, 1]) of |P D − 1|, in 150 digits: between two nodes of an even grid of step h the
    value exceeds the larger of theirs by at most h²/8 max |(P D)″|, and |(P D)″| <= Σ n(n − 1)|c_n|."""
    with mp.workdps(150):
        d = [mpmath.mpf(int(c)) for c in reversed(sp.Poly(denominator, S).all_coeffs())]
        p = [mpmath.mpf(c.numerator) / c.denominator for c in found.coefficients]
        product = [mpmath.mpf(0)] * (len(p) + len(d) - 1)
        for i, x in enumerate(p):
            for j, y in enumerate(d):
                product[i + j] += x * y
        product[0] -= 1
        second = sum((n * (n - 1) * abs(c) for n, c in enumerate(product)), mpmath.mpf(0))
        values = [abs(mp.polyval(product[::-1], mpmath.mpf(n) / count)) for n in range(count + 1)]
        return max(values), max(values) + second / (8 * mpmath.mpf(count) ** 2)


MARGIN = Fraction(101, 100)
"""The bound is attained at an end of [0, 1] but for rounding: subdivision settles a slightly larger one."""


def by_bisection(found: FiniteSum, denominator: sp.Expr, bound: Fraction) -> bool:
    """Whether |P D − 1| <= bound on [0, 1], by interval subdivision with Taylor forms: on the ball c ± r the polynomial,
    re-expanded at c, is its value at c plus Σ |derivatives| r^n. Independent of Chebyshev polynomials."""
    s = sp.Symbol("s", positive=True)
    with precision(1200):
        product = sp.Poly(
            sp.Add(*(sp.Rational(c) * s**n for n, c in enumerate(found.coefficients))) * denominator.subs(S, s) - 1,
            s,
        )
        coefficients = [arb(int(c.p)) / int(c.q) for c in reversed(product.all_coeffs())]
        limit = arb(bound.numerator) / bound.denominator
        work = [(arb(1) / 2, arb(1) / 2, 0)]
        while work:
            centre, radius, depth = work.pop()
            shifted = list(coefficients)  # Horner's scheme, repeated: Taylor coefficients at the centre
            for start in range(len(shifted) - 1):
                for n in range(len(shifted) - 2, start - 1, -1):
                    shifted[n] += centre * shifted[n + 1]
            reach = abs(shifted[0]) + sum((abs(c) * radius**n for n, c in enumerate(shifted) if n), arb(0))
            if reach <= limit:
                continue
            if depth > 24 or abs(shifted[0]) > limit:
                return False
            work += [(centre - radius / 2, radius / 2, depth + 1), (centre + radius / 2, radius / 2, depth + 1)]
        return True


@pytest.mark.parametrize("denominator", DENOMINATORS, ids=str)
def test_the_bound_holds_on_a_grid(denominator: sp.Expr) -> None:
    found = sum_of(denominator)
    assert found.defect() == found.error
    assert found.error <= Fraction(1, 10**15)
    with mp.workdps(60):
        seen, _ = largest_defect(found, found.denominator)
        assert seen <= mpmath.mpf(found.error.numerator) / found.error.denominator


@pytest.mark.parametrize("denominator", DENOMINATORS[:4], ids=str)
def test_the_bound_holds_between_the_nodes(denominator: sp.Expr) -> None:
    """Interval subdivision proves it; a bound of a third of what the grid shows is refused."""
    found = sum_of(denominator)
    seen, _ = largest_defect(found, found.denominator, 400)
    assert by_bisection(found, found.denominator, found.error * MARGIN)
    assert not by_bisection(found, found.denominator, Fraction(mp.nstr(seen / 3, 8)))


@pytest.mark.parametrize("name", SURROGATES.names())
def test_the_bounds_of_registered_surrogates(name: str) -> None:
    total = pieces.total_of(function_of(name, 2))
    series = [part.series for part in total.parts if part.series] if total else []
    if not series:
        pytest.skip("no piece is a finite sum")
    for found in {s.denominator: s for s in series}.values():
        assert found.defect() <= found.error
        assert by_bisection(found, found.denominator, found.error * MARGIN)


# --- planted errors ---------------------------------------------------------------------------------------------------

LOGISTIC = even(K * sp.exp(-K * U) / (1 + sp.exp(-K * U)) ** 2)


def spoiled(found: FiniteSum, plant: str) -> FiniteSum:
    """One error in the sum."""
    coefficients = list(found.coefficients)
    if plant == "coefficient + 1e-12":
        coefficients[len(coefficients) // 2] += Fraction(1, 10**12)
    elif plant == "coefficient dropped":
        coefficients = coefficients[:-1]
    elif plant == "numerator":
        return replace(
            found, numerator=tuple(replace(t, coefficients=tuple(2 * c for c in t.coefficients)) for t in found.numerator)
        )
    elif plant == "numerator's rate":
        return replace(found, numerator=tuple(replace(t, b=2 * t.b) for t in found.numerator))
    elif plant == "denominator":
        return replace(found, denominator=found.denominator * (1 + S))
    elif plant == "rate":
        return replace(found, rate=2 * found.rate)
    else:
        assert plant == "error too small"
        return replace(found, error=found.error / 2)
    return replace(found, coefficients=tuple(coefficients))


PLANTS = (
    "coefficient + 1e-12",
    "coefficient dropped",
    "numerator",
    "numerator's rate",
    "denominator",
    "rate",
    "error too small",
)


@pytest.mark.parametrize("plant", PLANTS)
def test_a_wrong_sum_is_refused(plant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rule and the prover get the same wrong sum."""
    total = pieces.total_of(LOGISTIC)
    assert total is not None
    form = pieces.closed_form(LOGISTIC)
    assert form is not None
    assert form.expr is not None
    assert prove_ftc(LOGISTIC, form.expr).proved
    wrong = pieces.Total(
        tuple(replace(part, series=spoiled(part.series, plant)) if part.series else part for part in total.parts)
    )
    monkeypatch.setattr(pieces, "total_of", lambda function: wrong)
    monkeypatch.setattr(proof, "total_of", lambda function: wrong)
    found = pieces.closed_form(LOGISTIC)
    assert found is not None
    assert found.expr is not None
    assert not prove_ftc(LOGISTIC, found.expr).proved


@pytest.mark.parametrize("label", ["factor 1 + 1e-9", "last term", "+ dipole"])
def test_a_wrong_form_is_refused(label: str) -> None:
    expr = derive(LOGISTIC).expr
    assert expr is not None
    assert not prove_ftc(LOGISTIC, MUTANTS[label](expr)).proved


def test_a_weight_changed_by_1e_12_is_refused() -> None:
    expr = derive(LOGISTIC).expr
    assert expr is not None
    term = next(term for term in sp.Add.make_args(expr) if term != 0)
    assert not prove_ftc(LOGISTIC, expr + term / 10**12).proved


# --- what the bound says of expectations ------------------------------------------------------------------------------

FUNCTIONS = {
    "logistic": LOGISTIC,
    "sech⁴": LOGISTIC.power(2),
    "uneven": two_sided(K * sp.exp(-K * U) / (1 + sp.exp(-K * U)) ** 2, sp.exp(-K * U) / (3 + sp.exp(-2 * K * U))),
    "signed": two_sided(1 / (1 + sp.exp(-K * U)), -sp.exp(-K * U) / (1 + sp.exp(-K * U))),
    "with a polynomial": even(U * sp.exp(-K * U) / (1 + sp.exp(-K * U))),
}
RATES = ("1/1000", "1/30", "1", "30", "1000")
MEANS = (0, 1, -3, 10, -10)


def relative_error(function: PiecewiseFunction, rate: Fraction, mean: Fraction, factor: int = 1) -> tuple[arb, arb]:
    """(|factor · form − integral|, error · E|g|) at σ = 1: balls."""
    form, values = derive(function), {K: rate}
    assert form.expr is not None
    with precision(300):  # a ball is read from its decimals at the current precision
        integral = expectation(function, values, mean, Fraction(1), 30).ball()
        absolute = expectation(
            function.map(lambda value: -value if is_negative(value) else value), values, mean, Fraction(1), 30
        )
        closed = form_ball(form.expr, values, mean, Fraction(1), 30)
        return abs(factor * closed - integral), absolute.ball() * form.error.numerator / form.error.denominator


def is_negative(value: sp.Expr) -> bool:
    return bool(value.subs({K: 1, U: sp.Rational(1, 3)}).evalf() < 0)


@pytest.mark.parametrize(("kind", "rate"), spread(itertools.product(FUNCTIONS, RATES), 4))
def test_the_bound_is_relative_to_the_mean_of_the_modulus(kind: str, rate: str) -> None:
    """kσ over six decades, means up to 10σ."""
    assert derive(FUNCTIONS[kind]).certificate.status == "proved-ftc"
    for mean in MEANS if kind != "signed" else MEANS[1:]:
        error, bound = relative_error(FUNCTIONS[kind], Fraction(rate), Fraction(mean))
        assert error.lower() <= bound.upper(), (mean, error, bound)


def test_a_form_that_is_off_by_a_factor_violates_the_bound() -> None:
    error, bound = relative_error(LOGISTIC, Fraction(1), Fraction(1), 2)
    assert error.lower() > bound.upper()


def test_the_form_is_the_sum_that_its_text_states() -> None:
    """c_j, the rates and the increment, read back from the text, give the form: 1e-12, as c_j are printed with 17 digits and
    cancel by three."""
    form = derive(LOGISTIC)
    assert form.series is not None
    assert form.expr is not None
    text = form.series[0].split(" + Sum_")
    assert len(text) == 1  # both sides share their weights and rates
    total = mpmath.mpf(0)
    names = {"Lambda": sp.Symbol("Lambda")}
    numbers = {"mu": mpmath.mpf("0.3"), "v": mpmath.mpf("0.7"), "k": mpmath.mpf(2), "pi": mp.pi}
    functions = {"sqrt": mp.sqrt, "exp": mp.exp, "erf": mp.erf, "erfc": mp.erfc}
    for part in text:
        increment, rest = part.split("c_j*(", 1)[1].split(") with Lambda = ", 1)
        rate, weights = rest.split(", c = [")
        body = sp.lambdify([*map(sp.Symbol, ("mu", "v", "k", "Lambda"))], sp.sympify(increment, names), [functions, "mpmath"])
        at = sp.lambdify([*map(sp.Symbol, ("k", "j"))], sp.sympify(rate, names), "mpmath")
        for j, weight in enumerate(weights.rstrip("])").split(", ")):
            total += mpmath.mpf(weight) * body(numbers["mu"], numbers["v"], numbers["k"], at(numbers["k"], j))
    closed = form_ball(form.expr, {K: Fraction(2)}, Fraction(3, 10), Fraction(7, 10), 20)
    assert float(total) == pytest.approx(float(closed.mid()), rel=1e-12)


def test_nothing_is_claimed_where_the_denominator_vanishes() -> None:
    """D has a root in [0, 1], or coefficients that are no numbers, or two rates that no integer relates."""
    for denominator in (1 - S, 1 - 2 * S, (S - sp.Rational(1, 3)) ** 2, 1 + MEAN * S, 1 + S - VAR):
        assert finite_sum(sp.exp(-K * U) / denominator.subs(S, sp.exp(-K * U))) is None
    assert finite_sum(1 / (1 + sp.exp(-U) + sp.exp(-K * U))) is None
    assert finite_sum(1 / (1 + sp.exp(K * U))) is None
