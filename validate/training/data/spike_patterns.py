"""Spike patterns told apart by their order in time alone: classes come in pairs, one the other played backwards.

So both of a pair have the same number of spikes on every line, and a network that only counts cannot tell them apart.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from ikun_sym.errors import DomainError

from .data_set import DATA, ORDER, Data, Source, split

LINES, CLASSES, SAMPLES = 64, 10, 3000
RATE = 0.2
LOST, NOISE = 0.2, 0.02
"""Probabilities that a spike of the pattern is missing, and that one is there which is not of the pattern."""


def patterns(steps: int, rng: torch.Generator) -> Tensor:
    """[classes, steps, lines], 0 or 1."""
    drawn = torch.rand(CLASSES // 2, steps, LINES, generator=rng) < RATE
    return torch.stack([drawn, drawn.flip(1)], dim=1).flatten(0, 1)


def read(folder: Path | None, steps: int) -> Data:
    if steps < 2:
        raise DomainError("steps", steps, "at least 2 for spike-patterns", "within one step nothing has an order")
    rng = torch.Generator().manual_seed(ORDER)
    made = patterns(steps, rng)
    y = torch.arange(SAMPLES) % CLASSES
    shape = SAMPLES, steps, LINES
    kept = made[y] & (torch.rand(shape, generator=rng) >= LOST)
    x = (kept | (torch.rand(shape, generator=rng) < NOISE)).float()
    train, validation, test = split(x, y, validation=500, test=1000)
    return Data(
        name="spike-patterns",
        train=train,
        validation=validation,
        test=test,
        classes=CLASSES,
        events=True,
        source=PATTERNS.source,
    )


PATTERNS = DATA.register(
    Source(
        name="spike-patterns",
        summary=f"{CLASSES} patterns of spikes on {LINES} lines over --steps steps; half are the other half played backwards",
        source="ikun; after Gütig & Sompolinsky 2006, The tempotron",
        read=read,
    )
)
