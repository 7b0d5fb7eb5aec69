"""One run: a fresh network, an initialisation, a few epochs. All that is random comes from the seed of the pair."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ikun_sym.errors import IkunError

from ...models.libraries import LIBRARIES
from ...training.data import Data, Part
from ...training.outcome import LOOKS, looks_of, short
from ...training.recipe import OPTIMIZERS, Recipe
from ...training.trial import presented
from .networks import Network
from .starts import Start
from .tasks import Task

EXAMPLE = 64
"""Training samples in the batch that an initialisation may look at."""

EVALUATED = 500


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """`curve`: training accuracy LOOKS times an epoch, of the batches since the last look, before each step. `accuracy`: on the
    test part, at the end. `refused`: the initialisation does not fit, and why. `seconds`: of processor time; `before`: how many
    of them were the initialisation's."""

    curve: tuple[float | None, ...] = ()
    accuracy: float = 0.0
    refused: str = ""
    seconds: float = 0.0
    before: float = 0.0

    def epochs_to(self, target: float, budget: int) -> float:
        """min(T, B): when the curve first reaches `target`, by a line between looks; B if it never does."""
        last = 0.0
        for look, value in enumerate(self.curve, 1):
            value = value or 0.0
            if value >= target:
                share = (target - last) / (value - last) if value > last else 1.0
                return (look - 1 + max(0.0, share)) / LOOKS
            last = value
        return float(budget)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def seed_of(base: int, purpose: int, index: int) -> int:
    return int(np.random.SeedSequence((base, purpose, index)).generate_state(1)[0])


def trained(network: Network, task: Task, start: Start, data: Data, seed: int) -> Outcome:
    """Torch's threads are the caller's business."""
    began = time.process_time()
    steps = max(network.steps, task.steps)
    torch.manual_seed(seed)
    model = network.build(data.shape, data.classes)
    try:
        start.apply(model, presented(data.train.first(EXAMPLE).x, steps, data.events), seed)
    except IkunError as error:
        return Outcome(refused=str(error))
    before = time.process_time() - began
    optimizer = OPTIMIZERS[network.optimizer].make([{"params": list(model.parameters())}], Recipe(lr=network.lr))
    curve: list[float | None] = []
    source = torch.Generator().manual_seed(seed)
    for _ in range(task.epochs):
        curve += _epoch(model, network, task, data, steps, optimizer, source)
        if not math.isfinite(curve[-1] or 0.0):
            break
    return Outcome(
        curve=tuple(short(value, 4) if value is not None else None for value in curve),
        accuracy=round(_accuracy(model, data.test, steps, data.events), 4),
        seconds=round(time.process_time() - began, 2),
        before=round(before, 2),
    )


def _epoch(
    model: nn.Module,
    network: Network,
    task: Task,
    data: Data,
    steps: int,
    optimizer: torch.optim.Optimizer,
    source: torch.Generator,
) -> list[float | None]:
    model.train()
    order = torch.randperm(len(data.train), generator=source)
    batches = math.ceil(len(order) / task.batch)
    looks, found, right, count = looks_of(batches), list[float | None](), 0, 0
    for number, where in enumerate(order.split(task.batch), 1):
        y = data.train.y[where]
        z = _answer(model, presented(data.train.x[where], steps, data.events))
        loss = network.loss(z, y)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if math.isfinite(float(loss.detach())):
            optimizer.step()
        right, count = right + int((z.detach().argmax(-1) == y).sum()), count + len(y)
        if number in looks:
            found.append(right / count)
            right, count = 0, 0
    return found


def _answer(model: nn.Module, x: Tensor) -> Tensor:
    """From fresh states."""
    for library in LIBRARIES:
        if library.loaded:
            library.fresh(model)
    return model(x)


@torch.no_grad()
def _accuracy(model: nn.Module, part: Part, steps: int, events: bool) -> float:
    model.eval()
    right = 0
    for begin in range(0, len(part), EVALUATED):
        x = presented(part.x[begin : begin + EVALUATED], steps, events)
        right += int((_answer(model, x).argmax(-1) == part.y[begin : begin + EVALUATED]).sum())
    return right / len(part)
