"""How one layer carries the covariance of gradients: G ↦ E[A G Aᵀ], A the trajectory's own upper triangular matrix.

It is linear in G. For moderate T the linear map is estimated once, as the second moments of all pairs of entries of A, and
then costs a T²×T² product per layer; for long sequences G is carried through the samples each time.
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
"""Entries of A held at a time: what the processor's cache and 16 MiB allow."""


class Transport(ABC):
    @abstractmethod
    def apply(self, g: Floats) -> Floats:
        """E[A g Aᵀ], T×T."""


@dataclass(frozen=True)
class MatrixTransport(Transport):
    """`matrix` [T², T²]: row (t, t'), column (s, s') is E[A[t, s] A[t', s']]."""

    matrix: Floats

    def apply(self, g: Floats) -> Floats:
        return (self.matrix @ g.ravel()).reshape(g.shape)


@dataclass(frozen=True)
class SampledTransport(Transport):
    trajectory: Trajectory

    def apply(self, g: Floats) -> Floats:
        steps, samples = self.trajectory.h.shape
        result, size = np.zeros((steps, steps)), max(1, CHUNK // steps**2)
        for start in range(0, samples, size):
            a = _rows(self.trajectory.of(slice(start, start + size)))
            carried = (a.reshape(-1, steps) @ g.astype(a.dtype)).reshape(steps, -1)
            result += carried @ a.reshape(steps, -1).T
        return (result + result.T) / (2 * samples)


def _rows(trajectory: Trajectory) -> Array:
    """A as [T, samples, T]."""
    entering = trajectory.entering
    states, steps, samples = entering.shape
    u = np.zeros((states, steps, samples, steps), dtype=entering.dtype)
    u[:, -1, :, -1] = entering[:, -1]
    for t in range(steps - 2, -1, -1):
        trajectory.back(t, u[:, t + 1], out=u[:, t])
        u[:, t, :, t] = entering[:, t]
    return u[0]


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


def matrix_of(trajectory: Trajectory) -> MatrixTransport:
    """The map as a matrix: one product of all entries of A with all entries of A."""
    steps, samples = trajectory.h.shape
    count = steps * (steps + 1) // 2
    moments, size = np.zeros((count, count)), max(1, CHUNK // count)
    pairs: list[tuple[int, int]] = []
    for start in range(0, samples, size):
        pairs, rows = _entries(trajectory.of(slice(start, start + size)))
        moments += rows @ rows.T
    t, s = np.array(pairs).T
    matrix = np.zeros((steps, steps, steps, steps))
    matrix[t[:, None], t[None, :], s[:, None], s[None, :]] = moments / samples
    return MatrixTransport(matrix.reshape(steps**2, steps**2))


def transport(trajectory: Trajectory) -> Transport:
    return matrix_of(trajectory) if len(trajectory.h) <= LONGEST_MATRIX else SampledTransport(trajectory)
