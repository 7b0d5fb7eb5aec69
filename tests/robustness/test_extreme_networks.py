"""Networks at the ends of what numbers hold: a prediction without a warning, or one line."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ikun_sym import design, meanfield
from ikun_sym.errors import IkunError

QUICK = {"depth": 3, "samples": 256, "randomisations": 2}


@pytest.mark.parametrize("width", [8, 32, 128, 140])
def test_where_biases_alone_make_spikes(width: int) -> None:
    """torch's default, K = 1/3: Var(H) is the biases', 1/(3 width), and a
    difference of two inputs falls by ½: the limit x → 0 of ½ x e^{−½a²x²}/∫_0^x e^{−½a²u²}/(1 + u²) du.

    The spikes' share of Var(H), some 1e-85, was taken as 1 − 1 = 0.
    """
    found = meanfield(scheme="torch-default", width=width, **QUICK).information
    assert found is not None
    assert found["overlap"] == pytest.approx(1, abs=2e-2 if width == 8 else 1e-5)
    assert found["slope"] == pytest.approx(0.5, abs=1e-2 if width == 8 else 1e-5)


EXTREMES: list[dict[str, Any]] = [
    {"scheme": "torch-default", "width": 180, "input_rate": 1.0},
    {"gain": 1e-30, "bias": 0.05},
    {"gain": 1e30, "bias": 1e-100},
    {"gain": 8.0, "bias": 1e20, "threshold": 1e20},
    {"gain": 8.0, "threshold": 1e6, "input_rate": 1e-300, "steps": 2, "leak": 0.5},
    {"gain": 8.0, "threshold": 1.0, "input_rate": 1e-300, "steps": 3, "leak": 0.9},
    {"gain": 1e10, "threshold": 0.0, "input_rate": 1e-300, "steps": 2, "bias": 1e-14},
    {"gain": 1e-3, "threshold": 1e15 / 2, "steps": 3},
]


@pytest.mark.parametrize("network", EXTREMES)
def test_extremes_are_predicted(network: dict[str, Any]) -> None:
    """Warnings are errors here; no number is infinite or NaN but with a reason."""
    json.dumps(meanfield(**network, **QUICK).to_dict(), allow_nan=False)


@pytest.mark.parametrize(
    ("network", "said"),
    [
        ({"threshold": 1e155, "gain": 1.0}, "threshold = 1e.155 is not allowed; it must be zero or between 1e-150 and 1e150"),
        ({"threshold": 1e-155, "scheme": "is-snn"}, "threshold = 1e-155 is not allowed"),
        ({"bias": 1e160, "gain": 1.0}, "bias = 1e.160 is not allowed"),
        ({"threshold": 1e16, "steps": 3, "gain": 1.0}, "zero or between 1e-15 and 1e15 over several steps"),
        ({"bias": 1e-20, "steps": 2, "gain": 1.0}, "bias = 1e-20 is not allowed"),
    ],
)
def test_potentials_beyond_their_squares_are_refused(network: dict[str, Any], said: str) -> None:
    with pytest.raises(IkunError, match=said) as caught:
        meanfield(**network, **QUICK)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("threshold", ["1e149", "1e-149"])
def test_design_over_steps_at_extreme_thresholds_is_refused(threshold: str) -> None:
    """It said that no network of such neurons is ever active, or that the lowest stable rate is 0.71."""
    with pytest.raises(IkunError, match="over several steps"):
        design(rate=0.2, surrogate="atan", threshold=threshold, leak=0.5, steps=3)
