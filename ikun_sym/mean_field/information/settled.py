"""Factors by which a layer shrinks what two inputs differ in, and what their gradients share, where layers have settled.

The cross-covariance of the spikes, V[t, s] = E[S_a[t] S_b[s]], goes from layer to layer by a map Φ at fixed laws of either input.
By Price's theorem its derivative is E[∂S_a[t]/∂I_a[u] ∂S_b[s]/∂I_b[v]], and a spike does not depend on later currents: the T²×T²
matrix of Φ' is triangular for (t, s) <= (u, v). Its eigenvalues are its diagonal,

    K λ² E[δ(h_a[t] − θ) δ(h_b[s] − θ)],        λ what a weighted input adds to the membrane at its own step,

the joint density of the two membranes at their thresholds. It is sampled without a difference, and without a step: given all
that came before, the two new currents are normal, and the density is theirs. Likewise the maps of the gradients' covariances,
E[A_a G A_bᵀ] and E[A_a G A_aᵀ], are triangular, with the eigenvalues K λ² E[f'_a[t] f'_b[s]] and K λ² E[f'_a[t] f'_a[s]]; of the
second kind the largest is some E[f'_a[t]²], by Cauchy's inequality.

The largest eigenvalue is what shrinks a difference far down. Over the first layers, about as many as there are steps, it shrinks
more slowly: a triangular matrix moves what is left at one step on to the next. `Derivative` follows that. The derivative of an
expectation by the covariance C of a normal vector x is E[g(x) q(x)], q = ½ zᵀ δC z − its mean, z = C⁻¹ x: again no difference.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..covariance import PIVOT, Floats
from ..neuron_sample import Array
from .pair_law import SampledPairLaw, draw


def overlap_factors(law: SampledPairLaw, drive: Floats) -> Floats:
    """[T, T]: the eigenvalues of Φ' at currents of this covariance, for K = 1."""
    model, points = law.model, law.points
    gain, steps = model.dynamics.input_gain, len(drive) // 2
    drawn = draw(drive, points)
    current = np.concatenate(drawn.currents)
    (h_a, _, level_a), (h_b, _, level_b) = (model.dynamics.fire(one) for one in drawn.currents)
    x = np.concatenate([h_a - level_a, h_b - level_b]) - gain * current  # what no new current has reached
    found = np.empty((steps, steps))
    for t in range(steps):
        for s in range(steps):
            new, past = [t, steps + s], [*range(t), *range(steps, steps + s)]
            weights, rest = conditional(drive, new, past)
            mean = x[new] + gain * (weights.astype(current.dtype) @ current[past])
            found[t, s] = density_at_zero(mean, gain**2 * rest).mean()
    return model.base.input_weight**2 * found


def conditional(covariance: Floats, new: list[int], past: list[int]) -> tuple[Floats, Floats]:
    """(W, R): given those past, the new ones of a normal vector are N(W past, R)."""
    if not past:
        return np.zeros((len(new), 0)), covariance[np.ix_(new, new)]
    between = covariance[np.ix_(new, past)]
    weights = between @ np.linalg.pinv(covariance[np.ix_(past, past)], rcond=PIVOT, hermitian=True)
    return weights, covariance[np.ix_(new, new)] - weights @ between.T


def density_at_zero(mean: Array, covariance: Floats) -> Array:
    """Of N(mean, covariance), two-dimensional; mean [2, samples]."""
    a, b, c = covariance[0, 0], covariance[1, 1], covariance[0, 1]
    determinant = a * b - c * c
    x, y = mean
    return np.exp(-(b * x * x - 2 * c * x * y + a * y * y) / (2 * determinant)) / (2 * np.pi * np.sqrt(determinant))


@dataclass(frozen=True, eq=False)
class Derivative:
    """Φ' for K = 1, applied to changes of V, one after the other. `a`, `b` [T, samples]: the spikes less their means, which changes
    nothing in expectation and halves the error; `z_a`, `z_b`: C⁻¹ of the currents."""

    a: Array
    b: Array
    z_a: Array
    z_b: Array
    filter: Floats

    @classmethod
    def of(cls, law: SampledPairLaw, drive: Floats) -> Derivative:
        drawn = draw(drive, law.points)
        a, b = (law.model.dynamics.fire(one)[1] for one in drawn.currents)
        order = np.linalg.pinv(drawn.root, rcond=PIVOT**0.5).T.astype(law.points.dtype) @ law.points
        a, b = (one - one.mean(axis=1, keepdims=True) for one in (a, b))
        return cls(a, b, order[0::2], order[1::2], law.model.base.filter)

    def __call__(self, change: Floats) -> Floats:
        through = self.filter @ change @ self.filter.T
        q = np.einsum("tm,tm->m", self.z_a, through.astype(self.z_b.dtype) @ self.z_b)
        return ((self.a * (q - q.mean())) @ self.b.T).astype(float) / len(q)


def gradient_factors(law: SampledPairLaw, drive: Floats) -> tuple[Floats, Floats]:
    """[T, T] of E[f'_a[t] f'_b[s]] and [T] of E[f'_a[t]²], times λ²."""
    first, second = law.trajectories(drive)
    samples, scale = first.slope.shape[1], law.model.base.input_weight**2
    between = (first.slope @ second.slope.T).astype(float) / samples
    own = np.square(first.slope, dtype=float).mean(axis=1)
    return scale * between, scale * own
