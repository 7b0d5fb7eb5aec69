"""The normal form of rational functions, against sympy's."""

from __future__ import annotations

import random

import pytest
import sympy as sp

from ikun_sym.expressions.rational_functions import LARGEST_POWER, reduced
from ikun_sym.expressions.zero_test import is_zero

A, B, C = sp.symbols("a b c", positive=True)


def rational(draw: random.Random, depth: int) -> sp.Expr:
    if depth == 0:
        return draw.choice([A, B, C, sp.Integer(draw.randint(-3, 3)), sp.Rational(draw.randint(1, 5), 3)])
    left, right = rational(draw, depth - 1), rational(draw, depth - 1)
    made = draw.choice([left + right, left * right, left - right, left / right if right != 0 else left, left**2])
    return made if made.is_finite is not False else left


@pytest.mark.parametrize("seed", range(40))
def test_equal_functions_have_one_normal_form(seed: int) -> None:
    """The form is the function; a rewriting of the function has the same form, and one that is off by 1e-30 has another."""
    z = rational(random.Random(seed), 4)
    form = reduced(z)
    assert form is not None
    assert sp.cancel(sp.together(form - z)) == 0
    assert reduced(sp.factor(sp.together(z))) == reduced(sp.expand(z)) == form
    assert reduced(z + sp.Rational(1, 10**30) * A) != form


@pytest.mark.parametrize(
    "z", [sp.sqrt(A), sp.pi * A, sp.I, A**B, sp.exp(A), (A + B) ** (LARGEST_POWER + 1), 1 / sp.Add(A, -A, evaluate=False)]
)
def test_what_it_does_not_take(z: sp.Expr) -> None:
    assert reduced(z) is None


def test_a_wrong_fraction_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: a normal form that drops the second symbol makes two exponents one."""
    wrong = sp.exp(A * B) - sp.exp(A * B + B)
    assert not is_zero(wrong)
    monkeypatch.setattr("ikun_sym.expressions.zero_test.reduced", lambda z: reduced(z.subs(B, 0)))
    from ikun_sym.expressions.zero_test import _normal_form

    _normal_form.cache_clear()
    try:
        assert is_zero(wrong)
    finally:
        _normal_form.cache_clear()
