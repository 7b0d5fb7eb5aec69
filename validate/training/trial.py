"""What is trained: data, model, neuron, initialisation and recipe, one value, every field of which a sweep can vary."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, cast

import torch
from torch import Tensor, nn

from ikun_sym.errors import DomainError, IkunError
from ikun_sym.reading.neuron import HasNeuron, Neuron
from ikun_sym.schemes.scheme_input import find_scheme
from ikun_sym.told import Told

from ..models.default_scheme import DEFAULT
from .data import Data
from .models.build import build_model, is_factory
from .recipe import LOSSES, Recipe

LEAK = 1.0
"""Of the neurons that are trained where nothing else is said: IF, as in the paper's network."""

MODEL = "mlp:depth=3,width=256"


@dataclass(frozen=True, kw_only=True)
class Trial(HasNeuron, Told):
    """`scheme`: of the catalogue, or DEFAULT. `samples` None: all. `model`: a SPEC of `models/`, or the user's MODULE:FACTORY,
    whose neurons are its own."""

    shown = ("data", "model", "scheme")

    neuron: Neuron = field(default_factory=lambda: Neuron.of(leak=LEAK))
    data: str = "digits"
    samples: int | None = None
    model: str = MODEL
    scheme: str = "torch-default"
    recipe: Recipe = field(default_factory=Recipe)

    def __post_init__(self) -> None:
        if self.scheme != DEFAULT:
            find_scheme(self.scheme)
        if self.foreign and self.recipe.dropout:
            raise DomainError("dropout", self.recipe.dropout, f"0 with {self.model}", "your own model brings its own")
        if self.neuron.surrogate.unit:
            raise DomainError("amplitude", self.neuron.amplitude, "a number", "for training; only theory chooses one")
        if self.samples is not None and self.samples < 1:
            raise DomainError("samples", self.samples, "at least 1, or all")

    @classmethod
    def of(cls, **words: Any) -> Trial:
        """From flat words: those of a recipe, of a neuron, and its own."""
        names = {entry.name for entry in fields(Recipe)}
        own = {name: value for name, value in words.items() if name in names}
        rest = {name: value for name, value in words.items() if name not in names}
        recipe = rest.pop("recipe", Recipe())
        neuron = rest.pop("neuron", Neuron.of(leak=LEAK))
        return cast("Trial", super().of(recipe=_changed(recipe, own), neuron=neuron, **rest))

    def but(self, **words: Any) -> Trial:
        names = {entry.name for entry in fields(Recipe)}
        own = {name: value for name, value in words.items() if name in names}
        rest = {name: value for name, value in words.items() if name not in names}
        return super().but(recipe=_changed(rest.pop("recipe", self.recipe), own), **rest)

    @property
    def foreign(self) -> bool:
        """Whether the model is the user's own."""
        return is_factory(self.model)

    def to_dict(self) -> dict[str, Any]:
        own = {name: getattr(self, name) for name in ("data", "samples", "model", "scheme")}
        return own | self.recipe.to_dict() | ({} if self.foreign else self.neuron.to_dict())

    @cached_property
    def text(self) -> str:
        """Of the same trial the same, one line of JSON."""
        return json.dumps(self.to_dict(), sort_keys=True)

    def built(self, data: Data) -> nn.Module:
        """The model with torch's own weights, from torch's generator."""
        readout = LOSSES[self.recipe.loss].readout
        return build_model(self.model, data.shape, data.classes, self.neuron, readout=readout, dropout=self.recipe.dropout)


def _changed(recipe: Recipe, words: dict[str, Any]) -> Recipe:
    return Recipe(**{**vars(recipe), **words}) if words else recipe


def presented(x: Tensor, steps: int, events: bool) -> Tensor:
    """[T, B, …]: events in their order; else the same sample at every step, without a copy."""
    return x.transpose(0, 1) if events else x.unsqueeze(0).expand(steps, *x.shape)


def check_answers(model: nn.Module, trial: Trial, data: Data) -> None:
    """Error: on the first samples the untrained model raises, forward or backward, gives what is no number, or cannot learn."""
    part = data.train.first(min(len(data.train), trial.recipe.batch))
    with said_by(trial, f"on samples of {data.name}"):
        z = model.train()(presented(part.x, trial.recipe.steps, data.events))
        loss = trial.recipe.loss_of(z, part.y)
        if loss.requires_grad:
            loss.backward()
    if not bool(torch.isfinite(z).all()):
        raise IkunError(f"model {trial.model} gives NaN or infinity before any training; ikun diagnose says where")
    if not loss.requires_grad:
        raise IkunError(
            f"model {trial.model} answers without a gradient; no parameter that could be trained leads to its answer"
        )


@contextmanager
def said_by(trial: Trial, where: str) -> Iterator[None]:
    """What the user's own model raises in here becomes one line; a model of this package has no such excuse."""
    try:
        yield
    except IkunError:
        raise
    except Exception as error:
        if not trial.foreign:
            raise
        message = " ".join(str(error).split())
        raise IkunError(f"model {trial.model} raised {type(error).__name__} {where}: {message}") from error
