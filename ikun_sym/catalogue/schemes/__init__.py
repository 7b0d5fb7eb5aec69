"""Every initialisation scheme, one statement each, by origin: `classical`, `ikun`, `spiking`, `measured`."""

from __future__ import annotations

from ...discovery import import_modules
from .ikun import IKUN
from .scheme import (
    DISTRIBUTIONS,
    MOMENTS,
    SCHEMES,
    SETTING,
    WEIGHTS,
    Scheme,
    SlopeRule,
    alpha,
    fan_in,
    fan_max,
    fan_out,
    input_factor,
    leak,
    m2,
    m2_uniform,
    quantile,
    rate,
    second_x,
    synaptic_leak,
    threshold,
    var_x,
)

__all__ = [
    "DISTRIBUTIONS",
    "IKUN",
    "MOMENTS",
    "SCHEMES",
    "SETTING",
    "WEIGHTS",
    "Scheme",
    "SlopeRule",
    "alpha",
    "fan_in",
    "fan_max",
    "fan_out",
    "input_factor",
    "leak",
    "m2",
    "m2_uniform",
    "quantile",
    "rate",
    "second_x",
    "synaptic_leak",
    "threshold",
    "var_x",
]

import_modules(__name__, __path__)
