"""Schemes, fans, stationary states, the infinite-width recursion and the finite-width chain, against numbers and
transcriptions that share no code with them, and against planted errors."""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp
from scipy.integrate import quad
from scipy.stats import norm

from ikun_sym.catalogue.piecewise import U
from ikun_sym.catalogue.schemes import IKUN, SCHEMES, Scheme, alpha, fan_in, m2, second_x
from ikun_sym.catalogue.surrogates import SURROGATES
from ikun_sym.errors import IkunError, NoSolutionError
from ikun_sym.mean_field.finite_width import (
    excess,
    log_gradient_variance,
    moving_log_gradient_variance,
    rate_spread,
    survival,
)
from ikun_sym.mean_field.infinite_network import TimeModel
from ikun_sym.mean_field.layer import FORWARD_PASSES, Layer, SmoothLayer, SpikingLayer
from ikun_sym.mean_field.normal_law import normal_density, upper_tail
from ikun_sym.mean_field.predict import predict
from ikun_sym.reading.surrogate_spec import resolve
from ikun_sym.schemes.critical_scale import gain_of_rate
from ikun_sym.schemes.fan import Fan
from ikun_sym.schemes.scheme_input import Setting
from ikun_sym.schemes.stationary import SchemeAt
from tests.selection import spread

NAMES = SURROGATES.names()


def has_gradient(name: str) -> bool:
    """f' is not zero everywhere, and its moments stay within float64 and ball arithmetic's reach at every variance scanned."""
    derivative = SURROGATES[name].derivative
    unbounded = [e for p in derivative.pieces if p.hi == sp.oo for e in p.value.atoms(sp.exp) if e.has(U)]
    grows = any(sp.diff(e.args[0], U).is_positive for e in unbounded)
    return not derivative.tails and not grows and not all(p.is_zero for p in derivative.pieces)


WITH_GRADIENT = [name for name in NAMES if has_gradient(name)]


def layer(spec: str = "atan", threshold: float = 1.0, kind: type[Layer] = SpikingLayer) -> Layer:
    return kind(resolve(spec), threshold)


def close(got: float, wanted: float, tolerance: float) -> bool:
    """The comparison that every check below uses; the planted errors show that it can fail."""
    return abs(got - wanted) <= tolerance * abs(wanted)


# --- fans -------------------------------------------------------------------------------------------------------------


def connections(in_channels: int, out_channels: int, groups: int, kernel: int, stride: int, size: int) -> tuple[int, Fraction]:
    """Fan-in and mean fan-out of a 2-d convolution on a ring of size × size positions (a ring has no borders), by counting
    every connection."""
    fan_ins: Counter[tuple[int, int, int]] = Counter()
    fan_outs: Counter[tuple[int, int, int]] = Counter()
    a, b = in_channels // groups, out_channels // groups
    for channel in range(out_channels):
        group = channel // b
        for row, column in itertools.product(range(0, size, stride), repeat=2):
            for source in range(group * a, (group + 1) * a):
                for i, j in itertools.product(range(kernel), repeat=2):
                    fan_ins[channel, row, column] += 1
                    fan_outs[source, (row + i) % size, (column + j) % size] += 1
    assert len(set(fan_ins.values())) == 1
    return next(iter(fan_ins.values())), Fraction(sum(fan_outs.values()), in_channels * size * size)


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("kernel", [1, 2, 3])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_fan_of_a_convolution(groups: int, kernel: int, stride: int) -> None:
    counted = connections(4, 8, groups, kernel, stride, 6)
    found = Fan.of_convolution(4, 8, groups, kernel, stride)
    assert found.fan_in == counted[0]
    assert close(found.fan_out, float(counted[1]), 1e-15)


def test_fan_of_a_dense_layer() -> None:
    assert Fan.of(7) == Fan(7, 7)
    assert Fan.of(7, 3) == Fan(7, 3)
    assert Fan.of_convolution(5, 6, 1, 4, 2, dimensions=1) == Fan(20, 12.0)


@pytest.mark.parametrize(
    "wrong", [(0, 4, 1, 3, 1), (4, 0, 1, 3, 1), (4, 4, 0, 3, 1), (4, 4, 1, 0, 1), (4, 4, 1, 3, -1), (4, 6, 4, 3, 1)]
)
def test_no_such_convolution(wrong: tuple[int, int, int, int, int]) -> None:
    with pytest.raises(IkunError):
        Fan.of_convolution(*wrong)


# --- stationary states ------------------------------------------------------------------------------------------------


def at(scheme: str, spec: str, threshold: float = 1.0, a: float = 1.0, fan: Fan | None = None) -> SchemeAt:
    return scheme_at(SCHEMES[scheme], spec, threshold, fan, alpha=a)


def scheme_at(scheme: Scheme, spec: str = "atan", threshold: float = 1.0, fan: Fan | None = None, **known: float) -> SchemeAt:
    one = {"surrogate": spec, "threshold": threshold}
    return SchemeAt(Setting.of(scheme, fan or Fan.of(100), one, **known), layer(spec, threshold))


def test_atan_backward_only() -> None:
    state = at("backward-only", "atan:alpha=2").solve()
    # known to the digits given, by an independent solution
    assert state.gain == pytest.approx(10.0817, abs=5e-5)
    assert state.second_moment_x == pytest.approx(0.27352, abs=5e-6)
    assert state.forward_slope == pytest.approx(0.366, abs=5e-4)
    assert state.stable
    assert state.chi == pytest.approx(1, rel=1e-12)


def test_fast_sigmoid_backward_only() -> None:
    found = at("backward-only", "fast_sigmoid:slope=25")
    low, high = found.states()
    assert math.sqrt(low.var_h) == pytest.approx(0.1945, abs=5e-5)
    assert not low.stable
    assert math.sqrt(high.var_h) == pytest.approx(46.2, abs=0.05)
    assert high.gain == pytest.approx(4343.6, abs=0.05)
    assert high.stable
    assert found.solve() == high


def test_erf_has_no_solution() -> None:
    with pytest.raises(NoSolutionError, match="no stationary state"):
        at("backward-only", "erf:alpha=2").solve()


def test_snntorch_sigmoid_has_no_solution() -> None:
    with pytest.raises(NoSolutionError, match="no stationary state"):
        at("backward-only", "snntorch.sigmoid:slope=25").solve()


@pytest.mark.parametrize("threshold", [0.0, 1.0])
@pytest.mark.parametrize("name", spread(WITH_GRADIENT))
def test_ikun_second_moment_has_one_solution(name: str, threshold: float) -> None:
    """v E[f'²] = α: the left side increases from 0 to ∞, so exactly one v; it is found for every α, to 1e-12, which is
    the accuracy of the moments times the condition of the root (between ½ and 1 in log v)."""
    for a in (0.1, 1.0, 10.0):
        states = at("ikun-second-moment", name, threshold, a).states()
        assert len(states) == 1, (a, states)
        v = states[0].var_h
        assert close(v * float(layer(name, threshold).gradient_moment(v)), a, 1e-12)


@pytest.mark.parametrize("name", spread(WITH_GRADIENT))
def test_the_equation_increases(name: str) -> None:
    """What uniqueness rests on, on a grid of 60 decades in v that the root-finder does not use."""
    v = np.geomspace(1e-2, 1e6, 97)
    for threshold in (0.0, 1.0):
        assert (np.diff(v * layer(name, threshold).gradient_moment(v)) > 0).all()


@pytest.mark.parametrize("scheme", ["ikun", "ikun-second-moment"])
@pytest.mark.parametrize("name", spread(WITH_GRADIENT))
def test_backward_factor(name: str, scheme: str) -> None:
    """χ = fan_out/fan_in · α/σ_X², whatever the surrogate; 1e-10 is the accuracy of the root."""
    for fan, a in ((Fan(100, 250.0), 0.7), (Fan(300, 40.0), 2.0)):
        for state in at(scheme, name, 1.0, a, fan).states():
            sigma2 = state.variance_x if scheme == "ikun" else state.second_moment_x
            assert close(state.chi, fan.fan_out / fan.fan_in * a / sigma2, 1e-10)
            # no other reading of σ_X² passes
            other = state.second_moment_x if scheme == "ikun" else state.variance_x
            if state.mean_x > 0.01:  # where hardly anything fires the two are the same
                assert not close(state.chi, fan.fan_out / fan.fan_in * a / other, 1e-3)


@pytest.mark.parametrize("name", ["atan", "fast_sigmoid"])
def test_backward_only_has_a_factor_of_one(name: str) -> None:
    for fan in (Fan(100, 100.0), Fan(100, 90.0)):
        state = at("backward-only", name, fan=fan).solve()
        assert close(state.chi, 1, 1e-10)
        assert close(state.var_h, state.gain * state.second_moment_x, 1e-10)


def test_a_first_layer_knows_its_input() -> None:
    """With E[X²] given, q = α/(σ² m2) · σ²: the given moment cancels in q, and stands in Var(W)."""
    plain, double = (scheme_at(SCHEMES["ikun"], second_moment=known).solve() for known in (0.25, 0.5))
    assert close(plain.var_h, double.var_h, 1e-10)
    assert close(plain.gain, 2 * double.gain, 1e-10)


def test_a_wrong_factor_in_a_scheme_is_found() -> None:
    """√m2 instead of m2: the factor is not 1/p any more."""
    wrong = Scheme(name="planted", variance=alpha / (fan_in * second_x * sp.sqrt(m2)), summary="", source=IKUN)
    found = scheme_at(wrong).states()
    assert found
    assert not any(close(state.chi, 1 / state.second_moment_x, 1e-2) for state in found)


def test_the_critical_scale() -> None:
    """min over a of K with a stable root: a φ(a) = 2 Q(a) at a* = 1.19060, p* = 0.11690508: the slope is 1 there."""
    edge = layer(threshold=1.0)
    assert edge.forward_slope((1 / 1.19060) ** 2) == pytest.approx(1, abs=2e-5)  # a* is given to 6 digits, d slope/da ~ 1
    assert float(upper_tail(1.19060)) == pytest.approx(0.11690508, abs=1e-6)
    assert pytest.approx(6.0344, abs=1e-4) == (1 / 1.19060) ** 2 / 0.11690508


# --- layers -----------------------------------------------------------------------------------------------------------


def numeric_slope(found: Layer, q: float, second_moment: Callable[[float], float]) -> float:
    """d log E[X²]/d log q by Richardson's extrapolation of central differences; error about 1e-10."""

    def difference(h: float) -> float:
        return (math.log(second_moment(q * math.exp(h))) - math.log(second_moment(q * math.exp(-h)))) / (2 * h)

    return (4 * difference(5e-3) - difference(1e-2)) / 3


@pytest.mark.parametrize("q", [0.05, 0.3, 1.0, 7.0, 400.0])
@pytest.mark.parametrize("threshold", [0.0, 0.5, 1.0])
def test_forward_slope_of_spikes(q: float, threshold: float) -> None:
    found = layer("atan", threshold)
    wanted = numeric_slope(found, q, lambda q: float(norm.sf(threshold / math.sqrt(q))))
    # the difference's error h⁴ is about 1e-8 where a = θ/√q is 4.5
    assert found.forward_slope(q) == pytest.approx(wanted, rel=1e-6, abs=1e-10)
    if threshold:
        a = threshold / math.sqrt(q)
        planted = a * norm.pdf(a) / norm.sf(a)  # the ½ of d log a/d log q forgotten
        assert planted != pytest.approx(wanted, rel=1e-3)


@pytest.mark.parametrize("q", [0.1, 1.0, 20.0])
@pytest.mark.parametrize("name", ["sigmoid", "erf"])
def test_forward_slope_of_the_smooth_pass(name: str, q: float) -> None:
    found = layer(name, 0.5, SmoothLayer)
    wanted = numeric_slope(found, q, lambda q: float(found.second_moment(q)))
    assert found.forward_slope(q) == pytest.approx(wanted, rel=1e-6)


def test_forward_passes() -> None:
    assert set(FORWARD_PASSES.names()) >= {"spiking", "smooth"}
    assert upper_tail([0, 1.5, 30]) == pytest.approx(norm.sf([0, 1.5, 30]), rel=1e-13)
    assert normal_density([0, 1.5, 30]) == pytest.approx(norm.pdf([0, 1.5, 30]), rel=1e-13)


# --- the recursion ----------------------------------------------------------------------------------------------------


def derivative_of_atan(x: float) -> float:
    return 1 / (1 + (math.pi * x) ** 2)


def primitive_of_atan(x: float) -> float:
    return 0.5 + math.atan(math.pi * x) / math.pi


def gaussian_mean(g: Callable[[float], float], q: float, threshold: float) -> float:
    """E[g(H − θ)], H ~ N(0, q), by adaptive quadrature split at the threshold; error below 1e-10."""
    sigma = math.sqrt(q)
    ends = sorted(
        {-12.0, 12.0, 0.0, *(z for z in (threshold / sigma + d / sigma for d in (-1, -0.1, 0, 0.1, 1)) if abs(z) < 12)}
    )
    return sum(
        quad(lambda z: g(sigma * z - threshold) * norm._pdf(z), lo, hi, epsabs=1e-13, epsrel=1e-11)[0]
        for lo, hi in itertools.pairwise(ends)
    )


@pytest.mark.parametrize("forward", ["spiking", "smooth"])
@pytest.mark.parametrize(
    ("gain", "ratio", "threshold", "loss"), [(8.0, 1.0, 1.0, "white"), (3.0, 0.5, 0.0, "rate"), (20.0, 2.0, 0.5, "white")]
)
def test_one_step(forward: str, gain: float, ratio: float, threshold: float, loss: str) -> None:
    """Against the recursion written out again, to 1e-8: the quadrature's accuracy, over six layers."""
    depth, q = 6, gain * 0.3
    model = TimeModel.of(
        gain=gain, gain_out=gain * ratio, threshold=threshold, depth=depth, input_rate=0.3, forward=forward, loss=loss
    )
    found, logs = predict(model), []
    for index, seen in enumerate(found.layers):
        assert seen.var_h[0] == pytest.approx(q, rel=1e-8)
        if forward == "spiking":
            mean = second = float(norm.sf(threshold / math.sqrt(q)))
        else:
            mean = gaussian_mean(primitive_of_atan, q, threshold)
            second = gaussian_mean(lambda x: primitive_of_atan(x) ** 2, q, threshold)
        square = gaussian_mean(lambda x: derivative_of_atan(x) ** 2, q, threshold)
        fourth = gaussian_mean(lambda x: derivative_of_atan(x) ** 4, q, threshold)
        assert seen.rate[0] == pytest.approx(mean, rel=1e-8)
        assert excess(model.layer, q) == pytest.approx(3 * fourth / square**2 - 1, rel=1e-8)
        if index < depth - 1:
            assert found.log_factors[index] == pytest.approx(math.log(gain * ratio * square), rel=1e-8, abs=1e-9)
        logs.append(math.log(gain * ratio * square))
        q = gain * second
    for index, seen in enumerate(found.layers):
        assert seen.log_gradient == pytest.approx(sum(logs[index:-1]), rel=1e-8, abs=1e-9)
    # the factor belongs to the layer that feeds the weights: with the layer above instead, the sums are different
    assert found.log_gradient != pytest.approx(sum(logs[1:]), rel=1e-4)
    assert not any(error for layer in found.layers for error in layer.se["rate"])


def test_one_step_falls_silent() -> None:
    """Kaiming's gain 2 is below the critical 6.03: activity dies, and nothing is NaN on the way."""
    found = predict(TimeModel.of(gain=2.0, depth=60))
    assert found.layers[-1].rate[0] == found.layers[-1].var_h[0] == 0
    assert found.silent_from is not None
    assert np.isfinite([(seen.var_h[0], seen.log_gradient) for seen in found.layers]).all()


def test_gradients_of_layers_of_several_widths() -> None:
    """Weights from n to m neurons lead m of variance K/n back: layer by layer, and not where the widths repeat only."""
    ratios, gain = (0.5, 2.0, 3.0), 9.0
    even = predict(TimeModel.of(gain=gain, depth=7, steps=2, leak=0.5, input_rate=0.3), samples=256)
    found = predict(
        TimeModel.of(gain=gain, gain_out=tuple(gain * r for r in ratios), depth=7, steps=2, leak=0.5, input_rate=0.3),
        samples=256,
    )
    for layer in range(6):  # from layer + 2 down to layer + 1 (counted from 1) through the weights into layer + 2
        wanted = even.log_factors[layer] + math.log(ratios[(layer + 1) % 3])
        assert found.log_factors[layer] == pytest.approx(wanted, abs=1e-9)


def test_the_spread_of_gradients_adds_over_layers() -> None:
    model = TimeModel.of(gain=8.0, depth=4)
    q = predict(model).array("var_h")[:, 0]
    wanted = sum(excess(model.layer, float(v)) / n for v, n in zip(q[:3], (50, 60, 70), strict=True))
    assert log_gradient_variance(model.layer, q, (50, 60, 70, 80)) == pytest.approx(wanted, rel=1e-12)
    linear = TimeModel.of(surrogate="linear", gain=8.0).layer
    assert excess(linear, 2.0) == pytest.approx(2.0, rel=1e-12)  # the squared norm of a Gaussian vector


def test_rates_spread_as_simulated_chains_do() -> None:
    """20,000 chains of the number of spikes, n = 500, 25 layers (the slope at this rate is 0.32: settled long before): the
    standard deviation is known to 0.5 %; terms of order 1/n are 1 %."""
    gain, sigma, slope = gain_of_rate(0.3, 1.0)
    assert gain * 0.3 == pytest.approx(sigma**2)
    source, rate = np.random.default_rng(2), np.full(20_000, 0.3)
    for _ in range(25):
        rate = source.binomial(500, norm._sf(1 / np.sqrt(gain * rate))) / 500
    assert rate.std() / rate.mean() == pytest.approx(rate_spread(0.3, slope, 500), rel=0.03)


# --- finite width -----------------------------------------------------------------------------------------------------


def simulated_survival(n: int, depth: int, gain: float, threshold: float, rate: float, runs: int, seed: int) -> float:
    """Networks with fresh weights, by drawing them: no binomial law is used."""
    source = np.random.default_rng(seed)
    alive = 0
    for _ in range(runs):
        x = (source.random(n) < rate).astype(float)
        for _ in range(depth):
            x = (source.normal(0, math.sqrt(gain / n), (n, n)) @ x >= threshold).astype(float)
        alive += x.any()
    return alive / runs


def test_survival_of_small_networks() -> None:
    """n = 20 neurons, 10 layers, K = 7, θ = 1, N = 4000 networks, seed 1: standard error √(P(1 − P)/N) <= 0.0079; the bound
    of five of them is a false alarm once in 1.7e6 seeds."""
    exact = survival(20, 10, 7.0, 1.0, 0.5)
    simulated = simulated_survival(20, 10, 7.0, 1.0, 0.5, 4000, 1)
    error = math.sqrt(exact * (1 - exact) / 4000)
    assert 0.1 < exact < 0.9  # the comparison would be empty at either end
    assert abs(simulated - exact) <= 5 * error
    # planted: one layer fewer, and a gain that is 10 % off, are seen
    assert abs(simulated - survival(20, 7, 7.0, 1.0, 0.5)) > 5 * error
    assert abs(simulated - survival(20, 10, 7.7, 1.0, 0.5)) > 5 * error


def test_survival_by_hand() -> None:
    # one neuron, one layer: it fires if its input did (r) and its weight exceeds θ: r Q(θ/√K)
    assert survival(1, 1, 4.0, 1.0, 0.3) == pytest.approx(0.3 * norm.sf(0.5), rel=1e-13)
    assert survival(1, 3, 4.0, 1.0, 0.3) == pytest.approx(0.3 * norm.sf(0.5) ** 3, rel=1e-13)
    assert survival(50, 5, 4.0, 1.0, 0.0) == 0  # nothing in, nothing out
    # θ = 0: H = 0 fires (H >= θ), so a silent layer wakes all of the next
    assert survival(1, 1, 4.0, 0.0, 0.0) == 1
    assert survival(1, 1, 4.0, 0.0, 1.0) == pytest.approx(0.5, rel=1e-13)


def test_survival_is_monotonic() -> None:
    by_depth = [survival(40, depth, 6.5, 1.0, 0.5) for depth in (1, 2, 5, 10, 20, 40)]
    by_width = [survival(width, 20, 6.5, 1.0, 0.5) for width in (10, 20, 40, 80, 160)]
    by_gain = [survival(40, 20, gain, 1.0, 0.5) for gain in (3.0, 5.0, 6.5, 8.0, 12.0)]
    by_input = [survival(40, 20, 6.5, 1.0, rate) for rate in (0.01, 0.05, 0.2, 0.5, 1.0)]
    assert by_depth == sorted(by_depth, reverse=True)
    for values in (by_width, by_gain, by_input):
        assert values == sorted(values)
        assert all(0 <= value <= 1 for value in values)


# --- the comparison itself --------------------------------------------------------------------------------------------


def test_the_comparison_can_fail() -> None:
    """n = 200 planted relative errors between 2e-12 and 1, seed 0: every one is found, and none where there is none."""
    source = random.Random(0)
    for _ in range(200):
        value, error = source.uniform(1e-3, 1e3), 10 ** source.uniform(math.log10(2e-12), 0)
        assert close(value, value, 1e-12)
        assert not close(value * (1 + error), value, 1e-12)


def test_forward_fluctuations_in_the_gradient_against_the_chain() -> None:
    """f' = 1 on −1 < H < 1 below θ = 1: E[f'²] = 1 − 2p has D = −a φ(a)/(1 − 2p), own excess 3/(1 − 2p) − 1, and no spiking
    neuron has a gradient. The fluctuating sum Σ log E[f'²] is simulated, 20,000 chains of spike counts: 1 % standard error of
    its variance, a band of 5; and terms of the next order in 1/(n (1 − s)²), 2 %."""
    n, depth, rate, chains = 4000, 12, 0.2, 20_000
    a = float(norm.isf(rate))
    q, rng = 1 / a**2, np.random.default_rng(0)
    layer = SpikingLayer(resolve("expr:piecewise((1, (x > -2) & (x < 0)), (0, True))"), 1.0)
    assert float(layer.gradient_moment_of_spiking(q)) == 0
    found = moving_log_gradient_variance(layer, q, [n] * (depth + 1))
    share, logs = np.full(chains, rate), np.zeros(chains)
    share = rng.binomial(n, share) / n
    for _ in range(depth - 1):
        firing = norm.sf(1 / np.sqrt(q / rate * share))
        logs += np.log1p(-2 * firing)
        share = rng.binomial(n, firing) / n
    slope, response = a * norm.pdf(a) / (2 * rate), -a * norm.pdf(a) / (1 - 2 * rate)
    after = [response * (1 - slope**k) / (1 - slope) for k in range(depth - 1)]
    own = (depth - 1) * (3 / (1 - 2 * rate) - 1) / n
    assert found == pytest.approx(own - 2 * sum(after) / n + logs.var(), rel=0.05 + 0.02)
    assert logs.var() > 0.3 * own, "the comparison is empty"
    # f' = 1 everywhere: E[f'²] does not move
    flat = SpikingLayer(resolve("linear"), 1.0)
    assert moving_log_gradient_variance(flat, q, [n] * 5) == pytest.approx(3 * 2 / n, rel=1e-9)
