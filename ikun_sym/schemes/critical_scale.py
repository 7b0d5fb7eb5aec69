"""Below which weight scale a deep spiking network falls silent (T = 1, θ > 0; zero bias unless said).

A fixed point q = K Q(θ/√q) with activity has K = θ² c(a), c(a) = 1/(a² Q(a)), a = θ/√q. c falls, then rises; its least value
c* lies where a φ(a) = 2 Q(a). So activity needs K >= c* θ². For K > c* θ² there are two fixed points; the forward slope
a φ(a)/(2 Q(a)) is below 1 on a < a*, and the rate there is above p* = Q(a*): the lowest stable firing rate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from flint import arb
from scipy.optimize import brentq

from ..errors import DomainError
from ..expressions.lowering import precision
from ..gaussian.enclosures.certify import Enclosure, digits_of
from ..mean_field.normal_law import normal_density, quantile_of_upper_tail, upper_tail
from ..reading.neuron import LARGEST, check_scale

ROUTE = "bisection and sign change in ball arithmetic"


MOST, PLACES = 4.0, 401
"""Where the sign of the excess with biases is looked for: it is largest between 1.5 and 3, and changes over tenths."""


@dataclass(frozen=True, kw_only=True)
class Critical:
    """a* (threshold in standard deviations), p* (lowest stable rate) and c* (least fan_in · Var(W)/θ²), enclosed."""

    a: Enclosure
    rate: Enclosure
    scale: Enclosure


def _tail(a: arb) -> arb:
    return (a / arb(2).sqrt()).erfc() / 2


def _density(a: arb) -> arb:
    return (-(a**2) / 2).exp() / (2 * arb.pi()).sqrt()


def _excess(a: arb) -> arb:
    """a φ(a) − 2 Q(a): the sign of dc/da. Its derivative (3 − a²) φ(a) is positive up to √3, where it is positive itself
    and beyond which a φ > 2 Q still, since Q(a) < φ(a)/a: one zero."""
    return a * _density(a) - 2 * _tail(a)


@lru_cache(maxsize=8)
def critical(digits: int = 30) -> Critical:
    """The constants to at least `digits` digits."""
    bits = int(digits * 3.33) + 40
    with precision(bits):
        low, high = arb(1), arb(3).sqrt().lower()
        assert _excess(low) < 0 < _excess(high)
        for _ in range(bits):
            middle = ((low + high) / 2).mid()
            sign = _excess(middle)
            if not (sign < 0 or sign > 0):
                break  # closer than the working precision can tell
            low, high = (middle, high) if sign < 0 else (low, middle)
        a = low.union(high)
        p = _tail(high).union(_tail(low))
        scale = 1 / (a**2 * p)
        assert all(digits_of(value) >= digits for value in (a, p, scale))
        return Critical(
            a=Enclosure.of(a, digits, ROUTE), rate=Enclosure.of(p, digits, ROUTE), scale=Enclosure.of(scale, digits, ROUTE)
        )


@lru_cache(maxsize=256)
def least_gain(threshold: float, bias_var: float = 0.0) -> float:
    """The least K at which activity on the upper branch lasts: with biases Var(H) = K p + σ_b², so a fixed point has
    K = (θ²/a² − σ_b²)/Q(a), whose minimum on that branch is the smallest a with a φ(a) (1 − σ_b² a²/θ²) = 2 Q(a).

    0 where there is none: biases so large that K alone decides nothing, and the rate grows with it from Q(θ/σ_b) on.
    """
    if not bias_var > 0:
        return critical().scale.value * threshold**2
    share = bias_var / threshold**2 if threshold > 0 else math.inf

    def excess(a: Any) -> Any:
        return a * normal_density(a) * (1 - share * a * a) - 2 * upper_tail(a)

    # without biases the excess is positive from a* = 1.19 on; they lower it, and most where a is large
    places = np.linspace(0.0, min(share**-0.5, MOST), PLACES)
    positive = np.flatnonzero(excess(places) > 0)
    if not len(positive):
        return 0.0
    a = float(brentq(excess, places[positive[0] - 1], places[positive[0]]))  # type: ignore[arg-type]
    return (threshold**2 / a**2 - bias_var) / float(upper_tail(a))


def gain_of_rate(rate: float, threshold: float) -> tuple[float, float, float]:
    """(K, σ_H, forward slope) of the fixed point with this firing rate p: a = Q⁻¹(p), σ_H = θ/a, K = σ_H²/p.

    Errors: a rate that is not stable, or not below ½ (zero-mean weights cannot fire more often).
    """
    lowest = critical().rate.value
    if not lowest < rate < 0.5:
        raise DomainError("rate", rate, f"above {lowest:.6f}, the lowest stable firing rate, and below 0.5")
    if not threshold > 0:
        raise DomainError("threshold", threshold, "a positive number", "at threshold 0 every neuron fires half the time")
    check_scale("threshold", threshold, LARGEST)  # its square is part of the gain
    a = float(quantile_of_upper_tail(rate))
    sigma = threshold / a
    return sigma**2 / rate, sigma, float(a * normal_density(a) / (2 * upper_tail(a)))
