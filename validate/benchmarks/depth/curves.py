"""What is left of a difference of two inputs, and of the agreement of their gradients, layer by layer before any training:
measured in the networks that are then trained, and at infinite width.

Measured over all pairs of SAMPLES training samples. The gradients are those of a random loss that hands all samples the same
gradient at the last layer's spikes; of a loss that asks for different classes they agree on nothing.
"""

from __future__ import annotations

import math
from typing import Any

import torch

from ikun_sym.mean_field.infinite_network import TimeModel
from ikun_sym.mean_field.information import overlapping_pair, predict_pair
from ikun_sym.schemes.fan import Fan
from ikun_sym.schemes.for_network import weights_of

from ...training.data import Data
from ...training.inside import SAMPLES, look
from ...training.outcome import short
from ...training.run import seed_of
from ...training.trial import Trial, presented
from ...training.weights import EXAMPLE, start

CURVES = 3
"""Seeds of which curves are measured."""

WIDTH = 256

WORDS = ("rate", "overlap", "gradient_correlation")

Layers = dict[str, list[float | None]]
"""By WORDS, from the first layer to the last; None: there is nothing."""


def layers_of(trial: Trial, data: Data, *, seed: int, index: int) -> Layers:
    """Of the network that `trained` begins with."""
    own, steps = seed_of(seed, "pair", index), trial.recipe.steps
    torch.manual_seed(own)
    model = trial.built(data)
    start(model, presented(data.train.first(EXAMPLE).x, steps, data.events), trial.scheme, own)
    asked = torch.randn(data.classes, generator=torch.Generator().manual_seed(own))
    found = look(model, presented(data.train.first(SAMPLES).x, steps, data.events), lambda z: (z @ asked).sum())
    return {word: [_number(one[word]) for one in found] for word in WORDS}


def _number(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else short(value, 4)


def predicted(trial: Trial, first: Layers, depth: int) -> Layers:
    """At infinite width and one step, from the rate and overlap that were measured in the first layer: layers 2, 3, …"""
    found = weights_of(trial.scheme, Fan(WIDTH, WIDTH), trial.neuron)
    (rate, *_), (overlap, *_) = first["rate"], first["overlap"]
    assert rate is not None
    assert overlap is not None
    model = TimeModel(depth=depth - 1, **neuron_of(trial, found.fields))
    pair = predict_pair(model, overlapping_pair(rate, overlap), samples=2, randomisations=2)
    numbers = [[float(layer.rates.mean()), layer.overlap, layer.gradient_correlation] for layer in pair.layers]
    return {word: [_number(value) for value in column] for word, column in zip(WORDS, zip(*numbers, strict=True), strict=True)}


def neuron_of(trial: Trial, fields: dict[str, Any]) -> dict[str, Any]:
    """A scheme may change the surrogate."""
    own = dict(fields)
    neuron = trial.neuron.but(surrogate=own.pop("surrogate"))
    return own | {"neuron": neuron}
