"""The zero test of rational functions with square roots, against values in 60 digits."""

from __future__ import annotations

import random
from typing import Any

import mpmath
import pytest
import sympy as sp

from ikun_sym.expressions import algebraic_zero_test as algebraic
from ikun_sym.expressions.algebraic_zero_test import LARGEST_POWER, vanishes
from ikun_sym.expressions.vocabulary import ReW

A, B, C = sp.symbols("a b c", positive=True)
POINT = {A: "0.37", B: "1.21", C: "2.83"}


def algebraic_function(draw: random.Random, depth: int) -> sp.Expr:
    if depth == 0:
        return draw.choice([A, B, C, sp.sqrt(A + B), sp.sqrt(6), sp.sqrt(3), sp.sqrt(sp.pi), sp.I, sp.Rational(2, 3)])
    left, right = algebraic_function(draw, depth - 1), algebraic_function(draw, depth - 1)
    return draw.choice([left + right, left * right, left - right, left / (right + A + 2), left**2, (left + B + 1) ** -3])


def value(z: sp.Expr) -> Any:
    with mpmath.workdps(60):
        found = sp.lambdify(list(POINT), z, "mpmath")(*map(mpmath.mpf, POINT.values()))
        return abs(found)


def check(seeds: range) -> None:
    """What vanishes is said to, and nothing that is off by 1e-30 of a term; what is said to vanish has no value."""
    for seed in seeds:
        draw = random.Random(seed)
        x, y, w = (algebraic_function(draw, 2) for _ in range(3))
        z = x * y + w
        rewritten = sp.expand(z)
        assert vanishes(rewritten - z) is True, z
        for miss in (rewritten - z + sp.Rational(1, 10**30) * A, z - z.subs(A, A + sp.Rational(1, 10**9)), z):
            with mpmath.workdps(60):
                assert vanishes(miss) is (value(miss) < mpmath.mpf("1e-45")), miss


def test_what_vanishes_is_seen_and_nothing_else() -> None:
    check(range(6))


@pytest.mark.slow
def test_what_vanishes_is_seen_and_nothing_else_more_often() -> None:
    check(range(6, 200))


@pytest.mark.parametrize("plant", ["lowest common denominator", "radicand", "prime"])
def test_a_wrong_step_is_caught(plant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if plant == "lowest common denominator":
        monkeypatch.setattr(algebraic, "_power_in", lambda below, factor: 0)
    elif plant == "radicand":
        monkeypatch.setattr("builtins.divmod", lambda above, below: (above, above))
    else:
        monkeypatch.setattr(sp, "factorint", lambda n: {2: 1})  # every root of a whole number is √2
    with pytest.raises(AssertionError):
        check(range(60))


@pytest.mark.parametrize(
    ("z", "expected"),
    [
        ((sp.sqrt(A + 1) + sp.sqrt(A)) * (sp.sqrt(A + 1) - sp.sqrt(A)) - 1, True),
        (sp.sqrt(6) - sp.sqrt(2) * sp.sqrt(3), True),
        (1 / (sp.sqrt(2) + 1) - sp.sqrt(2) + 1, True),
        (sp.sqrt(1 + sp.sqrt(2)) ** 4 - 3 - 2 * sp.sqrt(2), True),  # a root in a root
        (1 / (A + B) ** 40 - (A**2 - B**2) ** -40 * (A - B) ** 40, True),
        (ReW(A, B) / (A + 1) - ReW(A, B) + A * ReW(A, B) / (A + 1), True),
        (ReW(A, B) - ReW(A, C), False),
        (sp.sqrt(2) + sp.sqrt(3) - sp.sqrt(5), False),
        (sp.sqrt(A**2 + B**2) - A - B, False),
        (sp.I**2 + 1 + sp.I, False),
        (sp.pi - sp.Rational(355, 113), False),
        (A**B, None),
        (A ** sp.Rational(1, 3), False),
        (sp.Mul(A ** sp.Rational(1, 3), A ** sp.Rational(5, 3), evaluate=False) - A**2, True),
        (
            (2 ** sp.Rational(1, 4) + A ** sp.Rational(3, 2)) ** 2
            - sp.sqrt(2)
            - 2 * 8 ** sp.Rational(1, 12) * A * sp.sqrt(A)
            - A**3,
            True,
        ),
        (2 ** sp.Rational(1, 4) * sp.I - sp.sqrt(-sp.sqrt(2)), True),
        (2 ** sp.Rational(1, 4) * (1 + sp.I) ** 2 - 8 ** sp.Rational(1, 4) * sp.I, False),
        (A ** sp.Rational(1, 3) - A ** sp.Rational(1, 4), False),
        (sp.sqrt(A / (B - C)), None),
        ((A + 1) ** (LARGEST_POWER + 1), None),
        (1 / sp.Add(A, -A, evaluate=False), None),
    ],
    ids=str,
)
def test_what_is_said_of(z: sp.Expr, expected: bool | None) -> None:
    assert vanishes(z) is expected
