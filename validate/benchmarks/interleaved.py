"""Time contestants in turn, round after round, so that other work on the machine affects all of them alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from .contestants import LIBRARIES, Contestant

Times = dict[str, list[tuple[float, float]]]
"""Name to (wall time, CPU time) of each repetition, in seconds."""


def interleaved(
    contestants: dict[str, Contestant],
    data: tuple[list[Tensor], Tensor, Tensor],
    repetitions: int,
    seconds: float,
    device: torch.device,
    shares: dict[str, int],
    advance: Callable[[str], None],
) -> tuple[Times, dict[str, str]]:
    """The first round warms up and is not counted. `shares`: contestants that run only the first layers, with their number; the
    times are scaled to all layers. The second result names contestants that were dropped for lack of memory, with the
    reason."""
    times: Times = {name: [] for name in contestants}
    dropped: dict[str, str] = {}
    weights, *rest = data
    began = time.perf_counter()
    for repetition in range(repetitions + 1):
        for name in list(times):
            layers = shares.get(name, len(weights))
            start = time.perf_counter(), time.process_time()
            try:
                with torch.set_grad_enabled(name in LIBRARIES):
                    contestants[name](weights[:layers], *rest)
                _wait(device)
            except torch.cuda.OutOfMemoryError as error:
                dropped[name] = f"not run: {str(error).partition('.')[0]}"
                del times[name]
                continue
            scale = len(weights) / layers
            if repetition:
                times[name].append(((time.perf_counter() - start[0]) * scale, (time.process_time() - start[1]) * scale))
            advance(f"round {repetition}: {name}" if repetition else f"warming up: {name}")
        if repetition and (time.perf_counter() - began) * (repetition + 2) / (repetition + 1) > seconds:
            break
    return times, dropped


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def cost(device: str) -> int:
    """Index of the time that counts: CPU time on a CPU (other work does not count), wall time on a GPU."""
    return 1 if device == "cpu" else 0


def ratio(times: Times, name: str, other: str, device: str) -> float:
    """Median over rounds of the ratio of two costs."""
    which = cost(device)
    return statistics.median(a[which] / b[which] for a, b in zip(times[name], times[other], strict=True))


def medians(times: Times, name: str) -> Any:
    """(wall time, CPU time)."""
    return tuple(statistics.median(values) for values in zip(*times[name], strict=True))
