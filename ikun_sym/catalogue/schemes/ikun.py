"""IKUN's Theorem 1 in its two readings, the released code, and the variants that keep the variance of the gradient only."""

from __future__ import annotations

import math

import sympy as sp

from .scheme import SCHEMES, Scheme, alpha, fan_in, fan_out, input_factor, m2, second_x, var_x

IKUN = "Chang, Wang & Yang 2024, arXiv:2411.18250"

SCHEMES.register(
    Scheme(
        name="ikun",
        aliases=("ikun-variance",),
        variance=alpha / (fan_in * var_x * m2),
        summary="Theorem 1 as stated: α/(fan_in σ_X² E[f'²]), σ_X² the variance of the layer's input",
        source=f"{IKUN}, Theorem 1",
    )
)
SCHEMES.register(
    Scheme(
        name="ikun-second-moment",
        variance=alpha / (fan_in * second_x * m2),
        summary="Theorem 1 with σ_X² read as the second moment of the layer's input",
        source=f"{IKUN}, Theorem 1",
    )
)

# The released code averages |1/(1 + x²)| over 1000 equally spaced points of [−1, 1], whatever the surrogate.
_RELEASED_MEAN = math.fsum(1 / (1 + (2 * i / 999 - 1) ** 2) for i in range(1000)) / 1000
RELEASED = sp.Rational(1 / _RELEASED_MEAN)

SCHEMES.register(
    Scheme(name="ikun-v1", variance=RELEASED / fan_in, summary="as released, version 1", source=f"{IKUN}, released code")
)
SCHEMES.register(
    Scheme(
        name="ikun-v2",
        variance=RELEASED / (fan_in + fan_out),
        summary="as released, version 2 (the released code fails on convolutions)",
        source=f"{IKUN}, released code",
    )
)
SCHEMES.register(
    Scheme(
        name="backward-only",
        aliases=("ikun-backward-only",),
        variance=1 / (input_factor**2 * fan_out * m2),
        summary="gradient variance constant: fan_out λ² Var(W) E[f'²] = 1 at the layer's own stationary state",
        source="ikun; equals Theorem 1 with α = σ_X² fan_in/fan_out",
        needs_stable=True,
    )
)
SCHEMES.register(
    Scheme(
        name="compromise",
        aliases=("ikun-compromise", "backward-compromise"),
        variance=2 / (input_factor**2 * (fan_in + fan_out) * m2),
        summary="2/((fan_in + fan_out) λ² E[f'²]): backward-only where the fans are equal",
        source="ikun; the mean of the fans as in Xavier",
        needs_stable=True,
    )
)
