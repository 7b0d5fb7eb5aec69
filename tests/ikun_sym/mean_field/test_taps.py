"""Taps and pools against torch's own convolutions and pools, and what holds for all of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from ikun_sym.catalogue.architectures import ConvolutionLayer, parse_architecture
from ikun_sym.catalogue.architectures.convolution import Convolution
from ikun_sym.mean_field.architectures.convolution import Positions
from ikun_sym.mean_field.architectures.pool import POOLS, Windows
from ikun_sym.mean_field.architectures.recurrent import extend_root
from ikun_sym.mean_field.architectures.taps import OUTSIDE, Taps
from ikun_sym.mean_field.covariance import square_root
from ikun_sym.schemes.rate_targeted_architectures import spectral_radius

CONVOLVE = {1: functional.conv1d, 2: functional.conv2d}


@st.composite
def taps(draw: st.DrawFn) -> Taps:
    dimensions, kernel = draw(st.sampled_from([1, 2])), draw(st.sampled_from([1, 3, 5]))
    size, stride = draw(st.integers(kernel, 8)), draw(st.integers(1, 3))
    padding = draw(st.sampled_from(["zero", "circular"]))
    topology = parse_architecture(f"conv{dimensions}d:size={size},kernel={kernel},stride={stride},padding={padding}")
    assert isinstance(topology, Convolution)
    return Taps(topology, ConvolutionLayer(size=size, stride=stride, pool="none"))


@given(taps(), st.integers(0, 2**32 - 1))
@settings(max_examples=60)
def test_a_layer_sees_what_torch_convolves(one: Taps, seed: int) -> None:
    """A kernel of ones, divided by its taps: forward, and transposed by torch's own gradient."""
    d, size, k = one.dimensions, one.layer.size, one.topology.kernel
    x = torch.tensor(np.random.default_rng(seed).random((1, 1, *(size,) * d)), requires_grad=True)
    mode = "circular" if one.topology.padding == "circular" else "constant"
    padded = functional.pad(x, (k // 2,) * (2 * d), mode=mode)
    out = CONVOLVE[d](padded, torch.ones((1, 1, *(k,) * d), dtype=x.dtype) / k**d, stride=one.layer.stride)
    seen = one.gather(x.detach().numpy().reshape(-1, 1))
    np.testing.assert_allclose(seen[:, 0], out.detach().numpy().ravel(), rtol=1e-12)
    back = torch.tensor(np.random.default_rng(seed + 1).random(tuple(out.shape)))
    out.backward(back)
    assert x.grad is not None
    np.testing.assert_allclose(one.scatter(back.numpy().reshape(-1, 1))[:, 0], x.grad.numpy().ravel(), rtol=1e-12, atol=1e-15)


@given(taps())
@settings(max_examples=30)
def test_places_count_as_the_axes_do(one: Taps) -> None:
    counts = np.zeros((one.layer.after**one.dimensions, one.layer.size**one.dimensions))
    for seen in one.places:
        inside = seen != OUTSIDE
        counts[np.flatnonzero(inside), seen[inside]] += 1
    np.testing.assert_allclose(one.gather(np.eye(counts.shape[1])), counts / one.topology.taps, atol=1e-14)


@pytest.mark.parametrize("dimensions", [1, 2])
@pytest.mark.parametrize("size", [4, 5])
@pytest.mark.parametrize("kind", POOLS.names())
def test_pools_send_and_return_what_torch_does(dimensions: int, size: int, kind: str) -> None:
    """All spike patterns that 40 draws find, ties and silence among them; gradient by torch's autograd."""
    windows, pool = Windows(ConvolutionLayer(size=size, stride=1, pool=kind), dimensions), POOLS[kind]
    theirs = {"average": (functional.avg_pool1d, functional.avg_pool2d), "max": (functional.max_pool1d, functional.max_pool2d)}
    stream = np.random.default_rng(3)
    for _ in range(40):
        s = torch.tensor((stream.random((1, 1, *(size,) * dimensions)) < 0.4).astype(float), requires_grad=True)
        x = theirs[kind][dimensions - 1](s, 2)
        spikes = s.detach().numpy().ravel()[windows.places]
        np.testing.assert_allclose(pool.send(spikes), x.detach().numpy().ravel())
        given_back = torch.tensor(stream.random(tuple(x.shape)))
        x.backward(given_back)
        found = np.zeros(s.numel())
        for row, share in zip(windows.places, pool.back(spikes), strict=True):
            found[row] = share * given_back.numpy().ravel()
        assert s.grad is not None
        np.testing.assert_allclose(found, s.grad.numpy().ravel())


@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 2**32 - 1))
@settings(max_examples=40)
def test_a_root_grown_row_by_row_is_the_root(steps: int, rank: int, seed: int) -> None:
    """Singular covariances too: steps that add nothing new."""
    factor = np.random.default_rng(seed).normal(size=(steps, rank))
    covariance, root = factor @ factor.T, np.zeros((steps, steps))
    for t in range(steps):
        extend_root(root, covariance[t, : t + 1])
    np.testing.assert_allclose(root @ root.T, covariance, atol=1e-6 * np.abs(covariance).max())
    np.testing.assert_allclose(root @ root.T, square_root(covariance) @ square_root(covariance).T, atol=1e-6)


def test_positions_that_are_alike_share_a_kind() -> None:
    found = Positions.alike(np.array([1.0, 2.0, 2.0 + 1e-14, 1.0])[:, None, None])
    assert len(found.kinds) == 2
    assert found.of[0] == found.of[3] != found.of[1] == found.of[2]
    np.testing.assert_allclose(found.share, [0.5, 0.5])


def test_spectral_radius_is_that_of_the_matrix() -> None:
    stream = np.random.default_rng(5)
    matrix, weights = stream.random((6, 6)), stream.random(6)
    expected = np.abs(np.linalg.eigvals(weights[:, None] * matrix)).max()
    assert spectral_radius(weights, lambda v: matrix @ v) == pytest.approx(expected, rel=1e-9)
