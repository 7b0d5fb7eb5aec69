"""The overlap of two inputs' spikes in one layer at one time step, to full relative precision.

Both inputs fire at the rate p = Q(a), a = θ/σ_H, and their membranes have correlation c. Plackett's identity
∂Φ₂(a, a; c)/∂c = φ₂(a, a; c) with c = cos 2φ gives, for a >= 0,

    Φ₂(a, a; c) = (1/π) ∫_φ^{π/2} exp(−½ a²(1 + tan² u)) du,      p − Φ₂(a, a; c) = (1/π) ∫_0^φ the same,

so that what two inputs share and what they do not are each an integral of one sign: neither is a difference. Divided by
p = ½ erfcx(a/√2) exp(−a²/2) they stay in range however rare spikes are. A membrane is told by w = 1 − c, which float64 keeps
where two inputs are nearly one.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import erfcx

from ...gaussian.floats.tanh_sinh import rule
from ..covariance import Floats
from ..normal_law import upper_tail

LEVEL = 48
"""Nodes per unit of the tanh-sinh variable: the integrand is analytic, and its sums with 112 a unit agree to 1e-15."""


def shared(a: ArrayLike, w: ArrayLike) -> Floats:
    """Φ₂(a, a; 1 − w)/Q(a) = P(one fires | the other does), w in [0, 2]."""
    a, w = np.broadcast_arrays(np.asarray(a, dtype=float), np.asarray(w, dtype=float))
    rest = np.arctan2(np.sqrt(2 - w), np.sqrt(w))  # π/2 − φ
    return np.where(a >= 0, _mass(np.abs(a), np.pi / 2, rest), 1 - unshared(a, w))


def unshared(a: ArrayLike, w: ArrayLike) -> Floats:
    """1 − `shared`."""
    a, w = np.broadcast_arrays(np.asarray(a, dtype=float), np.asarray(w, dtype=float))
    half = np.arctan2(np.sqrt(w), np.sqrt(2 - w))  # φ: 1 − cos 2φ = w
    # at −a as many pairs differ as at a
    return _mass(np.abs(a), half, half) * np.where(a >= 0, 1.0, upper_tail(np.abs(a)) / upper_tail(a))


def steepness(a: ArrayLike, w: ArrayLike) -> Floats:
    """∂`shared`/∂c = φ₂(a, a; 1 − w)/Q(a), w in (0, 2)."""
    a, w = np.broadcast_arrays(np.asarray(a, dtype=float), np.asarray(w, dtype=float))
    return np.exp(-0.5 * a**2 * w / (2 - w)) / (np.pi * np.sqrt(w * (2 - w))) * _per_spike(a)


def _per_spike(a: Floats) -> Floats:
    """exp(−a²/2)/(2 Q(a)) = 1/erfcx(a/√2)."""
    with np.errstate(over="ignore"):  # a below −37: 1/inf is the 0 that it is
        return 1 / erfcx(a / math.sqrt(2))


def _mass(a: Floats, end: Floats | float, width: Floats) -> Floats:
    """(1/π) ∫ exp(−½ a²(1 + tan² u)) du / Q(a) over the `width` before `end`, for a >= 0."""
    near, far, weight = rule(LEVEL)
    width = width[..., None]
    angle = np.asarray(end)[..., None] - width * far
    angle = np.where(near < far, (np.asarray(end)[..., None] - width) + width * near, angle)
    with np.errstate(over="ignore"):
        values = np.exp(-0.5 * (a[..., None] * np.tan(angle)) ** 2)
    return 2 / np.pi * _per_spike(a) * width[..., 0] * (values @ weight)
