"""The user's own data: what MODULE:FACTORY returns, a pair of torch data sets (training, test)."""

from __future__ import annotations

from typing import Any

import torch

from ikun_sym.errors import IkunError

from ...models.commands import made_by
from .data_set import Data, Part, held_back

SHARE = 10
"""One in so many training samples is held back for validation."""


def of_factory(name: str, *, events: bool) -> Data:
    """Error: no pair of data sets; samples of several shapes; a label that is no class number; values that are not finite."""
    made = made_by(name, ready=tuple)
    if not (isinstance(made, tuple | list) and len(made) == 2):
        raise IkunError(f"{name} returned {type(made).__name__}; it must return a pair of torch data sets, (training, test)")
    parts = [_part(name, which, data) for which, data in zip(("training", "test"), made, strict=True)]
    if parts[0].x.shape[1:] != parts[1].x.shape[1:]:
        shapes = " and ".join(str(tuple(part.x.shape[1:])) for part in parts)
        raise IkunError(f"{name}: training and test samples have shapes {shapes}; they must be one")
    if events and parts[0].x.ndim < 3:
        raise IkunError(f"{name}: with --events a sample is [T, …]; here it has shape {tuple(parts[0].x.shape[1:])}")
    train, validation = held_back(parts[0], max(1, len(parts[0]) // SHARE))
    classes = int(max(part.y.max() for part in parts)) + 1
    return Data(name=name, train=train, validation=validation, test=parts[1], classes=classes, events=events, source=name)


def _part(name: str, which: str, data: Any) -> Part:
    try:
        items = [data[index] for index in range(len(data))]
        x = torch.stack([torch.as_tensor(item[0]).to(torch.float32) for item in items])
        y = torch.tensor([int(item[1]) for item in items])
    except Exception as error:  # whatever the user's own code may do
        raise IkunError(
            f"{name}: the {which} data cannot be read as samples (x, class number) of one shape: "
            f"{type(error).__name__}: {' '.join(str(error).split())}"
        ) from None
    if len(y) < 2 or int(y.min()) < 0:
        raise IkunError(f"{name}: the {which} data have {len(y)} samples; at least 2, with class numbers from 0, are needed")
    if not bool(torch.isfinite(x).all()):
        raise IkunError(f"{name}: the {which} data hold values that are not finite; remove them")
    return Part(x, y)
