"""From a function g to the closed form of E[g(X) g(X')] and what is known of it: each class of functions is a rule here."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

import sympy as sp
from flint import acb, arb

from ...catalogue.piecewise import PiecewiseFunction
from ...errors import IkunError
from ...expressions.lowering import Balls, ball, lower, precision
from ...expressions.zero_test import is_zero
from ..closed_form import SYMBOLIC_PARAMETERS
from ..enclosures.antiderivative_increments import stretches
from ..enclosures.certify import digits_of
from ..form import Certificate, Check, ClosedForm
from . import rational_pairs, series_pairs
from .exact_law import ExactLaw
from .series_pairs import DoubleSum
from .symbols import COV, MEAN, OTHER_MEAN, OTHER_VAR, VAR
from .term_pairs import expectation_of, proof_of_pair

MOST_STRETCHES = 8
"""Of a function: their pairs are the form's corners."""

NONE = ClosedForm(expr=None, kind="none", method="certified quadrature", certificate=Certificate(status="numeric-only"))

ASSUMES = ("v > 0, v' > 0", "cov² < v v'", "mu, mu' real")


@dataclass(frozen=True)
class Rule:
    """`closed_form` finds a form or None; `prove` certifies one for all parameters."""

    closed_form: Callable[[PiecewiseFunction], ClosedForm | None]
    prove: Callable[[PiecewiseFunction, sp.Expr], Certificate]


def elementary(function: PiecewiseFunction) -> ClosedForm | None:
    """Polynomial × exp(quadratic) × cos or sin on intervals: the orthant, error functions and exponentials."""
    found = stretches(function)
    if found is None or len(found) > MOST_STRETCHES or not _cosines_are_whole(function):
        return None
    expr = _total(function)
    special = any(interval != (-sp.oo, sp.oo) for _, interval in found)
    method = "polynomial × exp(quadratic) on rectangles, by truncated moments of two normals"
    return ClosedForm(expr=expr, kind="special" if special else "elementary", method=method)


def _cosines_are_whole(function: PiecewiseFunction) -> bool:
    return all(
        interval == (-sp.oo, sp.oo) or all(bool(part.is_real) for part in (term.b, term.c))
        for term, interval in stretches(function) or ()
    )


@lru_cache(maxsize=64)
def _total(function: PiecewiseFunction) -> sp.Expr:
    pairs = itertools.product(stretches(function) or (), repeat=2)
    return sp.Add(*(expectation_of(*one, *other) for one, other in pairs))


def prove_elementary(function: PiecewiseFunction, form: sp.Expr) -> Certificate:
    """Is `form` E[g(X) g(X')] for all means, variances, covariances and parameters?"""
    found = stretches(function)
    if found is None:
        return Certificate(status="unknown", checks=(Check("every piece is a sum of known terms", "normal form", False),))
    checks: dict[str, Check] = {}
    for (one, interval), (other, other_interval) in itertools.product(found, repeat=2):
        whole = interval == other_interval == (-sp.oo, sp.oo)
        checks |= {check.what: check for check in proof_of_pair(one, other, whole)}
    total = _total(function)
    same = form == total or is_zero(form - total)
    checks["sum"] = Check("the form = sum over the corners of all rectangles", "equality, or zero test", same)
    return _certificate(function, list(checks.values()))


def prove_rational(function: PiecewiseFunction, form: sp.Expr) -> Certificate:
    """The same for rational functions."""
    return _certificate(function, rational_pairs.checks_of(function, form))


def _certificate(function: PiecewiseFunction, checks: list[Check]) -> Certificate:
    positive = {f"{s} > 0" for s in function.free_symbols if s.is_positive}
    status = "proved-ftc" if all(check.holds for check in checks) else "unknown"
    return Certificate(status=status, assumptions=(*ASSUMES, *sorted(positive)), checks=tuple(checks))


def prove_series(function: PiecewiseFunction, form: sp.Expr) -> Certificate:
    """The same for finite double sums, of which `form` is shown to be the expectation."""
    return _certificate(function, series_pairs.checks_of(function, form))


RULES = (
    Rule(rational_pairs.closed_form, prove_rational),
    Rule(elementary, prove_elementary),
    Rule(series_pairs.closed_form, prove_series),
)


@lru_cache(maxsize=128)
def derive(function: PiecewiseFunction) -> ClosedForm:
    """The form with the certificate that holds for all parameters, if there is one."""
    for rule in RULES:
        form = rule.closed_form(function)
        if form is not None:
            assert form.expr is not None
            return replace(form, certificate=rule.prove(function, form.expr))
    return NONE


def form_of(function: PiecewiseFunction, values: Mapping[sp.Symbol, Fraction]) -> ClosedForm:
    """For all parameters where they are few, else at these `values`."""
    if len(values) > SYMBOLIC_PARAMETERS:
        function = function.substitute({s: sp.Rational(value) for s, value in values.items()})
    return derive(function)


def form_ball(expr: sp.Expr, values: Mapping[sp.Symbol, Fraction], law: ExactLaw, digits: int) -> arb:
    """A form in ball arithmetic, |ρ| < 1; the precision is raised until cancellation is outrun."""
    bits, result = int(digits * 3.3220) + 40, arb("nan")
    for _ in range(12):
        with precision(bits):
            env: dict[sp.Symbol, object] = {s: Balls().rational(x) for s, x in values.items()}
            numbers = {MEAN: law.mean, VAR: law.var, OTHER_MEAN: law.other_mean, OTHER_VAR: law.other_var}
            env |= {s: Balls().rational(x) for s, x in numbers.items()}
            env[COV] = acb(ball(law.rho) * (ball(law.var) * ball(law.other_var)).sqrt())
            terms = (t.ball(env) if isinstance(t, DoubleSum) else acb(lower(t, Balls())(env)) for t in sp.Add.make_args(expr))
            result = sum(terms, acb(0)).real
            if result.is_finite() and digits_of(result) >= digits:
                return result
        bits *= 2
    raise IkunError(f"the closed form cannot be evaluated to {digits} digits at {law}")
