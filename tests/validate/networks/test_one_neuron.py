"""One question, one answer: the weights that `ikun init` gives, that a drawn network confirms, and that `initialise_` draws."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ikun_sym.reading.neuron import Neuron
from ikun_sym.schemes.initialise import init_variance
from ikun_sym.schemes.rate_targeted_over_time import lowest_rate
from ikun_validate import initialise_
from ikun_validate.cases.case import build
from ikun_validate.networks.network import Architecture, Network
from tests.selection import spread
from tests.validate.models import user_models as users
from tests.validate.models.user_models import neuron

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")

WIDTH, DEPTH, DRAWS = 400, 12, 12

NEURONS: list[tuple[dict[str, Any], int]] = [
    ({"synaptic_leak": 0.6, "leak": 0.5}, 4),
    ({"v_reset": -0.7, "leak": 0.5}, 4),
    ({"reset": "soft", "leak": 0.9, "decay_input": True, "synaptic_leak": 0.3}, 3),
    ({"reset": "adaptive:adaptation=0.5", "leak": 0.8}, 5),
    ({"reset": "adaptive-hard:adaptation=1,adaptation_leak=0.6,v_reset=-0.2", "leak": 0.7, "threshold": 0.6}, 4),
]


def last_rates(architecture: Architecture) -> np.ndarray:
    network = Network(architecture, batch=32)
    return np.array([network.draw(0, index).rate[-1].mean() for index in range(DRAWS)])


@pytest.mark.parametrize(("words", "steps"), spread(NEURONS, 5, first=2), ids=str)
def test_a_network_fires_at_the_rate_of_the_weights(words: dict[str, Any], steps: int) -> None:
    """A rate well above the lowest stable one, in the last of 12 layers of 400 neurons: 5 standard errors over 12 draws and 3 %
    for a finite width. The weights without the word that makes this neuron another are off by more."""
    one = Neuron.of(**words)
    rate = 1.3 * lowest_rate(one, steps)
    shape: dict[str, Any] = {"steps": steps, "width": WIDTH, "depth": DEPTH, "input_rate": rate}
    gain = WIDTH * init_variance("critical", WIDTH, steps=steps, rate=rate, **words).variance
    found = last_rates(Architecture(neuron=one, gain=gain, **shape))
    room = 5 * found.std(ddof=1) / DRAWS**0.5 + 0.03 * rate
    assert abs(found.mean() - rate) < room
    plain = {name: value for name, value in words.items() if name in ("leak", "threshold")}
    try:
        wrong = WIDTH * init_variance("critical", WIDTH, steps=steps, rate=rate, **plain).variance
    except ValueError:
        return
    other = last_rates(Architecture(neuron=one, gain=wrong, **shape))
    assert not abs(other.mean() - rate) < room  # silent ones, NaN, are off too


def test_validate_takes_the_weights_of_the_whole_neuron() -> None:
    """`ikun validate --scheme critical --v-reset -0.7` draws what `ikun init` gives."""
    words = {"v_reset": -0.7, "leak": 0.5}
    case = build(Architecture.of(steps=4, width=128, depth=3, **words), "critical")
    wanted = init_variance("critical", 128, steps=4, **words)
    assert case.architecture.gain == pytest.approx(128 * wanted.variance, rel=1e-12)
    assert case.architecture.neuron.surrogate.spec == wanted.surrogate


def bernoulli(*shape: int) -> Tensor:
    return (torch.rand(shape, generator=torch.Generator().manual_seed(3)) < 0.5).float()


MODELS: dict[str, tuple[Callable[[], nn.Module], int, float, dict[str, Any]]] = {
    "jelly": (
        lambda: users.jelly_mlp(3, 64, neuron.LIFNode, tau=2.0, decay_input=False, detach_reset=True),
        4,
        0.2,
        {"leak": 0.5},
    ),
    "jelly-decayed-soft": (
        lambda: users.jelly_mlp(3, 64, neuron.LIFNode, tau=4.0, v_reset=None),
        3,
        0.3,
        {"leak": 0.75, "decay_input": True, "reset": "soft", "detach": False},
    ),
    "snntorch-synaptic": (
        lambda: users.SnnTorchSynaptic(3, 64),
        4,
        0.35,
        {"leak": 0.6, "synaptic_leak": 0.7, "reset": "delayed"},
    ),
    "norse-v-reset": (
        lambda: users.norse_mlp(3, 64, "tanh", 1.0, tau_mem_inv=500.0, tau_syn_inv=700.0, v_reset=-0.5),
        3,
        0.35,
        {"leak": 0.5, "synaptic_leak": 0.3, "decay_input": True, "v_reset": -0.5, "detach": False},
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_init_and_initialise_agree(name: str) -> None:
    """The second layer of a library's network, fed with the spikes of the first: the same weights to seven digits (float32 has
    no more), for the neuron with all its words."""
    make, steps, rate, words = MODELS[name]
    torch.manual_seed(0)
    report = initialise_(make(), bernoulli(steps, 32, 64), rate=rate)
    wanted = init_variance("critical", 64, steps=steps, rate=rate, **words).variance * 64
    assert report.changes[1].gain == pytest.approx(wanted, rel=1e-6)
