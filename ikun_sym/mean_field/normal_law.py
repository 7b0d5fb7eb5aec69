"""The standard normal law, to full relative precision in the tails."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import erfc, ndtri


def upper_tail(a: ArrayLike) -> NDArray[np.float64]:
    """Q(a) = P(N(0, 1) > a)."""
    return 0.5 * erfc(np.asarray(a, dtype=float) / np.sqrt(2))


def normal_density(a: ArrayLike) -> NDArray[np.float64]:
    """φ(a) = exp(−a²/2)/√(2π)."""
    with np.errstate(over="ignore"):  # beyond 1e154 it is 0 all the same
        return np.exp(-0.5 * np.square(a)) / np.sqrt(2 * np.pi)


def quantile_of_upper_tail(p: ArrayLike) -> NDArray[np.float64]:
    """a with Q(a) = p."""
    return -ndtri(np.asarray(p, dtype=float))
