"""Rule: pieces that are rational in e^{−λu}, up to a proved relative error: double sums of exponentials on quadrants.

A piece g is within a relative ε of a finite sum g̃ (`rules.logistic`). Of the product, |g̃ g̃' − g g'| <= (2ε + ε²) |g g'|: the
form is within (2ε + ε²) E|g(X) g(X')| of the expectation. Each exponential's rate is a letter while its form is derived and
proved, once for all real rates.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import sympy as sp
from flint import acb

from ...catalogue.piecewise import Piece, PiecewiseFunction
from ...expressions.lowering import Balls, lower
from ..form import Check, ClosedForm, latex, plain
from ..rules.logistic import RATE, finite_sum
from ..rules.polynomial_exponential import Term, terms_of
from .term_pairs import Interval, expectation_of, proof_of_pair

METHOD = "finite double sum of exponentials, rational in e^{−λu}, on quadrants"

OTHER_RATE = sp.Dummy("Lambda'", real=True)


@dataclass(frozen=True)
class Part:
    """Σ_j weights[j] term(rates[j]) on an interval of the signed axis; `term` has RATE for the rate."""

    term: Term
    interval: Interval
    rates: tuple[sp.Expr, ...]
    weights: tuple[sp.Expr, ...]


@lru_cache(maxsize=64)
def parts_of(function: PiecewiseFunction) -> tuple[Part, ...] | None:
    """None if a piece is of neither class, or none is a series."""
    found, series = [], False
    for piece in function.pieces:
        if function.tails:
            return None
        if piece.is_zero:
            continue
        terms = terms_of(piece.value)
        sums = None if terms is not None else finite_sum(piece.value)
        if terms is not None:
            found += [_part(piece, term, ((sp.S.Zero, sp.S.One),)) for term in terms]
        elif sums is not None:
            by_term: dict[Term, list[tuple[sp.Expr, sp.Expr]]] = {}
            for term, rate, weight in sums.members:
                by_term.setdefault(term, []).append((rate, weight))
            found += [_part(piece, term, tuple(members)) for term, members in by_term.items()]
            series = True
        else:
            return None
    real = all(bool(x.is_real) for part in found for x in (part.term.b, part.term.c))
    return tuple(found) if series and real else None


def _part(piece: Piece, term: Term, members: tuple[tuple[sp.Expr, sp.Expr], ...]) -> Part:
    interval = (piece.lo, piece.hi) if piece.side > 0 else (-piece.hi, -piece.lo)
    rates, weights = zip(*members, strict=True)
    return Part(term if piece.side > 0 else term.mirrored, interval, rates, weights)


def _primed(term: Term) -> Term:
    swap = {RATE: OTHER_RATE}
    parts = (part.xreplace(swap) for part in (term.a, term.b, term.c))
    return Term(tuple(c.xreplace(swap) for c in term.coefficients), *parts)  # type: ignore[arg-type]


Weighted = tuple[tuple[sp.Expr, ...], tuple[sp.Expr, ...]]


@lru_cache(maxsize=64)
def _grouped(function: PiecewiseFunction) -> dict[tuple[Weighted, Weighted], sp.Expr]:
    """The increments, in RATE and OTHER_RATE, of all pairs of parts that share their rates and weights."""
    found: dict[tuple[Weighted, Weighted], list[sp.Expr]] = {}
    for one, other in itertools.product(parts_of(function) or (), repeat=2):
        key = ((one.rates, one.weights), (other.rates, other.weights))
        form = expectation_of(one.term, one.interval, _primed(other.term), other.interval)
        found.setdefault(key, []).append(form)
    return {key: sp.Add(*forms) for key, forms in found.items()}


class DoubleSum(sp.Expr):
    """Σ_jk weights[j] other_weights[k] form at RATE = rates[j], OTHER_RATE = other_rates[k]; arguments (form, rates, weights,
    other_rates, other_weights). Written out it would be thousands of terms."""

    def ball(self, env: Mapping[sp.Symbol, object]) -> acb:
        """At the current precision; `env` holds balls for the symbols of the form and of the rates."""
        form, *lists = self.args
        evaluate = lower(form, Balls())  # type: ignore[arg-type]
        rates, weights, other_rates, other_weights = ([acb(lower(x, Balls())(env)) for x in some.args] for some in lists)  # type: ignore[arg-type]
        total = acb(0)
        for rate, weight in zip(rates, weights, strict=True):
            row = acb(0)
            for other, other_weight in zip(other_rates, other_weights, strict=True):
                row += other_weight * evaluate({**env, RATE: rate, OTHER_RATE: other})
            total += weight * row
        return total


@lru_cache(maxsize=64)
def total_of(function: PiecewiseFunction) -> sp.Expr:
    return sp.Add(
        *(DoubleSum(form, *(sp.Tuple(*some) for some in (*one, *other))) for (one, other), form in _grouped(function).items())
    )


def closed_form(function: PiecewiseFunction) -> ClosedForm | None:
    if parts_of(function) is None:
        return None
    texts, formulas = [], []
    for ((rates, weights), (other_rates, other_weights)), form in _grouped(function).items():
        shown: tuple[sp.Expr, ...] = tuple(plain(sp.Tuple(form, RATE, OTHER_RATE)))  # type: ignore[arg-type]
        last, other_last = len(weights) - 1, len(other_weights) - 1
        listed = [", ".join(f"{float(w):.17g}" for w in some) for some in (weights, other_weights)]
        steps = [_sequence(some, sp.Symbol(index)) for some, index in ((rates, "j"), (other_rates, "k"))]
        texts.append(
            f"Sum_{{j=0..{last}, k=0..{other_last}}} c_j*d_k*({shown[0]}) with {shown[1]} = {steps[0]}, "
            f"{shown[2]} = {steps[1]}, c = [{listed[0]}], d = [{listed[1]}]"
        )
        formulas.append(
            rf"\sum_{{j=0}}^{{{last}}} \sum_{{k=0}}^{{{other_last}}} c_j d_k \left({latex(shown[0])}\right)_"
            rf"{{{latex(shown[1])} = {latex(steps[0])}, {latex(shown[2])} = {latex(steps[1])}}}"
        )
    error = error_of(function)
    return ClosedForm(
        expr=total_of(function),
        kind="series",
        method=METHOD,
        error=2 * error + error**2,
        series=(" + ".join(texts), " + ".join(formulas)),
    )


def _sequence(rates: tuple[sp.Expr, ...], index: sp.Symbol) -> sp.Expr:
    """Rates are in arithmetic progression."""
    return rates[0] if len(rates) == 1 else sp.factor(rates[0] + index * (rates[1] - rates[0]))  # type: ignore[return-value]


def error_of(function: PiecewiseFunction) -> Fraction:
    """ε, the largest of the pieces'."""
    sums = (finite_sum(piece.value) for piece in function.pieces if not piece.is_zero and terms_of(piece.value) is None)
    return max((found.error for found in sums if found is not None), default=Fraction(0))


def checks_of(function: PiecewiseFunction, form: sp.Expr) -> list[Check]:
    parts = parts_of(function)
    if parts is None:
        return [Check("every piece is a finite sum, up to a relative error", "normal form", False)]
    checks: dict[str, Check] = {}
    for piece in function.pieces:
        sums = None if piece.is_zero or terms_of(piece.value) is not None else finite_sum(piece.value)
        if sums is not None:
            where = f"side {piece.side:+d}, {piece.lo} < u < {piece.hi}"
            checks[where] = Check(
                f"{where}: the piece times D(e^{{−λu}}) is its numerator", "normal form", sums.defines(piece.value)
            )
            what = f"{where}: |P(s) D(s) − 1| <= {float(sums.error):.1e} on [0, 1], D = {sums.shown}, P of degree {sums.degree}"
            checks[what] = Check(what, "Chebyshev coefficients in ball arithmetic", sums.defect() <= sums.error)
    for one, other in itertools.product(parts, repeat=2):
        checks |= {check.what: check for check in proof_of_pair(one.term, _primed(other.term), False)}
    checks["sum"] = Check("the form = the double sum over the corners of all quadrants", "equality", form == total_of(function))
    return list(checks.values())
