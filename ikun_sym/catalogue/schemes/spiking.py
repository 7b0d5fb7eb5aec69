"""Schemes made for spiking neurons: they use the threshold, and most also the leak or a firing rate."""

from __future__ import annotations

import sympy as sp

from ..parameter import Param
from .scheme import (
    SCHEMES,
    Scheme,
    SlopeRule,
    density,
    fan_in,
    input_factor,
    leak,
    m2,
    m2_uniform,
    quantile,
    rate,
    synaptic_leak,
    threshold,
    upper_tail,
)

SCHEMES.register(
    Scheme(
        name="critical",
        aliases=("rate-targeted",),
        rule="critical",
        sets_slope=True,
        defaults={rate: 0.2},
        summary="a chosen firing rate is a stable fixed point, and the surrogate's slope keeps the gradient",
        source="ikun; one step: K = θ²/(a² p), a = Q⁻¹(p), K E[f'²] = fan_in/fan_out; more steps: the mean field's",
    )
)
SCHEMES.register(
    Scheme(
        name="micheli",
        variance=1 / (fan_in * upper_tail(threshold)),
        summary="Var(H) = 1 is stationary: 1/(fan_in Q(θ)), θ in units where Var(H) = 1; forward only",
        source="Micheli et al. 2024, arXiv:2410.00580",
    )
)
SCHEMES.register(
    Scheme(
        name="ding",
        variance=2 * threshold**2 / (input_factor**2 * fan_in),
        bias=threshold * (1 - leak) / (2 * input_factor),
        summary="std √2 θ/(λ√fan_in), every bias θ(1 − κ)/(2λ)",
        source="Ding et al. 2022, submission to ICLR",
    )
)

# Fluctuation-driven: the membrane's mean and standard deviation under input of rate p, without threshold and reset.
_XI, _MEAN_U = Param("xi", 2), Param("mean_u", 0, "real")
_TAU_S, _TAU_M = -1 / sp.log(synaptic_leak), -1 / sp.log(leak)
_FIRST, _SECOND = _TAU_S, _TAU_S**2 / (2 * (_TAU_S + _TAU_M))
"""∫ε and ∫ε² of the kernel of a current-based neuron whose membrane and synapse have these time constants, in steps."""
_MU_W = _MEAN_U.symbol / (fan_in * rate * _FIRST)
SCHEMES.register(
    Scheme(
        name="fluctuation-driven",
        aliases=("fluctuation-driven-continuous", "stork"),
        variance=((threshold - _MEAN_U.symbol) / _XI.symbol) ** 2 / (fan_in * rate * _SECOND) - _MU_W**2,
        mean=_MU_W,
        params=(_XI, _MEAN_U),
        # the authors' time constants, 20 and 10 ms, and 10 spikes a second, in steps of 1 ms
        defaults={rate: 0.01, leak: sp.exp(-sp.Rational(1, 20)), synaptic_leak: sp.exp(-sp.Rational(1, 10))},
        summary="mean and standard deviation of the membrane are mean_u and (θ − mean_u)/ξ; continuous time, no reset",
        source="Rossbroich, Gygax & Zenke 2022, arXiv:2206.10226; time constants τ = −1/ln κ in steps, p spikes a step",
    )
)
SCHEMES.register(
    Scheme(
        name="fluctuation-driven-discrete",
        variance=threshold**2 * (1 - leak**2) / (input_factor**2 * _XI.symbol**2 * rate * fan_in),
        params=(_XI,),
        defaults={rate: 0.1},
        summary="std θ√(1 − κ²)/(λ ξ √(p fan_in)): the membrane's standard deviation is θ/ξ without reset",
        source="Rossbroich, Gygax & Zenke 2022, arXiv:2206.10226, as used as a baseline by Shi & Yu 2026",
    )
)

# SpikeInit: white input of variance p (σλ)², hard reset to 0. With a = (θ − μ)/s = Q⁻¹(p), φ = φ(a), Φ(a) = 1 − p:
#   μ = κ(μ Φ − s φ) is linear in μ, since s = (θ − μ)/a; μ² + s² = κ²((μ² + s²) Φ − s(θ + μ) φ) + p (σλ)² gives σ.
SHI = "Shi & Yu 2026, ICML"
_PHI = density(quantile)
_MU = -leak * _PHI * threshold / (quantile * (1 - leak * (1 - rate)) - leak * _PHI)
_S = (threshold - _MU) / quantile
_SQUARE = _MU**2 + _S**2
_SIGMA2 = (_SQUARE - leak**2 * (_SQUARE * (1 - rate) - _S * (threshold + _MU) * _PHI)) / (rate * input_factor**2)
SCHEMES.register(
    Scheme(
        name="spikeinit",
        variance=_SIGMA2 / fan_in,
        formula="σ²/fan_in; μ = −κφθ/(a(1 − κ(1 − p)) − κφ), s = (θ − μ)/a, "
        "p(σλ)² = μ² + s² − κ²((μ² + s²)(1 − p) − s(θ + μ)φ), φ = φ(a); E[f'²] = (1 − (1 − p)κ²)/(σλ)²",
        slope=SlopeRule(
            moment=(1 - (1 - rate) * leak**2) / (_SIGMA2 * input_factor**2),
            mean=_MU,
            variance=_S**2,
        ),
        defaults={rate: 0.1},
        summary="firing rate p if the input were white in time (hard reset to 0, detached); sets the slope too",
        source=f"{SHI}; H ~ N(μ, s²)",
    )
)
SCHEMES.register(
    Scheme(
        name="spikeinit-first-layer",
        rule="spikeinit-first-layer",
        defaults={rate: 0.1},
        summary="firing rate p under an input that is constant in time",
        source=SHI,
    )
)
SCHEMES.register(
    Scheme(
        name="vi3nr",
        variance=1 / (input_factor**2 * fan_in * m2),
        summary="λ² K = q/p(q), q the stable root of q E[f'²]/p(q) = 1, f' the surrogate",
        source="Koneputugodage et al. 2025, CVPR",
        needs_stable=True,
    )
)

_LOW, _HIGH = Param("low", -1, "real"), Param("high", 1, "real")
SCHEMES.register(
    Scheme(
        name="herranz",
        aliases=("herranz-iv",),
        variance=(1 - leak**2) / (fan_in * m2_uniform),
        params=(_LOW, _HIGH),
        summary="fan_in Var(W) E[f'²] + κ² = 1, H − θ uniform from low · θ to high · θ (feed-forward part)",
        source="Herranz-Celotti & Rouat 2022, arXiv:2202.00282, condition IV; the range of the voltage is ours",
    )
)
SCHEMES.register(
    Scheme(
        name="is-snn",
        variance=1 / (rate * (1 - rate) * fan_in),
        weights="row-centred",
        defaults={rate: upper_tail(threshold)},
        summary="1/(p(1 − p) fan_in), rows centred: Var(H) = 1, and the rate is Q(θ) unless another is given",
        source="IS-SNN 2026, ECCV; centred rows make Var(S), not E[S²], the moment that counts",
    )
)
