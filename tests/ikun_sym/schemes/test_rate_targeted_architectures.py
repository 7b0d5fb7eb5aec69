"""Critical weights of architectures: what they promise, by plain iterations and quadrature, and through depth 300."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from ikun_sym.catalogue.architectures import ARCHITECTURES, parse_architecture
from ikun_sym.cli.model_flags import KNOWN
from ikun_sym.errors import NoSolutionError
from ikun_sym.mean_field import predict as temporal
from ikun_sym.mean_field.infinite_network import TimeModel
from ikun_sym.reading.neuron import Neuron
from ikun_sym.schemes.fan import Fan
from ikun_sym.schemes.for_network import weights_of
from ikun_sym.schemes.rate_targeted import design
from ikun_sym.schemes.rate_targeted_architectures import adapted

RATE = 0.2
"""What scheme critical aims at."""


def fields_of(arch: str, **changes: Any) -> dict[str, Any]:
    """A network's fields, its weights by scheme critical."""
    made = TimeModel.of(**({"arch": arch, "depth": 300} | changes))
    network = {name: getattr(made, name) for name in ("neuron", "steps", "arch", "depth")}
    return network | weights_of("critical", Fan.of(256), **network).fields


def row(size: int) -> np.ndarray:
    """The mean over three taps of a row of positions, zeros outside."""
    return (np.eye(size, k=-1) + np.eye(size) + np.eye(size, k=1)) / 3


def iterated(gain: float, size: int) -> np.ndarray:
    q = np.full(size, gain / 2)
    for _ in range(4000):
        q = gain * row(size) @ norm.sf(1 / np.sqrt(np.maximum(q, 1e-9)))
    return q


def atan_moment(alpha: float, q: float) -> float:
    def f(h: float) -> float:
        return (alpha / 2 / (1 + (np.pi * alpha * (h - 1) / 2) ** 2)) ** 2 * float(norm.pdf(h, scale=np.sqrt(q)))

    return float(quad(f, -8 * np.sqrt(q), 8 * np.sqrt(q), points=[1.0], limit=200)[0])


def test_zero_padding_by_plain_iteration_and_quadrature() -> None:
    size, fields = 5, fields_of("conv1d:size=5")
    gain, alpha = fields["gain"], float(dict(fields["surrogate"].values)["alpha"])
    q = iterated(gain, size)
    assert norm.sf(1 / np.sqrt(q)).mean() == pytest.approx(RATE, rel=1e-4)
    moments = np.array([atan_moment(alpha, v) for v in q])
    carried = gain * row(size).T * moments[:, None]
    assert np.abs(np.linalg.eigvals(carried)).max() == pytest.approx(1, rel=1e-6)
    # a dense network's weights would let it fall silent
    assert iterated(design(RATE).n_var_w, 3).max() < 0.1


DEEP = [
    "conv1d:size=4",
    "conv2d:size=6",
    "conv2d:size=8,pool=average",
    "conv1d:size=16,pool=max",
    "conv2d:padding=circular,stride=2",
    "residual:scaling=depth",
    "residual:kind=ms,scaling=depth",
    "recurrent",
]


@pytest.mark.parametrize("arch", DEEP)
def test_healthy_at_depth_300(arch: str) -> None:
    """Rates between the one aimed at and the shortcut's bound 0.327; gradients within the bounds of the derivations: 5 for SEW,
    e for shortcuts; elsewhere a transient of the border's."""
    model = TimeModel.of(**fields_of(arch))
    prediction = temporal.predict(model, samples=2**10, randomisations=2, workers=1)
    rates = prediction.array("rate")[10:, 0]
    assert RATE - 0.01 < rates.min() <= rates.max() < 0.327
    if "kind=ms" not in arch:
        assert rates[-1] == pytest.approx(RATE, rel=2e-3)
    assert abs(prediction.layers[10].log_gradient) < np.log(5)  # behind all strides and pools


def test_the_dense_scale_is_not_healthy_there() -> None:
    fields = fields_of("conv2d:size=6")
    dense = design(RATE)
    model = TimeModel.of(**(fields | {"gain": dense.n_var_w, "surrogate": dense.surrogate, "depth": 60}))
    assert temporal.predict(model).array("rate")[-1].max() < 1e-6


@pytest.mark.parametrize("steps", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_recurrent_gain_gives_the_mean_rate_over_the_steps(steps: int) -> None:
    fields = fields_of("recurrent:recurrent_gain=2", steps=steps, leak=0.5, depth=60)
    assert fields["gain"] < fields_of("dense", steps=steps, leak=0.5)["gain"]
    prediction = temporal.predict(TimeModel.of(**fields), samples=2**11, randomisations=4, workers=1)
    last = prediction.layers[-1]
    assert last.rate.mean() == pytest.approx(RATE, abs=2e-3)
    # nothing comes through recurrent weights yet
    assert last.var_h[0] == pytest.approx(fields["gain"] * last.rate[0], rel=2e-3)


def test_the_scheme_says_what_the_blocks_are_scaled_for() -> None:
    fields = fields_of("residual:scaling=depth,rate=0.3")
    assert parse_architecture(fields["arch"]).rate == RATE  # type: ignore[attr-defined]
    notes = weights_of("critical", Fan.of(256), Neuron(), arch="residual", depth=300).notes
    assert any("holds no rate" in note for note in notes)


@pytest.mark.parametrize(("rate", "grows"), [(0.2, True), (0.3, False)])
def test_sew_blocks_return_to_their_rate_from_above_a_half_slope(rate: float, grows: bool) -> None:
    """A gain 0.1 % too large, s the forward slope: the mean rate is off by f (l^c − 1)/c, c = 2s − 1: a growing power below
    s = 1/2, saturating above."""
    found = design(rate)
    fields = {"arch": f"residual:scaling=depth,rate={rate}", "surrogate": found.surrogate, "input_rate": rate, "depth": 400}
    wrong, right = (
        temporal.predict(TimeModel.of(gain=found.n_var_w * factor, **fields)).array("rate")[:, 0] for factor in (1.001, 1)
    )
    off = np.cumsum(wrong - right)[[99, 399]] / (100, 400)
    c = 2 * found.forward_slope - 1
    assert (c > 0) == grows
    assert off[1] / off[0] == pytest.approx((400**c - 1) / (100**c - 1), rel=0.06)


def test_a_rate_that_no_gain_holds_is_refused() -> None:
    """Five positions: activity lasts from a mean rate of 0.107 on."""
    model = TimeModel.of(arch="conv1d:size=5", gain=6.5, depth=1)
    with pytest.raises(NoSolutionError, match=r"lowest stable mean rate is 0\.10"):
        adapted(model.topology, model, 0.09)


def test_other_schemes_are_what_they_are() -> None:
    assert weights_of("kaiming", Fan.of(256), Neuron(), arch="conv1d:size=5").gain == pytest.approx(2)


def test_the_help_page_names_every_architecture() -> None:
    assert all(name in KNOWN for name in ARCHITECTURES.names())
