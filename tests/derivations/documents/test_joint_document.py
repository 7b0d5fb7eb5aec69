"""The cases of the joint-solution function, against a scan of C by scipy's quadrature, and the bounds it rests on."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from ikun_derivations.checkers.claim import Refused
from ikun_derivations.checkers.joint_case import CASES, JointCase, case_of, located, solutions
from ikun_derivations.documents import d07_joint
from ikun_sym.catalogue.surrogates import SURROGATES
from ikun_sym.reading.surrogate_spec import resolve
from tests.selection import spread

ONE = Fraction(1)


def bump(x: float) -> float:
    return 1 / (1 + (math.pi * x) ** 2)


# fmt: off
BY_HAND: list[tuple[str, Callable[[float], float], tuple[float, ...], str]] = [  # f', its kinks, its case
    ("spikingjelly.PiecewiseQuadratic", lambda x: max(0.0, 1 - abs(x)), (-1.0, 0.0, 1.0), "stable"),
    ("spikingjelly.Erf", lambda x: 2 / math.sqrt(math.pi) * math.exp(-4 * x * x), (0.0,), "none"),
    ("spikingjelly.ATan", bump, (0.0,), "stable"),
    ("snntorch.fast_sigmoid", lambda x: (1 + 25 * abs(x)) ** -2, (0.0,), "far out"),
    ("spikingjelly.LeakyKReLU", lambda x: float(x > 0), (0.0,), "one-sided"),
    ("snntorch.straight_through_estimator", lambda x: 1.0, (), "none"),
]
# fmt: on


def scanned(fprime: Callable[[float], float], kinks: tuple[float, ...], sigmas: np.ndarray) -> np.ndarray:
    def c(sigma: float) -> float:
        points = [(k + 1) / sigma for k in kinks if abs(k + 1) / sigma < 12]
        moment = quad(lambda z: fprime(sigma * z - 1) ** 2 * norm.pdf(z), -12, 12, points=points or None, limit=400)[0]
        return sigma**2 * moment / norm.sf(1 / sigma)

    return np.array([c(float(sigma)) for sigma in sigmas])


@pytest.mark.parametrize(("spec", "fprime", "kinks", "case"), spread(BY_HAND, 2))
def test_cases_against_a_scan(spec: str, fprime: Callable[[float], float], kinks: tuple[float, ...], case: str) -> None:
    bound = resolve(spec)
    assert case_of(bound, ONE) == case
    found = located(bound, ONE)
    assert found is not None
    sigmas = np.geomspace(0.15, 12, 36)
    values = scanned(fprime, kinks, sigmas)
    crossed = [(sigmas[i], sigmas[i + 1]) for i in range(35) if (values[i] - 1) * (values[i + 1] - 1) < 0]
    inside = [one for one in solutions(found, ONE) if 0.15**2 < one.low < 12**2]
    assert len(crossed) == len(inside)
    for (low, high), one in zip(crossed, inside, strict=True):
        assert low <= math.sqrt(one.high)
        assert math.sqrt(one.low) <= high
        assert one.stable == (low > 1 / 1.1906) or low < 1 / 1.1906 < high
    for wrong in set(CASES) - {case}:
        with pytest.raises(Refused, match="the case is"):
            JointCase(bound, ONE, wrong).check()


@pytest.mark.parametrize("spec", ["stork.HardTanhSpike", "stork.TanhSpike", "sinabs.PeriodicExponential"])
def test_narrow_and_periodic_derivatives_are_decided(spec: str) -> None:
    """f' that is 0 near −θ and lives on a narrow stretch, or repeats."""
    found = located(resolve(spec), ONE)
    assert found is not None
    assert math.isinf(found.small.limit)
    assert not found.touching


def test_every_library_function_is_in_one_group() -> None:
    everybody = [name.split(":")[0] for group in d07_joint.groups() for name in group]
    assert sorted(everybody) == sorted(e.name for surrogate in SURROGATES for e in surrogate.equivalents)


def test_members_of_a_group_have_one_derivative() -> None:
    """At points that no formula knows."""
    from ikun_sym.gaussian.moment import float_function

    points = np.array([-1.7, -0.61, -0.013, 0.013, 0.61, 1.7])
    for group in d07_joint.groups():
        values = [float_function(resolve(name), "fprime", 1)(points) for name in group]
        for other in values[1:]:
            np.testing.assert_allclose(other, values[0], rtol=1e-12, atol=1e-300)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(1, len(d07_joint.parts())))
def test_every_default_is_decided(part: int) -> None:
    document = d07_joint.build(d07_joint.parts()[part])
    assert [s.mark for s in document.statements if s.claim] == ["proved"]
