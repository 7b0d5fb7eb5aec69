"""One training run: from the weights of a scheme, over the budget, to accuracies; it resumes at its last finished epoch.

All that is random comes from the seed of the pair: the same for every scheme, interrupted or not.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from . import checkpoint
from .data import Data, Part
from .inside import SAMPLES, look
from .outcome import Look, Outcome, looks_of, short
from .spiking_reader import neurons_of, spiking_modules
from .trial import Trial, presented
from .weights import EXAMPLE, start

INSIDE = 2
"""Times in an epoch at which is looked inside, besides the beginning."""

EVALUATED = 500
"""Samples at once where nothing is learnt."""

PURPOSES = ("pair", "tuning")

Epoch = Callable[[], object]
"""Called at the end of each epoch."""

GiveUp = Callable[[list[Look]], str]
"""Told the curve at the end of each epoch: why no further one is worth its time, "" if one is."""


def seed_of(base: int, purpose: str, index: int) -> int:
    """The seed of pair `index`: tuning has seeds of its own."""
    return int(np.random.SeedSequence((base, PURPOSES.index(purpose), index)).generate_state(1)[0])


@dataclass
class Progress:
    """What a run has found so far."""

    epoch: int = 0
    curve: list[Look] = field(default_factory=list)
    inside: list[dict[str, Any]] = field(default_factory=list)
    best: float = -1.0
    best_epoch: float = 0.0
    health: str = ""
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0
    before: float = 0.0


def trained(
    trial: Trial,
    data: Data,
    *,
    seed: int = 0,
    index: int = 0,
    purpose: str = "pair",
    state: Path | None = None,
    weights: Path | None = None,
    advance: Epoch | None = None,
    give_up: GiveUp = lambda curve: "",
) -> Outcome:
    """Train once. `seed`: of the whole experiment; `index`: of the pair. `state`: file of the interrupted run, removed at the
    end. `weights`: file for the weights of the best validation accuracy."""
    run = _Run(trial, data, seed_of(seed, purpose, index), state, weights is not None, give_up)
    while run.progress.epoch < trial.recipe.epochs and not run.progress.health:
        run.epoch()
        if advance:
            advance()
    outcome = run.finished(index, purpose)
    if weights is not None:
        run.save(weights)
    if state is not None:
        state.unlink(missing_ok=True)
    return outcome


class _Run:
    def __init__(self, trial: Trial, data: Data, seed: int, state: Path | None, keep_best: bool, give_up: GiveUp) -> None:
        self.give_up = give_up
        self.trial, self.data, self.seed, self.state = trial, data, seed, state
        self.recipe, self.progress = trial.recipe, Progress()
        self.batches = math.ceil(len(data.train) / self.recipe.batch)
        self.looks = looks_of(self.batches)
        self.insides = set(list(self.looks)[:: -max(1, len(self.looks) // INSIDE)])
        self.best_weights: dict[str, Tensor] | None = {} if keep_best else None
        begun = time.process_time()
        device = data.train.x.device
        torch.manual_seed(seed)
        self.model = trial.built(data)
        example = presented(data.train.first(EXAMPLE).x.cpu(), self.recipe.steps, data.events)
        self.progress.notes += start(self.model, example, trial.scheme, seed)
        self.model.to(device).train()
        self.optimizer = self.recipe.optimizer_of(self.model)
        self.spikes: list[Tensor] = []
        if self.recipe.rate_penalty:
            for module in spiking_modules(self.model):
                module.register_forward_hook(self._spiked)
        if (found := checkpoint.recall(state)) is not None:
            self._restore(found)
        else:
            self._look_inside(0.0)
            self.progress.before = self.progress.seconds = time.process_time() - begun

    def _spiked(self, module: nn.Module, arguments: Any, output: Any) -> None:
        self.spikes.append(output[0] if isinstance(output, tuple) else output)

    def _restore(self, found: dict[str, Any]) -> None:
        self.model.load_state_dict(found["model"])
        self.optimizer.load_state_dict(found["optimizer"])
        self.progress = Progress(**found["progress"])
        if self.best_weights is not None:
            self.best_weights = found["best_weights"]

    def _keep(self) -> None:
        if self.state is None:
            return
        state = {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict(), "progress": vars(self.progress)}
        checkpoint.keep(self.state, state | {"best_weights": self.best_weights})

    def epoch(self) -> None:
        """One pass over the data in the pair's order, with its looks; then the run is on disk."""
        begun, progress, recipe = time.process_time(), self.progress, self.recipe
        source = torch.Generator().manual_seed(seed_of(self.seed, "pair", progress.epoch))
        order = torch.randperm(len(self.data.train), generator=source).to(self.data.train.x.device)
        torch.manual_seed(int(source.initial_seed()))  # of what is dropped out
        loss_sum, right, count = 0.0, 0, 0
        for batch in range(self.batches):
            part = self.data.train.at(order[batch * recipe.batch : (batch + 1) * recipe.batch])
            share = (progress.epoch * self.batches + batch + 0.5) / (recipe.epochs * self.batches)
            loss, hits = self._step(part, recipe.rate_at(share))
            loss_sum, right, count = loss_sum + loss * len(part), right + hits, count + len(part)
            if not math.isfinite(loss):
                progress.health = f"the loss is not finite at epoch {progress.epoch + (batch + 1) / self.batches:.4g}"
                break
            if batch + 1 in self.looks:
                at = progress.epoch + (batch + 1) / self.batches
                found: Look = {
                    "epoch": short(at),
                    "train_loss": short(loss_sum / count),
                    "train_accuracy": short(right / count),
                }
                progress.curve.append(found | {"validation_accuracy": None})
                loss_sum, right, count = 0.0, 0, 0
                if batch + 1 in self.insides:
                    self._look_inside(at)
        progress.epoch += 1
        if not progress.health:
            self._validate()
            progress.health = self.give_up(progress.curve)
        progress.seconds += time.process_time() - begun
        self._keep()

    def _step(self, part: Part, rate: float) -> tuple[float, int]:
        """(loss before the step, how many were right)."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["factor"]
        self.optimizer.zero_grad(set_to_none=True)
        self.spikes.clear()
        z = self.model(presented(part.x, self.recipe.steps, self.data.events))
        loss = self.recipe.loss_of(z, part.y)
        total = loss
        for spikes in self.spikes[:-1]:
            total = total + self.recipe.rate_penalty * spikes.mean()
        total.backward()
        value = float(loss.detach())
        if math.isfinite(value):
            self.optimizer.step()
        return value, int((z.detach().argmax(-1) == part.y).sum())

    def _validate(self) -> None:
        progress = self.progress
        accuracy = self._accuracy(self.data.validation)
        progress.curve[-1]["validation_accuracy"] = short(accuracy)
        if accuracy > progress.best:
            progress.best, progress.best_epoch = accuracy, float(progress.epoch)
            if self.best_weights is not None:
                self.best_weights = {name: tensor.detach().cpu().clone() for name, tensor in self.model.state_dict().items()}

    def _look_inside(self, at: float) -> None:
        part = self.data.train.first(SAMPLES)
        x = presented(part.x, self.recipe.steps, self.data.events)
        layers = look(self.model, x, lambda z: self.recipe.loss_of(z, part.y))
        if layers:
            self.progress.inside.append({"epoch": short(at), "layers": layers})
        self.spikes.clear()

    def _accuracy(self, part: Part) -> float:
        right = 0
        self.model.eval()
        with torch.no_grad():
            for begin in range(0, len(part), EVALUATED):
                x, y = part.x[begin : begin + EVALUATED], part.y[begin : begin + EVALUATED]
                z = self.model(presented(x, self.recipe.steps, self.data.events))
                right += int((z.argmax(-1) == y).sum())
                self.spikes.clear()
        self.model.train()
        return right / len(part)

    def finished(self, index: int, purpose: str) -> Outcome:
        """The test part is used here, once; tuning does not see it."""
        begun, progress = time.process_time(), self.progress
        train = self._accuracy(self.data.train)
        test = self._accuracy(self.data.test) if purpose == "pair" else None
        return Outcome(
            trial=self.trial.to_dict(),
            seed=index,
            purpose=purpose,
            curve=tuple(progress.curve),
            inside=tuple(progress.inside),
            train_accuracy=train,
            test_accuracy=test,
            best_epoch=progress.best_epoch,
            health=progress.health,
            notes=tuple(progress.notes),
            seconds=round(progress.seconds + time.process_time() - begun, 3),
            before=round(progress.before, 3),
        )

    def save(self, path: Path) -> None:
        """The best weights, and what they belong to."""
        described = {
            "trial": self.trial.to_dict(),
            "shape": list(self.data.shape),
            "classes": self.data.classes,
            "surrogates": [layer.neuron.surrogate.spec for layer in neurons_of(self.model).values()],
            "epoch": self.progress.best_epoch,
            "validation_accuracy": self.progress.best,
        }
        checkpoint.save_weights(path, self.best_weights or self.model.state_dict(), described)
