"""Spiking layers against the neurons written out by hand, in float64, whatever engine runs them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from ikun_sym.catalogue.resets import RESETS
from ikun_sym.catalogue.surrogates import SURROGATES
from ikun_sym.errors import IkunError
from ikun_sym.for_torch.expressions import derivative
from ikun_sym.reading.neuron import Neuron
from ikun_sym.reading.surrogate_spec import resolve
from ikun_validate.training.spiking import SpikingLayer
from tests.reference.resets_by_hand import numbers_of

from ..conftest import require
from .hand_networks import amplified, spikes

ENGINES = ("compiled", "eager", "no compiler")


def chosen(engine: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The word for the layer. Without a compiler, auto takes plain tensors."""
    require(engine)
    if engine == "no compiler":
        monkeypatch.setenv("CC", "none")
        return "auto"
    return engine


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def gradients(layer: Any, current: Tensor, *parameters: Tensor) -> tuple[Tensor, ...]:
    """Spikes, and the gradients at the currents and the parameters of Σ g S, g random."""
    current = current.clone().requires_grad_()
    s = layer(current)
    grad = drawn(*s.shape, seed=1)
    return s.detach(), *torch.autograd.grad(s, (current, *parameters), grad)


def same(one: tuple[Tensor, ...], other: tuple[Tensor, ...]) -> None:
    assert torch.equal(one[0], other[0])
    for ours, theirs in zip(one[1:], other[1:], strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-11, atol=1e-12)


# each compiled one is a run of the C compiler
NEURONS = [
    *(pytest.param(engine, reset) for engine in ("eager", "no compiler") for reset in RESETS.names()),
    *(
        pytest.param("compiled", reset, marks=() if reset in ("hard", "adaptive") else pytest.mark.slow)
        for reset in RESETS.names()
    ),
]


@pytest.mark.parametrize(("engine", "reset"), NEURONS)
def test_gradients_are_those_of_the_neuron_by_hand(engine: str, reset: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With an amplitude, which is everywhere where f' is: in the reset, unless detached, and in the second state."""
    backend = chosen(engine, monkeypatch)
    for words in ({"detach": False}, {"detach": True, "decay_input": True, "synaptic_leak": 0.3}):
        neuron = Neuron.of(reset=reset, leak=0.6, threshold=0.7, **words)
        layer = SpikingLayer(neuron, amplitude=1.7, backend=backend)
        current = drawn(5, 3, 2, 7)
        by_hand: SimpleNamespace = numbers_of(neuron)
        want = gradients(lambda i, n=by_hand: spikes(i, n, amplified("atan", 1.7)), current)
        assert 0.03 < float(want[0].mean()) < 0.7
        same(gradients(layer, current), want)


@pytest.mark.parametrize("engine", ENGINES)
def test_recurrent_weights_have_their_gradient(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    backend = chosen(engine, monkeypatch)
    neuron = Neuron.of(reset="soft", leak=0.8, threshold=0.5, detach=False)
    layer = SpikingLayer(neuron, features=9, backend=backend).double()
    assert layer.recurrent is not None
    by_hand, weights = numbers_of(neuron), layer.recurrent
    want = gradients(lambda i: spikes(i, by_hand, amplified("atan", 1.0), weights), drawn(4, 3, 9), weights)
    same(gradients(layer, drawn(4, 3, 9), weights), want)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_constant_current_is_a_repeated_one(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An expanded view is read from one place, and its gradient is that of one step."""
    layer = SpikingLayer(Neuron.of(leak=0.5), backend=chosen(engine, monkeypatch))
    one = drawn(1, 3, 8).requires_grad_()
    found = []
    for current in (one.expand(4, 3, 8), one.repeat(4, 1, 1)):
        s = layer(current)
        (grad,) = torch.autograd.grad(s, one, drawn(4, 3, 8, seed=1))
        found.append((s.detach(), grad))
    same(*found)


@pytest.mark.parametrize("engine", ENGINES)
def test_nothing_that_the_caller_holds_is_overwritten(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    layer = SpikingLayer(Neuron.of(leak=0.5), backend=chosen(engine, monkeypatch))
    current, seen = drawn(4, 3, 8).requires_grad_(), []
    layer.watch = lambda h, s: seen.append((h.clone(), s.clone()))
    before = current.detach().clone()
    s = layer(current)
    kept = s.detach().clone()
    first, second = (torch.autograd.grad(s, current, drawn(4, 3, 8), retain_graph=True)[0] for _ in range(2))
    layer(drawn(4, 3, 8, seed=3))
    assert torch.equal(current.detach(), before)
    assert torch.equal(s.detach(), kept)
    assert torch.equal(first, second)
    assert torch.equal(seen[0][1], kept)
    assert torch.equal((seen[0][0] >= 1).double(), kept)


def test_the_gradient_of_a_spike_at_given_membranes() -> None:
    h = drawn(3, 2, 5)
    plain = derivative(resolve("sigmoid:alpha=3"))(h - 0.4)
    layer = SpikingLayer(Neuron.of(threshold=0.4), "sigmoid:alpha=4", slope=3, amplitude=2.5)
    torch.testing.assert_close(layer.gradient_at(h), 2.5 * plain, rtol=1e-14, atol=0)
    assert layer.neuron.surrogate.spec == "sigmoid:alpha=3,amplitude=2.5"


@pytest.mark.parametrize("name", SURROGATES.names())
def test_every_surrogate_has_an_amplitude(name: str) -> None:
    """Pieces, tails that recur, formulas that depend on the parameters' values."""
    h = torch.linspace(-3.03, 3.17, 63, dtype=torch.float64).view(1, 1, -1)
    neuron = Neuron.of(surrogate=name, threshold=0.1)
    plain, doubled = (SpikingLayer(neuron, amplitude=a).gradient_at(h) for a in (1.0, 0.3))
    assert (plain.abs().max() > 0) == (name != "zero")
    torch.testing.assert_close(doubled, 0.3 * plain, rtol=1e-13, atol=0)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: SpikingLayer(amplitude=0.0), "amplitude = 0.0 is not allowed"),
        (lambda: SpikingLayer(amplitude=float("nan")), "amplitude = nan"),
        (lambda: SpikingLayer(surrogate="linear", slope=2), "surrogate linear has no slope"),
        (lambda: SpikingLayer(surrogate="atn"), "unknown surrogate 'atn'"),
        (lambda: SpikingLayer(backend="magic"), "unknown backend"),
        (lambda: SpikingLayer()(torch.zeros(3, 2)), r"currents have shape \(3, 2\)"),
        (lambda: SpikingLayer()(torch.zeros(3, 2, 4, dtype=torch.int64)), "they must be floats"),
        (lambda: SpikingLayer(features=3)(torch.zeros(3, 2, 4)), "this layer has 3 neurons"),
    ],
)
def test_bad_input_gets_one_line(make: Any, told: str) -> None:
    with pytest.raises(IkunError, match=told) as caught:
        make()
    assert "\n" not in str(caught.value)
