"""Finite width at one time step: the exact chain of the number of spikes, and how much draws differ from each other.

With n neurons a layer, log‖δ¹‖²/‖δᴸ‖² ~ N(−β/2, β) about the infinite-width value, β = Σ_l (3 E[f'⁴]/E[f'²]² − 1)/n_l over the
layers below the last (Hanin & Nica 2020, extended to f' of independent sign; ReLU has their 5): of one sample, far from the
critical rate. The rate p of a layer deep in a network fluctuates by √((1 − p)/(p n (1 − s²))), s the slope of the forward map.

Near the critical rate those fluctuations show in the gradient. Layer l's spike count, a binomial number, moves log p̂ by a noise
of variance (1 − p)/(pn); it moves log Var(H) of the j-th layer after it by s^(j−1) of that, and log E[f'²] by D times as much,
D = d log E[f'²]/d log Var(H). So a stationary layer with J layers after it that count adds, beside its own excess,
2 C (E[f'² S]/(E[f'²] p) − 1) + C² (1 − p)/p over n, C = D (1 + s + … + s^(J−1)): linear noise, as for the rate.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import binom

from .covariance import Floats
from .layer import Layer, SpikingLayer
from .normal_law import upper_tail


def survivals(width: int, depths: Sequence[int], gain: float, threshold: float, input_rate: float) -> list[float]:
    """P(layer l still spikes) for each l of `depths`, exactly: given k spikes below, each H ~ N(0, K k/n) independently, so
    the number of spikes is a Markov chain, Binomial(n, Q(θ/√(K k/n))). Poisson (Bernoulli) input of the given rate."""
    counts = np.arange(width + 1)
    with np.errstate(divide="ignore"):
        rates = upper_tail(threshold / np.sqrt(gain * counts / width)) if threshold > 0 else np.full(width + 1, 0.5)
    rates[0] = 0.0 if threshold > 0 else 1.0  # H = 0 everywhere: below a positive threshold nothing fires
    transition = binom.pmf(counts[None, :], width, rates[:, None])
    law = binom.pmf(counts, width, input_rate)
    found = {}
    for layer in range(1, max(depths) + 1):
        law = law @ transition
        if layer in depths:
            found[layer] = float(law[1:].sum())
    return [found[depth] for depth in depths]


def survival(width: int, depth: int, gain: float, threshold: float, input_rate: float) -> float:
    """The same for one layer."""
    return survivals(width, (depth,), gain, threshold, input_rate)[0]


def excess(layer: Layer, q: float) -> float:
    """3 E[f'⁴]/E[f'²]² − 1 at Var(H) = q: n times the relative variance that a layer adds to a squared gradient.
    NaN in silence."""
    if not q > 0:
        return float("nan")
    second, fourth = (float(layer.gradient_moment(q, power)) for power in (2, 4))
    return 3 * fourth / second**2 - 1 if second > 0 else np.inf


def log_gradient_variance(layer: Layer, var_h: Sequence[float] | Floats, widths: Sequence[int]) -> float:
    """β of log‖δ¹‖²/‖δᴸ‖², for the layers' Var(H) and widths."""
    known: dict[float, float] = {}
    for q in map(float, var_h[:-1]):
        known.setdefault(q, excess(layer, q))
    return sum(known[float(q)] / n for q, n in zip(var_h[:-1], widths[:-1], strict=True))


def moving_log_gradient_variance(layer: SpikingLayer, q: float, widths: Sequence[int]) -> float:
    """β with the fluctuations of the forward pass, in a network that is stationary at Var(H) = q from its input, a Bernoulli
    one at the layers' rate, to its end. `widths`: of the input and of the layers; the last one does not count."""
    rate, slope, step = float(layer.mean(q)), layer.forward_slope(q), 1e-4
    high, low = layer.gradient_moment([q * np.exp(step), q * np.exp(-step)])
    response = float(np.log(high / low) / (2 * step))
    second = float(layer.gradient_moment(q))
    together = float(layer.gradient_moment_of_spiking(q)) / (second * rate) - 1
    own, total, depth = excess(layer, q), 0.0, len(widths) - 1
    for index, width in enumerate(widths[:-1]):
        after = response * sum(slope**k for k in range(depth - 1 - index))
        total += after**2 * (1 - rate) / rate / width
        if index:  # the input has no membrane
            total += (own + 2 * after * together) / width
    return total


def rate_spread(rate: float, forward_slope: float, width: int) -> float:
    """Standard deviation over mean of a layer's firing rate between weight draws, for one input, at a stable fixed point."""
    return float(np.sqrt((1 - rate) / (rate * width * (1 - forward_slope**2))))
