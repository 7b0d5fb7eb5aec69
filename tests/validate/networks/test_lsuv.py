"""LSUV and its rate-matching variant on the harness's networks, measured layer by layer; refusals."""

from __future__ import annotations

import math

import pytest
import torch

from ikun_sym.errors import DomainError, NoSolutionError
from ikun_validate.networks.lsuv import deviation, lsuv, orthonormal, rate
from ikun_validate.networks.network import Architecture, Network

ONE = Architecture.of(depth=5, width=120, threshold=0.8)
SEVERAL = Architecture.of(depth=4, widths=(150, 90), steps=4, leak=0.7, reset="soft")


def layers(network: Network, weights: list[torch.Tensor], x: torch.Tensor) -> list[tuple[float, float]]:
    """(standard deviation of H, firing rate) per layer, by a loop of its own."""
    a, found = network.architecture, []
    for weight in weights:
        v = torch.zeros(x.shape[1], len(weight))
        h, s = [], []
        for current in x @ weight.T:
            h.append(a.neuron.leak * v + current)
            s.append((h[-1] >= a.neuron.threshold).float())
            v = h[-1] - a.neuron.threshold * s[-1] if a.neuron.reset.name == "soft" else h[-1] * (1 - s[-1])
        x = torch.stack(s)
        found.append((torch.stack(h).std(correction=0).item(), x.mean().item()))
    return found


@pytest.mark.parametrize("architecture", [ONE, SEVERAL])
def test_every_layer_has_its_deviation(architecture: Architecture) -> None:
    """1e-3: ten times the width at which the search ends. The planted weights, orthonormal as they start, are far off."""
    network = Network(architecture, batch=32)
    weights, x = lsuv(network, 0, 0, deviation())
    assert [std for std, _ in layers(network, weights, x)] == pytest.approx([1.0] * architecture.depth, abs=1e-3)
    plain = [orthonormal(*w.shape, torch.Generator().manual_seed(0)).float() for w in weights]
    assert max(abs(std - 1) for std, _ in layers(network, plain, x)) > 0.05
    # each is a multiple of an orthonormal matrix
    for weight in weights:
        thin = weight if len(weight) <= weight.shape[1] else weight.T
        gram = (thin @ thin.T).double()
        assert torch.allclose(gram, gram[0, 0] * torch.eye(len(thin), dtype=torch.float64), atol=1e-5 * gram[0, 0].item())


@pytest.mark.parametrize("architecture", [ONE, SEVERAL])
def test_every_layer_has_its_rate(architecture: Architecture) -> None:
    """A rate is a whole number of spikes: 32 samples of 90 neurons and more resolve it to 1e-3."""
    network = Network(architecture, batch=32)
    weights, x = lsuv(network, 0, 0, rate(0.2))
    assert [p for _, p in layers(network, weights, x)] == pytest.approx([0.2] * architecture.depth, abs=2e-3)


def test_draws_are_reproducible_and_measured() -> None:
    network = Network(ONE, batch=16)
    (first, x), (again, _), (other, _) = (lsuv(network, 0, index, deviation()) for index in (3, 3, 4))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], other[0])
    draw = network.measure(first, x, torch.randn(1, 16, 120, generator=torch.Generator().manual_seed(1)))
    # var_h there is E[H²], the mean over neurons included
    assert all(0.95 < math.sqrt(float(v)) < 1.5 for v in draw.var_h[:, 0])


def test_orthonormal_entries() -> None:
    for rows, columns in ((7, 7), (4, 9), (9, 4)):
        q = orthonormal(rows, columns, torch.Generator().manual_seed(0))
        assert q.shape == (rows, columns)
        assert float((q**2).mean()) == pytest.approx(1 / max(rows, columns), rel=1e-12)


def test_refused() -> None:
    with pytest.raises(DomainError, match=r"between 0 and 0\.5"):
        rate(0.6)
    with pytest.raises(NoSolutionError, match="layer 1"):
        lsuv(Network(Architecture.of(depth=2, width=20, input_rate=0.0)), 0, 0, deviation())
