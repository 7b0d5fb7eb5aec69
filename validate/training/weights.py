"""The weights that training starts from: any scheme, as `initialise_` draws it, and one seed gives all the same normal numbers.

Layer l of pair s has numbers z ~ N(0, 1) of its own. Normal weights are mean + std · z, uniform ones the value with the same
quantile, mean + bound · erf(z/√2). So two schemes that differ in scale differ in nothing else. Rotations, and schemes that
search a scale on data, draw from the pair's generator instead.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from ikun_sym.schemes.initialise import Initialisation

from ..models.default_scheme import DEFAULT
from ..models.initialise import Initialised, initialise_, initialised
from ..models.measuring.recorded_run import Run
from ..networks.drawing import BIAS, WEIGHTS, generator
from . import spiking_reader  # noqa: F401 - so that initialise_ reads the models here

BEFORE_DEFAULT = "torch-default"
"""The weights that the default of `initialise_` finds, and leaves where they serve."""

EXAMPLE = 32
"""Training samples on which `initialise_` measures the model."""


def start(model: nn.Module, example: Tensor, scheme: str, seed: int) -> tuple[str, ...]:
    """Give `model` the scheme's weights, in place; returns what the scheme could not do. `example`: inputs [T, B, …]."""
    if scheme == DEFAULT:
        notes = start(model, example, BEFORE_DEFAULT, seed)
        return tuple(dict.fromkeys((*notes, *initialise_(model, example, seed=seed).could_not)))
    # what is compared is the scheme, good or bad; of before and after nothing is said
    found = initialised(model, example, scheme, None, Run(seed=seed), undo=False, tell=lambda *asked: None)
    _pair(model, found, seed)
    return tuple(dict.fromkeys(found.could_not))


def _pair(model: nn.Module, found: Initialised, seed: int) -> None:
    for change, law in zip(found.changes, found.laws, strict=True):
        if law is None or law.needs_data or law.weights not in SHAPED:
            continue
        weight = model.get_parameter(change.weight)
        assert change.gain is not None
        std = math.sqrt(change.gain / weight[0].numel())
        with torch.no_grad():
            z = _numbers(weight, seed, WEIGHTS, change.layer)
            weight.copy_(law.mean + SHAPED[law.weights](std * _of_law(z, law)))
            owner = model.get_submodule(change.weight.rpartition(".")[0])
            bias = getattr(owner, "bias", None)
            if law.bias_bound and isinstance(bias, Tensor):
                bias.copy_(law.bias_bound * quantile(_numbers(bias, seed, BIAS, change.layer)))


def _numbers(like: Tensor, seed: int, stream: int, layer: int) -> Tensor:
    source = generator(torch.device("cpu"), seed, 0, stream, layer)
    return torch.randn(like.shape, generator=source, dtype=torch.float64).to(like)


def quantile(z: Tensor) -> Tensor:
    """U(−1, 1) from N(0, 1)."""
    return torch.erf(z / math.sqrt(2))


def _of_law(z: Tensor, law: Initialisation) -> Tensor:
    """Standard deviation 1."""
    return math.sqrt(3) * quantile(z) if law.distribution == "uniform" else z


SHAPED: dict[str, Callable[[Tensor], Tensor]] = {
    "independent": lambda weight: weight,
    "row-centred": lambda weight: weight - weight.mean(dim=tuple(range(1, weight.ndim)), keepdim=True),
}
"""Ways to draw that are made from independent numbers, each a key of the catalogue's WEIGHTS."""
