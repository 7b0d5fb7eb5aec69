"""Draw weights of a given standard deviation in place: one function for each key of the catalogue's `WEIGHTS`."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from ikun_sym.errors import IkunError
from ikun_sym.for_torch.copying import copy_one
from ikun_sym.schemes.initialise import Initialisation

Draw = Callable[[Tensor, Initialisation, float], None]
"""(weight, what the scheme prescribes, standard deviation)."""


def _independent(weight: Tensor, found: Initialisation, std: float) -> None:
    if found.distribution == "uniform":
        bound = math.sqrt(3) * std
        weight.uniform_(found.mean - bound, found.mean + bound)
    else:
        weight.normal_(found.mean, std)


def _row_centred(weight: Tensor, found: Initialisation, std: float) -> None:
    _independent(weight, found, std)
    weight -= weight.mean(dim=tuple(range(1, weight.ndim)), keepdim=True)


def _orthogonal(weight: Tensor, found: Initialisation, std: float) -> None:
    """Orthogonal rows (or columns) of equal length. Before scaling, entries have mean square 1/max(rows, columns)."""
    nn.init.orthogonal_(weight, gain=std * math.sqrt(max(len(weight), weight[0].numel())))


def _delta_orthogonal(weight: Tensor, found: Initialisation, std: float) -> None:
    if weight.ndim < 3 or any(size % 2 == 0 for size in weight.shape[2:]):
        raise IkunError(f"a kernel of shape {tuple(weight.shape[2:])} has no centre tap; delta-orthogonal weights need one")
    centre = tuple(size // 2 for size in weight.shape[2:])
    weight.zero_()
    tap = torch.empty_like(weight[(..., *centre)])
    # the mean square over the whole kernel is std²
    _orthogonal(tap, found, std * math.sqrt(math.prod(weight.shape[2:])))
    weight[(..., *centre)] = tap


def _copying(weight: Tensor, found: Initialisation, std: float) -> None:
    _independent(weight, found, std)
    copy_one(weight, found.copied)


DRAWS: dict[str, Draw] = {
    "independent": _independent,
    "row-centred": _row_centred,
    "orthogonal": _orthogonal,
    "delta-orthogonal": _delta_orthogonal,
    "copying": _copying,
}


def draw(weight: Tensor, found: Initialisation, std: float) -> None:
    """Draw `weight` in place by the scheme's way. Error: this way of drawing is unknown, or does not fit the weight."""
    if found.weights not in DRAWS:
        raise IkunError(f"weights {found.weights!r} cannot be drawn here; known: {', '.join(DRAWS)}")
    with torch.no_grad():
        DRAWS[found.weights](weight, found, std)
