"""Rate-targeted critical initialisation: the weights at which a chosen firing rate is a stable fixed point, and the
surrogate's slope at which the gradient then keeps its size.

One time step: K from the rate (`critical.gain_of_rate`); the slope k solves K · E[f'_k(H − θ)²] = fan_in/fan_out,
H ~ N(0, σ_H²).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ..catalogue.spec import Spec, resolve
from ..catalogue.surrogate import Bound
from ..errors import DomainError
from .critical import gain_of_rate
from .slope import slope_for_moment


@dataclass(frozen=True, kw_only=True)
class Design:
    """fan_in · Var(W), σ_H, the surrogate with its slope set, and the slope d log q'/d log q of the forward map."""

    rate: float
    threshold: float
    n_var_w: float
    sigma_h: float
    bound: Bound
    parameter: str
    slope: float
    forward_slope: float
    fan_in: float | None = None

    @property
    def surrogate(self) -> str:
        return self.bound.spec

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
    slope, sharpened, parameter = slope_for_moment(bound, threshold, 1 / (gain * fan_ratio), variance=sigma**2)
    return Design(
        rate=rate,
        threshold=threshold,
        n_var_w=gain,
        sigma_h=sigma,
        bound=sharpened,
        parameter=parameter,
        slope=slope,
        forward_slope=forward_slope,
        fan_in=fan_in,
    )
