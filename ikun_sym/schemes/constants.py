"""The constants of a surrogate under H ~ N(0, σ²), x = H − θ, and the IKUN gains that follow."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ..errors import DomainError
from ..exact import Number, exact
from ..gaussian.moment import DEFAULT_DIGITS, Moment, moment
from ..mean_field.normal_law import upper_tail
from ..reading.surrogate_spec import Spec, resolve
from ..told import Result

NO_GAIN = "a gain is null where E[f'²] or the firing rate is zero or beyond float64: no finite weight scale exists there"

POWERS = {"E_g": 1, "E_g2": 2, "E_g4": 4}


@dataclass(frozen=True, kw_only=True)
class Constants(Result):
    """E[f'], E[f'²], E[f'⁴] and gains: √(fan_in · Var W) for α = 1.

    gain: σ_X² = 1. gain_variance: σ_X² = p(1 − p); gain_second_moment: σ_X² = p, with p = Q(θ/σ) the firing rate of
    the layer below when its membrane potential has the same law.
    """

    shown = ("surrogate", "threshold", "std", "rate", "gain", "gain_variance", "gain_second_moment")

    surrogate: str
    threshold: float
    std: float
    rate: float
    moments: dict[str, Moment]

    @property
    def gain(self) -> float | None:
        return self._gain(1.0)

    @property
    def gain_variance(self) -> float | None:
        return self._gain(self.rate * (1 - self.rate))

    @property
    def gain_second_moment(self) -> float | None:
        return self._gain(self.rate)

    def _gain(self, sigma_x2: float) -> float | None:
        """(σ_X² E[f'²])^(−1/2), or None where that is infinite or beyond float64."""
        product = sigma_x2 * self.moments["E_g2"].value
        return product**-0.5 if 0 < product < math.inf else None

    def listed(self) -> list[dict[str, Any]]:
        names = {"E_g": "E[f']", "E_g2": "E[f'²]", "E_g4": "E[f'⁴]"}
        return [{"": names[n], "value": m.value, "form": m.form.kind, "status": m.status} for n, m in self.moments.items()]

    def to_dict(self) -> dict[str, Any]:
        return {
            "surrogate": self.surrogate,
            "threshold": self.threshold,
            "std": self.std,
            "rate": self.rate,
            **{name: value.to_dict() for name, value in self.moments.items()},
            "gain": self.gain,
            "gain_variance": self.gain_variance,
            "gain_second_moment": self.gain_second_moment,
            **({} if self.gain_variance is not None else {"reason": NO_GAIN}),
        }


def constants(surrogate: Spec, threshold: Number = 1, std: Number = 1, *, digits: int = DEFAULT_DIGITS) -> Constants:
    """E[f'(H − θ)^p], p = 1, 2, 4, for H ~ N(0, std²), and IKUN's gains (arXiv 2411.18250, Theorem 1)."""
    bound, theta, sigma = resolve(surrogate), exact(threshold, "threshold"), exact(std, "std")
    if sigma <= 0:
        raise DomainError("std", std, "a positive number", "it is the standard deviation of the membrane potential")
    moments = {name: moment(bound, -theta, sigma**2, power=power, digits=digits) for name, power in POWERS.items()}
    return Constants(
        surrogate=bound.spec,
        threshold=float(theta),
        std=float(sigma),
        rate=float(upper_tail(float(theta / sigma))),
        moments=moments,
    )
