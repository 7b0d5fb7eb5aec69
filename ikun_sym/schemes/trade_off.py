"""Width against sharpness at a given rate: surrogates of one shape and several slopes, each with the amplitude at which the
gradient keeps its size.

All of them have the same weights and the same gradient factor, 1. What differs is how far the gradients of two inputs agree
(`coherence`, where layers have settled) and how much the gradient's size differs between draws of the weights: log‖g‖² over L
layers of n neurons has the variance L β/n, β = 3 E[f'⁴]/E[f'²]² − 1 (`finite_width`). Neither depends on the amplitude.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..errors import IkunError
from ..mean_field.finite_width import excess
from ..mean_field.infinite_network import TimeModel
from ..mean_field.information import information
from ..reading.neuron import Neuron
from .rate_targeted_over_time import RateTarget, slope_target
from .slope import own_slope, slope_of

FACTORS = (2.0, 1.0, 0.5, 0.25, 0.125)
"""Of the slope that was asked for."""

NO_TRADE_OFF = "trade_off is null over several steps, where β has no theory; ikun meanfield says the coherence of one surrogate"
NO_SLOPE = "trade_off is null: no parameter of the surrogate sharpens f'"


@dataclass(frozen=True, kw_only=True)
class Width:
    """One slope, the amplitude that goes with it, the coherence (None where there is none) and β, per layer and 1/n."""

    slope: float
    amplitude: float
    coherence: float | None
    beta: float

    def to_dict(self) -> dict[str, Any]:
        return {"slope": self.slope, "amplitude": self.amplitude, "coherence": self.coherence, "beta": self.beta}


def trade_off(neuron: Neuron, target: RateTarget, fan_ratio: float = 1.0) -> list[Width]:
    """Sharpest first, around the surrogate's own slope. Empty over several steps, and where no parameter sharpens f'."""
    if target.steps > 1 or own_slope(neuron.surrogate) is None:
        return []
    family, found = slope_of(neuron.surrogate.bare), []
    for factor in FACTORS:
        try:
            bound = family.at(factor * family.default)
            made = neuron.but(surrogate=slope_target(neuron.but(surrogate=bound.times("unit")), target, fan_ratio).bound)
            model = TimeModel(neuron=made, gain=target.gain, input_rate=target.rate)
            variance = model.dynamics.input_gain**2 * float(target.points[0].drive[0, 0])
            row = Width(
                slope=factor * family.default,
                amplitude=float(made.surrogate.amplitude),
                coherence=information(model).coherence,
                beta=float(excess(model.layer, variance)),
            )
        except IkunError:  # such a slope does not exist, or its gradient does not
            continue
        found.append(row)
    return found
