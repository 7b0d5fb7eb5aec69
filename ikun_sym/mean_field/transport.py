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
        slope, through = self.trajectory.slope, self.trajectory.through
        steps, samples = slope.shape
        result, size = np.zeros((steps, steps)), max(1, CHUNK // steps**2)
        for start in range(0, samples, size):
            part = slice(start, start + size)
            a = _rows(slope[:, part], through[:, part])
            carried = (a.reshape(-1, steps) @ g.astype(a.dtype)).reshape(steps, -1)
            result += carried @ a.reshape(steps, -1).T
        return (result + result.T) / (2 * samples)


def _rows(slope: Array, through: Array) -> Array:
    """A as [T, samples, T]."""
    steps, samples = slope.shape
    a = np.zeros((steps, samples, steps), dtype=slope.dtype)
    a[-1, :, -1] = slope[-1]
    for t in range(steps - 2, -1, -1):
        np.multiply(a[t + 1], through[t][:, None], out=a[t])
        a[t, :, t] = slope[t]
    return a


def _entries(slope: Array, through: Array) -> tuple[list[tuple[int, int]], Array]:
    """The entries (t, s), t <= s, of A that are not zero by structure, and their samples, one row each."""
    steps, samples = slope.shape
    pairs = [(t, s) for s in range(steps) for t in range(s, -1, -1)]
    rows = np.empty((len(pairs), samples), dtype=slope.dtype)
    for row, (t, s) in enumerate(pairs):
        if t == s:
            rows[row] = slope[s]
        else:
            np.multiply(rows[row - 1], through[t], out=rows[row])  # the row before is (t + 1, s)
    return pairs, rows


def matrix_of(trajectory: Trajectory) -> MatrixTransport:
    """The map as a matrix: one product of all entries of A with all entries of A."""
    slope, through = trajectory.slope, trajectory.through
    steps, samples = slope.shape
    count = steps * (steps + 1) // 2
    moments, size = np.zeros((count, count)), max(1, CHUNK // count)
    pairs: list[tuple[int, int]] = []
    for start in range(0, samples, size):
        part = slice(start, start + size)
        pairs, rows = _entries(slope[:, part], through[:, part])
        moments += rows @ rows.T
    t, s = np.array(pairs).T
    matrix = np.zeros((steps, steps, steps, steps))
    matrix[t[:, None], t[None, :], s[:, None], s[None, :]] = moments / samples
    return MatrixTransport(matrix.reshape(steps**2, steps**2))


def transport(trajectory: Trajectory) -> Transport:
    return matrix_of(trajectory) if len(trajectory.slope) <= LONGEST_MATRIX else SampledTransport(trajectory)
