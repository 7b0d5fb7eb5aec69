"""Var(W) of a scheme for one layer, and where each number came from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from .catalogue.schemes import SCHEMES
from .catalogue.schemes import fan_in as FAN_IN
from .catalogue.spec import Spec, resolve
from .errors import DomainError, IkunError
from .gaussian.special import Numpy, lower
from .theory.fan import Fan
from .theory.layer import SpikingLayer
from .theory.stationary import SchemeAt, State

DISTRIBUTIONS = ("normal", "uniform")


@dataclass(frozen=True, kw_only=True)
class Initialisation:
    """Weights of zero mean and this variance: N(0, std²) or U(±uniform_bound). Biases: U(±bias_bound), 0 if that is 0."""

    scheme: str
    variance: float
    distribution: str
    bias_bound: float
    provenance: dict[str, Any]

    @property
    def std(self) -> float:
        return math.sqrt(self.variance)

    @property
    def uniform_bound(self) -> float:
        return math.sqrt(3 * self.variance)

    def to_dict(self) -> dict[str, Any]:
        return {
            "scheme": self.scheme,
            "variance": self.variance,
            "std": self.std,
            "uniform_bound": self.uniform_bound,
            "distribution": self.distribution,
            "bias": 0.0,
            "bias_bound": self.bias_bound,
            "provenance": self.provenance,
        }


def init_variance(
    scheme: str,
    fan_in: int | Fan,
    fan_out: float | None = None,
    *,
    surrogate: Spec = "atan",
    threshold: float = 1.0,
    alpha: float = 1.0,
    second_moment: float | None = None,
    distribution: str = "normal",
) -> Initialisation:
    """Var(W) for a layer of spiking neurons at one time step.

    `second_moment`: E[X²] of the layer's input where it is known (a first layer); else the layer below is taken to be in
    the same stationary state. Errors: unknown scheme, zero width, or a scheme that has no stationary state here.
    """
    entry = SCHEMES[scheme]
    fan = fan_in if isinstance(fan_in, Fan) else Fan.of(fan_in, fan_out)
    if distribution not in DISTRIBUTIONS:
        raise IkunError(f"unknown distribution {distribution!r}; known: {', '.join(DISTRIBUTIONS)}")
    if not (math.isfinite(threshold) and threshold >= 0):
        raise DomainError("threshold", threshold, "zero or a positive number")
    provenance: dict[str, Any] = {
        "formula": str(entry.variance),
        "source": entry.source,
        "fan_in": fan.fan_in,
        "fan_out": fan.fan_out,
    }
    layer = SpikingLayer(resolve(surrogate), threshold)
    at = SchemeAt(entry, layer, fan, alpha, second_moment)
    if entry.needs_moments:
        state = at.solve()
        variance = state.gain / fan.fan_in
        provenance |= _account(layer, at, state)
    else:
        variance = float(at.weight_variance(1.0))
    bound = 0.0 if entry.bias_bound is None else float(lower(entry.bias_bound, Numpy())({FAN_IN: float(fan.fan_in)}))
    return Initialisation(
        scheme=entry.name, variance=variance, distribution=distribution, bias_bound=bound, provenance=provenance
    )


def _account(layer: SpikingLayer, at: SchemeAt, state: State) -> dict[str, Any]:
    return {
        "surrogate": layer.surrogate.spec,
        "threshold": layer.threshold,
        "alpha": at.alpha,
        "law": f"H ~ N(0, {state.var_h:.6g}), the scheme's own stationary state",
        "var_h": state.var_h,
        "E_g2": state.m2,
        "rate": state.second_moment_x,
        "input_second_moment": at.input_second_moment if at.input_second_moment is not None else state.second_moment_x,
        "gain": state.gain,
        "backward_factor": state.chi,
        "forward_slope": state.forward_slope,
        "stable": state.stable,
    }
