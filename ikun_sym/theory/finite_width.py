"""Finite width at one time step: the exact chain of the number of spikes."""

from __future__ import annotations

import numpy as np
from scipy.stats import binom

from .normal import upper_tail


def survival(width: int, depth: int, gain: float, threshold: float, input_rate: float) -> float:
    """P(layer `depth` still spikes), exactly: given k spikes below, each H ~ N(0, K k/n) independently, so the number
    of spikes is a Markov chain, Binomial(n, Q(θ/√(K k/n))). Poisson (Bernoulli) input of the given rate."""
    counts = np.arange(width + 1)
    with np.errstate(divide="ignore"):
        rates = upper_tail(threshold / np.sqrt(gain * counts / width)) if threshold > 0 else np.full(width + 1, 0.5)
    rates[0] = 0.0 if threshold > 0 else 1.0  # H = 0 everywhere: below a positive threshold nothing fires
    transition = binom.pmf(counts[None, :], width, rates[:, None])
    law = binom.pmf(counts, width, input_rate)
    for _ in range(depth):
        law = law @ transition
    return float(1 - law[0])
