"""Rate-targeted critical initialisation: the weights at which a chosen firing rate is a stable fixed point, and the
surrogate's slope at which the gradient then keeps its size.

One time step: K from the rate (`critical.gain_of_rate`); the slope k solves K · E[f'_k(H − θ)²] = fan_in/fan_out,
H ~ N(0, σ_H²).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import brentq

from ..catalogue.spec import Spec, resolve
from ..catalogue.surrogate import Bound
from ..errors import DomainError, NoSolutionError
from .critical import gain_of_rate
from .layer import SpikingLayer

DECADES = (-4.0, 6.0)
PER_DECADE = 6
"""The scan for the slope, times the surrogate's default; the moment is monotone in it for the families checked."""


@dataclass(frozen=True, kw_only=True)
class Design:
    """fan_in · Var(W), σ_H, the surrogate with its slope set, and the slope d log q'/d log q of the forward map."""

    rate: float
    threshold: float
    n_var_w: float
    sigma_h: float
    surrogate: str
    parameter: str
    slope: float
    forward_slope: float
    fan_in: float | None = None

    @property
    def stable(self) -> bool:
        return self.forward_slope < 1

    @property
    def std(self) -> float | None:
        return None if self.fan_in is None else math.sqrt(self.n_var_w / self.fan_in)

    def to_dict(self) -> dict[str, Any]:
        result = {
            name: getattr(self, name)
            for name in (
                "rate",
                "threshold",
                "n_var_w",
                "sigma_h",
                "surrogate",
                "parameter",
                "slope",
                "forward_slope",
                "stable",
            )
        }
        return result if self.fan_in is None else result | {"fan_in": self.fan_in, "std": self.std}


def slope_parameter(bound: Bound) -> str:
    """The parameter that sharpens f': named by the entry, else its first. Error: the surrogate has none."""
    names = [param.name for param in bound.surrogate.params]
    slope = bound.surrogate.slope if bound.surrogate.slope is not None else next(iter(names), "")
    if not slope:
        raise NoSolutionError(
            f"surrogate {bound.spec}",
            "it has no slope to set: no parameter of it sharpens f'",
            "take one with a slope, such as sigmoid or atan, or give an expression a parameter",
        )
    return slope


def design(
    rate: float,
    surrogate: Spec = "atan",
    threshold: float = 1.0,
    *,
    fan_in: float | None = None,
    fan_ratio: float = 1.0,
) -> Design:
    """The rate-targeted critical initialisation at one time step. `fan_ratio` = fan_out/fan_in.

    Errors: a rate at or below the lowest stable one or not below ½; a surrogate whose slope cannot do it.
    """
    if fan_in is not None and not fan_in > 0:
        raise DomainError("fan_in", fan_in, "a positive number")
    bound = resolve(surrogate)
    gain, sigma, forward_slope = gain_of_rate(rate, threshold)
    parameter = slope_parameter(bound)
    slope = _slope(bound, parameter, threshold, sigma, 1 / (gain * fan_ratio))
    return Design(
        rate=rate,
        threshold=threshold,
        n_var_w=gain,
        sigma_h=sigma,
        surrogate=resolve(bound, **{parameter: repr(slope)}).spec,
        parameter=parameter,
        slope=slope,
        forward_slope=forward_slope,
        fan_in=fan_in,
    )


def _slope(bound: Bound, parameter: str, threshold: float, sigma: float, wanted: float) -> float:
    """The parameter at which E[f'²] is `wanted`; nearest to the default if there are several."""

    def excess(log_k: float) -> float:
        trial = SpikingLayer(resolve(bound, **{parameter: math.exp(log_k)}), threshold)
        moment = float(trial.gradient_moment(sigma**2))
        return math.log(moment / wanted) if moment > 0 else -math.inf

    default = float(dict(bound.values)[parameter])
    if not default > 0:
        raise DomainError(f"parameter {parameter}", default, "a positive number", "the slope is searched around it")
    grid = math.log(default) + np.log(10) * np.linspace(*DECADES, round((DECADES[1] - DECADES[0]) * PER_DECADE) + 1)
    values = np.array([excess(point) for point in grid])
    found = [
        brentq(excess, grid[i], grid[i + 1], xtol=1e-14)
        for i in range(len(grid) - 1)
        if np.isfinite(values[i : i + 2]).all() and values[i] * values[i + 1] <= 0
    ]
    if not found:
        low, high = (math.exp(v) * wanted for v in (np.min(values[np.isfinite(values)]), np.max(values)))
        raise NoSolutionError(
            f"surrogate {bound.spec} at threshold {threshold:g} and σ_H = {sigma:.6g}",
            f"no {parameter} gives E[f'²] = {wanted:.6g}: it stays between {low:.3g} and {high:.3g}",
            "choose another surrogate or another rate",
        )
    return math.exp(min(found, key=lambda point: abs(point - math.log(default))))  # type: ignore[arg-type]
