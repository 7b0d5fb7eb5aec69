"""E[f'(X) f'(X')] in float64, in balls and as forms, against routes that share no code with them; and the forms' prover against
planted errors."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import sympy as sp
from click.testing import CliRunner
from scipy.stats import multivariate_normal, norm

from ikun_sym import evaluate, expected_product, pair_moment
from ikun_sym.catalogue.surrogates import SURROGATES
from ikun_sym.cli.commands import moment as command
from ikun_sym.errors import IkunError
from ikun_sym.gaussian.moment import integrand
from ikun_sym.gaussian.pairs import closed_form, truncated_moments
from ikun_sym.gaussian.pairs.closed_form import RULES, form_ball, form_of
from ikun_sym.gaussian.pairs.enclosure import pair_expectation
from ikun_sym.gaussian.pairs.exact_law import ExactLaw
from ikun_sym.gaussian.pairs.orthant import Orthant
from ikun_sym.gaussian.pairs.symbols import MEAN, VAR
from ikun_sym.reading.surrogate_spec import resolve

NAMES = SURROGATES.names()
FORMS = {"atan": "special", "erf": "elementary", "gaussian": "elementary", "rectangular": "special", "triangular": "special"}
QUICK = ("erf", "exponential", "rectangular", "fast_sigmoid", "leaky_k_relu", "identity")
"""In the quick suite: one of each class. The others are slow tests."""

LAWS = (ExactLaw.of(-1, 1, "0.36", None, None), ExactLaw.of("-0.5", "0.25", "-0.7", "1/3", 2))


def function_of(name: str):
    bound = resolve(name)
    return integrand(bound, "fprime", 1), bound.environment


def in_float(name: str, law: ExactLaw) -> float:
    numbers = (float(x) for x in (law.mean, law.var, law.rho))
    return float(expected_product(name, *numbers, other_mean=float(law.other_mean), other_var=float(law.other_var)))


# --- float64 ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("slope", "coherence"), [(3.6456, 0.450), (2, 0.684), (1, 0.901), (0.5, 0.984)])
def test_coherence_of_sampled_networks(slope: float, coherence: float) -> None:
    """Sampled independently: sigmoid, rate 0.2, threshold 1, overlap 0.3609."""
    var = 1 / norm.isf(0.2) ** 2
    found = expected_product("sigmoid", -1, var, 0.3609, alpha=slope) / evaluate("sigmoid", -1, var, power=2, alpha=slope)
    assert float(found) == pytest.approx(coherence, abs=6e-4)


@pytest.mark.parametrize("name", [pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow) for name in NAMES])
def test_limits(name: str) -> None:
    """Correlation 0: the product; 1: E[f'²]; an even f' at mean 0 does not see the correlation's sign."""
    both = expected_product(name, -0.7, 0.3, [0, 1])
    assert both[0] == pytest.approx(float(evaluate(name, -0.7, 0.3)) ** 2, rel=1e-12)
    assert both[1] == pytest.approx(float(evaluate(name, -0.7, 0.3, power=2)), rel=1e-12)
    if integrand(resolve(name), "fprime", 1).is_even:
        plus, minus = expected_product(name, 0, 0.3, [0.6, -0.6])
        assert plus == pytest.approx(minus, rel=1e-12)


def test_rectangles_of_scipy() -> None:
    rng = np.random.default_rng(7)
    for _ in range(5):
        m, n, rho = *rng.normal(size=2), rng.uniform(-0.95, 0.95)
        v, w = rng.uniform(0.1, 4, size=2)
        c = rho * math.sqrt(v * w)
        reference = multivariate_normal([m, n], [[v, c], [c, w]]).cdf([0.5, 0.5], lower_limit=[-0.5, -0.5])
        found = expected_product("rectangular", m, v, rho, other_mean=n, other_var=w)
        assert float(found) == pytest.approx(float(reference), abs=1e-7)


@pytest.mark.parametrize("name", ["fast_sigmoid:slope=3", "s2nn", "expr:exp(-abs(x-1))"])
def test_monte_carlo(name: str) -> None:
    """n = 200,000 pairs, seed 3; five standard errors: false alarm 6e-7 each."""
    rng = np.random.default_rng(3)
    z, e = rng.normal(size=(2, 200_000))
    x, y = -0.5 + z, 0.2 + 0.7 * (0.6 * z + 0.8 * e)
    formulas = {
        "fast_sigmoid:slope=3": lambda t: (1 + 3 * np.abs(t)) ** -2.0,
        "s2nn": lambda t: np.where(t > 0, 1 / (1 + np.abs(t)), 1 / np.cosh(2 * t) ** 2),
        "expr:exp(-abs(x-1))": lambda t: np.exp(-np.abs(t - 1)),
    }
    sample = formulas[name](x) * formulas[name](y)
    found = float(expected_product(name, -0.5, 1, 0.6, other_mean=0.2, other_var=0.49))
    assert abs(sample.mean() - found) < 5 * sample.std() / math.sqrt(sample.size)


@pytest.mark.slow
@pytest.mark.parametrize("rho", [-0.999999, -0.99, 0.99, 0.9999, 0.999999])
@pytest.mark.parametrize("name", ["erf", "exponential", "rectangular", "triangular", "leaky_k_relu"])
def test_near_one(name: str, rho: float) -> None:
    """On both sides of where panels take over, against the closed form in balls."""
    function, values = function_of(name)
    law = ExactLaw.of("-0.25", "0.5", rho, None, None)
    form = form_of(function, values).expr
    assert form is not None
    exact = float(form_ball(form, values, law, 16).mid())
    assert in_float(name, law) == pytest.approx(exact, rel=1e-12, abs=1e-100)


@pytest.mark.slow
@pytest.mark.parametrize("rho", ["-0.999999", "-0.9", "0.3609", "0.9", "0.99", "0.999999"])
@pytest.mark.parametrize("name", NAMES)
def test_float_against_balls(name: str, rho: str) -> None:
    function, values = function_of(name)
    if function.tails and abs(float(rho)) > 0.9:
        pytest.skip("infinitely many breakpoints: balls take minutes there")
    for mean, var in (("-1", "1.5"), ("-1", "0.1"), ("0.5", "20")):
        law = ExactLaw.of(mean, var, rho, None, None)
        exact = pair_expectation(function, values, law, 14)
        size = float(evaluate(name, float(mean), float(var), power=2))
        assert abs(in_float(name, law) - exact.value) <= 1e-12 * abs(exact.value) + 1e-14 * size


def test_errors() -> None:
    for arguments in ((0, 0, 0.5), (0, 1, 1.5), (math.nan, 1, 0.5), (0, 1, math.nan)):
        with pytest.raises(IkunError):
            expected_product("erf", *arguments)
        with pytest.raises(IkunError):
            pair_moment("erf", *arguments)


# --- forms and enclosures -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow) for name in NAMES])
def test_form_meets_enclosure(name: str) -> None:
    """Two routes without a common step, to 18 digits."""
    function, values = function_of(name)
    form = form_of(function, values)
    assert form.kind == FORMS.get(name, form.kind)
    if form.expr is None:
        assert form.certificate.status == "numeric-only"
        return
    assert form.certificate.status == "proved-ftc"
    if form.kind == "series":  # its rates need thousands of bits at the default slope
        return
    for law in LAWS if name != "atan" else LAWS[:1]:
        exact = pair_expectation(function, values, law, 18).ball()
        assert form_ball(form.expr, values, law, 18).overlaps(exact)
        assert in_float(name, law) == pytest.approx(float(exact.mid()), rel=1e-13)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sigmoid:alpha=1/2", "tanh:slope=1/4", "logistic:slope=1/2"])
def test_series_meets_enclosure(name: str) -> None:
    function, values = function_of(name)
    form, law = form_of(function, values), ExactLaw.of("-1/2", "1/4", "0.36", None, None)
    assert form.expr is not None
    exact = pair_expectation(function, values, law, 16)
    found = form_ball(form.expr, values, law, 17)
    assert abs(float((found - exact.ball()).mid())) <= float(form.error) * abs(exact.value) + float(exact.rad)


def planted(form: sp.Expr) -> dict[str, sp.Expr]:
    terms = sp.Add.make_args(form)
    found = {
        "factor": form * sp.Rational(1001, 1000),
        "sign": -form,
        "kernel": form + sp.exp(-(MEAN**2) / (2 * VAR)) / sp.sqrt(VAR),
        "variance": form.subs(VAR, VAR * sp.Rational(1001, 1000)),
    }
    if len(terms) > 1:
        found["missing"] = form - terms[0]
    if form.has(Orthant):
        found["correlation"] = form.replace(Orthant, lambda h, k, r: Orthant(h, k, -r))
    return {what: wrong for what, wrong in found.items() if wrong != form}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in ("erf", "rectangular", "identity") else pytest.mark.slow)
        for name in ("erf", "exponential", "rectangular", "atan", "leaky_k_relu", "sigmoid", "identity")
    ],
)
def test_planted_errors_are_refused(name: str) -> None:
    function, _ = function_of(name)
    rule = next(rule for rule in RULES if rule.closed_form(function) is not None)
    form = rule.closed_form(function)
    assert form is not None
    assert form.expr is not None
    assert rule.prove(function, form.expr).proved
    for what, wrong in planted(form.expr).items():
        assert not rule.prove(function, wrong).proved, what


def test_the_lemma_refuses_a_wrong_derivative(monkeypatch: pytest.MonkeyPatch) -> None:
    right = truncated_moments.truncated
    truncated_moments.proof_of.cache_clear()
    monkeypatch.setattr(truncated_moments, "truncated", lambda i, j: right(i, j) * 2)
    assert not all(check.holds for check in truncated_moments.proof_of(1, 0))
    monkeypatch.setattr(truncated_moments, "truncated", lambda i, j: right(i, j) + truncated_moments.H)
    truncated_moments.proof_of.cache_clear()
    assert not all(check.holds for check in truncated_moments.proof_of(1, 0))
    truncated_moments.proof_of.cache_clear()


def test_no_status_is_upgraded() -> None:
    found = {form_of(*function_of(name)).certificate.status for name in NAMES}
    assert found == {"proved-ftc", "numeric-only"}
    assert closed_form.NONE.certificate.status == "numeric-only"


def test_command_line() -> None:
    run = CliRunner().invoke(
        command, ["erf", "--mean", "-1", "--var", "1", "--with-correlation", "0.36", "--explain", "--json"]
    )
    document = json.loads(run.output)
    assert document["status"] == "proved-ftc"
    assert document["form"]["kind"] == "elementary"
    assert document["value"] == pytest.approx(float(expected_product("erf", -1, 1, 0.36)), rel=1e-14)
    refused = CliRunner().invoke(command, ["erf", "--mean", "-1", "--var", "1", "--with-correlation", "0.3", "--power", "2"])
    assert isinstance(refused.exception, IkunError)
