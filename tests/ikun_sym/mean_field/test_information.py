"""Two inputs of one network: the overlap map in closed form, what layers do with both, and networks of finite width.

The references share no code with the product: mpmath, scipy, and plain networks in torch, differentiated by its autograd.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from typing import Any

import flint
import numpy as np
import pytest
import torch
from flint import acb, arb
from scipy.integrate import quad
from scipy.stats import multivariate_normal, norm
from torch import Tensor

from ikun_sym.cli.main import main
from ikun_sym.errors import IkunError, NoTheoryError
from ikun_sym.mean_field.infinite_network import TimeModel
from ikun_sym.mean_field.information import (
    Pair,
    PairPrediction,
    constant_pair,
    information,
    overlapping_pair,
    poisson_pair,
    predict_pair,
    two_inputs,
)
from ikun_sym.mean_field.information.overlap import shared, steepness, unshared
from ikun_sym.mean_field.information.overlap_map import OverlapMap, depth
from tests.ikun_sym.mean_field.wide_networks import ALPHA, LEAK, Build, Setting, convolution, recurrent, residual

# ------------------------------------------------------------------------------------------------------ the overlap map


def reference(a: float, w: float) -> tuple[arb, arb]:
    """(Φ₂(a, a; 1 − w)/Q(a), 1 − it), as ∫_a^∞ φ(u) Q(± (a − cu)/√(1 − c²)) du over Q(a), in balls: exp(−½(u² − a²)) in the
    place of φ and erfcx in that of Q(a)."""
    with flint.ctx.workprec(300):
        x, c = acb(a), 1 - acb(w)
        r = (acb(w) * (2 - acb(w))).sqrt()

        def part(sign: int) -> arb:
            def value(u: acb, _: bool) -> acb:
                return (-(u * u - x * x) / 2).exp() * (sign * (x - c * u) / r / acb(2).sqrt()).erfc() / 2

            whole = acb.integral(value, x, x + 70 / (1 + abs(a)), rel_tol=arb(2) ** -60, abs_tol=arb(2) ** -1500)
            return (whole / (2 * acb.pi()).sqrt()).real

        rate = ((x / acb(2).sqrt()).erfc() / 2 * (x * x / 2).exp()).real
        return part(1) / rate, part(-1) / rate


@pytest.mark.parametrize("a", [0.0, 0.8416, 9.0, 30.0, -0.7])
@pytest.mark.parametrize("w", [1e-12, 0.4, 1.4])
def test_what_two_inputs_share_is_right_to_the_last_digits(a: float, w: float) -> None:
    for found, wanted in zip((shared(a, w), unshared(a, w)), reference(a, w), strict=True):
        if wanted < 1e-300:  # beyond float64
            assert abs(float(found)) < 1e-300
            continue
        assert float(wanted.rad()) <= 1e-14 * float(wanted.mid())
        assert abs(float(arb(float(found)) / wanted - 1)) < 1e-13


def test_the_steepness_is_the_density() -> None:
    for a in (-0.5, 0.0, 0.84, 3.0):
        for c in (-0.3, 0.2, 0.9):
            density = multivariate_normal([0, 0], [[1, c], [c, 1]]).pdf([a, a]) / norm.sf(a)
            assert float(steepness(a, 1 - c)) == pytest.approx(density, rel=1e-12)


TABLE = {  # p: ρ*, s, ξ
    0.12: (0.1931, 0.4250, 1.17),
    0.15: (0.2557, 0.4665, 1.31),
    0.20: (0.3609, 0.5070, 1.47),
    0.25: (0.4595, 0.5248, 1.55),
    0.30: (0.5470, 0.5305, 1.58),
    0.40: (0.6873, 0.5273, 1.56),
    0.50: (0.7898, 0.5190, 1.52),
}


@pytest.mark.parametrize("rate", TABLE)
def test_the_fixed_point_by_iteration(rate: float) -> None:
    """From two other inputs, with scipy's orthants and a difference; and the printed table."""
    a = norm.isf(rate)
    found = OverlapMap(a=a)

    def step(overlap: float) -> float:
        return float(multivariate_normal([0, 0], [[1, overlap], [overlap, 1]]).cdf([-a, -a])) / rate

    for start in (rate, 0.9):
        overlap = start
        for _ in range(50):
            overlap = step(overlap)
        assert found.overlap == pytest.approx(overlap, abs=1e-7)
    h = 1e-3
    slope = (step(found.overlap + h) - step(found.overlap - h)) / (2 * h)
    assert found.slope == pytest.approx(slope, abs=1e-5)
    assert found(found.overlap) == pytest.approx(found.overlap, rel=1e-14)
    overlap, slope, layers = TABLE[rate]
    assert (round(found.overlap, 4), round(found.slope, 4), round(depth(found.slope), 2)) == (overlap, slope, layers)


def test_extremes() -> None:
    """Rare spikes: nothing is shared. A bias that is nearly all: s → ½, and 1 − ρ* keeps its digits: near ρ = 1 what is not
    shared is √(2w)/(π erfcx(a/√2)), so that w = γ that gives 1 − ρ* = 2γ/(π erfcx)²."""
    rare = OverlapMap(a=float(norm.isf(1e-300)))
    assert rare.overlap == pytest.approx(1e-300, rel=1e-12)
    assert 0 < rare.slope < 1e-290
    gamma = 1e-9
    biased = OverlapMap(a=norm.isf(0.12), spike_share=gamma)
    scale = math.pi * 0.12 * 2 * math.exp(norm.isf(0.12) ** 2 / 2)
    assert biased.distance / biased.gamma == pytest.approx(2 * biased.gamma / scale**2, rel=1e-6)
    assert biased.slope == pytest.approx(0.5, abs=1e-6)


@pytest.mark.parametrize("rate", [0.01, 0.12, 0.3, 0.5])
def test_centred_weights(rate: float) -> None:
    """Two inputs settle at independence, with the slope φ(a)²/(p(1 − p)), at most 2/π."""
    a = float(norm.isf(rate))
    found = OverlapMap(a=a, centred=True)
    assert found.overlap == pytest.approx(rate, rel=1e-12)
    assert found.slope == pytest.approx(norm.pdf(a) ** 2 / (rate * (1 - rate)), rel=1e-12)
    assert found.slope <= 2 / math.pi + 1e-12


def test_the_largest_slope_of_one_step() -> None:
    """s = ½ x exp(−½ a²x²)/∫_0^x exp(−½ a²u²)/(1 + u²) du at the fixed point, a scan over rates and bias shares: never above
    0.530915, and above 0.530914 somewhere without bias."""
    best = 0.0
    for rate in np.linspace(0.02, 0.5, 25):
        for share in (0.0, 0.1, 0.9):
            found = OverlapMap(a=float(norm.isf(rate)), spike_share=1 - share)
            x = math.sqrt(found.distance / (2 - found.distance))
            below = quad(lambda u, a=found.a: math.exp(-0.5 * (a * u) ** 2) / (1 + u * u), 0, x, epsabs=1e-14)[0]
            assert found.slope == pytest.approx(0.5 * x * math.exp(-0.5 * (found.a * x) ** 2) / below, rel=1e-9)
            best = max(best, found.slope)
    assert best < 0.530915
    assert OverlapMap(a=float(norm.isf(0.320646))).slope > 0.530914


# --------------------------------------------------------------------------------------------- where layers have settled

CRITICAL = 1 / (0.2 * norm.isf(0.2) ** 2)


@pytest.mark.parametrize(("alpha", "wanted"), [(3.6456, 0.450), (2, 0.684), (1, 0.901), (0.5, 0.984)])
def test_coherence_of_the_sigmoid(alpha: float, wanted: float) -> None:
    """The printed numbers, and a two-dimensional quadrature: a grid of Gauss–Hermite nodes, 120 each way, for α of 1 and 2,
    whose f' is smooth on the scale of the membrane."""
    found = information(TimeModel.of(gain=CRITICAL, surrogate=f"sigmoid:alpha={alpha}", input_rate=0.2))
    assert found.coherence is not None
    assert round(found.coherence, 3) == wanted
    if alpha <= 2:
        sigma, c = 1 / norm.isf(0.2), found.overlap
        z, weight = np.polynomial.hermite_e.hermegauss(120)
        weight = weight / weight.sum()

        def f(x: np.ndarray) -> np.ndarray:
            s = 1 / (1 + np.exp(-alpha * (x - 1)))
            return alpha * s * (1 - s)

        both = f(sigma * z[:, None]) * f(sigma * (c * z[:, None] + math.sqrt(1 - c * c) * z))
        assert found.coherence == pytest.approx(weight @ both @ weight / (weight @ f(sigma * z) ** 2), rel=1e-6)


def test_the_command_says_it(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["meanfield", "--depth", "30", "--gain", repr(float(CRITICAL)), "--input-rate", "0.2", "--json"]
    with pytest.raises(SystemExit) as end:
        main([*words, "--surrogate", "sigmoid:alpha=1"])
    assert end.value.code == 0
    found = json.loads(capsys.readouterr().out)["information"]
    assert (round(found["overlap"], 4), round(found["slope"], 4), round(found["depth"], 2)) == TABLE[0.20]
    assert round(found["coherence"], 3) == 0.901
    assert found["coherence_depth"] == pytest.approx(-1 / math.log(found["coherence"]))
    assert found["rate_slope"] == pytest.approx(norm.isf(0.2) * norm.pdf(norm.isf(0.2)) / 0.4, rel=1e-6)
    assert found["trainable_depth"] is None
    assert "trainable_depth" in found["reason"]


def test_gradients_of_a_constant_surrogate_always_agree() -> None:
    """E[f'(H) f'(H')] = E[f'²] where f' is a constant: a depth without end is no number of JSON."""
    model = TimeModel.of(gain=9.0, depth=4, input_rate=0.2, surrogate="linear")
    found = information(model).to_dict()
    assert found["coherence"] == pytest.approx(1, abs=1e-12)
    assert found["coherence_depth"] is found["coherence_reach"] is None
    assert "coherence_depth, coherence_reach: infinite" in found["reason"]
    assert found["depth"] == pytest.approx(-1 / math.log(found["slope"]))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"gain": 0.5}, "no neuron fires"),
        ({"gain": 7.0, "arch": "residual"}, "shortcut"),
        ({"gain": 7.0, "arch": "recurrent"}, "recurrent"),
        ({"gain": 7.0, "arch": "conv1d:size=6"}, "positions are all alike"),
        ({"gain": 7.0, "forward": "smooth"}, "smooth"),
        ({"gain": 7.0, "steps": 33}, "32 steps"),
    ],
)
def test_where_nothing_can_be_said_a_reason_is(fields: dict, words: str) -> None:
    found = information(TimeModel.of(**fields)).to_dict()
    assert words in found["reason"]
    assert {found[name] for name in ("overlap", "slope", "depth", "coherence", "trainable_depth")} == {None}


def test_pairs_that_have_no_theory_are_refused() -> None:
    for fields in ({"arch": "conv1d:size=8,pool=max"}, {"loss": "summed"}, {"forward": "smooth"}):
        with pytest.raises(NoTheoryError):
            predict_pair(TimeModel.of(gain=7.0, depth=2, **fields), poisson_pair(0.2, 0.2))
    with pytest.raises(IkunError, match="2 steps and the network 3"):
        two_inputs(TimeModel.of(steps=3), poisson_pair(0.2, 0.2, 2))
    with pytest.raises(IkunError, match="between the rate"):
        overlapping_pair(0.2, 0.1)


def test_layers_follow_the_map_and_end_at_what_is_said() -> None:
    """At one step, against scipy's orthants; far down the factors are those of `information`."""
    model = TimeModel.of(gain=CRITICAL, depth=40, input_rate=0.2, surrogate="sigmoid:alpha=2")
    pair, said = predict_pair(model, overlapping_pair(0.2, 0.8)), information(model)
    overlap = 0.8
    for value in pair.overlap[:5]:
        overlap = float(multivariate_normal([0, 0], [[1, overlap], [overlap, 1]]).cdf([-norm.isf(0.2)] * 2)) / 0.2
        assert value == pytest.approx(overlap, abs=1e-7)
    rest = pair.overlap - said.overlap
    assert rest[14] / rest[13] == pytest.approx(said.slope, rel=1e-3)
    down = pair.gradient_correlation
    assert down[25] / down[26] == pytest.approx(said.coherence, rel=1e-6)
    assert down[-1] == pytest.approx(said.coherence, rel=1e-6)


def test_independent_steps_are_one_step() -> None:
    """Without leak every step of Poisson inputs is a network of one step with the steps' currents in common: the factors and
    the overlap are those of one step. 4 standard errors of 8 runs and 1e-4 for each of three: a false alarm in 100 planted
    seeds; the seed is fixed."""
    one = information(TimeModel.of(gain=CRITICAL, input_rate=0.2, surrogate="sigmoid:alpha=1"))
    two = information(TimeModel.of(gain=CRITICAL, input_rate=0.2, surrogate="sigmoid:alpha=1", steps=2), samples=2**12)
    for name in ("overlap", "slope", "coherence", "reach", "coherence_reach"):
        assert abs(getattr(one, name) - getattr(two, name)) < 4 * two.se[name] + 1e-4, name


def test_over_steps_the_largest_factor_is_the_first_steps() -> None:
    """IF neurons: what the first step tells apart no later step changes, so that far down the factor is that of one step; but
    over as many layers as there are steps a difference lasts longer."""
    one = information(TimeModel.of(gain=CRITICAL, input_rate=0.2, surrogate="sigmoid:alpha=1"))
    some = information(
        TimeModel.of(gain=CRITICAL, input_rate=0.2, surrogate="sigmoid:alpha=1", steps=4, leak=1.0), samples=2**12
    )
    assert some.slope == pytest.approx(one.slope, abs=1e-3)  # what 1024 points resolve
    assert some.reach > one.reach + 10 * some.se["reach"]
    assert some.overlap > one.overlap + 10 * some.se["overlap"]


@pytest.mark.slow
def test_the_reach_is_that_of_layers() -> None:
    """A small difference between the two inputs of two pairs, followed layer by layer from the fixed point on, with the points
    in common: differences of sampled steps have a floor, here well below what remains after four layers."""
    model = TimeModel.of(gain=CRITICAL, depth=12, input_rate=0.2, steps=2, leak=1.0, surrogate="sigmoid:alpha=1")
    said = information(model, samples=2**13)
    settled = predict_pair(model, poisson_pair(0.2, 0.2, 2), samples=2**13).layers[-1]
    # the law of either input at the fixed point, with more in common than there
    second = np.block([[settled_own(model), settled.between], [settled.between.T, settled_own(model)]])
    shift = 0.01 * np.kron([[0, 1], [1, 0]], np.ones((2, 2)))
    pairs = [predict_pair(model, Pair(second=one, mean=np.zeros(4)), samples=2**14) for one in (second - shift, second + shift)]
    rest = np.array([np.trace(b.between - a.between) for a, b in zip(pairs[0].layers, pairs[1].layers, strict=True)]) / 0.04
    assert said.reach is not None
    last = int(said.reach)
    fallen = np.concatenate([[1.0], rest])
    assert fallen[last] > math.exp(-1) > fallen[last + 1]
    at = last + (1 + math.log(fallen[last])) / math.log(fallen[last] / fallen[last + 1])
    assert at == pytest.approx(said.reach, abs=0.1)


def settled_own(model: TimeModel) -> np.ndarray:
    """E[S[t] S[s]] of one input far down, at two steps: orthants, exact."""
    from ikun_sym.mean_field.orthant import two_steps

    second = model.input_second_moment
    for _ in range(100):
        second = two_steps(model.dynamics, model.drive(second)).second
    return second


# -------------------------------------------------------------------------------------------------------------- networks


class Spike(torch.autograd.Function):
    """1[x >= 0], backward α s(1 − s), s the logistic function of αx: the sigmoid surrogate with α = 1.5."""

    @staticmethod
    def forward(ctx, x):  # type: ignore[no-untyped-def]
        ctx.save_for_backward(x)
        return (x >= 0).to(x.dtype)

    @staticmethod
    def backward(ctx, grad):  # type: ignore[no-untyped-def]
        s = torch.sigmoid(1.5 * ctx.saved_tensors[0])
        return grad * 1.5 * s * (1 - s)


@dataclass(frozen=True)
class Network:
    """Plain layers of LIF neurons; θ = 1. `bias`: standard deviation."""

    steps: int = 1
    leak: float = 0.0
    reset: str = "hard"
    detach: bool = True
    loss: str = "white"
    gain: float = 7.0589
    bias: float = 0.0
    depth: int = 5
    width: int = 1000

    def draw(self, inputs: Tensor, make: torch.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Of one draw and `inputs` [2, T, pairs, width]: the overlap and the gradient correlation of each layer."""
        x, membranes, overlaps = list(inputs.transpose(0, 1)), [], []
        for _ in range(self.depth):
            weight = torch.randn(self.width, self.width, generator=make) * (self.gain / self.width) ** 0.5
            bias = torch.randn(self.width, generator=make) * self.bias
            v, hs, spikes = torch.zeros_like(inputs[:, 0]), [], []
            for one in x:
                h = self.leak * v + one @ weight.T + bias
                h.retain_grad() if h.requires_grad else h.requires_grad_()
                s = Spike.apply(h - 1)
                kept = s.detach() if self.detach else s
                v = h * (1 - kept) if self.reset == "hard" else h - kept
                hs.append(h)
                spikes.append(s)
            both = torch.stack(spikes).detach()
            overlaps.append(float((both[:, 0] * both[:, 1]).sum() / (both[:, 0].sum() * both[:, 1].sum()).sqrt()))
            membranes.append(hs)
            x = spikes
        shape = (1 if self.loss == "rate" else self.steps, 1, *inputs.shape[2:])
        (torch.stack(x) * torch.randn(shape, generator=make)).sum().backward()
        found = []
        for hs in membranes:
            grad = torch.stack([h.grad for h in hs])
            a, b = grad[:, 0], grad[:, 1]
            found.append(float((a * b).sum() / ((a * a).sum() * (b * b).sum()).sqrt()))
        return np.array(overlaps), np.array(found)

    def measure(self, pair: str, draws: int, seed: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Mean over draws, and its standard error."""
        make = torch.Generator().manual_seed(seed)
        rows = [self.draw(self.inputs(pair, make), make) for _ in range(draws)]
        return {
            name: (np.mean(values, axis=0), np.std(values, axis=0, ddof=1) / draws**0.5)
            for name, values in zip(("overlap", "gradient_correlation"), zip(*rows, strict=True), strict=True)
        }

    def inputs(self, pair: str, make: torch.Generator) -> Tensor:
        shape = (self.steps, 4, self.width)
        if pair == "poisson":  # of different rates
            return torch.stack([torch.bernoulli(torch.full(shape, rate), generator=make) for rate in (0.2, 0.35)])
        if pair == "constant":  # the same in a half of the neurons, nothing in common in the other
            values = torch.full((2, 1, 4, self.width), 0.5)
            values[0, ..., : self.width // 4] = values[1, ..., self.width // 4 : self.width // 2] = 0.0
            return values.expand(2, *shape)
        one = torch.bernoulli(torch.full(shape, 0.2), generator=make)  # 0.8 of the spikes are in both
        other = torch.where(one > 0, torch.full(shape, 0.8), torch.full(shape, 0.2 * 0.2 / 0.8))
        return torch.stack([one, torch.bernoulli(other, generator=make)])

    def predicted(self, pair: str, samples: int) -> PairPrediction:
        fields = {name: getattr(self, name) for name in ("steps", "leak", "reset", "detach", "loss", "gain", "depth")}
        model = TimeModel.of(**fields, bias_var=self.bias**2, surrogate="sigmoid:alpha=1.5")
        quarter = self.width // 4
        values = np.full((2, self.width), 0.5)
        values[0, :quarter] = values[1, quarter : 2 * quarter] = 0
        pairs = {
            "poisson": lambda: poisson_pair(0.2, 0.35, self.steps),
            "constant": lambda: constant_pair(*values, self.steps),
            "overlapping": lambda: overlapping_pair(0.2, 0.8, self.steps),
        }
        return predict_pair(model, pairs[pair](), samples=samples, workers=1)


WIDE, BIAS = 4.5, 0.01
"""Allowed distance: in standard errors of 16 draws (t, 15 degrees of freedom: one number in 2300 is beyond by chance), plus
what a finite width adds, of order 1/n at n = 1000."""

NETWORKS: dict[str, tuple[Network, str, dict[str, Any]]] = {
    "one step, biases, two rates": (Network(bias=0.3), "poisson", {"bias": 0.2}),
    "IF, reset not detached": (Network(steps=4, leak=1.0, detach=False), "poisson", {"detach": True}),
    "soft": (Network(steps=4, leak=0.9, reset="soft", gain=4.0, loss="rate"), "constant", {"loss": "white"}),
    "one step": (Network(), "overlapping", {"gain": 9.0}),
    "hard": (Network(steps=4, leak=0.7), "overlapping", {"reset": "soft"}),
    "soft, not detached": (Network(steps=4, leak=0.5, reset="soft", detach=False), "overlapping", {"leak": 0.9}),
}
"""The network, its inputs, and a change of it whose theory is another."""
QUICK = 3


def compared(measured: dict[str, tuple[np.ndarray, np.ndarray]], theory: PairPrediction, bias: float = BIAS) -> list[float]:
    """The distance of every number, in units of what is allowed."""
    found: list[float] = []
    for name, (mean, error) in measured.items():
        wanted, own = getattr(theory, name), theory.errors(name)
        found += list(np.abs(mean - wanted) / (WIDE * np.hypot(error, own) + bias * np.abs(wanted)))
    return found


@pytest.mark.parametrize("name", [n if i < QUICK else pytest.param(n, marks=pytest.mark.slow) for i, n in enumerate(NETWORKS)])
def test_networks_follow_their_theory_and_no_other(name: str) -> None:
    network, pair, wrong = NETWORKS[name]
    measured = network.measure(pair, 16, seed=1)
    assert max(compared(measured, network.predicted(pair, 2**11))) < 1
    assert max(compared(measured, replace(network, **wrong).predicted(pair, 2**11))) > 1


ARCHITECTURES: dict[str, tuple[Build, Setting]] = {
    "residual": (residual("sew", lambda number, s: s.gain), Setting(steps=1)),
    "residual:kind=ms": (residual("ms", lambda number, s: s.gain), Setting(steps=3)),
    "recurrent:recurrent_gain=4": (recurrent(4.0), Setting(steps=3)),
    "conv1d:size=6": (convolution(), Setting(steps=3, width=192, shape=(6,))),
    "conv2d:size=4,padding=circular": (convolution(padding="circular"), Setting(steps=1, width=128, shape=(4, 4))),
}


def measured_pairs(build: Build, setting: Setting, draws: int, seed: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """As `Network.measure`, of two inputs that are independent spikes of rates 0.3 and 0.5."""
    torch.manual_seed(seed)
    rows: list[tuple[list[float], list[float]]] = []
    for _ in range(draws):
        shape = (setting.batch // 2, setting.width, *setting.shape)
        inputs = [torch.cat([(torch.rand(shape) < rate).float() for rate in (0.3, 0.5)]) for _ in range(setting.steps)]
        layers, outputs = build(setting, inputs)
        readouts = [torch.randn(len(out) // 2, *out.shape[1:]).repeat(2, *(1,) * (out.ndim - 1)) for out in outputs]
        torch.stack([(out * r).sum() for out, r in zip(outputs, readouts, strict=True)]).sum().backward()
        spikes = [torch.stack(one.s).detach() for one in layers]
        rows.append(
            ([together(one) for one in spikes], [together(torch.stack([c.grad for c in one.current])) for one in layers])
        )
    return {
        name: (np.mean(values, axis=0), np.std(values, axis=0, ddof=1) / draws**0.5)
        for name, values in zip(("overlap", "gradient_correlation"), zip(*rows, strict=True), strict=True)
    }


def together(values: Tensor) -> float:
    """Σ x x' over √(Σ x² Σ x'²) of the two halves of the batch, [T, batch, …]."""
    a, b = values.chunk(2, dim=1)
    return float((a * b).sum() / ((a * a).sum() * (b * b).sum()).sqrt())


@pytest.mark.parametrize("arch", [a if a.startswith("re") else pytest.param(a, marks=pytest.mark.slow) for a in ARCHITECTURES])
def test_networks_of_other_architectures_follow(arch: str) -> None:
    """The last layer's gradients are correlated by less than the loss, so that each number tests something."""
    build, setting = ARCHITECTURES[arch]
    model = TimeModel.of(
        arch=arch, leak=LEAK, surrogate=f"atan:alpha={ALPHA:g}", depth=setting.depth, steps=setting.steps, gain=setting.gain
    )
    theory = predict_pair(model, poisson_pair(0.3, 0.5, setting.steps), samples=2**11, workers=1)
    measured = measured_pairs(build, setting, 16, seed=5)
    assert max(compared(measured, theory, bias=0.02)) < 1
    plain = predict_pair(model.but(arch="dense"), poisson_pair(0.3, 0.5, setting.steps), samples=2**11, workers=1)
    assert arch.startswith("conv") or max(compared(measured, plain, bias=0.02)) > 1


def test_a_shortcut_keeps_what_layers_forget() -> None:
    """Twenty layers: two halves of a constant input are told apart by the membranes' shortcut, not by plain layers."""
    x, y = np.array([0.5, 0.5, 0.0, 0.5]), np.array([0.0, 0.5, 0.5, 0.5])
    left = {}
    for arch in ("dense", "residual:kind=ms"):
        model = TimeModel.of(arch=arch, gain=7.06, depth=20)
        near, far = (predict_pair(model, constant_pair(x, other)).layers[-1].overlap for other in (0.9 * x + 0.1 * y, y))
        left[arch] = near - far
    assert left["dense"] < 1e-5 < 1e-2 < left["residual:kind=ms"]
