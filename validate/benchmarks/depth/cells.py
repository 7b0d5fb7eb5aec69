"""The networks that are trained: plain, one layer after the other, at several depths; and how long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ikun_sym.catalogue.registry import Registry

from ...training.trial import Trial
from .starts import LEARNING_RATE, Start


@dataclass(frozen=True, kw_only=True)
class Cell:
    """`model`: its SPEC. `seeds`: how many of each initialisation are asked for. `goal`: of the test accuracy. `words`: of the
    trial, in the place of the usual ones. `needs_folder`: the data are in files of the user's."""

    name: str
    summary: str
    model: str
    depth: int
    goal: float = 0.9
    seeds: Mapping[str, int] = field(default_factory=dict, hash=False)
    words: Mapping[str, Any] = field(default_factory=dict, hash=False)
    needs_folder: bool = False

    def trial(self, start: Start) -> Trial:
        """The recipe: warm-up and cosine, hidden learning rates divided by the depth, a read-out that does not fire."""
        usual: dict[str, Any] = {"data": "digits", "steps": 1, "epochs": 40, "schedule": "warmup", "layer_rates": "depth"}
        own = {
            "model": self.model,
            "scheme": start.scheme,
            "surrogate": start.surrogate,
            "lr": LEARNING_RATE,
            "loss": "membrane",
        }
        return Trial.of(**{**usual, **own, **self.words})


CELLS: Registry[Cell] = Registry("cell of plain deep networks")

ALL = {"copy": 20, "critical": 20, "orthogonal": 20, "lsuv": 20, "spikeinit": 20}
FEW = {"copy": 3, "critical": 1}

for depth in (20, 50, 100):
    CELLS.register(
        Cell(
            name=f"digits-{depth}",
            summary=f"digits, {depth} dense layers of 256 neurons, one step",
            model=f"mlp:depth={depth},width=256,bias=true",
            depth=depth,
            seeds=ALL,
        )
    )
for cell in (
    Cell(
        name="fashion-mnist-30",
        summary="Fashion-MNIST, 10,000 samples, 10 epochs, 30 dense layers of 256 neurons, one step",
        model="mlp:depth=30,width=256,bias=true",
        depth=30,
        goal=0.8,
        seeds=FEW,
        words={"data": "fashion-mnist", "samples": 10_000, "epochs": 10},
        needs_folder=True,
    ),
    Cell(
        name="lif-50",
        summary="digits, 20 epochs, 50 dense layers of 128 LIF neurons, leak 0.5, hard reset, eight steps",
        model="mlp:depth=50,width=128,bias=true",
        depth=50,
        seeds=FEW,
        words={"steps": 8, "leak": 0.5, "reset": "hard", "epochs": 20},
    ),
    Cell(
        name="conv-20",
        summary="digits, 20 epochs, 20 convolutions of 32 channels, 3 × 3 taps, no pool, one step",
        model="conv2d:depth=20,channels=32,pool=none,bias=true",
        depth=20,
        seeds=FEW,
        words={"epochs": 20},
    ),
):
    CELLS.register(cell)
