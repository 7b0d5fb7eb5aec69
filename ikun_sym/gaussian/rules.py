"""From a function to its closed form and what is known of it: each rule is a file, this is their order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

import sympy as sp
from flint import acb, arb

from ..catalogue.piecewise import PiecewiseFunction
from ..errors import IkunError, InfiniteExpectationError
from . import moments, rational
from .certify import digits_of, expectation, precision
from .form import MEAN, VAR, Certificate, Check, ClosedForm
from .proof import prove_ftc
from .special import Balls, lower


@dataclass(frozen=True)
class Rule:
    """`closed_form` finds a form or None; `prove` certifies it for all parameters; None where no proof is known."""

    closed_form: Callable[[PiecewiseFunction], ClosedForm | None]
    prove: Callable[[PiecewiseFunction, sp.Expr], Certificate] | None


RULES = (Rule(moments.closed_form, prove_ftc), Rule(rational.closed_form, None))

AGREEMENT_DIGITS = 20
"""Both balls must be at least this narrow before their overlap counts as agreement."""

_POINTS = tuple(
    (Fraction(mean), Fraction(var)) for mean, var in ((0, 1), ("1/2", "1/4"), (-1, "1/100"), (-3, 4), ("7/3", 50), (2, 9))
)


@lru_cache(maxsize=256)
def derive(function: PiecewiseFunction) -> ClosedForm:
    """The closed form of E[function(X)] with the certificate that holds for all parameters, if there is one."""
    for rule in RULES:
        form = rule.closed_form(function)
        if form is not None:
            assert form.expr is not None
            return replace(form, certificate=rule.prove(function, form.expr)) if rule.prove else form
    return ClosedForm(expr=None, kind="none", method="certified quadrature", certificate=Certificate(status="numeric-only"))


def certify_at(function: PiecewiseFunction, form: ClosedForm, values: Mapping[sp.Symbol, Fraction]) -> Certificate:
    """What is known of `form` at these parameters: the proof if it has one, else whether its balls overlap those of the
    integral at several means and variances. That is agreement, not a proof."""
    if form.expr is None or form.certificate.status != "unknown":
        return form.certificate
    return _agreement(function, form.expr, tuple(sorted(values.items(), key=str)))


@lru_cache(maxsize=256)
def _agreement(function: PiecewiseFunction, expr: sp.Expr, values: tuple[tuple[sp.Symbol, Fraction], ...]) -> Certificate:
    checks = []
    for mean, var in _POINTS:
        try:
            integral = expectation(function, dict(values), mean, var, AGREEMENT_DIGITS).ball()
        except InfiniteExpectationError:
            continue  # nothing to compare where the expectation does not exist
        agrees = bool(integral.overlaps(form_ball(expr, dict(values), mean, var, AGREEMENT_DIGITS)))
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
