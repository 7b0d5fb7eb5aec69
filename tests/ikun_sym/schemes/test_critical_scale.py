"""Critical weight scale, rate-targeted design and joint solutions, against mpmath and brute force."""

from __future__ import annotations

import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from mpmath import mp
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.stats import norm

from ikun_sym import design, joint
from ikun_sym.errors import DomainError, IkunError, NoSolutionError
from ikun_sym.reading.surrogate_spec import resolve
from ikun_sym.schemes import joint as joint_module
from ikun_sym.schemes.critical_scale import critical, least_gain
from ikun_sym.schemes.joint_small_variance import small_variance
from tests.selection import spread


def test_critical_constants_to_30_digits() -> None:
    with mp.workdps(50):

        def tail(a: mpmath.mpf) -> mpmath.mpf:
            return mp.erfc(a / mp.sqrt(2)) / 2

        a = mp.findroot(lambda x: x * mp.npdf(x) - 2 * tail(x), 1.19)
        found = critical(30)
        for enclosure, value in ((found.a, a), (found.rate, tail(a)), (found.scale, 1 / (a**2 * tail(a)))):
            assert abs(mp.mpf(enclosure.mid) - value) <= mp.mpf(enclosure.rad)
            assert mp.mpf(enclosure.rad) < mp.mpf("1e-29")


def gradient_moment(fprime, sigma: float, theta: float) -> float:  # type: ignore[no-untyped-def]
    def integrand(z: float) -> float:
        return fprime(sigma * z - theta) ** 2 * norm.pdf(z)

    peak = theta / sigma
    return quad(integrand, -12, 12, points=[peak, -1, 0, 1], limit=400, epsabs=1e-14)[0]


def sigmoid(k: float):  # type: ignore[no-untyped-def]
    return lambda x: k * math.exp(-k * abs(x)) / (1 + math.exp(-k * abs(x))) ** 2


@pytest.mark.parametrize(("rate", "slope", "gain"), [(0.2, 3.6456, 7.0589), (0.3, 2.760, 12.121), (0.15, 3.997, 6.206)])
def test_design_of_a_sigmoid(rate: float, slope: float, gain: float) -> None:
    found = design(rate, "sigmoid", 1.0, fan_in=100)
    assert found.n_var_w == pytest.approx(gain, rel=2e-4)
    assert found.slope == pytest.approx(slope, rel=2e-4)
    assert found.stable
    assert found.std == pytest.approx(math.sqrt(gain / 100), rel=2e-4)
    # the three conditions, by another route
    a = norm.isf(rate)
    assert found.sigma_h == pytest.approx(1 / a, rel=1e-12)
    assert found.n_var_w * norm.sf(1 / found.sigma_h) == pytest.approx(found.sigma_h**2, rel=1e-12)
    assert found.n_var_w * gradient_moment(sigmoid(found.slope), found.sigma_h, 1.0) == pytest.approx(1, rel=1e-9)


@pytest.mark.parametrize("name", ["atan", "erf", "triangular", "exponential", "fast_sigmoid", "tanh", "rectangular"])
def test_design_keeps_the_gradient(name: str) -> None:
    found = design(0.25, name, 0.7)
    moment = joint_module.SpikingLayer(resolve(found.surrogate), 0.7).gradient_moment(found.sigma_h**2)
    assert found.n_var_w * float(moment) == pytest.approx(1, rel=1e-10)


def test_design_scales_with_the_threshold() -> None:
    one, two = design(0.2, "sigmoid", 1.0), design(0.2, "sigmoid", 2.0)
    assert two.sigma_h == pytest.approx(2 * one.sigma_h)
    assert two.n_var_w == pytest.approx(4 * one.n_var_w)
    assert two.slope == pytest.approx(one.slope / 2)  # area 1 is kept by f'(x/θ)/θ


@pytest.mark.parametrize("rate", [0.05, 0.1169, 0.5, 0.9, -1.0])
def test_rates_out_of_reach(rate: float) -> None:
    with pytest.raises(DomainError, match=r"0\.116905"):
        design(rate, "sigmoid")


@pytest.mark.parametrize("name", ["linear", "spikingjelly.DeterministicPass", "identity"])
def test_surrogates_without_a_slope(name: str) -> None:
    with pytest.raises(NoSolutionError):
        design(0.2, name)


# fmt: off
JOINT = [  # surrogate, inf C, [(σ_H, stable)]: THEORY's figures, and others found by the scan below
    ("atan:alpha=2", 0.6926, [(0.42765, False), (1.66059, True)]),
    ("erf:alpha=2", 1.1083, []),
    ("snntorch.sigmoid:slope=25", 4.858, []),
    ("snntorch.fast_sigmoid:slope=25", 0.0307, [(0.19453, False), (46.198, True)]),
    pytest.param("spikingjelly.S2NN", 0.9655, [(0.56990, False), (0.78725, False)], marks=pytest.mark.slow),
    ("triangular", 0.9475, [(0.59716, False), (0.96217, True)]),
]
# fmt: on


@pytest.mark.parametrize(("name", "least", "solutions"), JOINT)
def test_joint_solutions(name: str, least: float, solutions: list[tuple[float, bool]]) -> None:
    found = joint(name, 1.0)
    assert found.min_c == pytest.approx(least, rel=1e-3)
    assert [s.stable for s in found.solutions] == [stable for _, stable in solutions]
    assert [s.sigma_h for s in found.solutions] == pytest.approx([sigma for sigma, _ in solutions], rel=1e-4)
    assert not found.touching
    for s in found.solutions:
        assert s.low <= s.sigma_h <= s.high <= s.low * (1 + 1e-5)


@pytest.mark.slow
def test_joint_against_brute_force() -> None:
    """Every sign change of C − 1 on a fine grid, C by scipy's quadrature."""

    def excess(log_q: float) -> float:
        q = math.exp(log_q)
        return q * gradient_moment(lambda x: 1 / (1 + (math.pi * x) ** 2), math.sqrt(q), 1.0) / norm.sf(1 / math.sqrt(q)) - 1

    grid = np.log(np.geomspace(0.03, 100, 120))
    values = [excess(t) for t in grid]
    roots = [brentq(excess, grid[i], grid[i + 1]) for i in range(len(grid) - 1) if values[i] * values[i + 1] < 0]
    assert [s.sigma_h for s in joint("atan", 1.0).solutions] == pytest.approx([math.exp(r / 2) for r in roots], rel=1e-7)


def test_at_threshold_zero_there_is_one() -> None:
    for name in ("sigmoid", "triangular", "fast_sigmoid"):
        found = joint(name, 0.0)
        assert [s.stable for s in found.solutions] == [True]
        assert (found.limit_at_zero, found.min_c, found.min_c_at) == (0.0, 0.0, None)


@pytest.mark.parametrize("name", ["spikingjelly.LeakyKReLU", "snntorch.heaviside", "spikingjelly.LogTailedReLU"])
def test_one_sided_derivatives_have_a_single_solution(name: str) -> None:
    found = joint(name, 1.0)
    assert found.limit_at_zero == 0.0
    assert len(found.solutions) == 1


def test_a_zero_gradient_has_no_solution_to_find() -> None:
    with pytest.raises(IkunError, match="no gradient flows back"):
        joint("zero", 1.0)


def test_the_fans_enter_as_a_ratio() -> None:
    narrow, equal = joint("erf:alpha=2", 1.0, fan_ratio=0.5), joint("erf:alpha=2", 1.0)
    assert narrow.min_c == pytest.approx(equal.min_c / 2, rel=1e-9)
    assert narrow.solutions
    assert not equal.solutions


@pytest.mark.parametrize("theta", [0.5, 2.0])
@pytest.mark.slow
def test_only_the_shape_in_units_of_the_threshold_matters(theta: float) -> None:
    """f'(x/θ)/θ has the same C at σ_H/θ, so the same rates and K/θ²; a peak of 1 kept, f'(x/θ), has not."""
    one, scaled = joint("atan:alpha=2", 1.0), joint(f"atan:alpha={2 / theta:g}", theta)
    assert scaled.min_c == pytest.approx(one.min_c, rel=1e-9)
    for a, b in zip(one.solutions, scaled.solutions, strict=True):
        assert b.rate == pytest.approx(a.rate, rel=1e-9)
        assert b.n_var_w == pytest.approx(theta**2 * a.n_var_w, rel=1e-9)
        assert b.forward_slope == pytest.approx(a.forward_slope, rel=1e-9)
    kept = [joint(f"circ:slope={2 / t:g}", t).min_c for t in (1.0, theta)]
    assert kept[1] == pytest.approx(theta**2 * kept[0], rel=1e-8)


FAMILIES = ["sigmoid", "atan", "erf", "triangular", "rectangular", "exponential", "tanh", "fast_sigmoid", "circ"]


@pytest.mark.parametrize("name", spread(FAMILIES))
def test_one_slope_gives_a_moment(name: str) -> None:
    """E[f'_k²] at the law of a design changes one way only with k between a tenth and ten times the designed slope: it rises
    where the area is kept, as f' is drawn to the threshold, and falls where the peak is. 7 points."""
    found = design(0.2, name)
    moments = [
        joint_module.SpikingLayer(resolve(name, **{found.parameter: repr(float(found.slope * c))}), 1.0).gradient_moment(
            found.sigma_h**2
        )
        for c in np.geomspace(0.1, 10, 7)
    ]
    steps = np.sign(np.diff(np.array(moments, dtype=float)))
    assert set(steps) in ({1.0}, {-1.0})


def test_bounds_hold_between_and_below() -> None:
    """C on random intervals, and below the proved limit, at 60 seeded points: no bound is violated."""
    balance = joint_module.Balance(resolve("atan"), Fraction(1), Fraction(1))
    rng = np.random.default_rng(0)
    for _ in range(60):
        low = float(np.exp(rng.uniform(-3, 5)))
        high = low * float(np.exp(rng.uniform(0, 0.3)))
        told = balance.between(low, high)
        inside = low + (high - low) * float(rng.uniform())
        value = float(balance.at(inside).mid())
        assert told == 0 or (value > 1) == (told > 0)
    below = small_variance(balance.square, Fraction(1), Fraction(1))
    assert math.isinf(below.limit)
    assert all(balance.at(below.below * float(x)) > 1 for x in rng.uniform(0.2, 1, 20))


def test_a_wrong_bound_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were `between` to decide intervals that contain a solution, that solution would be lost."""
    monkeypatch.setattr(joint_module.Balance, "between", lambda self, low, high: 1)
    assert not joint("atan", 1.0).solutions


@pytest.mark.parametrize("bias_var", [0.0, 0.01, 0.1, 0.15])
def test_the_least_gain_with_biases_is_where_activity_falls(bias_var: float) -> None:
    """The map p ↦ Q(θ/√(K p + σ_b²)) from p = ½, a percent below and above: it falls to the quiet branch and does not. At
    σ_b² = 0.2 θ² there is one branch only, at any gain."""

    def settled(gains: list[float], bias: float) -> np.ndarray:
        p = np.full(len(gains), 0.5)
        for _ in range(1500):
            with np.errstate(divide="ignore"):
                p = norm.sf(2.0 / np.sqrt(np.asarray(gains) * p + bias))
        return p

    least = least_gain(2.0, 4 * bias_var)
    below, above = settled([0.99 * least, 1.01 * least], 4 * bias_var)
    assert above > 0.07
    assert below < 0.02
    assert least <= least_gain(2.0)
    assert least_gain(2.0, 0.8) == 0
    rates = settled(list(np.linspace(0, 20, 60)), 0.8)
    assert max(np.diff(rates)) < 0.02, "no jump"
