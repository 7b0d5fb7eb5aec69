"""The networks: forward and adjoint against autograd, and what they measure against theory."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import sympy as sp
import torch
from scipy.stats import norm
from torch import Tensor

from ikun_sym.catalogue import resets as words
from ikun_sym.catalogue.parameter import Param
from ikun_sym.catalogue.resets import RESETS, Reset
from ikun_sym.catalogue.surrogates import SURROGATES
from ikun_sym.errors import IkunError
from ikun_sym.for_torch.expressions import derivative, primitive
from ikun_sym.reading.surrogate_spec import resolve
from ikun_validate.engines.contract import Returned
from ikun_validate.engines.population import Population
from ikun_validate.networks.network import Architecture, Network
from tests.reference.resets_by_hand import BY_HAND, numbers_of

from ..conftest import require
from . import autograd

TINY = Architecture.of(depth=3, width=12, threshold=0.7, gain=6.0)

BACKENDS = ("eager", "compiled")

SETTINGS = (
    [
        {"steps": steps, "leak": leak, "reset": neuron.name, "detach": detach, "surrogate": surrogate}
        for (steps, leak), neuron, detach, surrogate in itertools.product(
            ((1, 0.0), (2, 0.5), (5, 0.8), (4, 1.0)), RESETS, (True, False), autograd.SURROGATES
        )
    ]
    + [
        {"steps": 4, "leak": 0.6, "reset": neuron.name, "detach": False, **extra}
        for neuron, extra in itertools.product(
            RESETS,
            (
                {"synaptic_leak": 0.7},
                {"decay_input": True},
                {"synaptic_leak": 0.4, "decay_input": True, "loss": "rate"},
                {"loss": "summed", "bias_var": 0.5},
                {"widths": (9, 14, 7)},
            ),
        )
    ]
    + [{"steps": 4, "leak": 0.6, "v_reset": v, "detach": detach} for v in (-0.3, 0.2) for detach in (True, False)]
)


def ours_and_autograd(architecture: Architecture, backend: str, seed: int = 3) -> tuple[list[Tensor], list[Tensor]]:
    """Every layer's ∂L/∂I, and Σ (∂L/∂H)² per step and sample, by the product's adjoint and by autograd, in float64."""
    a = architecture
    network = Network(a, batch=4, dtype="float64", backend=backend)
    weights = list(network.weights(seed, 0))
    biases = [network._bias(network._stream(seed, 0, 2, layer), layer) for layer in range(a.depth)]
    x, readout = network.input(seed, 0), network.readout(seed, 0)
    slope = autograd.SURROGATES[a.neuron.surrogate.surrogate.name]
    _, _, grad_h, grad_i = autograd.gradients(weights, biases, x, readout, slope, numbers_of(a.neuron))
    population, membranes = network.population, []
    for weight, bias in zip(weights, biases, strict=True):
        h, x, _, _ = population.forward(x @ weight.T + bias)
        membranes.append(h)
    found: list[Tensor] = []
    grad_s = readout
    for h, weight in zip(reversed(membranes), reversed(weights), strict=True):
        power, grad = population.adjoint(h, grad_s)
        found += [power, grad]
        grad_s = grad @ weight
    wanted = [array for h, i in zip(reversed(grad_h), reversed(grad_i), strict=True) for array in ((h**2).sum(-1), i)]
    return found, wanted


def agree(found: list[Tensor], wanted: list[Tensor], tolerance: float = 1e-10) -> bool:
    """To `tolerance` of the largest entry: both are float64 sums of the same terms in another order."""
    return all(
        bool((ours - theirs).abs().max() <= tolerance * theirs.abs().max()) for ours, theirs in zip(found, wanted, strict=True)
    )


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("setting", SETTINGS, ids=lambda s: "-".join(str(v) for v in s.values()))
def test_adjoint_is_the_gradient(setting: dict, backend: str) -> None:
    require(backend)
    found, wanted = ours_and_autograd(TINY.but(**setting), backend)
    assert all(theirs.abs().max() > 0 for theirs in wanted), "the comparison is empty"
    assert agree(found, wanted)


def by_hand(i: Any, state: Any, n: Any, fire: Any, cut: Any) -> tuple[Any, Any, Any]:
    """A second state that takes part in everything: charge, threshold, what is left, and itself."""
    v, a = (0 * i, 0 * i) if state is None else state
    h = n.leak * v + i - a / 3
    s = fire(h - (n.threshold + a / 4))
    return h, s, (h * (1 - cut(s)) - a * cut(s) / 5, n.kept * a + 0.3 * s + h / 10)


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Reset]:
    kept = Param("kept", "0.8", "share")
    a, h, s = words.a, words.h, words.s
    made = Reset(
        name="planted",
        charge=words.leak * words.v + words.i - a / 3,
        after=h * (1 - s) - a * s / 5,
        fires_at=words.threshold + a / 4,
        adapt=kept.symbol * a + sp.Rational(3, 10) * s + h / 10,
        params=(kept,),
        summary="",
    )
    monkeypatch.setitem(BY_HAND, "planted", by_hand)
    yield RESETS.register(made)
    RESETS.unregister("planted")


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("more", [{}, {"detach": True}, {"synaptic_leak": 0.4, "decay_input": True}], ids=str)
def test_a_statement_alone_is_run_by_every_engine(planted: Reset, backend: str, more: dict) -> None:
    require(backend)
    setting = {"steps": 5, "leak": 0.7, "reset": "planted:kept=0.6", "detach": False, "gain": 20.0} | more
    assert agree(*ours_and_autograd(TINY.but(**setting), backend))
    wrong = ours_and_autograd(TINY.but(**(setting | {"reset": "planted:kept=0.61"})), backend)[0]
    assert not agree(wrong, ours_and_autograd(TINY.but(**setting), backend)[1])


@pytest.mark.parametrize("plant", ["factor", "sign", "reset term", "detach", "synapse", "scaling", "adaptation"])
def test_a_wrong_adjoint_is_caught(plant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each planted error breaks the comparison that the adjoint passes."""
    right = Population.adjoint
    changes = {
        "detach": {"detach": True},
        "reset term": {"reset": "hard"},
        "synapse": {"synaptic_leak": 0.0},
        "scaling": {"decay_input": False},
        "adaptation": {"reset": "adaptive:adaptation=0.201"},
    }

    def wrong(self: Population, h: Tensor, grad_s: Tensor, scale: float = 1.0) -> Returned:
        if plant in changes:
            return right(self.but(**changes[plant]), h, grad_s, scale)
        power, grad_i = right(self, h, grad_s, scale)
        return Returned(power, grad_i * (1.001 if plant == "factor" else -1.0))

    reset = "adaptive" if plant == "adaptation" else "soft"
    setting = TINY.but(steps=4, leak=0.8, reset=reset, detach=False, synaptic_leak=0.5, decay_input=True, gain=40.0)
    assert agree(*ours_and_autograd(setting, "eager"))
    monkeypatch.setattr(Population, "adjoint", wrong)
    assert not agree(*ours_and_autograd(setting, "eager"))


@pytest.mark.parametrize("surrogate", SURROGATES.names())
def test_torch_evaluates_what_was_proved(surrogate: str) -> None:
    """f' on tensors equals the float64 function; f, where one is known, is its primitive (central differences, away from
    kinks)."""
    from ikun_sym.gaussian.moment import float_function

    bound = resolve(surrogate)
    x = torch.linspace(-2.03, 2.03, 400, dtype=torch.float64)  # no kink of a default lies on this grid
    np.testing.assert_allclose(derivative(bound)(x), float_function(bound)(x.numpy()), rtol=1e-14, atol=1e-300)
    try:
        f, h = primitive(bound), 1e-6
    except IkunError as unknown:
        assert "no primitive is known" in str(unknown)  # noqa: PT017
        return
    np.testing.assert_allclose((f(x + h) - f(x - h)) / (2 * h), derivative(bound)(x), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("surrogate", SURROGATES.names())
def test_torch_surrogates_never_give_nan(surrogate: str, dtype: str) -> None:
    x = torch.tensor([0.0, -0.0, 1e-30, -1e-30, 1e4, -1e4, 1e30, -1e30], dtype=getattr(torch, dtype))
    found = derivative(resolve(surrogate))(x)
    assert not torch.isnan(found).any()
    # infinite only where f' itself is beyond the type's range
    beyond = derivative(resolve(surrogate))(x.double()) > torch.finfo(x.dtype).max
    assert torch.equal(torch.isinf(found), beyond)


def test_same_seed_same_draw_and_draws_differ() -> None:
    network = Network(TINY)
    first, again, other = network.draw(5, 0), network.draw(5, 0), network.draw(5, 1)
    np.testing.assert_array_equal(first.var_h, again.var_h)
    np.testing.assert_array_equal(first.log_gradient, again.log_gradient)
    assert not np.array_equal(first.var_h, other.var_h)


@pytest.mark.parametrize("distribution", ["normal", "uniform"])
def test_weights_have_the_variance_they_should(distribution: str) -> None:
    """n = 250,000 weights: the variance's relative standard error is at most √(2/n) = 0.28 %; 5 of them: one false alarm in a
    million."""
    network = Network(TINY.but(width=500, gain=3.0, distribution=distribution))
    weight = network._weights(torch.Generator().manual_seed(0)).double()
    assert float(weight.var()) == pytest.approx(3.0 / 500, rel=5 * 0.0028)
    assert abs(float(weight.mean())) < 5 * (3.0 / 500 / 250_000) ** 0.5


@pytest.mark.parametrize("reset", RESETS.names())
def test_two_steps_of_one_layer_follow_the_closed_form(reset: str) -> None:
    """A constant input x gives one current I ~ N(0, K x²) at both steps: the second rate is the probability of the currents at
    which the neuron, written out by hand, fires then. 200 draws of 200 neurons (the batch shares its current, so it counts
    once): standard error 0.0025; the band of 5 gives one false alarm in a million.
    """
    gain, rate, leak, theta = 9.0, 0.5, 0.6, 1.0
    architecture = Architecture.of(
        depth=1, width=200, steps=2, leak=leak, reset=reset, threshold=theta, gain=gain, input="constant", input_rate=rate
    )
    network = Network(architecture, batch=1)
    measured = np.mean([network.draw(0, i).rate[0] for i in range(200)], axis=0)
    # currents evenly by probability: the rates are shares of them, to 1e-5
    currents = norm.ppf((np.arange(100_000) + 0.5) / 100_000, scale=gain**0.5 * rate)
    numbers, step = numbers_of(architecture.neuron), BY_HAND[reset]
    spikes, state = [], None
    for _ in range(2):
        _, s, state = step(currents, state, numbers, lambda x: (x >= 0).astype(float), lambda s: s)
        spikes.append(s.mean())
    np.testing.assert_allclose(measured, spikes, atol=5 * 0.0025)


def test_every_reset_is_written_out_by_hand() -> None:
    assert sorted(BY_HAND) == sorted(RESETS.names())


def test_a_network_below_the_critical_scale_dies_and_says_so() -> None:
    draw = Network(Architecture.of(depth=30, width=100, gain=2.0)).draw(0, 0)
    assert draw.alive == 0
    assert np.isnan(draw.var_h).all()


def test_gradients_stay_in_range_at_any_depth() -> None:
    """An exploding gradient, 40 per layer over 60 layers: 10^96, far beyond float32."""
    draw = Network(Architecture.of(depth=60, width=64, gain=160.0, threshold=0.0, surrogate="linear")).draw(0, 0)
    slope = (draw.log_gradient[0] - draw.log_gradient[-1]) / 59
    assert slope == pytest.approx(np.log(160.0), abs=0.1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"depth": 0},
        {"width": 0},
        {"steps": 0},
        {"leak": -0.1},
        {"leak": 1.1},
        {"leak": float("nan")},
        {"threshold": -1.0},
        {"gain": 0.0},
        {"gain": float("inf")},
        {"input_rate": 1.5},
        {"input": "sound"},
        {"loss": "mse"},
        {"reset": "none"},
        {"distribution": "cauchy"},
        {"surrogate": "atann"},
        {"forward": "analog"},
        {"depth": True},
        {"widths": (5, 0)},
        {"bias_var": -1.0},
        {"synaptic_leak": 1.5},
        {"leak": 1.0, "decay_input": True},
        {"v_reset": float("nan")},
        {"v_reset": 0.1, "reset": "soft"},
        {"threshold": 0.0, "input_rate": 0.0},
        {"width": 1.5},
    ],
    ids=str,
)
def test_bad_architectures_are_refused(wrong: dict) -> None:
    with pytest.raises(IkunError) as caught:
        TINY.but(**wrong)
    assert "\n" not in str(caught.value)
