"""E[G(C) H(C)] by the trapezoidal rule, whose error is known beforehand.

G(c) and H(c) are convolutions with Gaussians, so entire: |G(c + iy)| <= e^{y²|ρ|/2(1−|ρ|)} E[|g(X)| | C = c], and likewise H.
With φ the standard normal density, ∫ |φ G H|(c + iy) dc <= e^{κy²/2} E|g(X) h(X')|, κ = (1 + |ρ|)/(1 − |ρ|). The rule with
step t is therefore off by at most (Trefethen & Weideman 2014, doi:10.1137/130932132, theorem 5.1, at y = 2π/tκ)

    2 e^{κy²/2}/(e^{2πy/t} − 1) · √(E[g²] E[h²])  =  about 2 e^{−2π²/t²κ} √(E[g²] E[h²]).
"""

from __future__ import annotations

import math

import numpy as np

from ..evaluate import FloatFunction
from .pair_law import Floats, Indices, PairLaw, convolved

STEEPEST = 4e4
"""κ up to which the rule is used: some 10,000 nodes."""

LOGARITHMS = (42.0, 90.0, 800.0)
"""ln(2√(E[g²]E[h²])/error), tried in turn: a value that is small beside √(E[g²]E[h²]) needs more."""

MARGIN = 37.0
"""The error relative to the value is to be below e^{-37}, 1e-16."""

FARTHEST = 38.5
"""Beyond, φ is below the smallest float."""

NEGLECT = 1e-18
"""What the last node on either side may be of the sum."""

_NODES = 400_000
"""Nodes that are evaluated together."""


def trapezoidal(function: FloatFunction, square: FloatFunction, law: PairLaw) -> Floats:
    """E[g(X) g(X')] for g = `function`, `square` its square; NaN where the rule does not serve."""
    value = np.full(len(law), np.nan)
    rest = np.flatnonzero(law.steepness <= STEEPEST)
    if not len(rest):
        return value
    some = law.at(rest)
    sizes = [square.expectation(*some.whole(other)) for other in (False, True)]
    size = np.sqrt(sizes[0]) * np.sqrt(sizes[1])
    for logarithm in LOGARITHMS:
        some = law.at(rest)
        found, contained = _sums(function, some, logarithm)
        with np.errstate(divide="ignore", invalid="ignore"):
            missing = np.log(size) + math.log(2) - np.log(np.abs(found)) + MARGIN
        good = (contained & (missing <= logarithm)) | ((size == 0) & (found == 0))
        value[rest[good]] = found[good]
        rest, size = rest[~good], size[~good]
        if not len(rest):
            break
    return value


def _sums(function: FloatFunction, law: PairLaw, logarithm: float) -> tuple[Floats, np.ndarray]:
    """The sums, and whether they reach far enough."""
    step = math.pi * np.sqrt(2 / (logarithm * law.steepness))
    reach = min(FARTHEST, math.sqrt(2 * logarithm) + 1)
    half = np.ceil(reach / step).astype(int)
    found, contained = np.empty(len(law)), np.empty(len(law), dtype=bool)
    for index in _chunks(half):
        found[index], contained[index] = _some_sums(function, law.at(index), step[index], half[index])
    return found, contained


def _chunks(half: Indices) -> list[Indices]:
    """Points whose nodes go through the evaluation together."""
    return np.array_split(np.arange(len(half)), max(1, math.ceil((2 * half + 1).sum() / _NODES)))


def _some_sums(function: FloatFunction, law: PairLaw, step: Floats, half: Indices) -> tuple[Floats, np.ndarray]:
    count = 2 * half + 1
    first = np.concatenate([[0], np.cumsum(count)[:-1]])
    owner = np.repeat(np.arange(len(law)), count)
    c = (np.arange(len(owner)) - first[owner] - half[owner]) * step[owner]
    with np.errstate(all="ignore"):
        terms = product_at(function, law, owner, c)
        total = np.add.reduceat(terms, first)
        ends = np.maximum(np.abs(terms[first]), np.abs(terms[first + count - 1]))
        contained = ends <= NEGLECT * np.abs(total)
    return total * step, contained


def product_at(function: FloatFunction, law: PairLaw, owner: Indices, c: Floats) -> Floats:
    """φ(c) G(c) H(c) at nodes c of the points `owner`."""
    parts = []
    for other in (False,) if law.alike else (False, True):
        mean, scale, var = law.own(other)
        parts.append(convolved(function, mean[owner] + scale[owner] * c, var[owner]))
    density = np.exp(-0.5 * c * c) / math.sqrt(2 * math.pi)
    return parts[0] * density * parts[-1]
