"""Pairs of samples of the user's batch: how many spikes they share in each layer, and how far their gradients agree.

    overlap = Σ S S' / √(Σ S Σ S'),      gradient correlation = Σ δ δ' / √(Σ δ² Σ δ'²)

sums over a layer's neurons and steps; S its spikes, δ the gradient at its membranes of a readout that is the same for both. Of
samples a batch has B, and B(B − 1)/2 pairs: all are used. Samples run side by side in any case, so that a layer costs two
products of [B, neurons] by its transpose.

`alignment` says how far one layer's overlaps follow another's: the correlation of the two over all pairs, after what a sample
has in common with all others is taken off (U-centred, as in the unbiased estimate of HSIC: Song et al., JMLR 13, 2012, eq. 5;
its ratio is the centred kernel alignment). It is 0 in expectation where the pairs' overlaps have nothing to do with each other.

Standard errors are the jackknife's over samples: pairs that share a sample are not independent, samples are. They do not cover
the weights, which are the user's own, nor the readout: one draw each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .surrogate_probe import Floats

MOST = 256
"""Samples that are used, the first ones of the batch: each layer keeps a number for every pair."""

LEAST = 16
"""Different samples below which intervals over samples are too wide to say anything."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """Of one layer, [B, B], ones on the diagonal: `overlap`, and `gradient` correlations, None where samples had no readout in
    common. A sample without spikes, or without gradient, shares none."""

    overlap: Floats
    gradient: Floats | None


@dataclass(frozen=True)
class Estimate:
    value: float
    se: float


def pairs_of(spikes: Tensor, gradients: Tensor, *, alike: bool) -> Pairs | None:
    """Both [T, B, …]. None without an axis of samples. `alike`: the readout was the same for all samples."""
    if spikes.ndim < 3:
        return None
    return Pairs(cosines(spikes), cosines(gradients) if alike else None)


def cosines(values: Tensor) -> Floats:
    """[B, B] from [T, B, …]: of the samples' values at all steps and neurons."""
    rows = values[:, :MOST].transpose(0, 1).flatten(1)
    largest = rows.abs().amax(dim=1, keepdim=True)
    rows = rows / torch.where(largest > 0, largest, 1)  # gradients of deep networks, squared, leave float32's range
    rows = rows / torch.where(largest > 0, torch.linalg.vector_norm(rows, dim=1, keepdim=True), 1)
    return (rows @ rows.T).double().cpu().numpy()


def different(overlap: Floats) -> np.ndarray:
    """Indices of samples, without those whose spikes in the first layer are another's exactly: one input twice."""
    same = np.tril(overlap > 1 - 1e-6, -1).any(axis=1)
    return np.flatnonzero(~same)


def mean_of_pairs(cosine: Floats) -> Estimate:
    """Over all pairs of different samples."""
    n = len(cosine)
    rows = cosine.sum(axis=1) - np.diag(cosine)
    total = rows.sum()
    return _jackknife(total / (n * (n - 1)), (total - 2 * rows) / ((n - 1) * (n - 2)))


def alignment(one: Floats, other: Floats) -> Estimate:
    """In [−1, 1], but for the estimate's error."""
    shared, own, others = (_covariance(*two) for two in ((one, other), (one, one), (other, other)))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = shared / np.sqrt(own * others)
    return _jackknife(float(ratios[0]), ratios[1:])


def _covariance(one: Floats, other: Floats) -> Floats:
    """[1 + B]: the unbiased HSIC of two [B, B], times B(B − 3): of all samples, and without each of them in turn."""
    k, m = (matrix - np.diag(np.diag(matrix)) for matrix in (one, other))
    n = len(k)
    rows_k, rows_m, products = k.sum(axis=1), m.sum(axis=1), (k * m).sum(axis=1)
    total_k, total_m, both = rows_k.sum(), rows_m.sum(), float(rows_k @ rows_m)
    without = both - rows_k * rows_m - k @ rows_m - m @ rows_k + products

    def joined(n: int, trace: Any, ones: Any, cross: Any) -> Any:
        return (trace + ones / ((n - 1) * (n - 2)) - 2 * cross / (n - 2)) / (n * (n - 3))

    whole = joined(n, products.sum(), total_k * total_m, both)
    parts = joined(n - 1, products.sum() - 2 * products, (total_k - 2 * rows_k) * (total_m - 2 * rows_m), without)
    return np.concatenate([[whole], parts])


def _jackknife(value: float, without: Floats) -> Estimate:
    n = len(without)
    return Estimate(float(value), float(np.sqrt((n - 1) / n * np.square(without - without.mean()).sum())))
