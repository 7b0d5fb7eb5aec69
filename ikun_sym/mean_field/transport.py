"""How one layer carries the covariance of gradients: G ↦ E[A G Bᵀ], A the trajectory's own upper triangular matrix, B the
same or that of a second input to the same neuron.

It is linear in G. For moderate T the linear map is estimated once, as the second moments of all pairs of entries of A and B,
and then costs a T²×T² product per layer; for long sequences G is carried through the samples each time, in O(T²) a sample: A is
a first-order recursion, so that with u[t] = entering[t] δs[t] + through[t] u[t+1] on either side

    Q[·, t'] = G[·, t'] entering[t'] + through[t'] Q[·, t'+1],      P[t, ·] = entering[t] Q[t, ·] + through[t] P[t+1, ·].
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from .covariance import Floats
from .neuron_sample import Array, Trajectory

LONGEST_MATRIX = 32
"""Steps up to which the map is kept as a matrix: T = 32 has 528² second moments, as costly as one pass through the samples."""

CHUNK = 2**22
"""Entries of A, or of Q, held at a time: what 16 MiB allow."""


class Transport(ABC):
    @abstractmethod
    def apply(self, g: Floats) -> Floats:
        """E[A g Bᵀ], T×T."""


@dataclass(frozen=True)
class MatrixTransport(Transport):
    """`matrix` [T², T²]: row (t, t'), column (s, s') is E[A[t, s] A[t', s']]."""

    matrix: Floats

    def apply(self, g: Floats) -> Floats:
        return (self.matrix @ g.ravel()).reshape(g.shape)


@dataclass(frozen=True)
class SampledTransport(Transport):
    """`other`: the trajectories of the second input, sample by sample; None: there is but one."""

    trajectory: Trajectory
    other: Trajectory | None = None

    def apply(self, g: Floats) -> Floats:
        steps, samples = self.trajectory.h.shape
        result, size = np.zeros((steps, steps)), max(1, CHUNK // steps**2)
        for start in range(0, samples, size):
            part = slice(start, start + size)
            left = self.trajectory.of(part)
            result += _carried(left, left if self.other is None else self.other.of(part), g)
        return result / samples if self.other is not None else (result + result.T) / (2 * samples)


def _carried(left: Trajectory, right: Trajectory, g: Floats) -> Floats:
    """Σ over samples of A g Bᵀ."""
    states, steps, samples = right.entering.shape
    g = g.astype(right.entering.dtype)
    q, u = np.empty((steps, steps, samples), g.dtype), np.zeros((states, steps, samples), g.dtype)
    for t in range(steps - 1, -1, -1):
        u = _back(right, t, u)
        u += g[:, t, None] * right.entering[:, t, None]
        q[t] = u[0]
    result, u = np.empty((steps, steps)), np.zeros((len(left.entering), steps, samples), g.dtype)
    for t in range(steps - 1, -1, -1):
        u = _back(left, t, u)
        u += q[:, t] * left.entering[:, t, None]
        result[t] = u[0].sum(axis=-1)
    return result


def _back(trajectory: Trajectory, t: int, u: Array) -> Array:
    """through[t] u, for u [d, rows, samples]."""
    through = trajectory.through[:, :, t, None]
    return np.multiply(through[0], u, out=u) if len(u) == 1 else np.sum(through * u, axis=1)


def _entries(trajectory: Trajectory) -> tuple[list[tuple[int, int]], Array]:
    """The entries (t, s), t <= s, of A that are not zero by structure, and their samples, one row each."""
    entering = trajectory.entering
    states, steps, samples = entering.shape
    pairs = [(t, s) for s in range(steps) for t in range(s, -1, -1)]
    u = np.empty((states, len(pairs), samples), dtype=entering.dtype)
    for row, (t, s) in enumerate(pairs):
        if t == s:
            u[:, row] = entering[:, s]
        else:
            trajectory.back(t, u[:, row - 1], out=u[:, row])  # the row before is (t + 1, s)
    return pairs, u[0]


def matrix_of(trajectory: Trajectory, other: Trajectory | None = None) -> MatrixTransport:
    """The map as a matrix: one product of all entries of A with all entries of B."""
    steps, samples = trajectory.h.shape
    count = steps * (steps + 1) // 2
    moments, size = np.zeros((count, count)), max(1, CHUNK // count)
    pairs: list[tuple[int, int]] = []
    for start in range(0, samples, size):
        part = slice(start, start + size)
        pairs, rows = _entries(trajectory.of(part))
        moments += rows @ (rows if other is None else _entries(other.of(part))[1]).T
    t, s = np.array(pairs).T
    matrix = np.zeros((steps, steps, steps, steps))
    matrix[t[:, None], t[None, :], s[:, None], s[None, :]] = moments / samples
    return MatrixTransport(matrix.reshape(steps**2, steps**2))


def transport(trajectory: Trajectory, other: Trajectory | None = None) -> Transport:
    return (matrix_of if len(trajectory.h) <= LONGEST_MATRIX else SampledTransport)(trajectory, other)
