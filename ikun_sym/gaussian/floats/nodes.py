"""Gauss–Legendre nodes and weights on [−1, 1] from enclosures: next to the ends, numpy's and scipy's weights have lost three
digits."""

from __future__ import annotations

from functools import cache

import numpy as np
from flint import arb

from ...expressions.lowering import precision
from .route import Floats

BITS = 128
"""Working precision."""


@cache
def enclosed(n: int) -> list[tuple[arb, arb]]:
    """(node, weight) from left to right."""
    with precision(BITS):
        return [arb.legendre_p_root(n, k, weight=True) for k in reversed(range(n))]


@cache
def gauss_legendre(n: int) -> tuple[Floats, Floats]:
    """Nodes and weights, rounded."""
    nodes, weights = zip(*((float(node), float(weight)) for node, weight in enclosed(n)), strict=True)
    return np.array(nodes), np.array(weights)
