"""Every initialisation scheme against a formula written again here, the data it asks for, and what it refuses."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import sympy as sp
from scipy.integrate import quad
from scipy.optimize import fsolve
from scipy.signal import lfilter
from scipy.stats import norm

from ikun_sym.catalogue.parameter import Param
from ikun_sym.catalogue.schemes import SCHEMES, Scheme, fan_in, m2, rate
from ikun_sym.errors import DomainError, IkunError, NoSolutionError, UnknownNameError
from ikun_sym.reading.surrogate_spec import resolve
from ikun_sym.schemes.initialise import Initialisation, init_variance
from ikun_sym.schemes.rules import RULES, constant_input_rate
from ikun_sym.schemes.slope import slope_for_moment, slope_of

IN, OUT = 300, 200
SETTING: dict[str, Any] = {"surrogate": "atan:alpha=2", "threshold": 0.8, "leak": 0.6, "decay_input": True}
LAMBDA = 0.4  # 1 − κ


def close(got: float, wanted: float, tolerance: float) -> bool:
    """The comparison of every scheme below; the planted errors show that it can fail."""
    return abs(got - wanted) <= tolerance * abs(wanted)


def atan(x: float, k: float = 2.0) -> float:
    return (k / 2) / (1 + (math.pi * k * x / 2) ** 2)


def moment(mean: float, variance: float, theta: float, fprime: Callable[[float], float] = atan) -> float:
    """E[f'(H − θ)²], H ~ N(mean, variance), by adaptive quadrature split where f' and the density peak."""
    s = math.sqrt(variance)
    ends = sorted({-12.0, 12.0, 0.0, *(z for z in ((theta - mean + d) / s for d in (-1, -0.1, 0, 0.1, 1)) if abs(z) < 12)})
    parts = [
        quad(lambda z: fprime(mean + s * z - theta) ** 2 * norm._pdf(z), lo, hi, epsabs=1e-13)[0] for lo, hi in pairwise(ends)
    ]
    return math.fsum(parts)


# --- each scheme once more --------------------------------------------------------------------------------------------

Check = Callable[[Initialisation], float]

TAU_S, TAU_M = -1 / math.log(0.7), -1 / math.log(0.6)


def ikun(found: Initialisation, sigma2: Callable[[float], float], fan: float) -> float:
    """A scheme's own equation at the state that it reports: q = λ² fan_in Var(W) p there."""
    q = found.provenance["var_h"]
    p = norm.sf(0.8 / math.sqrt(q))
    assert close(q, LAMBDA**2 * IN * found.variance * p, 1e-10)
    return 1 / (fan * sigma2(p) * moment(0.0, q, 0.8))


def spikeinit() -> tuple[float, float, float]:
    """(σ, μ, s): the three equations as published, by a general solver."""
    k, p, theta = 0.6, 0.1, 0.8

    def equations(unknown: np.ndarray) -> list[float]:
        sigma, mu, s = unknown
        a = (theta - mu) / s
        below, density = norm.cdf(a), norm.pdf(a)
        square = mu**2 + s**2
        return [
            mu - k * (mu * below - s * density),
            square - k**2 * (square * below - s * (theta + mu) * density) - p * (sigma * LAMBDA) ** 2,
            p - norm.sf(a),
        ]

    return tuple(float(x) for x in fsolve(equations, [3.0, -0.1, 0.5], xtol=1e-13))  # type: ignore[return-value]


def constant_rate_by_simulation(sigma: float, theta: float, leak: float, steps: int) -> float:
    """One neuron for each of 20001 equally probable constant currents, stepped."""
    current = sigma * norm.ppf((np.arange(20001) + 0.5) / 20001)
    v, spikes = np.zeros_like(current), 0
    for _ in range(steps):
        v = leak * v + current
        fired = v >= theta
        spikes += fired.sum()
        v[fired] = 0
    return spikes / (steps * len(current))


# Var(W) at fan_in 300, fan_out 200, θ = 0.8, κ = 0.6, λ = 0.4 (κ_s = 0.7 where there is a synapse)
FORMULAS: dict[str, float | Check] = {
    "torch-default": 1 / 900,
    "xavier": 2 / 500,
    "xavier-uniform": 2 / 500,
    "kaiming": 2 / 300,
    "kaiming-fan-out": 2 / 200,
    "lecun": 1 / 300,
    "normal": 0.02**2,
    "orthogonal": 1 / 300,
    "delta-orthogonal": 1 / 300,
    "ikun-v1": 1 / np.mean(1 / (1 + np.linspace(-1, 1, 1000) ** 2)) / 300,
    "ikun-v2": 1 / np.mean(1 / (1 + np.linspace(-1, 1, 1000) ** 2)) / 500,
    "ikun": lambda found: ikun(found, lambda p: p * (1 - p), IN),
    "ikun-second-moment": lambda found: ikun(found, lambda p: p, IN),
    "backward-only": lambda found: ikun(found, lambda p: LAMBDA**2, OUT),
    "compromise": lambda found: ikun(found, lambda p: LAMBDA**2, (IN + OUT) / 2),
    "vi3nr": lambda found: ikun(found, lambda p: LAMBDA**2, IN),
    "critical": 0.8**2 / (norm.isf(0.2) ** 2 * 0.2 * IN * LAMBDA**2),
    "micheli": 1 / (300 * norm.sf(0.8)),
    "ding": (math.sqrt(2) * 0.8 / (LAMBDA * math.sqrt(300))) ** 2,
    "fluctuation-driven": (0.8 / 2) ** 2 / (300 * 0.01 * TAU_S**2 / (2 * (TAU_S + TAU_M))),
    "fluctuation-driven-discrete": (0.8 * math.sqrt(1 - 0.36) / (LAMBDA * 2 * math.sqrt(0.1 * 300))) ** 2,
    "spikeinit": spikeinit()[0] ** 2 / 300,
    "spikeinit-first-layer": lambda found: found.provenance["sigma"] ** 2 / (300 * LAMBDA**2),
    "herranz": (1 - 0.36) / (300 * quad(lambda x: atan(x) ** 2, -0.8, 0.8, points=[0], epsabs=1e-13)[0] / 1.6),
    "is-snn": 1 / (norm.sf(0.8) * norm.cdf(0.8) * 300),
    "tdbn": 2 / 300,
    # noise 1/5 of θ over λ, at the rate 0.2
    "copy": (0.2 * 0.8 / LAMBDA) ** 2 / 0.2 / 300,
    "lsuv": 1 / 300,
    "lsuv-rate": 1 / 300,
}


def settings_of(name: str) -> dict[str, Any]:
    return SETTING | ({"synaptic_leak": 0.7} if name.startswith("fluctuation-driven") else {})


@pytest.mark.parametrize("name", SCHEMES.names())
def test_variance(name: str) -> None:
    """1e-9: quadrature, and the general solver's."""
    found = init_variance(name, IN, OUT, **settings_of(name))
    formula = FORMULAS[name]
    wanted = formula(found) if callable(formula) else formula
    assert close(found.variance, float(wanted), 1e-9)
    assert not close(found.variance * (1 + 1e-6), float(wanted), 1e-9)
    assert found.std**2 == pytest.approx(found.variance, rel=1e-15)
    assert found.uniform_bound**2 == pytest.approx(3 * found.variance, rel=1e-15)


def test_every_scheme_is_written_again() -> None:
    assert set(FORMULAS) == set(SCHEMES.names())


BIASES = {"torch-default": (0.0, 1 / math.sqrt(300)), "ding": (0.8 * 0.4 / (2 * LAMBDA), 0.0)}


@pytest.mark.parametrize("name", SCHEMES.names())
def test_bias(name: str) -> None:
    found = init_variance(name, IN, OUT, **settings_of(name))
    assert (found.bias, found.bias_bound) == pytest.approx(BIASES.get(name, (0.0, 0.0)), rel=1e-14)


WITH_SLOPE = {  # law of H (mean, variance) and the moment that the slope is to give
    "critical": (0.0, (0.8 / norm.isf(0.2)) ** 2, norm.isf(0.2) ** 2 * 0.2 / 0.8**2 * IN / OUT),
    "spikeinit": (spikeinit()[1], spikeinit()[2] ** 2, (1 - 0.9 * 0.36) / (spikeinit()[0] * LAMBDA) ** 2),
}


@pytest.mark.parametrize("name", SCHEMES.names())
def test_slope(name: str) -> None:
    found = init_variance(name, IN, OUT, **settings_of(name))
    assert SCHEMES[name].sets_slope == (name in WITH_SLOPE) == (found.slope is not None)
    if name not in WITH_SLOPE:
        assert found.surrogate == "atan:alpha=2"
        return
    mean, variance, wanted = WITH_SLOPE[name]
    slope = found.slope or math.nan
    assert resolve(found.surrogate).values[0][1] == pytest.approx(slope)
    assert close(moment(mean, variance, 0.8, lambda x: atan(x, slope)), wanted, 1e-8)
    assert not close(moment(mean, variance, 0.8, lambda x: atan(x, 1.01 * slope)), wanted, 1e-3)


NEED_DATA = {"tdbn", "lsuv", "lsuv-rate"}
DRAWN = {"orthogonal": "orthogonal", "delta-orthogonal": "delta-orthogonal", "lsuv": "orthogonal", "lsuv-rate": "orthogonal"}
DRAWN |= {"is-snn": "row-centred", "copy": "copying"}


@pytest.mark.parametrize("name", SCHEMES.names())
def test_what_a_scheme_asks_for(name: str) -> None:
    found = init_variance(name, IN, OUT, **settings_of(name))
    assert bool(found.needs_data) == (name in NEED_DATA)
    assert found.weights == DRAWN.get(name, "independent")
    assert {"formula", "source", "fan_in", "fan_out", "fan_out_is"} <= set(found.provenance)
    assert found.distribution == ("uniform" if name in ("torch-default", "xavier-uniform") else "normal")
    assert init_variance(name, IN, OUT, **settings_of(name), distribution="uniform").distribution == "uniform"


def test_the_recomputed_numbers_of_spikeinit() -> None:
    """κ = λ = θ = ½, p = 0.1: σ = 2.5784, μ = −0.0711, s = 0.4456, α = 2.3058 in f' = α exp(−2α|x|)."""
    spec = "expr:a*exp(-2*a*abs(x));a=1"
    found = init_variance("spikeinit", 1, threshold=0.5, leak=0.5, decay_input=True, surrogate=spec)
    assert found.std == pytest.approx(2.5784, abs=5e-5)
    assert found.provenance["mean_h"] == pytest.approx(-0.0711, abs=5e-5)
    assert math.sqrt(found.provenance["var_h"]) == pytest.approx(0.4456, abs=5e-5)
    assert found.slope == pytest.approx(2.3058, abs=5e-5)
    # the registered exponential, (α/2) exp(−α|x|), is the same with twice the parameter
    own = init_variance("spikeinit", 1, threshold=0.5, leak=0.5, decay_input=True, surrogate="exponential")
    assert own.slope == pytest.approx(2 * (found.slope or 0), rel=1e-9)


@pytest.mark.parametrize(("leak", "steps"), [(0.0, 7), (0.5, 1), (0.5, 12), (0.9, 40), (1.0, 25)])
def test_first_layer_under_constant_input(leak: float, steps: int) -> None:
    """20001 currents resolve a rate to 1e-4: each threshold i S_k = θ is met to one current."""
    for sigma in (0.3, 1.0, 4.0):
        stepped = constant_rate_by_simulation(sigma, 0.7, leak, steps)
        assert constant_input_rate(sigma, 0.7, leak, steps) == pytest.approx(stepped, abs=1.5e-4)
    for horizon in (None, steps):
        if horizon == 1:
            continue  # one step is what `steps` is where nothing is said of time
        found = init_variance("spikeinit-first-layer", 10, threshold=0.7, leak=leak, rate=0.05, steps=horizon or 1)
        sigma = found.provenance["sigma"]
        assert constant_input_rate(sigma, 0.7, leak, horizon) == pytest.approx(0.05, rel=1e-9)


def test_many_steps_approach_infinitely_many() -> None:
    for leak in (0.3, 0.9, 1.0):
        assert constant_input_rate(1.0, 1.0, leak, 4000) == pytest.approx(constant_input_rate(1.0, 1.0, leak), abs=2e-4)


def test_the_released_constant() -> None:
    """1/mean of |1/(1 + x²)| over linspace(−1, 1, 1000): close to 4/π, not equal to it."""
    released = 1 / np.mean(np.abs(1 / (1 + np.linspace(-1, 1, 1000) ** 2)))
    assert released == pytest.approx(1.27370, abs=5e-6)
    assert close(init_variance("ikun-v1", 1).variance, released, 1e-13)
    assert not close(init_variance("ikun-v1", 1).variance, 4 / math.pi, 1e-4)


@pytest.mark.parametrize(("inputs", "outputs"), [(400, 900), (2500, 40)])
def test_torch_default_is_torchs(inputs: int, outputs: int) -> None:
    """nn.Linear as it is: uniform on ±1/√fan_in, weights and biases.

    n = 360000 and 100000 weights, seed 0. Var of n uniform draws has relative standard error √(4/5n) <= 2.9e-3: five of
    them is a false alarm once in 1.7e6. The largest |w| falls short of the bound by more than 20/n with probability e^{-20}.
    """
    torch = pytest.importorskip("torch", reason="needs the extra `validate`")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        linear = torch.nn.Linear(inputs, outputs)
    weights, biases = (p.detach().double().numpy().ravel() for p in (linear.weight, linear.bias))
    found = init_variance("torch-default", inputs, outputs)
    bound = 1 / math.sqrt(inputs)
    rounding = 1e-6  # float32
    assert found.uniform_bound == pytest.approx(bound, rel=1e-14)
    assert found.bias_bound == pytest.approx(bound, rel=1e-14)
    assert bound * (1 - 20 / weights.size) <= np.abs(weights).max() <= bound * (1 + rounding)
    assert np.abs(biases).max() <= bound * (1 + rounding)
    assert np.abs(biases).max() >= bound * (1 - 20 / biases.size)
    assert np.mean(weights**2) == pytest.approx(found.variance, rel=5 * math.sqrt(4 / (5 * weights.size)))


# --- parameters and defaults ------------------------------------------------------------------------------------------


def test_a_scheme_has_parameters_of_its_own() -> None:
    plain, double = init_variance("orthogonal", 7), init_variance("orthogonal:gain=2", 7)
    assert double.variance == pytest.approx(4 * plain.variance)
    assert double.scheme == "orthogonal"
    mean = init_variance("fluctuation-driven:mean_u=0.4,xi=1", 50, rate=0.05, leak=0.6, synaptic_leak=0.7)
    mu = 0.4 / (50 * 0.05 * TAU_S)
    assert mean.mean == pytest.approx(mu, rel=1e-14)
    assert mean.variance == pytest.approx(0.36 / (50 * 0.05 * TAU_S**2 / (2 * (TAU_S + TAU_M))) - mu**2, rel=1e-13)


def test_fluctuations_are_what_they_should_be() -> None:
    """The membranes of 500 neurons with 400 inputs and no threshold: over time, mean mean_u and standard deviation
    (θ − mean_u)/ξ. The synapse decays by κ_s, the membrane is driven with 1 − κ. Time constants of 40 and 30 steps make
    continuous time a good picture (2 % off); 3000 steps are about 40 independent samples of inputs that all neurons share, so
    the deviation has a standard error below 6 % (seed 0). The planted ξ = 1 is 100 % off."""
    leak, synapse, p = math.exp(-1 / 40), math.exp(-1 / 30), 0.02
    found = init_variance("fluctuation-driven:mean_u=0.3,xi=2", 400, rate=p, leak=leak, synaptic_leak=synapse)
    source = np.random.default_rng(0)
    weight = source.normal(found.mean, found.std, (400, 500))
    current = lfilter([1], [1, -synapse], (source.random((3500, 400)) < p) @ weight, axis=0)
    u = lfilter([1 - leak], [1, -leak], current, axis=0)[500:]
    assert u.mean() == pytest.approx(0.3, abs=0.05)
    assert math.sqrt(u.var(axis=0).mean()) == pytest.approx(0.7 / 2, rel=0.15)
    wrong = init_variance("fluctuation-driven:mean_u=0.3,xi=1", 400, rate=p, leak=leak, synaptic_leak=synapse)
    assert wrong.std > 1.9 * found.std


def test_defaults_are_the_schemes() -> None:
    assert init_variance("critical", 10).variance == init_variance("critical", 10, rate=0.2).variance
    assert init_variance("spikeinit", 10).variance == init_variance("spikeinit", 10, rate=0.1).variance
    found = init_variance("is-snn", 10, threshold=1.3).provenance["numbers"]["rate"]
    assert found["value"] == pytest.approx(norm.sf(1.3), rel=1e-14)
    assert "default" in found["from"]
    assert init_variance("is-snn", 10, rate=0.3).provenance["numbers"]["rate"] == {"value": 0.3, "from": "given"}


@pytest.mark.parametrize("scheme", ["critical", "spikeinit", "fluctuation-driven-discrete", "ding"])
def test_thresholds_only_set_the_unit(scheme: str) -> None:
    """θ → 2θ doubles every weight, and halves the slope of a surrogate of area 1."""
    one, two = (init_variance(scheme, 40, leak=0.3, threshold=theta, surrogate="sigmoid") for theta in (0.7, 1.4))
    assert two.std == pytest.approx(2 * one.std, rel=1e-12)
    assert two.bias == pytest.approx(2 * one.bias, rel=1e-12)
    if one.slope is not None:
        assert two.slope == pytest.approx(one.slope / 2, rel=1e-9)


def test_critical_first_layer() -> None:
    """Known E[x²] in place of the rate: the same Var(H) as in all later layers."""
    later, first = init_variance("critical", 100), init_variance("critical", 100, second_moment=0.5)
    assert 100 * first.variance * 0.5 == pytest.approx(100 * later.variance * 0.2, rel=1e-14)


# --- slopes -----------------------------------------------------------------------------------------------------------


def test_a_width_is_turned_round() -> None:
    """`gaussian` is the erf surrogate by its standard deviation, 1/(α√2): the slope is 1/σ."""
    width = init_variance("critical", 10, surrogate="gaussian")
    slope = init_variance("critical", 10, surrogate="erf")
    assert slope_of(resolve("gaussian")).width
    assert not slope_of(resolve("erf")).width
    assert width.slope == pytest.approx((slope.slope or 0) * math.sqrt(2), rel=1e-9)
    assert dict(resolve(width.surrogate).values)["sigma"] == pytest.approx(1 / (width.slope or 1), rel=1e-12)


def test_the_slope_of_an_expression() -> None:
    written = init_variance("critical", 10, surrogate="expr:k/2/(1 + (pi*k*x/2)**2);k=3")
    assert written.slope == pytest.approx(init_variance("critical", 10, surrogate="atan").slope, rel=1e-9)
    inverse = init_variance("critical", 10, surrogate="expr:1/w/2/(1 + (pi*x/w/2)**2);w=3")
    assert inverse.slope == pytest.approx(written.slope, rel=1e-9)
    assert "w=" in inverse.surrogate


def test_out_of_reach() -> None:
    with pytest.raises(NoSolutionError, match="stays between"):
        slope_for_moment(slope_of(resolve("superspike_mem_clamp")), 1.0, 1e-6, variance=1.0)


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "settings", "error"),
    [
        (("kaimin", 3), {}, UnknownNameError),
        (("kaiming", 0), {}, DomainError),
        (("kaiming", 3, 0.0), {}, DomainError),
        (("kaiming:gain=2", 3), {}, IkunError),
        (("orthogonal:gain=0", 3), {}, DomainError),
        (("orthogonal:gain", 3), {}, IkunError),
        (("ikun", 3), {"threshold": -1.0}, DomainError),
        (("ikun", 3), {"threshold": math.nan}, DomainError),
        (("ikun", 3), {"alpha": 0.0}, DomainError),
        (("ikun", 3), {"alpha": math.inf}, DomainError),
        (("ikun", 3), {"second_moment": 0.0}, DomainError),
        (("ikun", 3), {"second_moment": math.nan}, DomainError),
        (("ikun", 3), {"distribution": "cauchy"}, IkunError),
        (("critical", 3), {"rate": 0.1}, DomainError),
        (("critical", 3), {"rate": 0.5}, DomainError),
        (("critical", 3), {"threshold": 0.0}, DomainError),
        (("critical", 3), {"steps": 0}, DomainError),
        (("spikeinit", 3), {"rate": 0.5}, DomainError),
        (("spikeinit", 3), {"leak": 1.5}, DomainError),
        (("spikeinit", 3), {"leak": 1.0, "decay_input": True}, DomainError),
        (("spikeinit-first-layer", 3), {"rate": 0.7}, DomainError),
        (("spikeinit-first-layer", 3), {"threshold": 0.0}, DomainError),
        (("fluctuation-driven-discrete", 3), {"leak": 1.0}, NoSolutionError),
        (("fluctuation-driven", 3), {"synaptic_leak": 0.0}, NoSolutionError),
        (("fluctuation-driven:mean_u=5,xi=20", 3), {"rate": 0.5}, NoSolutionError),
        (("is-snn", 3), {"rate": 1.0}, DomainError),
        (("herranz", 3), {"threshold": 0.0}, DomainError),
        (("herranz:low=2", 3), {}, DomainError),
    ],
)
def test_refused(arguments: tuple, settings: dict, error: type[Exception]) -> None:
    with pytest.raises(error):
        init_variance(*arguments, **settings)


@pytest.mark.parametrize(
    "statement",
    [
        {"variance": sp.Symbol("wrong") / fan_in},
        {"variance": 1 / fan_in, "bias": sp.Symbol("wrong")},
        {"variance": 1 / fan_in, "bias": m2},  # only the variance may hold moments
        {"variance": 1 / fan_in, "weights": "drawn"},
        {"variance": 1 / fan_in, "rule": "critical"},
        {"variance": rate / fan_in, "params": (Param("p", 1),), "distribution": "cauchy"},
        {},
    ],
)
def test_a_statement_declares_its_symbols(statement: dict) -> None:
    with pytest.raises(IkunError):
        Scheme(name="x", summary="", source="", **statement)


def test_every_rule_is_used() -> None:
    assert {scheme.rule for scheme in SCHEMES if scheme.rule} == set(RULES.names())
