"""Rate-targeted design over several steps: against the mean field run layer by layer, orthants, a network, planted errors."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from ikun_sym import design, init_variance
from ikun_sym.errors import DomainError, NoSolutionError
from ikun_sym.mean_field.covariance import normal_points
from ikun_sym.mean_field.infinite_network import TimeModel
from ikun_sym.mean_field.layer import SpikingLayer
from ikun_sym.mean_field.layer_law import law
from ikun_sym.mean_field.predict import predict
from ikun_sym.reading.surrogate_spec import resolve
from ikun_sym.schemes.critical_scale import critical
from ikun_sym.schemes.fixed_rate import at_rate, critical_gain, forward_slope, lowest_stable_rate
from ikun_sym.schemes.rate_targeted import Design
from tests.selection import spread

Setting = tuple[int, float, str, bool, float]
"""Steps, leak, reset, detached or not, firing rate."""

TWO_STEPS: Setting = (2, 0.5, "hard", True, 0.2)
SETTINGS: list[Setting] = [
    TWO_STEPS,
    (4, 0.5, "hard", False, 0.25),
    (5, 0.8, "soft", True, 0.3),
    (3, 0.9, "delayed", True, 0.25),
]


def designed(setting: Setting, surrogate: str = "atan") -> Design:
    steps, leak, reset, detach, rate = setting
    return design(rate, surrogate, steps=steps, leak=leak, reset=reset, detach=detach)


def deep(found: Design, depth: int, **changes: object) -> TimeModel:
    model = TimeModel.of(
        neuron=found.neuron,
        steps=found.steps,
        gain=found.n_var_w,
        depth=depth,
        input_rate=found.rate,
    )
    return model.but(**changes)


@pytest.mark.parametrize("setting", spread([(setting,) for setting in SETTINGS], 2))
def test_the_mean_field_settles_there(setting: Setting) -> None:
    """150 layers by the recursion, from a Poisson input, with other random numbers: the rate of the last layer is p; far below
    the loss, and where the input is forgotten, the gradient's factor is 1. Five of the two standard errors are allowed (a false
    alarm once in 1e6), and for the factor what the slowest transient leaves after 110 layers."""
    found = designed(setting)
    predicted = predict(deep(found, 150), samples=2**13, randomisations=4, seed=1)
    rate = predicted.array("rate")[-1].mean()
    # d log p/d log K = s/(1 − s), s the forward slope
    passed_on = found.forward_slope / (1 - found.forward_slope) * found.rate / found.n_var_w
    error = math.hypot(predicted.errors("rate")[-1].max(), passed_on * (found.se or {})["n_var_w"])
    assert rate == pytest.approx(found.rate, abs=5 * error + 2e-4)
    assert predicted.log_factors[40] == pytest.approx(0, abs=5e-3)
    assert predicted.layers[40].log_gradient == pytest.approx(found.log_transient, abs=0.25)
    # planted: 3 % more gain, a tenth more slope
    wrong = predict(deep(found, 60, gain=1.03 * found.n_var_w), samples=2**12, randomisations=2)
    assert wrong.array("rate")[-1].mean() > rate + 2e-3
    sharper = resolve(found.bound, alpha=repr(1.1 * found.slope)).spec
    assert predict(deep(found, 150, surrogate=sharper), samples=2**12, randomisations=2).log_factors[40] > 0.02


def test_two_steps_by_hand() -> None:
    """T = 2, κ = ½, hard reset, from bivariate normal probabilities alone: p₁ = Q(θ/√(K p₁)),
    C₁₂ = P(i₁ >= θ, i₂ >= θ), p₂ = C₁₂ + P(i₁ < θ, κ i₁ + i₂ >= θ), (i₁, i₂) of covariance K C; and λ² K E[f'²] = 1 at the
    first step, whose factor is the larger one here."""
    found = designed(TWO_STEPS)
    k, leak = found.n_var_w, 0.5
    first, second = found.rates
    assert k * first == pytest.approx(1 / norm.isf(first) ** 2, rel=1e-4)
    assert (first + second) / 2 == pytest.approx(0.2, abs=2e-5)

    def both(x: float, y: float, cov: list[list[float]]) -> float:
        return float(multivariate_normal.cdf([-x, -y], cov=cov))  # P(X >= x, Y >= y)

    joint = first * 0.8
    for _ in range(60):  # the fixed point of C₁₂, given the rates
        joint = both(1, 1, [[k * first, k * joint], [k * joint, k * second]])
    var_j = k * (leak**2 * first + 2 * leak * joint + second)
    cross = k * (leak * first + joint)
    late = norm.sf(1 / math.sqrt(var_j)) - both(1, 1, [[k * first, cross], [cross, var_j]])
    assert joint + late == pytest.approx(second, abs=3e-4)
    moment = SpikingLayer(found.bound, 1.0).gradient_moment(k * first)
    assert k * float(moment) == pytest.approx(1, abs=1e-3)


def test_one_step_is_the_closed_form() -> None:
    """The sampled way at T = 1 has no samples: the same K."""
    one = law(TimeModel.of(steps=1), normal_points(64, 1, np.random.default_rng(0)).astype(np.float32))
    point, closed = at_rate(one, 0.2), design(0.2)
    assert point.gain == pytest.approx(closed.n_var_w, rel=1e-4)
    assert forward_slope(one, point) == pytest.approx(closed.forward_slope, rel=2e-3)
    assert lowest_stable_rate(one) == pytest.approx(critical().rate.value, rel=1e-12)


@pytest.mark.parametrize(
    ("steps", "leak", "reset", "decay_input"), [(1, 0.5, "hard", True), (4, 0.5, "hard", True), (3, 1.0, "soft", False)]
)
def test_activity_needs_the_critical_gain_over_time_too(steps: int, leak: float, reset: str, decay_input: bool) -> None:
    """It is c* θ²/λ², c* = min 1/(a² Q(a)), λ = 1 − κ where inputs decay. 3 % below, a deep network falls silent whatever its
    leak; 3 % above, the rate stays at or above the lowest stable one."""
    common = {"steps": steps, "leak": leak, "reset": reset, "decay_input": decay_input, "surrogate": "atan"}
    network = TimeModel.of(depth=400, input_rate=0.5, threshold=1.5, **common)
    gain = critical_gain(network)
    scale = min(1 / (a**2 * norm.sf(a)) for a in np.linspace(0.5, 3, 10_001))
    assert gain == pytest.approx(scale * (1.5 / (1 - leak if decay_input else 1)) ** 2, rel=1e-6)
    below = predict(network.but(gain=0.97 * gain), samples=2**12, randomisations=2)
    above = predict(network.but(gain=1.03 * gain), samples=2**12, randomisations=2)
    assert below.array("rate")[-1].max() < 1e-3
    with pytest.raises(DomainError, match="lowest stable firing rate") as refused:
        design(0.05, steps=steps, leak=leak, reset=reset, decay_input=decay_input)
    lowest = float(str(refused.value).split("above ")[1].split(",")[0])
    assert lowest < above.array("rate")[-1].mean() < lowest + 0.06
    assert lowest > critical().rate.value - 1e-6  # as it is printed


def test_a_reset_that_outlasts_its_step_raises_the_lowest_rate() -> None:
    """Delayed reset, κ = ½, four steps: just above the critical gain the last two steps are silent in the mean field's depth.
    A rate below that of steps all awake is refused, and what is not refused is reached."""
    setting = {"steps": 4, "leak": 0.5, "reset": "delayed"}
    alone = predict(TimeModel.of(gain=1.03 * critical().scale.value, depth=200, input_rate=0.5, **setting), samples=2**11)
    rates = alone.array("rate")[-1]
    assert rates[0] > critical().rate.value
    assert rates[2:].max() < 1e-3
    one = law(TimeModel.of(**setting), normal_points(2**12, 4, np.random.default_rng(0)).astype(np.float32))
    with pytest.raises(DomainError, match="lowest stable firing rate") as refused:
        at_rate(one, 0.1)
    lowest = float(str(refused.value).split("above ")[1].split(",")[0])
    assert lowest == pytest.approx(0.133, abs=0.01)
    found = at_rate(one, 1.1 * lowest)
    assert found.rate == pytest.approx(1.1 * lowest, rel=5e-3)
    assert np.diag(found.second).min() > 0.05


@pytest.mark.parametrize("rate", [0.5, 0.7])
def test_no_rate_of_one_half(rate: float) -> None:
    with pytest.raises(DomainError, match=r"below 0\.5"):
        design(rate, steps=3, leak=0.5)


@pytest.mark.parametrize("surrogate", ["linear", "identity", "sign"])
def test_no_slope_to_set(surrogate: str) -> None:
    with pytest.raises(NoSolutionError, match="no slope to set"):
        design(0.2, surrogate, steps=3, leak=0.5)


def test_units_and_fans() -> None:
    """θ → 2θ: K → 4K, slope → slope/2, the same firing pattern. fan_out/fan_in enters the slope alone. With decayed inputs
    K → K/(1 − κ)². The random numbers are the same, so little is left to tolerance."""
    one = design(0.25, "sigmoid", 1.0, steps=3, leak=0.5)
    two = design(0.25, "sigmoid", 2.0, steps=3, leak=0.5)
    assert two.n_var_w == pytest.approx(4 * one.n_var_w, rel=1e-4)
    assert two.slope == pytest.approx(one.slope / 2, rel=1e-4)
    assert two.rates == pytest.approx(one.rates, abs=1e-5)
    wide = design(0.25, "sigmoid", 1.0, steps=3, leak=0.5, fan_ratio=2.0)
    assert wide.n_var_w == pytest.approx(one.n_var_w, rel=1e-12)
    assert wide.slope < 0.8 * one.slope
    decayed = design(0.25, "sigmoid", 1.0, steps=3, leak=0.5, decay_input=True)
    assert decayed.n_var_w == pytest.approx(4 * one.n_var_w, rel=1e-4)
    assert decayed.slope == pytest.approx(one.slope, rel=1e-4)
    single, plain = design(0.25, "sigmoid", leak=0.5, decay_input=True), design(0.25, "sigmoid")
    assert single.n_var_w == pytest.approx(4 * plain.n_var_w, rel=1e-14)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_numbers() -> None:
    first, again, other = (design(0.25, steps=3, leak=0.5, seed=seed) for seed in (3, 3, 4))
    assert first == again
    assert other.n_var_w != first.n_var_w
    allowed = 6 * math.hypot((first.se or {})["n_var_w"], (other.se or {})["n_var_w"]) + 2e-4 * first.n_var_w
    assert other.n_var_w == pytest.approx(first.n_var_w, abs=allowed)


@pytest.mark.slow
def test_the_critical_scheme_over_time() -> None:
    found = init_variance("critical", 200, steps=3, leak=0.5, rate=0.25)
    wanted = design(0.25, steps=3, leak=0.5)
    assert found.variance == pytest.approx(wanted.n_var_w / 200, rel=1e-14)
    assert found.slope == wanted.slope
    assert found.provenance["se"] == wanted.se


@pytest.mark.slow
def test_a_network_of_sixty_layers() -> None:
    """4 networks, 1500 wide, 60 layers, T = 4, κ = ½, hard reset, batch 16, weights drawn anew: firing rate and gradient.

    The mean rate of the last 20 layers: standard deviation over networks √((1 − p)/(p n)/(1 − s²)) p, below 2.3 % of p even for
    single steps; ±3 % allowed for the mean of 4 networks and 20 layers. Gradient factor per layer, below layer 20, where the
    mean field says 1.00 to 1.02: the networks' log factors spread by √(β/40) = 0.03 or less; [0.95, 1.06] allowed.
    """
    torch = pytest.importorskip("torch", reason="needs the extra `validate`")
    width, depth, steps, batch, theta = 1500, 60, 4, 16, 1.0
    found = design(0.2, "atan", steps=steps, leak=0.5)
    rates, factors = [], []
    for seed in range(4):
        source = torch.Generator().manual_seed(seed)
        weights = [torch.randn(width, width, generator=source) * math.sqrt(found.n_var_w / width) for _ in range(depth)]
        x = (torch.rand(steps, batch, width, generator=source) < 0.2).float()
        membranes, spikes = [], []
        for weight in weights:
            current, v, h = x @ weight.T, torch.zeros(batch, width), []
            for t in range(steps):
                h.append(0.5 * v + current[t])
                v = h[t] * (h[t] < theta)
            membranes.append(torch.stack(h))
            x = (membranes[-1] >= theta).float()
            spikes.append(x.mean().item())
        grad_s, sizes = torch.randn(steps, batch, width, generator=source), []
        for weight, h in zip(reversed(weights), reversed(membranes), strict=True):
            slope = found.slope / 2 / (1 + (math.pi * found.slope * (h - theta) / 2) ** 2)
            grad_h = slope * grad_s
            for t in range(steps - 2, -1, -1):
                grad_h[t] += 0.5 * (h[t] < theta) * grad_h[t + 1]
            sizes.append(math.log(grad_h.double().square().sum().item()))
            grad_s = grad_h @ weight
        rates.append(np.mean(spikes[-20:]))
        factors.append((sizes[-1] - sizes[20]) / (depth - 21))
    assert np.mean(rates) == pytest.approx(0.2, rel=0.03)
    assert 0.95 < math.exp(np.mean(factors)) < 1.06
