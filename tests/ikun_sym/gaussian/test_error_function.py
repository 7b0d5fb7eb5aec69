"""E[erf(pX + q)]: derived, proved, and refused where it is not what it says."""

from __future__ import annotations

import itertools
from fractions import Fraction

import pytest
import sympy as sp

from ikun_sym.catalogue.piecewise import U, even, two_sided
from ikun_sym.expressions.lowering import precision
from ikun_sym.expressions.symbols import MEAN, VAR
from ikun_sym.gaussian.closed_form import derive, form_ball
from ikun_sym.gaussian.moment import integrand, moment
from ikun_sym.gaussian.proofs.by_heat_equation import prove_heat
from ikun_sym.reading.surrogate_spec import resolve
from tests.selection import spread

SPECS = (
    ("erf:alpha=3", "f"),
    ("gaussian:sigma=0.5", "f"),
    ("expr:erf(2*x - 1)", "fprime"),
    ("expr:x**2 - erfc(x/3)/2", "fprime"),
)
A = sp.Symbol("alpha", positive=True)
STEP = two_sided((1 + sp.erf(A * U)) / 2, (1 - sp.erf(A * U)) / 2)
FORM = sp.Rational(1, 2) + sp.erf(A * MEAN / sp.sqrt(1 + 2 * A**2 * VAR)) / 2


@pytest.mark.parametrize(("spec", "of"), spread(SPECS, 3))
def test_forms_are_proved_and_right(spec: str, of: str) -> None:
    found = moment(spec, "1/3", "5/2", of=of, digits=25)
    assert (found.form.kind, found.status) == ("elementary", "proved-heat")
    assert found.form.expr is not None
    with precision(150):
        values = found.surrogate.environment
        assert form_ball(found.form.expr, values, Fraction(1, 3), Fraction(5, 2), 25).overlaps(found.enclosure.ball())


def test_the_classical_form() -> None:
    form = derive(STEP)
    assert form.certificate.status == "proved-heat"
    assert form.expr == FORM


@pytest.mark.parametrize(
    "mutant",
    [
        FORM + sp.Rational(1, 10**9),
        -FORM,
        1 - FORM,
        FORM.subs(A, 2 * A),
        FORM.subs(VAR, 2 * VAR),
        FORM.subs(MEAN, MEAN + sp.Rational(1, 10**6)),
        FORM + VAR * sp.erf(A * MEAN),
        FORM + MEAN * VAR ** sp.Rational(-3, 2) * sp.exp(-(MEAN**2) / (2 * VAR)),  # the dipole
        sp.Rational(1, 2) + sp.erf(A * MEAN / sp.sqrt(2 * A**2 * VAR)) / 2,  # of a step
    ],
    ids=str,
)
def test_mutants_are_refused(mutant: sp.Expr) -> None:
    assert not prove_heat(STEP, mutant).proved


def test_a_form_is_no_proof_of_another_function() -> None:
    for other in (even((1 + sp.erf(A * U)) / 2), two_sided((1 + sp.erf(A * U)) / 2, (1 - sp.erf(2 * A * U)) / 2)):
        assert not prove_heat(other, FORM).proved


@pytest.mark.parametrize(
    ("spec", "of", "power"),
    [("erf", "f", 2), ("expr:erf(abs(x))", "fprime", 1), ("expr:erf(x**3)", "fprime", 1), ("atan", "f", 1)],
)
def test_no_form_is_claimed_where_none_is_known(spec: str, of: str, power: int) -> None:
    found = moment(spec, "1/3", 1, of=of, power=power)
    assert (found.form.kind, found.status) == ("none", "numeric-only")


@pytest.mark.parametrize("spec", ["expr:erf(2*x - 1)", "expr:erfc(x)", "expr:exp(-abs(x))/pi + exp(-1)*heaviside(1 - abs(x))"])
def test_the_primitive_of_a_function_with_constants(spec: str) -> None:
    """f' is the derivative of f, and f continuous, where e^{−1} and 1/√π stand side by side."""
    bound = resolve(spec)
    slope, f = integrand(bound, "fprime", 1), integrand(bound, "f", 1)
    for piece, grown in zip(slope.pieces, f.pieces, strict=True):
        for at in (piece.lo + sp.Rational(1, 7), piece.lo + sp.Rational(3, 4)):
            assert abs(sp.N((piece.side * sp.diff(grown.value, U) - piece.value).subs(U, at))) < 1e-12
    for side in (1, -1):
        chain = [piece for piece in f.pieces if piece.side == side]
        for left, right in itertools.pairwise(chain):
            assert abs(sp.N((left.value - right.value).subs(U, left.hi))) < 1e-12
    across = [next(piece.value for piece in f.pieces if piece.side == side).subs(U, 0) for side in (1, -1)]
    assert abs(sp.N(across[0] - across[1])) < 1e-12
