"""Factors by which a layer shrinks what two inputs differ in, and what their gradients share, where layers have settled.

The cross-covariance of the spikes, V[t, s] = E[S_a[t] S_b[s]], goes from layer to layer by a map Φ at fixed laws of either
input. By Price's theorem its derivative is E[∂S_a[t]/∂I_a[u] ∂S_b[s]/∂I_b[v]], and a spike does not depend on later currents:
the T²×T² matrix of Φ' is triangular for (t, s) <= (u, v). Its eigenvalues are its diagonal,

    K λ² E[δ(h_a[t] − θ) δ(h_b[s] − θ)],        λ what a weighted input adds to the membrane at its own step,

the joint density of the two membranes at their thresholds. Where V is a covariance, as it is for two inputs of one law, the
two are alike given what they have in common, and by Cauchy's inequality the largest stands at some t = s. There it is sampled
without a difference, and without a step: given all that came before, the two new currents are normal, and the density is
theirs. Likewise the maps of the gradients' covariances, E[A_a G A_bᵀ] and E[A_a G A_aᵀ], are triangular, and their largest
eigenvalues are some K λ² E[f'_a[t] f'_b[t]] and K λ² E[f'_a[t]²].

At its first step a layer is one of one step, and what it tells apart there later steps do not change: the largest eigenvalue
is never below that of one step. It is what shrinks a difference far down. Over the first layers, about as many as there are
steps, a difference shrinks more slowly: a triangular matrix moves what is left at one step on to the next. `Derivative`
follows that. The derivative of an expectation by the covariance C of a normal vector x is E[g(x) q(x)], q = ½ zᵀ δC z − its
mean, z = C⁻¹ x: again no difference.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..covariance import PIVOT, Floats
from ..neuron_sample import Array
from .pair_law import SampledPairLaw, draw


def overlap_factors(law: SampledPairLaw, drive: Floats) -> Floats:
    """[T]: the eigenvalues of Φ' at t = s and currents of this covariance, for K = 1."""
    model, points = law.model, law.points
    drawn = draw(drive, points)
    (h_a, _, level_a), (h_b, _, level_b) = (model.dynamics.fire(one) for one in drawn.currents)
    found = np.empty(len(drive) // 2)
    for t in range(len(found)):
        at_once = slice(2 * t, 2 * t + 2)
        new = model.dynamics.input_gain * drawn.root[at_once, at_once]
        level = [level_a[t], level_b[t]] if model.neuron.adapts else [level_a, level_b]
        known = np.array([h_a[t] - level[0], h_b[t] - level[1]]) - new.astype(points.dtype) @ points[at_once]
        found[t] = density_at_zero(known, new @ new.T).mean()
    return model.input_weight**2 * found


def density_at_zero(mean: Array, covariance: Floats) -> Array:
    """Of N(mean, covariance), two-dimensional; mean [2, samples]. 0 where nothing varies: none is at its threshold."""
    a, b, c = covariance[0, 0], covariance[1, 1], covariance[0, 1]
    determinant = a * b - c * c
    if not determinant > 0:
        return np.zeros(mean.shape[1])
    x, y = mean
    return np.exp(-(b * x * x - 2 * c * x * y + a * y * y) / (2 * determinant)) / (2 * np.pi * np.sqrt(determinant))


@dataclass(frozen=True, eq=False)
class Derivative:
    """Φ' for K = 1, applied to changes of V, one after the other. `a`, `b` [T, samples]: the spikes less their means, which
    changes nothing in expectation and halves the error; `z_a`, `z_b`: C⁻¹ of the currents."""

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
        half = len(drive) // 2
        return cls(a, b, order[0::2], order[1::2], law.model.filter[:half, :half])

    def __call__(self, change: Floats) -> Floats:
        through = self.filter @ change @ self.filter.T
        q = np.einsum("tm,tm->m", self.z_a, through.astype(self.z_b.dtype) @ self.z_b)
        return ((self.a * (q - q.mean())) @ self.b.T).astype(float) / len(q)


def gradient_factors(law: SampledPairLaw, drive: Floats) -> tuple[Floats, Floats]:
    """[T] of E[f'_a[t] f'_b[t]] and [T] of E[f'_a[t]²]."""
    first, second = law.trajectories(drive)
    return (first.slope * second.slope).mean(axis=1, dtype=float), np.square(first.slope, dtype=float).mean(axis=1)
