"""What a data set is: three fixed parts. The training part is learnt, validation watched, the test part used once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from ikun_sym.catalogue.registry import Registry
from ikun_sym.errors import DomainError

ORDER = 20_26
"""Seed of the permutation that splits a data set which its publisher has not split. Fixed: a split is no part of a run."""

LEAST = 250
"""Samples that validation, and four times as many that the test, keep where few training samples are used."""


@dataclass(frozen=True, eq=False)
class Part:
    """`x` [N, …], or [N, T, …] of events, float32; `y` [N], class numbers."""

    x: Tensor
    y: Tensor

    def __len__(self) -> int:
        return len(self.y)

    def first(self, count: int) -> Part:
        return Part(self.x[:count], self.y[:count])

    def at(self, index: Tensor) -> Part:
        return Part(self.x[index], self.y[index])


@dataclass(frozen=True, kw_only=True, eq=False)
class Data:
    """`events`: samples bring their own time axis, the first; else a sample is presented at every step. `notes`: what a reader
    of results should know of the files."""

    name: str
    train: Part
    validation: Part
    test: Part
    classes: int
    events: bool = False
    source: str = ""
    notes: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one sample at one step."""
        return tuple(self.train.x.shape[2 if self.events else 1 :])

    @property
    def steps(self) -> int | None:
        """Of events; None: as many as one likes."""
        return self.train.x.shape[1] if self.events else None

    def only(self, samples: int | None) -> Data:
        """The first `samples` training samples. Then a quarter as many for validation and as many for the test, but at least
        LEAST and 4 · LEAST where there are: measuring must not cost more than learning.

        Error: more samples than there are, or fewer than classes.
        """
        if samples is None:
            return self
        if not self.classes <= samples <= len(self.train):
            raise DomainError(
                "samples", samples, f"between {self.classes}, the classes, and the {len(self.train)} of {self.name}"
            )
        return replace(
            self,
            train=self.train.first(samples),
            validation=self.validation.first(max(LEAST, samples // 4)),
            test=self.test.first(max(4 * LEAST, samples)),
        )

    def to(self, device: str) -> Data:
        if device == "cpu":
            return self
        parts = {name: getattr(self, name) for name in ("train", "validation", "test")}
        return replace(self, **{name: Part(part.x.to(device), part.y.to(device)) for name, part in parts.items()})


@dataclass(frozen=True, kw_only=True)
class Source:
    """`read(folder, steps)`: the data set from the user's folder of data (None: not given), where events of `steps` steps."""

    name: str
    summary: str
    source: str
    read: Callable[[Path | None, int], Data]
    aliases: tuple[str, ...] = ()


DATA: Registry[Source] = Registry("data set")


def split(x: Tensor, y: Tensor, *, validation: int, test: int) -> tuple[Part, Part, Part]:
    """Three parts of a permuted whole: training, validation, test."""
    order = torch.randperm(len(y), generator=torch.Generator().manual_seed(ORDER))
    whole = Part(x[order], y[order])
    rest = len(y) - validation - test
    return whole.first(rest), Part(whole.x[rest:-test], whole.y[rest:-test]), Part(whole.x[-test:], whole.y[-test:])


def held_back(train: Part, count: int) -> tuple[Part, Part]:
    """Training and validation, where the test part is the publisher's own: the last `count` are held back."""
    return train.first(len(train) - count), Part(train.x[-count:], train.y[-count:])
