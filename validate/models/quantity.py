"""A measured number of one layer, with its interval over samples and its prediction."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from .measuring.surrogate_probe import Floats

CONFIDENCE = 0.99


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """Mean over the samples of the batch, or their pairs, with its 99 % confidence interval over samples (Student's t), and the
    prediction with its standard error, or None. The interval does not cover the weights: they are the user's own, one draw.
    All None: not measured."""

    mean: float | None = None
    low: float | None = None
    high: float | None = None
    predicted: float | None = None
    predicted_se: float | None = None

    def to_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("mean", "low", "high", "predicted", "predicted_se")}


def quantity(
    samples: Floats, predicted: Floats | None, errors: Floats | None, over: Any, scale: float | None = 1.0
) -> Quantity:
    mean = float(samples.mean())
    half = math.nan
    if len(samples) > 1:
        half = half_width(float(samples.std(ddof=1)) / len(samples) ** 0.5, len(samples))
    value = error = None
    if predicted is not None and errors is not None and scale is not None:
        # errors of the steps go together: their sum or mean bounds that of the sum or mean
        value, error = (number(float(over(each)) * scale) for each in (predicted, errors))
    return Quantity(
        mean=number(mean),
        low=number(mean - half),
        high=number(mean + half),
        predicted=value,
        predicted_se=error,
    )


def half_width(se: float, samples: int) -> float:
    """Of the interval."""
    return _quantile(samples - 1) * se


@lru_cache(maxsize=64)
def _quantile(freedom: int) -> float:
    """Student's t, two-sided."""
    from scipy.stats import t

    return float(t.ppf(0.5 + CONFIDENCE / 2, freedom))


def pair(quantity: Quantity) -> str:
    mean = "none" if quantity.mean is None else f"{quantity.mean:.3g}"
    return mean + ("" if quantity.predicted is None else f" [{quantity.predicted:.3g}]")


def number(value: float) -> float | None:
    return value if math.isfinite(value) else None
