"""Arrays that are used layer after layer and draw after draw, handed on instead of given back to the system.

A fresh page costs a fault and its zeroing: on the CPU that is several times what the neurons' own arithmetic costs.
"""

from __future__ import annotations

import math
import threading

import torch
from torch import Tensor

KEPT = 2**28
"""Bytes that one thread holds at most; what is given beyond them goes back to the system."""


class Buffers(threading.local):
    """One per thread: draws that run side by side share nothing."""

    def __init__(self) -> None:
        self._free: dict[tuple[int, torch.dtype, torch.device], list[Tensor]] = {}
        self._bytes = 0

    def take(self, shape: tuple[int, ...], dtype: torch.dtype, device: torch.device | str = "cpu") -> Tensor:
        """A contiguous array that nobody else holds; its entries are whatever was there. On other devices than the CPU torch
        itself hands memory on."""
        free = self._free.get((math.prod(shape), dtype, torch.device(device)))
        if not free:
            return torch.empty(shape, dtype=dtype, device=device)
        self._bytes -= free[-1].nbytes
        return free.pop().view(shape)

    def give(self, *arrays: Tensor) -> None:
        """The caller holds no other view of them and will not look at them again."""
        for array in arrays:
            if array.device.type == "cpu" and array.is_contiguous() and self._bytes + array.nbytes <= KEPT:
                self._bytes += array.nbytes
                self._free.setdefault((array.numel(), array.dtype, array.device), []).append(array)


BUFFERS = Buffers()
