"""Every initialisation scheme, one statement each: Var(W) as an expression in the symbols below.

A scheme whose expression contains a moment of the layer (`m2`, `var_x`, `second_x`) is evaluated at its own stationary
state: the q with q = fan_in · Var(W) · E[X²], all at q. Nothing else distinguishes the schemes to the rest of the code.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import sympy as sp

from ..errors import IkunError
from .registry import Registry

fan_in, fan_out, alpha, m2, var_x, second_x = sp.symbols("fan_in fan_out alpha m2 var_x second_x", positive=True)
"""alpha: IKUN's constant. m2 = E[f'(H − θ)²]. var_x, second_x: variance and second moment of the layer's input."""

MOMENTS = frozenset((m2, var_x, second_x))


@dataclass(frozen=True, kw_only=True)
class Scheme:
    """`bias_bound`: biases are drawn from U(±bias_bound); None means no bias. `needs_stable`: without a stable
    stationary state the scheme has no meaning (it is defined by what the network does there)."""

    name: str
    variance: sp.Expr
    summary: str
    source: str
    bias_bound: sp.Expr | None = None
    needs_stable: bool = False
    aliases: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        allowed = {fan_in, fan_out, alpha} | MOMENTS
        if stray := self.variance.free_symbols - allowed:
            raise IkunError(f"scheme {self.name!r} uses {sorted(map(str, stray))}; allowed: {sorted(map(str, allowed))}")

    @property
    def needs_moments(self) -> bool:
        return bool(self.variance.free_symbols & MOMENTS)


SCHEMES: Registry[Scheme] = Registry("scheme")

IKUN = "Chang, Wang & Yang 2024, arXiv:2411.18250"
GLOROT = "Glorot & Bengio 2010, AISTATS"
HE = "He et al. 2015, arXiv:1502.01852"

SCHEMES.register(
    Scheme(
        name="torch-default",
        aliases=("torch", "pytorch"),
        variance=1 / (3 * fan_in),
        bias_bound=1 / sp.sqrt(fan_in),
        summary="U(±1/√fan_in), biases likewise",
        source="PyTorch, torch.nn.Linear.reset_parameters",
    )
)
SCHEMES.register(
    Scheme(
        name="xavier",
        aliases=("glorot", "xavier-normal", "xavier-uniform"),
        variance=2 / (fan_in + fan_out),
        summary="2/(fan_in + fan_out)",
        source=GLOROT,
    )
)
SCHEMES.register(Scheme(name="kaiming", aliases=("he", "kaiming-fan-in"), variance=2 / fan_in, summary="2/fan_in", source=HE))
SCHEMES.register(Scheme(name="kaiming-fan-out", variance=2 / fan_out, summary="2/fan_out", source=HE))
SCHEMES.register(
    Scheme(
        name="lecun",
        aliases=("lecun-normal",),
        variance=1 / fan_in,
        summary="1/fan_in",
        source="LeCun et al. 1998, Efficient BackProp",
    )
)
SCHEMES.register(
    Scheme(name="normal", variance=sp.Rational(1, 2500), summary="standard deviation 0.02, whatever the fan", source=IKUN)
)
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
        variance=1 / (fan_out * m2),
        summary="gradient variance constant: fan_out Var(W) E[f'²] = 1 at the layer's own stationary state",
        source="ikun; equals Theorem 1 with α = σ_X² fan_in/fan_out",
        needs_stable=True,
    )
)
