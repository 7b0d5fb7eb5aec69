"""The infinite-width theory of the architectures against plain wide networks, and against what they must reduce to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ikun_sym.errors import IkunError, NoTheoryError
from ikun_sym.mean_field import predict as temporal
from ikun_sym.mean_field.architectures import run_through
from ikun_sym.mean_field.architectures.convolution import ConvolutionRecursion
from ikun_sym.mean_field.architectures.recursion import Theory
from ikun_sym.mean_field.infinite_network import TimeModel
from ikun_sym.mean_field.prediction import TimePrediction, collect
from tests.ikun_sym.mean_field.wide_networks import (
    ALPHA,
    LEAK,
    Build,
    Setting,
    convolution,
    measure,
    recurrent,
    residual,
)
from tests.selection import spread

BASE = Setting(batch=8)
POOLED = Setting(width=192, batch=8, shape=(8,))
WIDE = 4.5
"""Allowed distance in standard errors of 16 draws (t, 15 degrees of freedom): one number in 2300 is beyond by chance …"""
BIAS = 0.02
"""… plus this share, for what a finite width adds: 1/n effects at n of 192 and more."""
DRAWS = 16

CASES: dict[str, tuple[Build, Setting]] = {
    "conv1d:size=6": (convolution(), replace(POOLED, shape=(6,))),
    "conv1d:size=9,groups=2,stride=2,every=2": (convolution(groups=2, stride=2, every=2), replace(POOLED, shape=(9,))),
    "conv2d:size=4": (convolution(), Setting(width=128, batch=8, shape=(4, 4))),
    "conv1d:size=8,pool=average": (convolution(pool="average", stops=1), POOLED),
    "conv1d:size=8,pool=max": (convolution(pool="max", stops=1), POOLED),
    "conv1d:size=7,pool=max,padding=circular": (
        convolution(pool="max", padding="circular", stops=1),
        replace(POOLED, shape=(7,)),
    ),
    "residual": (residual("sew", lambda number, s: s.gain), BASE),
    "residual:kind=ms": (residual("ms", lambda number, s: s.gain), BASE),
    "recurrent:recurrent_gain=4": (recurrent(4.0), BASE),
    "recurrent:recurrent_gain=4,autapses=false": (recurrent(4.0, autapses=False), BASE),
}

ALTERNATING = [(arch, steps) for number, arch in enumerate(CASES) for steps in ((1, 3) if number % 2 else (3, 1))]
"""The quick suite takes every second: each architecture, over one step or three in turn."""


def predicted(arch: str, setting: Setting, **changes: Any) -> TimePrediction:
    fields = {"depth": setting.depth, "steps": setting.steps, "gain": setting.gain, "input_rate": setting.rate}
    model = TimeModel.of(arch=arch, leak=LEAK, surrogate=f"atan:alpha={ALPHA:g}", **(fields | changes))
    return temporal.predict(model, samples=2**12, randomisations=8, workers=1)


def shown(prediction: TimePrediction) -> dict[str, np.ndarray]:
    return {
        "var_h": prediction.array("var_h").mean(axis=1),
        "rate": prediction.array("rate").mean(axis=1),
        "grad": np.exp([layer.log_gradient for layer in prediction.layers]),
    }


def farthest(measured: dict[str, tuple[np.ndarray, np.ndarray]], theory: dict[str, np.ndarray]) -> float:
    """The largest deviation in units of what is allowed."""
    ratios = []
    for name, (mean, error) in measured.items():
        allowed = WIDE * error + BIAS * np.abs(theory[name]) + 1e-12
        ratios.append(float((np.abs(mean - theory[name]) / allowed).max()))
    return max(ratios)


@pytest.mark.parametrize(("arch", "steps"), spread(ALTERNATING, 2))
def test_wide_networks_show_what_is_predicted(arch: str, steps: int) -> None:
    build, setting = CASES[arch]
    setting = replace(setting, steps=steps)
    found = measure(build, setting, DRAWS, seed=7 + steps)
    assert farthest(found, shown(predicted(arch, setting))) <= 1


@pytest.mark.parametrize(
    ("arch", "wrong"),
    [
        ("conv1d:size=6", "conv1d:size=6,padding=circular"),
        ("conv1d:size=8,pool=max", "conv1d:size=8,pool=average"),
        ("residual", "residual:kind=ms"),
        ("recurrent:recurrent_gain=4", "recurrent:recurrent_gain=2"),
    ],
)
def test_the_comparison_tells_architectures_apart(arch: str, wrong: str) -> None:
    build, setting = CASES[arch]
    found = measure(build, setting, DRAWS, seed=11)
    assert farthest(found, shown(predicted(arch, setting))) <= 1 < farthest(found, shown(predicted(wrong, setting)))


@pytest.mark.parametrize("steps", [1, 2, 3])
@pytest.mark.parametrize("arch", ["conv1d:padding=circular", "conv2d:size=4,padding=circular", "recurrent:recurrent_gain=0"])
def test_what_reduces_to_a_dense_network_is_one(arch: str, steps: int) -> None:
    setting = replace(BASE, steps=steps)
    ours, dense = predicted(arch, setting), predicted("dense", setting)
    for name in ("var_h", "rate", "grad_var"):
        np.testing.assert_allclose(ours.array(name), dense.array(name), rtol=2e-5 if steps == 3 else 1e-9)


@pytest.mark.parametrize(("arch", "exact"), [("conv2d:size=8,pool=average", True), ("conv2d:size=9,pool=average", False)])
def test_a_prediction_is_exact_where_nothing_is_sampled(arch: str, exact: bool) -> None:
    """Pairs of up to 64 positions are computed; a sampled field has a standard error."""
    model = TimeModel.of(arch=arch, gain=9.0, depth=2, input_rate=0.3)
    found = temporal.predict(model, samples=2**10, randomisations=2, workers=1)
    assert found.randomisations == (1 if exact else 2)
    assert (found.layers[1].se["rate"] == 0).all() == exact


def test_one_tap_sees_no_border() -> None:
    np.testing.assert_allclose(
        predicted("conv2d:size=3,kernel=1", BASE).array("grad_var"), predicted("dense", BASE).array("grad_var"), rtol=1e-5
    )


def test_borders_see_two_thirds_and_corners_four_ninths() -> None:
    first = predicted("conv2d:size=6", BASE, steps=1).positions[0]["var_h"][..., 0]
    np.testing.assert_allclose(first[0, 2] / first[2, 2], 2 / 3, rtol=1e-12)
    np.testing.assert_allclose(first[0, 0] / first[2, 2], 4 / 9, rtol=1e-12)
    np.testing.assert_allclose(first, first.T, rtol=1e-12)
    np.testing.assert_allclose(first, first[::-1], rtol=1e-12)


def test_a_stride_takes_its_share_of_the_gradient() -> None:
    """Circular padding: every neuron feeds kernel/stride others on average, so that the total is (after/size) of dense."""
    setting = replace(BASE, steps=1, depth=3)
    strided = predicted("conv1d:size=12,stride=2,every=3,padding=circular", setting)
    plain = predicted("dense", setting)
    share = strided.log_factors - plain.log_factors
    np.testing.assert_allclose(share, [0, np.log(1 / 2)], atol=1e-9)


def test_a_fixed_point_is_the_same_as_all_its_layers() -> None:
    """Zero padding over depth: skipping alike layers changes nothing beyond what was tolerated."""
    model = TimeModel.of(arch="conv1d:size=5", depth=60, gain=10.0)
    theory = Theory(make=ConvolutionRecursion, dimension=1, exact=True, special=0)
    how = {"samples": 2, "randomisations": 2, "seed": 0, "workers": 1}
    short = collect(model, run_through(model, theory, **how))
    long = collect(model, run_through(model, replace(theory, special=None), **how))
    assert short.fixed_from is not None
    assert long.fixed_from is None
    np.testing.assert_allclose(short.array("var_h"), long.array("var_h"), rtol=1e-7)
    np.testing.assert_allclose(short.log_gradient, long.log_gradient, atol=1e-5)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"arch": "conv2d:norm=batch"}, "measured only"),
        ({"arch": "residual:norm=tdbn"}, "measured only"),
        ({"arch": "residual", "loss": "summed"}, "white or rate"),
        ({"arch": "recurrent", "gain_out": 3.0}, "equal widths"),
        ({"arch": "conv2d:size=40,pool=max"}, "smaller size"),
        ({"arch": "residual", "input": ((0.5,),)}, "input's mean"),
        ({"arch": "conv1d:pool=average", "input": ((0.5,),)}, "over positions"),
    ],
)
def test_what_has_no_theory_says_why(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(IkunError, match=words) as error:
        temporal.predict(TimeModel.of(gain=8.0, **fields))
    assert "\n" not in str(error.value)
    assert isinstance(error.value, NoTheoryError) == ("equal widths" not in words)
