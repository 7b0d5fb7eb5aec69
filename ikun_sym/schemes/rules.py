"""Schemes that no expression in closed form states: each rule computes Var(W), and perhaps the surrogate's slope."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.optimize import brentq

from ..catalogue import schemes as words
from ..catalogue.registry import Registry
from ..catalogue.surrogate import Bound
from ..errors import DomainError, IkunError, NoSolutionError, NoTheoryError
from ..mean_field.copying import Copying
from ..mean_field.normal_law import upper_tail
from .rate_targeted_over_time import rate_target, slope_target, unit_amplitude
from .scheme_input import Setting
from .stationary import State


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a scheme says of a layer. `copied`: the constant c of weights that copy. `slope` and `surrogate`: None if it leaves
    the surrogate alone. `state`: the stationary state that the variance was computed at, for schemes that are defined so.
    `account`: where each number came from."""

    variance: float
    copied: float = 0.0
    slope: float | None = None
    surrogate: Bound | None = None
    state: State | None = None
    account: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Rule:
    """`stationary`: it aims at a stationary rate and a gradient factor of 1 in the mean field over layers, which layers that
    are not dense have at other weights (`rate_targeted_architectures`)."""

    name: str
    formula: str
    compute: Callable[[Setting], Found]
    stationary: bool = False


RULES: Registry[Rule] = Registry("rule")


def _critical(setting: Setting) -> Found:
    rate, ratio = setting.number(words.rate), setting.fan.fan_out / setting.fan.fan_in
    target, account = rate_target(setting.neuron, setting.steps, rate), {}
    try:
        found = slope_target(setting.neuron, target, ratio)
    except NoSolutionError as error:
        # the weights do not depend on the slope
        found, account["slope left as it is"] = None, str(error)
    if setting.second_moment is None:
        share = 1.0
    elif setting.steps == 1:
        share = target.rate / setting.second_moment  # fan_in Var(W) E[X²] is the same in a first layer as in all later ones
    else:
        raise IkunError(
            "second moment: over several steps one number does not describe an input; scheme critical needs steps 1"
        )
    account |= {name: getattr(target, name) for name in ("rate", "sigma_h", "forward_slope")}
    account |= {"stable": target.forward_slope < 1}
    if setting.steps > 1:
        account["se"] = target.se | ({} if found is None else found.se)
    if found is not None and setting.neuron.surrogate.unit:
        amplitude = float(found.bound.amplitude)
        account["amplitude"] = {"value": amplitude, "from": "max over t of λ² K A² E[f'²] = fan_in/fan_out"}
    return Found(
        variance=target.gain * share / setting.fan.fan_in,
        slope=None if found is None else found.slope,
        surrogate=None if found is None else found.bound,
        account={
            "law": f"H ~ N(0, {target.sigma_h**2:.6g})" if setting.steps == 1 else f"the mean field over {setting.steps} steps",
            "numbers": setting.account(
                {words.rate, words.threshold, words.leak, words.input_factor}
                | ({words.synaptic_leak} if setting.neuron.synaptic_leak else set())
            ),
            "reset": setting.neuron.reset.spec,
            "gain": target.gain * share,
        }
        | account,
    )


RULES.register(
    Rule(
        "critical",
        "λ² K = θ²/(a² p₁), a = Q⁻¹(p₁); max over t of λ² K E[f'(H[t] − θ)²] = fan_in/fan_out; p₁ = p at one step",
        _critical,
        stationary=True,
    )
)


def constant_input_rate(sigma: float, threshold: float, leak: float, steps: int | None = None) -> float:
    """The firing rate under a constant current N(0, σ²), hard reset to 0.

    With current i the membrane stands at i S_k after k + 1 steps, S_k = (1 − κ^{k+1})/(1 − κ), and fires every k + 1 steps
    where i S_{k−1} < θ <= i S_k:  P(σ) = Q(θ/σ) + Σ_{k>=1} [Q(θ/(σS_k)) − Q(θ/(σS_{k−1}))] w_k, w_k = 1/(k + 1) as T → ∞
    (`steps` None), ⌊T/(k + 1)⌋/T for T steps.
    """
    count = MOST_STEPS if steps is None else steps
    if leak < 1:  # beyond these steps the membrane does not rise any more, in float64
        count = min(count, max(1, math.ceil(math.log(NEGLIGIBLE) / math.log(leak)))) if leak > 0 else 1
    k = np.arange(count)
    reach = np.cumsum(leak**k) if leak < 1 else k + 1.0
    fires = upper_tail(threshold / (sigma * reach))
    weight = 1 / (k + 1) if steps is None else (steps // (k + 1)) / steps
    total = float(np.sum(np.diff(fires, prepend=0.0) * weight))
    # κ = 1: the sum's tail, where Q is linear, to relative order 1/count
    return total + (threshold / (sigma * math.sqrt(2 * math.pi)) / (2 * count**2) if steps is None and leak == 1 else 0.0)


NEGLIGIBLE = 1e-17
MOST_STEPS = 100_000
"""For κ = 1, and close to it: what is left out is below 1e-11 spikes a step."""


def _first_layer(setting: Setting) -> Found:
    p, leak, theta = setting.number(words.rate), setting.neuron.leak, setting.neuron.threshold
    if not theta > 0:
        raise DomainError("threshold", theta, "a positive number", "at threshold 0 every positive current fires at every step")
    if not 0 < p < 0.5:
        raise DomainError("rate", p, "between 0 and 0.5", "half of the currents are negative")
    steps = setting.steps if setting.steps > 1 else None
    second = 1.0 if setting.second_moment is None else setting.second_moment

    def excess(log_sigma: float) -> float:
        return constant_input_rate(theta * math.exp(log_sigma), theta, leak, steps) - p

    low, high = np.log(1e-3), np.log(1e6)
    if excess(low) >= 0 or excess(high) <= 0:
        raise IkunError(f"scheme {setting.scheme.name!r}: no current between 1e-3 θ and 1e6 θ fires at the rate {p:g}")
    sigma = theta * math.exp(brentq(excess, low, high, xtol=1e-14))  # type: ignore[arg-type]
    return Found(
        variance=sigma**2 / (setting.fan.fan_in * second * setting.neuron.input_factor**2),
        account={
            "law": f"currents N(0, {sigma**2:.6g}), constant in time, hard reset to 0",
            "rate": p,
            "numbers": setting.account({words.rate, words.leak, words.threshold, words.input_factor})
            | {"second_x": {"value": second, "from": "standardised inputs" if setting.second_moment is None else "given"}},
            "horizon": "infinitely many steps" if steps is None else f"{steps} steps",
            "sigma": sigma,
        },
    )


RULES.register(
    Rule(
        "spikeinit-first-layer",
        "P(σ) = p, P(σ) = Q(θ/σ) + Σ_k [Q(θ/(σS_k)) − Q(θ/(σS_{k−1}))]/(k + 1), S_k = (1 − κ^{k+1})/(1 − κ); "
        "fan_in λ² Var(W) E[X²] = σ²",
        _first_layer,
    )
)


def _copy(setting: Setting) -> Found:
    """The independent currents of all steps together have the deviation noise · θ, as the membrane of a silent neuron adds them
    up. Of two inputs and of gradients the theory is that of one step."""
    neuron, theta, rate = setting.neuron, setting.neuron.threshold, setting.number(words.rate)
    _check_copying(setting)
    sigma = setting.own_number("noise") * theta
    own: dict[str, Any] = {"surrogate": neuron.surrogate.bare, "threshold": theta}
    # with hardly any noise every c far from θ holds the rate: 2 θ is as far from both ends
    given = setting.own_number("c") or (2.0 if upper_tail(theta / sigma) < 1e-300 else 0.0)
    layers = Copying(c=given * theta, gain=sigma**2 / rate, **own) if given else Copying.at_rate(rate, sigma, **own)
    chi = layers.chi(rate)
    try:
        overlap: float | None = layers.settled_between(rate) / rate
    except NoTheoryError:  # the rate does not stay, which `rate a layer on` says
        overlap = None
    bound = neuron.surrogate
    if bound.unit:
        bound = bound.bare.times(unit_amplitude(chi, bound.bare))
    added_up = sum(neuron.leak ** (2 * step) for step in range(setting.steps))
    factor = neuron.input_factor
    copied, gain = layers.c / factor, layers.gain / added_up / factor**2
    account: dict[str, Any] = {
        "law": f"H = c S + N(0, {sigma**2:.6g}), S the spike of one neuron below",
        "numbers": setting.account({words.rate, words.threshold, words.leak, words.input_factor}),
        "copied": copied,
        "gain": gain,
        "rate": rate,
        "rate a layer on": layers.next_rate(rate),
        "rate_slope": layers.rate_slope(rate),
        "overlap": overlap,
        "overlap_slope": None if overlap is None else layers.slope(rate, rate * overlap),
        "coherence": None if overlap is None else layers.coherence(rate, rate * overlap),
        "chi": float(bound.amplitude) ** 2 * chi,
        "of two inputs and gradients": "one time step",
    }
    return Found(
        variance=gain / setting.fan.fan_in,
        copied=copied,
        surrogate=bound if neuron.surrogate.unit else None,
        account=account,
    )


def _check_copying(setting: Setting) -> None:
    neuron, name = setting.neuron, setting.scheme.name
    if not neuron.threshold > 0:
        raise DomainError("threshold", neuron.threshold, "a positive number", "a spike is copied across it")
    if setting.steps > 1 and (neuron.reset.name != "hard" or neuron.synaptic_leak):
        raise IkunError(
            f"scheme {name!r} needs a hard reset and no synaptic memory over several steps: what a copied spike leaves behind "
            "would fire again; give --reset hard, or one step"
        )


RULES.register(
    Rule(
        "copy",
        "c = θ − σ Q⁻¹(1 − (1 − p) Q(θ/σ)/p), K p Σ_t κ^{2t} = σ², σ = noise · θ",
        _copy,
        stationary=True,
    )
)
