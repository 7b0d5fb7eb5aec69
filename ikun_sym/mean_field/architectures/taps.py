"""Which inputs a convolution's neurons see, per axis: the same along every axis of a cube of positions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np

from ...catalogue.architectures import Convolution, ConvolutionLayer
from ..covariance import Floats

OUTSIDE = -1
"""The place of a tap that sees padding."""


@dataclass(frozen=True)
class Taps:
    """`axis` [outputs, inputs]: how many taps of the neuron at x see the input at y."""

    topology: Convolution
    layer: ConvolutionLayer

    @property
    def dimensions(self) -> int:
        return self.topology.dimensions

    def seen(self, x: int, tap: int) -> int:
        place = self.layer.stride * x + tap
        if self.topology.padding == "circular":
            return place % self.layer.size
        return place if 0 <= place < self.layer.size else OUTSIDE

    @property
    def offsets(self) -> range:
        half = self.topology.kernel // 2
        return range(-half, half + 1)

    @cached_property
    def axis(self) -> Floats:
        counts = np.zeros((self.layer.after, self.layer.size))
        for x in range(self.layer.after):
            for tap in self.offsets:
                if (y := self.seen(x, tap)) != OUTSIDE:
                    counts[x, y] += 1
        return counts

    def gather(self, values: Floats) -> Floats:
        """[outputs, …]: the mean over all taps of [inputs, …], padding counting as 0; positions are in row-major order."""
        return self._along(self.axis, values)

    def scatter(self, values: Floats) -> Floats:
        """The transposed: [inputs, …] from [outputs, …]."""
        return self._along(self.axis.T, values)

    def _along(self, matrix: Floats, values: Floats) -> Floats:
        d, (after, before) = self.dimensions, matrix.shape
        array = values.reshape((before,) * d + values.shape[1:])
        for axis in range(d):
            array = np.moveaxis(np.tensordot(matrix / self.topology.kernel, array, axes=(1, axis)), 0, axis)
        return array.reshape((after**d, *values.shape[1:]))

    @cached_property
    def places(self) -> list[np.ndarray]:
        """For each tap, by output position: the input position that it sees, or OUTSIDE."""
        size, after, d = self.layer.size, self.layer.after, self.dimensions
        found = []
        for taps in product(self.offsets, repeat=d):
            by_axis = [np.array([self.seen(x, tap) for x in range(after)]) for tap in taps]
            grids = np.meshgrid(*by_axis, indexing="ij")
            flat = np.zeros(after**d, dtype=int)
            for grid in grids:
                flat = flat * size + grid.ravel()
            flat[np.any([grid.ravel() == OUTSIDE for grid in grids], axis=0)] = OUTSIDE
            found.append(flat)
        return found
