"""From a function to its closed form and what is known of it: each rule is a file, this is their order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

import sympy as sp
from flint import acb, arb

from ..catalogue.piecewise import PiecewiseFunction
from ..errors import IkunError, InfiniteExpectationError
from ..expressions.lowering import Balls, lower, precision
from ..expressions.symbols import MEAN, VAR
from .enclosures.certify import digits_of, expectation
from .form import Certificate, Check, ClosedForm
from .proofs.by_antiderivatives import prove_ftc
from .proofs.by_heat_equation import prove_heat
from .rules import error_function
from .rules import polynomial_exponential as moments
from .rules import rational_line as rational
from .rules import sum_of_terms as pieces
from .rules.written_out import MOST_POLES, degree_written_out
from .rules.zero_mean import at_zero_mean


@dataclass(frozen=True)
class Rule:
    """`closed_form` finds a form or None, `prove` certifies it for all parameters, `kind` says without either of them what
    kind of form there is."""

    kind: Callable[[PiecewiseFunction], str | None]
    closed_form: Callable[[PiecewiseFunction], ClosedForm | None]
    prove: Callable[[PiecewiseFunction, sp.Expr], Certificate]


RULES = (
    Rule(rational.kind, rational.closed_form, prove_heat),
    Rule(pieces.kind, pieces.closed_form, prove_ftc),
    Rule(error_function.kind, error_function.closed_form, prove_heat),
)

SYMBOLIC_PARAMETERS = 2
"""With more parameters a form is derived at their values: it would fill pages."""

AGREEMENT_DIGITS = 20
"""Both balls must be at least this narrow before their overlap counts as agreement."""

_POINTS = tuple(
    (Fraction(mean), Fraction(var)) for mean, var in ((0, 1), ("1/2", "1/4"), (-1, "1/100"), (-3, 4), ("7/3", 50), (2, 9))
)


@lru_cache(maxsize=256)
def derive(function: PiecewiseFunction) -> ClosedForm:
    """The closed form of E[function(X)] with the certificate that holds for all parameters, if there is one."""
    for rule in _rules(function):
        form = rule.closed_form(function)
        if form is not None:
            assert form.expr is not None
            return replace(form, certificate=rule.prove(function, form.expr))
    return ClosedForm(expr=None, kind="none", method="certified quadrature", certificate=Certificate(status="numeric-only"))


def _rules(function: PiecewiseFunction) -> tuple[Rule, ...]:
    """Those worth trying: none where already the writing out would take minutes."""
    return () if any(degree_written_out(piece.value) > MOST_POLES for piece in function.pieces) else RULES


def derive_at(function: PiecewiseFunction, mean: Fraction) -> ClosedForm:
    """`derive`, and at mean 0 the form in standard functions where only that one has it."""
    return _derive_at_zero(function) if mean == 0 else derive(function)


@lru_cache(maxsize=256)
def _derive_at_zero(function: PiecewiseFunction) -> ClosedForm:
    return at_zero_mean(function, derive(function))


def forget() -> None:
    """Empty what is remembered between calls, so that a derivation can be timed."""
    for remembered in (derive, _derive_at_zero, pieces.decompose, pieces.total_of, moments.summed, moments.derived):
        remembered.cache_clear()


def kind_of(function: PiecewiseFunction, values: Mapping[sp.Symbol, Fraction]) -> str:
    """The kind of `form_of`, without deriving or proving anything."""
    for candidate in _candidates(function, values):
        for rule in _rules(candidate):
            kind = rule.kind(candidate)
            if kind is not None:
                return kind
    return "none"


def form_of(function: PiecewiseFunction, values: Mapping[sp.Symbol, Fraction], mean: Fraction | None = None) -> ClosedForm:
    """The closed form of E[function(X)] with all that is known of it: the proof if it has one, else whether its balls
    overlap those of the integral at several means and variances, which is agreement and not a proof.

    For all parameters where that is possible, else at these `values`; for all means, or at mean 0 in standard functions
    where only that form has them.
    """
    form = ClosedForm(expr=None, kind="none", method="certified quadrature", certificate=Certificate(status="numeric-only"))
    for candidate in _candidates(function, values):
        form = derive(candidate) if mean is None else derive_at(candidate, mean)
        if form.expr is not None:
            break
    if form.expr is None or form.certificate.status != "unknown":
        return form
    return replace(form, certificate=_agreement(function, form.expr, tuple(sorted(values.items(), key=str)), form.error))


def _candidates(function: PiecewiseFunction, values: Mapping[sp.Symbol, Fraction]) -> Iterator[PiecewiseFunction]:
    """The function with symbols for its parameters, if they are few, and with numbers."""
    if len(values) <= SYMBOLIC_PARAMETERS:
        yield function
    if values:
        yield function.substitute({s: sp.Rational(value) for s, value in values.items()})


@lru_cache(maxsize=256)
def _agreement(
    function: PiecewiseFunction, expr: sp.Expr, values: tuple[tuple[sp.Symbol, Fraction], ...], error: Fraction = Fraction(0)
) -> Certificate:
    """`error`: of the form, relative to E|g|, which is at most √E[g²]."""
    checks = []
    for mean, var in _POINTS:
        try:
            integral = expectation(function, dict(values), mean, var, AGREEMENT_DIGITS, integral=True)
        except InfiniteExpectationError:
            continue  # nothing to compare where the expectation does not exist
        with precision(2 * int(AGREEMENT_DIGITS * 3.33)):  # decimals are read at the working precision
            found = form_ball(expr, dict(values), mean, var, AGREEMENT_DIGITS)
            if error:
                size = expectation(function.power(2), dict(values), mean, var, AGREEMENT_DIGITS).ball().sqrt()
                found += arb(0, (size * arb(error.numerator) / arb(error.denominator)).upper())
            agrees = bool(integral.ball().overlaps(found))
        what = f"form and integral at mean {mean}, variance {var}, {AGREEMENT_DIGITS} digits"
        checks.append(Check(what, "ball arithmetic", agrees))
    if not checks:
        return Certificate(status="unknown")
    status = "enclosure-agrees" if all(check.holds for check in checks) else "refuted"
    return Certificate(status=status, checks=tuple(checks))


def form_ball(expr: sp.Expr, values: Mapping[sp.Symbol, Fraction], mean: Fraction, var: Fraction, digits: int) -> arb:
    """A closed form in ball arithmetic, precise to `digits`; the precision is raised until cancellation is outrun."""
    bits = int(digits * 3.3220) + 40
    result = arb("nan")
    for _ in range(12):
        with precision(bits):
            env = {s: Balls().rational(x) for s, x in {**values, MEAN: mean, VAR: var}.items()}
            result = acb(lower(expr, Balls())(env)).real
            if result.is_finite() and digits_of(result) >= digits:
                return result
        bits *= 2
    raise IkunError(f"the closed form cannot be evaluated to {digits} digits at mean {mean}, variance {var}")
