"""What the networks of the panel learn: small parts of three data sets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from torch.nn.functional import avg_pool2d

from ikun_sym.catalogue.registry import Registry
from ikun_sym.errors import IkunError

from ...training.data import Data, Part, load_data


@dataclass(frozen=True, kw_only=True)
class Task:
    """`data`: by its name. `samples`: that are learnt, in batches of `batch`, over `epochs`, the budget B. `steps`: at least so
    many, where order in time matters. `needs_folder`: the data are in files of the user's. `halved`: pictures of half the size,
    the means of 2 × 2 pixels."""

    name: str
    data: str
    samples: int
    epochs: int
    batch: int = 50
    steps: int = 1
    needs_folder: bool = False
    halved: bool = False

    def read(self, folder: str | None, steps: int) -> Data:
        data = load_data(self.data, folder=None if folder is None else Path(folder), steps=max(steps, self.steps))
        data = data.only(self.samples)
        return _halved(data) if self.halved else data

    def missing(self, folder: str | None) -> str:
        """Why it cannot be read; "" if it can. Nothing is fetched for a panel."""
        if self.needs_folder and folder is None:
            return f"{self.name}: neither --data-dir nor $IKUN_DATA names a folder"
        try:
            self.read(folder, self.steps)
        except IkunError as error:
            return f"{self.name}: {error}"
        return ""


def _halved(data: Data) -> Data:
    parts = {name: getattr(data, name) for name in ("train", "validation", "test")}
    return replace(data, **{name: Part(avg_pool2d(part.x, 2), part.y) for name, part in parts.items()})


TASKS: Registry[Task] = Registry("task of the panel")
TASKS.register(Task(name="digits", data="digits", samples=1250, epochs=8))
TASKS.register(Task(name="fashion-mnist", data="fashion-mnist", samples=1250, epochs=8, needs_folder=True, halved=True))
TASKS.register(Task(name="spike-patterns", data="spike-patterns", samples=1250, epochs=4, steps=10))
