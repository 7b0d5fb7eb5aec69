"""What a pool makes of spikes, and to which of them its gradient goes back.

average:  X = mean of the window's S,    δS_i = δX/w in a window of w
max:      X = 1[any fired],              δS_i = δX for the first that fired in row-major order, and, where none did,
                                         for the first of the window (PyTorch's rule for ties)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np

from ...catalogue.architectures import ConvolutionLayer
from ...catalogue.architectures.convolution import WINDOW
from ...catalogue.registry import Registry
from ..covariance import Floats
from ..neuron_sample import Array


@dataclass(frozen=True)
class Pool:
    """`send`, `back`: from the windows' spikes, an array whose axis 0 is the place in the window: X; and the factor of δX
    that each spike gets. `linear`: X is the mean whatever fired, so that second moments of spikes are enough."""

    name: str
    send: Callable[[Array], Array]
    back: Callable[[Array], Array]
    linear: bool


POOLS: Registry[Pool] = Registry("pool")


def _first(s: Array) -> Array:
    """1 where the gradient of a maximum goes."""
    before = np.cumsum(s, axis=0) - s
    chosen = s * (before == 0)
    chosen[0] += s.sum(axis=0) == 0
    return chosen


POOLS.register(Pool("average", lambda s: s.mean(axis=0), lambda s: np.full_like(s, 1 / len(s)), linear=True))
POOLS.register(Pool("max", lambda s: s.max(axis=0), _first, linear=False))


@dataclass(frozen=True)
class Windows:
    """The windows of a layer's pool over `dimensions` axes."""

    layer: ConvolutionLayer
    dimensions: int

    @cached_property
    def places(self) -> np.ndarray:
        """[window's width^d, outputs]: positions of neurons."""
        n, d = self.layer.output, self.dimensions
        corners = np.array(list(product(range(n), repeat=d))) * WINDOW
        inside = np.array(list(product(range(WINDOW), repeat=d)))
        at = inside[:, None, :] + corners[None, :, :]
        flat = np.zeros(at.shape[:2], dtype=int)
        for axis in range(d):
            flat = flat * self.layer.after + at[:, :, axis]
        return flat

    @cached_property
    def mean(self) -> Floats:
        """[outputs, neurons]: the average pool as a matrix."""
        matrix = np.zeros((self.places.shape[1], self.layer.after**self.dimensions))
        for row in self.places:
            matrix[np.arange(len(row)), row] += 1 / len(self.places)
        return matrix
