"""Rate-targeted critical initialisation: the weights at which a chosen firing rate is a stable fixed point, and the
surrogate's slope, or its amplitude, at which the gradient then keeps its size.

One time step: K from the rate (`critical_scale.gain_of_rate`); the slope k solves A² λ² K · E[f'_k(H − θ)²] = fan_in/fan_out,
H ~ N(0, σ_H²), A the surrogate's amplitude (1), λ what a current is multiplied by (1 unless it decays). With amplitude "unit"
the slope stays, and A solves it. Several steps, and how both are found:
`rate_targeted_over_time`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..catalogue.surrogate import Bound
from ..errors import DomainError
from ..reading.neuron import Neuron
from ..reading.surrogate_spec import Spec
from ..told import Result
from .rate_targeted_over_time import Progress, rate_target, slope_target
from .slope import own_slope
from .trade_off import NO_SLOPE, NO_TRADE_OFF, Width, trade_off


@dataclass(frozen=True, kw_only=True)
class Design(Result):
    """fan_in · Var(W), σ_H, the neuron with its surrogate's slope set, or its amplitude (`parameter` says which), and the slope
    of the forward map, d log q'/d log q; over several steps 1/(1 + d log K/d log p) along the stationary states, which at one
    step is the same. Over several steps `rate` is the mean of `rates`, σ_H² that of the steps' Var(H), exp(log_transient) what
    gradients grow by before their factor is 1, and `se` holds standard errors by name."""

    shown = (
        "rate",
        "surrogate",
        "n_var_w",
        "std",
        "slope",
        "sigma_h",
        "forward_slope",
        "steps",
    )

    rate: float
    neuron: Neuron
    n_var_w: float
    sigma_h: float
    parameter: str
    slope: float | None
    forward_slope: float
    steps: int = 1
    rates: tuple[float, ...] = ()
    log_transient: float | None = None
    se: dict[str, float] | None = None
    fan_in: float | None = None
    fan_ratio: float = 1.0

    @property
    def bound(self) -> Bound:
        return self.neuron.surrogate

    @property
    def surrogate(self) -> str:
        return self.bound.spec

    @property
    def amplitude(self) -> float:
        return float(self.bound.amplitude)

    @cached_property
    def trade_off(self) -> tuple[Width, ...]:
        """Other slopes with the amplitude that keeps the gradient, and what else they change; one step only."""
        return tuple(trade_off(self.neuron, rate_target(self.neuron, self.steps, self.rate), self.fan_ratio))

    @property
    def stable(self) -> bool:
        return self.forward_slope < 1

    @property
    def std(self) -> float | None:
        return None if self.fan_in is None else math.sqrt(self.n_var_w / self.fan_in)

    def to_dict(self) -> dict[str, Any]:
        own = self.neuron.to_dict()
        document = {"rate": self.rate, "threshold": own["threshold"], "n_var_w": self.n_var_w, "sigma_h": self.sigma_h}
        document |= {"surrogate": self.surrogate, "parameter": self.parameter, "slope": self.slope, "amplitude": self.amplitude}
        if self.slope is None:
            document["reason"] = "slope is null: no parameter of the surrogate sharpens f'"
        document |= {"forward_slope": self.forward_slope, "stable": self.stable, "steps": self.steps}
        if self.steps > 1 or self.neuron.decay_input:
            document |= {name: own[name] for name in ("leak", "decay_input")}
        if self.steps > 1:
            document |= {name: own[name] for name in ("reset", "detach", "synaptic_leak", "v_reset")}
            document |= {"rates": self.rates, "log_transient": self.log_transient, "se": self.se}
        document["trade_off"] = [row.to_dict() for row in self.trade_off] or None
        if not self.trade_off:
            reasons = [document["reason"]] if "reason" in document else []
            document["reason"] = "; ".join([*reasons, NO_TRADE_OFF if self.steps > 1 else NO_SLOPE])
        return document | ({} if self.fan_in is None else {"fan_in": self.fan_in, "std": self.std})


def design(
    rate: float,
    surrogate: Spec = "atan",
    threshold: float = 1.0,
    *,
    fan_in: float | None = None,
    fan_ratio: float = 1.0,
    steps: int = 1,
    seed: int = 0,
    progress: Progress | None = None,
    **neuron: Any,
) -> Design:
    """The rate-targeted critical initialisation. `fan_ratio` = fan_out/fan_in. Several `steps`: `rate` is the mean over them
    in the stationary state, and the gradient's stationary factor of Σ_t E[δH[t]²] is 1; sampled, with standard errors.
    `neuron`: leak, synaptic_leak, decay_input, reset, v_reset, detach; amplitude: the surrogate times this constant, or "unit":
    the one at which the gradient keeps its size, with the slope as given.

    Errors: a rate at or below the lowest stable one or not below ½; a surrogate whose slope cannot do it.
    """
    made = Neuron.of(surrogate=surrogate, threshold=threshold, **neuron)
    return designed(made, rate, fan_in=fan_in, fan_ratio=fan_ratio, steps=steps, seed=seed, progress=progress)


def designed(
    neuron: Neuron,
    rate: float,
    *,
    fan_in: float | None = None,
    fan_ratio: float = 1.0,
    steps: int = 1,
    seed: int = 0,
    progress: Progress | None = None,
) -> Design:
    """The same for a neuron."""
    for name, value in (("fan_in", fan_in), ("fan_ratio", fan_ratio)):
        if value is not None and not (math.isfinite(value) and value > 0):
            raise DomainError(name, value, "a positive number")
    target = rate_target(neuron, steps, rate, seed=seed, progress=progress)
    found = slope_target(neuron, target, fan_ratio, transient=True)
    return Design(
        rate=rate,
        neuron=neuron.but(surrogate=found.bound),
        n_var_w=target.gain,
        sigma_h=target.sigma_h,
        parameter=found.parameter,
        slope=own_slope(found.bound) if found.slope is None else found.slope,
        forward_slope=target.forward_slope,
        steps=steps,
        rates=target.rates if steps > 1 else (),
        log_transient=found.log_transient,
        se=(target.se | found.se) if steps > 1 else None,
        fan_in=fan_in,
        fan_ratio=fan_ratio,
    )
