"""Where an axis has ticks and what they say: steps of 1, 2 or 5 times a power of ten."""

from __future__ import annotations

import math
from typing import NamedTuple

MOST = 7
"""Ticks an axis may have."""


class Tick(NamedTuple):
    """`at` in the coordinates of the axis: the logarithm on a logarithmic one."""

    at: float
    label: str


def ticks(low: float, high: float, log: bool) -> list[Tick]:
    """Ticks within [low, high]; on a logarithmic axis both are exponents of ten."""
    if not log:
        return _linear(low, high)
    decades = range(math.ceil(low - 1e-9), math.floor(high + 1e-9) + 1)
    if len(decades) >= 3:
        stride = math.ceil(len(decades) / MOST)
        return [Tick(k, f"$10^{{{k}}}$") for k in decades if k % stride == 0]
    within = [(digit * 10.0**k) for k in range(math.floor(low), math.ceil(high) + 1) for digit in (1, 2, 5)]
    found = [Tick(math.log10(value), f"{value:g}") for value in within if low - 1e-9 <= math.log10(value) <= high + 1e-9]
    if len(found) >= 2:
        return found
    return [Tick(math.log10(tick.at), tick.label) for tick in _linear(10.0**low, 10.0**high)]


def _linear(low: float, high: float) -> list[Tick]:
    rough = (high - low) / (MOST - 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(digit * power for digit in (1, 2, 5, 10) if digit * power >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [Tick(k * step, _number(k * step, step)) for k in range(first, last + 1)]


def _number(value: float, step: float) -> str:
    """As many digits as the step has."""
    if value != 0 and not 1e-3 <= max(abs(value), step) < 1e5:
        mantissa, exponent = f"{value:.{max(0, math.ceil(math.log10(abs(value) / step)))}e}".split("e")
        return rf"${mantissa} \cdot 10^{{{int(exponent)}}}$"
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    return f"{value + 0.0:.{digits}f}".replace("-", "−")
