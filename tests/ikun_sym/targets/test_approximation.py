"""Certified approximations: bounds that hold where they are looked at, and a certifier that finds what is planted."""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction

import pytest
import sympy as sp

from ikun_sym.catalogue.piecewise import U, even
from ikun_sym.catalogue.surrogates import SURROGATES
from ikun_sym.expressions.lowering import precision
from ikun_sym.gaussian.enclosures.certify import expectation
from ikun_sym.reading.surrogate_spec import resolve
from ikun_sym.targets.approximation import Certified, NotCoveredError, certified, reason_or_certified, scaling_of
from ikun_sym.targets.approximation.certified import GOAL, _certify, _Fit, computed
from ikun_sym.targets.approximation.local import BITS, Local
from ikun_sym.targets.approximation.store import key, stored
from tests.selection import spread

SCALED = [s.name for s in SURROGATES if scaling_of(s)]
POWERS = (1, 2, 4)
EACH = pytest.mark.parametrize("name", spread(SCALED, 9))


def samples() -> list[float]:
    """n = 10 values of s, uniform in their logarithm, seed 7, and the ends. What is compared is a certified bound: no draw
    makes a right bound fail."""
    source = random.Random(7)
    return [1e-300, 2.0**-13, *(10 ** source.uniform(-3, 6) for _ in range(10))]


@EACH
def test_agrees_with_ball_arithmetic(name: str) -> None:
    """At most 8 roundings beside the certified error: Clenshaw's recurrence, the sum of magnitudes being near the sum."""
    scaling = scaling_of(SURROGATES[name])
    assert scaling is not None
    for power in POWERS:
        found = reason_or_certified(scaling.unit, power)
        if isinstance(found, str):
            continue
        assert found.error < GOAL
        for s in samples():
            true = expectation(scaling.unit.power(power), {}, Fraction(0), Fraction(s) ** 2, 20).value
            assert found(s) == pytest.approx(true, rel=found.error + 8 * 2.0**-53, abs=0), (name, power, s)


@EACH
def test_scaling(name: str) -> None:
    """f'(x) = height · unit(x/width), at points on every piece."""
    surrogate = SURROGATES[name]
    scaling = scaling_of(surrogate)
    assert scaling is not None
    value = sp.Rational(7, 3)
    k = surrogate.params[0].symbol
    for piece, unit in zip(surrogate.derivative.pieces, scaling.unit.pieces, strict=True):
        width, height = scaling.width.subs(k, value), scaling.height.subs(k, value)
        assert sp.simplify(piece.lo.subs(k, value) - unit.lo * width) == 0
        u = (piece.lo.subs(k, value) + width / 3) if piece.hi == sp.oo else (piece.lo + piece.hi).subs(k, value) / 2
        gap = piece.value.subs({k: value, U: u}) - height * unit.value.subs(U, u / width)
        assert abs(sp.N(gap, 30)) < 1e-25


def test_what_is_not_covered_says_why() -> None:
    for spec, power, reason in (("exponential_escape", 2, "limit"), ("nonzero_sign_log_abs", 1, "finite")):
        scaling = scaling_of(resolve(spec).surrogate)
        assert scaling is not None
        with pytest.raises(NotCoveredError, match=reason):
            certified(scaling.unit, power)
        assert reason in str(reason_or_certified(scaling.unit, power))
    for spec in ("s2nn", "window", "multi_spike", "q_pseudo_spike"):
        assert scaling_of(resolve(spec).surrogate) is None


@pytest.mark.parametrize("coefficient", [pytest.param(0, marks=pytest.mark.slow), 5, pytest.param(20, marks=pytest.mark.slow)])
def test_a_wrong_coefficient_is_found(coefficient: int) -> None:
    """One part in 1e13 of the sum, in any coefficient."""
    unit = scaling_of(SURROGATES["sigmoid"]).unit  # type: ignore[union-attr]
    found = certified(unit, 2)
    panel = found.panels[0]
    wrong = list(panel.coefficients)
    wrong[coefficient] += 1e-13
    with precision(BITS):
        error = float(_certify(_Fit(Local(unit, 2)), (replace(panel, coefficients=tuple(wrong)), *found.panels[1:])))
    assert 2e-14 < error < 1e-12


def test_a_fit_of_another_function_is_found() -> None:
    """The sums for E[h] do not pass as those for E[h²], nor those of a surrogate that differs by one part in 1e12."""
    unit = scaling_of(SURROGATES["triangular"]).unit  # type: ignore[union-attr]
    with precision(BITS):
        assert not float(_certify(_Fit(Local(unit, 2)), certified(unit, 1).panels)) < 1e-3
    smooth = even(sp.exp(-(U**2)))
    other = even(sp.exp(-(U**2)) * (1 + sp.Rational(1, 10**12) * sp.exp(-U)))
    with precision(BITS):
        error = float(_certify(_Fit(Local(other, 2)), certified(smooth, 2).panels))
    assert 1e-13 < error < 1e-11


def test_ends() -> None:
    """s = 0 gives the value at the threshold, s = ∞ gives 0 or the mean of the limits."""
    decays: Certified = certified(scaling_of(SURROGATES["sigmoid"]).unit, 2)  # type: ignore[union-attr]
    stays: Certified = certified(scaling_of(SURROGATES["tanh_spike"]).unit, 1)  # type: ignore[union-attr]
    assert decays(0.0) == pytest.approx(1, rel=1e-15)
    assert decays(float("inf")) == 0
    assert stays(float("inf")) == pytest.approx(0.5, rel=1e-15)


STORED = sorted({(s.name, p) for s in SURROGATES if (sc := scaling_of(s)) for p in POWERS if key(sc.unit, p) in stored()})


@pytest.mark.parametrize(("name", "power"), spread(STORED, 30))
def test_the_file_is_what_is_computed(name: str, power: int) -> None:
    """Refreshed by `ikun_sym.targets.approximation.store.main`."""
    unit = scaling_of(SURROGATES[name]).unit  # type: ignore[union-attr]
    assert stored()[key(unit, power)] == computed(unit, power)
