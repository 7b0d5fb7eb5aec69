"""Independent draws side by side on the CPU: one thread a draw beats several threads inside small matrix products."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

from ikun_sym.cores import cores

from .network import Network

MEMORY = 4 * 2**30
"""Bytes of weights and membranes that draws in flight may hold together."""

T = TypeVar("T")


def in_parallel(work: Callable[[int], T], indices: Iterable[int], network: Network) -> Iterator[T]:
    """work(index) for each index, in order. Every draw has its own generator, so the results do not depend on how many
    run at once."""
    fits = MEMORY // max(1, network.bytes)
    workers = min(cores(), max(1, fits)) if network.device.type == "cpu" else 1
    if workers == 1:
        yield from map(work, indices)
        return
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(workers) as pool:
            yield from pool.map(work, indices)
    finally:
        torch.set_num_threads(threads)
