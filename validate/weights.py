"""The random numbers of one draw: each layer, the input and the readout have streams of their own.

So a layer's weights can be drawn again whenever they are needed, bit for bit, and a deeper network begins like a shallower.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from .buffers import BUFFERS

INPUT, READOUT, BIAS, WEIGHTS = range(4)


def generator(device: torch.device, seed: int, index: int, stream: int, layer: int = 0) -> torch.Generator:
    """The random numbers of one stream of draw `index`."""
    state = np.random.SeedSequence((seed, index, stream, layer)).generate_state(1, np.uint64)[0]
    return torch.Generator(device).manual_seed(int(state >> np.uint64(1)))


class Regenerated(Sequence[Tensor]):
    """Tensors that are made when asked for. Each is valid until the next one is asked for: their memory is one."""

    def __init__(self, count: int, make: Callable[[int], Tensor]) -> None:
        self._count, self._make = count, make
        self._last: Tensor | None = None

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, layer: int) -> Tensor:  # type: ignore[override]
        if not -self._count <= layer < self._count:
            raise IndexError(layer)
        if self._last is not None:
            BUFFERS.give(self._last)
        self._last = self._make(layer % self._count)
        return self._last

    def __iter__(self) -> Iterator[Tensor]:
        return map(self.__getitem__, range(self._count))
