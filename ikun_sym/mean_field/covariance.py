"""Gaussian currents over T steps: what the input gives, a square root of any covariance, and points to sample with.

A layer's current has covariance K[t, s] = K E[x[t] x[s]] + σ_b². It is singular when the input is constant in time, so the
square root must be exact there: a jitter would turn equal currents into currents that differ.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import DomainError, IkunError

Floats = NDArray[np.float64]

PIVOT = 1e-12
"""A pivot below this share of its variance counts as zero: float64 leaves no more of it than rounding."""


def poisson_input(rates: ArrayLike, steps: int) -> Floats:
    """E[x[t] x[s]] of Bernoulli spikes, independent over steps, whose rates r vary over neurons: mean(r) on the diagonal,
    mean(r²) off it. One rate or an array of rates."""
    r = np.asarray(rates, dtype=float)
    if r.size == 0 or not np.all((r >= 0) & (r <= 1)):
        raise DomainError("input rate", rates, "between 0 and 1", "it is a probability of a spike")
    first, second = float(np.mean(r)), float(np.mean(r**2))
    return np.full((steps, steps), second) + (first - second) * np.eye(steps)


def constant_input(values: ArrayLike, steps: int) -> Floats:
    """E[x[t] x[s]] of analog values presented at every step: mean(x²) everywhere. One value or an array of values."""
    x = np.asarray(values, dtype=float)
    if x.size == 0 or not np.isfinite(x).all():
        raise DomainError("input", values, "finite numbers")
    return np.full((steps, steps), float(np.mean(x**2)))


def checked_second_moment(matrix: ArrayLike, steps: int) -> Floats:
    """`matrix` if it can be E[x[t] x[s]]: T×T, finite, symmetric, positive semidefinite (to rounding)."""
    m = np.asarray(matrix, dtype=float)
    if m.shape != (steps, steps):
        raise IkunError(f"input second moment has shape {m.shape}; it must be ({steps}, {steps}), one row per step")
    if not np.isfinite(m).all():
        raise IkunError("input second moment contains NaN or infinity; give finite numbers")
    scale = float(np.abs(m).max())
    if np.abs(m - m.T).max() > 1e-9 * scale:
        raise IkunError("input second moment is not symmetric; entry (t, s) is E[x[t] x[s]], so it must equal entry (s, t)")
    if (smallest := float(np.linalg.eigvalsh(m)[0])) < -1e-9 * scale:
        raise IkunError(f"input second moment has the eigenvalue {smallest:.3g}; no input has it: all must be at least 0")
    return m


def square_root(covariance: Floats) -> Floats:
    """Lower triangular L with L Lᵀ = covariance (positive semidefinite). Where a step adds nothing new, its column is
    zero: a covariance that is constant in time gives currents that are equal to the last bit."""
    steps = len(covariance)
    root, rest = np.zeros((steps, steps)), np.array(covariance, dtype=float)
    for t in range(steps):
        if rest[t, t] > PIVOT * covariance[t, t]:
            root[t:, t] = rest[t:, t] / np.sqrt(rest[t, t])
            rest[t:, t:] -= root[t:, t, None] * root[t:, t]
    return root


def normal_points(samples: int, steps: int, generator: np.random.Generator) -> Floats:
    """[T, samples] standard normal variates from a scrambled Sobol sequence; `samples` is a power of 2. Each is uniform
    over its cell's centre, for a Sobol point itself can be 0, whose normal quantile is infinite."""
    from scipy.special import ndtri
    from scipy.stats.qmc import Sobol

    bits = 30
    sequence = Sobol(steps, scramble=True, bits=bits, seed=generator)  # type: ignore[call-arg]  # `rng` since scipy 1.15
    points = sequence.random_base2(samples.bit_length() - 1)
    return ndtri(points.T + 0.5 ** (bits + 1))
