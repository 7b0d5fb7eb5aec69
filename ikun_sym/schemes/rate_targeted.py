"""Rate-targeted critical initialisation: the weights at which a chosen firing rate is a stable fixed point, and the
surrogate's slope at which the gradient then keeps its size.

One time step: K from the rate (`critical.gain_of_rate`); the slope k solves λ² K · E[f'_k(H − θ)²] = fan_in/fan_out,
H ~ N(0, σ_H²), λ what a current is multiplied by (1 unless it decays). Several steps: `time_design`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ..catalogue.surrogate import Bound
from ..errors import DomainError
from ..mean_field.infinite_network import TimeModel
from ..reading.surrogate_spec import Spec, resolve
from .critical_scale import gain_of_rate
from .rate_targeted_over_time import Progress, design_over_time
from .slope import slope_for_moment


@dataclass(frozen=True, kw_only=True)
class Design:
    """fan_in · Var(W), σ_H, the surrogate with its slope set, and the slope of the forward map, d log q'/d log q; over several
    steps 1/(1 + d log K/d log p) along the stationary states, which at one step is the same. Over several steps `rate` is the
    mean of `rates`, σ_H² that of the steps' Var(H), exp(log_transient) what gradients grow by before their factor is 1, and
    `se` holds standard errors by name."""

    rate: float
    threshold: float
    n_var_w: float
    sigma_h: float
    bound: Bound
    parameter: str
    slope: float
    forward_slope: float
    steps: int = 1
    leak: float = 0.0
    reset: str = "hard"
    detach: bool = True
    decay_input: bool = False
    rates: tuple[float, ...] = ()
    log_transient: float | None = None
    se: dict[str, float] | None = None
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
        names = [
            "rate",
            "threshold",
            "n_var_w",
            "sigma_h",
            "surrogate",
            "parameter",
            "slope",
            "forward_slope",
            "stable",
            "steps",
        ]
        if self.steps > 1 or self.decay_input:
            names += ["leak", "decay_input"]
        if self.steps > 1:
            names += ["reset", "detach", "rates", "log_transient", "se"]
        if self.fan_in is not None:
            names += ["fan_in", "std"]
        return {name: getattr(self, name) for name in names}


def design(
    rate: float,
    surrogate: Spec = "atan",
    threshold: float = 1.0,
    *,
    fan_in: float | None = None,
    fan_ratio: float = 1.0,
    steps: int = 1,
    leak: float = 0.0,
    reset: str = "hard",
    detach: bool = True,
    decay_input: bool = False,
    seed: int = 0,
    progress: Progress | None = None,
) -> Design:
    """The rate-targeted critical initialisation. `fan_ratio` = fan_out/fan_in. Several `steps`: `rate` is the mean over them
    in the stationary state, and the gradient's stationary factor of Σ_t E[δH[t]²] is 1; sampled, with standard errors.

    Errors: a rate at or below the lowest stable one or not below ½; a surrogate whose slope cannot do it.
    """
    for name, value in (("fan_in", fan_in), ("fan_ratio", fan_ratio)):
        if value is not None and not (math.isfinite(value) and value > 0):
            raise DomainError(name, value, "a positive number")
    if not (math.isfinite(threshold) and threshold > 0):
        raise DomainError("threshold", threshold, "a positive number", "at threshold 0 every neuron fires half the time")
    bound = resolve(surrogate)
    known = {"rate": rate, "threshold": threshold, "leak": leak, "reset": reset, "detach": detach, "decay_input": decay_input}
    # refuses what is no neuron, at one step too
    model = TimeModel(surrogate=bound, steps=steps, **{name: value for name, value in known.items() if name != "rate"})
    if steps > 1:
        found = design_over_time(rate, model, fan_ratio, seed=seed, progress=progress)
        return Design(
            **known,
            fan_in=fan_in,
            steps=steps,
            n_var_w=found.gain,
            sigma_h=found.sigma_h,
            bound=found.bound,
            parameter=found.parameter,
            slope=found.slope,
            forward_slope=found.forward_slope,
            rates=found.rates,
            log_transient=found.log_transient,
            se=found.se,
        )
    gain, sigma, forward_slope = gain_of_rate(rate, threshold)
    slope, sharpened, parameter = slope_for_moment(bound, threshold, 1 / (gain * fan_ratio), variance=sigma**2)
    return Design(
        **known,
        fan_in=fan_in,
        n_var_w=gain / (1 - leak if decay_input else 1.0) ** 2,
        sigma_h=sigma,
        bound=sharpened,
        parameter=parameter,
        slope=slope,
        forward_slope=forward_slope,
    )
