"""From a text to a model."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from torch import nn

from ikun_sym.catalogue.architectures.topology import parsed
from ikun_sym.discovery import import_modules
from ikun_sym.errors import DomainError, IkunError
from ikun_sym.reading.neuron import Neuron
from ikun_sym.reading.surrogate_spec import Spec

from ...engines.population import AUTO
from ..spiking import SpikingLayer
from .readout import READOUTS
from .register import MODELS, Model, Setting
from .user import user_model

import_modules(__package__ or "", [str(Path(__file__).parent)])


def build_model(
    spec: str,
    input_shape: Sequence[int],
    classes: int,
    neuron: Neuron | None = None,
    surrogate: Spec | None = None,
    *,
    slope: float | None = None,
    amplitude: float | None = None,
    readout: str = "rate",
    dropout: float = 0.0,
    backend: str = AUTO,
) -> nn.Module:
    """A torch module from [T, B, *input_shape] to [B, classes], weights as torch draws them.

    spec:      `name:param=value,…` of MODELS, or MODULE:FACTORY of a user's own model, which the other words do not change
    neuron … amplitude, backend: as in SpikingLayer
    readout:   rate (spikes per step of a neuron for each class) or membrane (of a neuron that never fires)
    dropout:   share of a layer's spikes that are dropped in training, the same at every step
    """
    if is_factory(spec):
        return user_model(spec, classes)
    if readout not in READOUTS:
        raise IkunError(f"unknown read-out {readout!r}; known: {', '.join(READOUTS)}")
    if not 0 <= dropout < 1:
        raise DomainError("dropout", dropout, "at least 0 and below 1")
    if classes < 1 or not all(size >= 1 for size in input_shape):
        raise IkunError(f"{classes} classes of inputs {list(input_shape)}; all sizes must be at least 1")
    neurons = partial(SpikingLayer, neuron, surrogate, slope=slope, amplitude=amplitude, backend=backend)
    setting = Setting(shape=tuple(input_shape), classes=classes, neurons=neurons, readout=readout, dropout=dropout)
    return model_of_spec(spec).build(setting)


def model_of_spec(spec: str) -> Model:
    """A model of the registry, with its parameters. Errors: an unknown name or parameter."""
    return parsed(spec, MODELS, "mlp:depth=3,width=256")


def is_factory(spec: str) -> bool:
    """Whether the text names a user's model: MODULE:FACTORY, and not `name:param=value` of a known one."""
    name, colon, rest = spec.partition(":")
    return bool(colon) and "=" not in rest and bool(rest.strip()) and name.strip() not in MODELS
