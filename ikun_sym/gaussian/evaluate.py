"""E[g(X)], X ~ N(mean, var), in float64 over arrays.

Each piece is split where its density is largest and each part is integrated by the tanh-sinh rule, whose nodes crowd
doubly exponentially at both ends: it resolves a needle at the threshold and a narrow density at the mean alike, at any
ratio of their scales. All terms of a nonnegative g are nonnegative, so nothing cancels. The sum with twice the step
is a free check; where the two disagree the value is replaced by that of the ball arithmetic, slow but right.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from functools import cache

import numpy as np
import sympy as sp
from numpy.typing import ArrayLike, NDArray

from ..catalogue.piecewise import PiecewiseFunction, U
from ..errors import IkunError
from .certify import expectation
from .special import Evaluator, Numpy, lower

Floats = NDArray[np.float64]

REACH = 12.0
"""Standard deviations beyond which the density is dropped: e^{-72} relative, far below float64's rounding."""

LEVELS = (20, 48, 112, 256)
"""Nodes per unit of the tanh-sinh variable, tried in turn. The last resolves scale ratios up to about 1e10."""

EXTENT = 4.5
"""Half-range of the tanh-sinh variable: the distance of the last node to the end is e^{-π sinh 4.5}, about 1e-61."""

AGREEMENT = 1e-9
"""Halving the step squares the error, nearly: agreement to 1e-9 with twice the step leaves less than the rounding."""

SCALES = (1e-30, 1e30)
"""Standard deviations (the lower one relative to |mean| + 1) that the rule resolves with a wide margin; ball arithmetic
does the rest."""

_BATCH = 1024


@cache
def rule(level: int) -> tuple[Floats, Floats, Floats]:
    """Tanh-sinh on [0, 1]: (distance of the node to 0, distance to 1, weight); both distances to full relative
    precision, y = 1/(1 + e^{-π sinh t}), dy/dt = π cosh t · y (1 − y)."""
    steps = round(EXTENT * level)
    t = np.arange(-steps, steps + 1) / level
    w = math.pi * np.sinh(t)
    near, far = 1 / (1 + np.exp(-w)), 1 / (1 + np.exp(w))
    return near, far, math.pi * np.cosh(t) * near * far / level


class FloatFunction:
    """A piecewise function with numbers for its parameters, over float64 arrays."""

    def __init__(self, function: PiecewiseFunction, values: Mapping[sp.Symbol, Fraction]) -> None:
        self.function, self.values = function, dict(values)
        self.env = {symbol: float(value) for symbol, value in values.items()}
        self.pieces = [
            (piece, self._end(piece.lo), self._end(piece.hi), lower(piece.value, Numpy())) for piece in function.pieces
        ]

    def _end(self, end: sp.Expr) -> float:
        return math.inf if end == sp.oo else float(lower(end, Numpy())(self.env))

    def __call__(self, x: ArrayLike) -> Floats:
        """The function at x; at a breakpoint, the outer piece (x = 0 belongs to the positive side)."""
        points = np.asarray(x, dtype=float)
        result = np.full(points.shape, np.nan)
        distance = np.abs(points)
        for piece, lo, hi, value in self.pieces:  # beyond float64 the quotients underflow to their limit, 0
            inside = (points >= 0 if piece.side > 0 else points < 0) & (distance >= lo) & (distance < hi)
            if inside.any():
                with np.errstate(over="ignore", under="ignore"):
                    result[inside] = value({**self.env, U: distance[inside]})
        return result

    def expectation(self, mean: ArrayLike, var: ArrayLike, *, settle: bool = True) -> Floats:
        """E[g(X)] by broadcasting over means and variances > 0. What the rule does not resolve is settled by ball
        arithmetic, or left NaN if not `settle`: a scan over extremes can do without them."""
        try:
            m, v = np.broadcast_arrays(np.asarray(mean, dtype=float), np.asarray(var, dtype=float))
        except (TypeError, ValueError) as error:
            raise IkunError(f"evaluate needs real means and variances whose shapes broadcast: {error}") from None
        if not (np.isfinite(m).all() and np.isfinite(v).all() and (v > 0).all()):
            raise IkunError("evaluate needs finite means and finite variances > 0; for variance 0 take the value at the mean")
        flat_m, flat_v = m.ravel(), v.ravel()
        out = np.empty(flat_m.shape)
        for start in range(0, len(flat_m), _BATCH):
            chunk = slice(start, start + _BATCH)
            out[chunk] = self._chunk(flat_m[chunk], flat_v[chunk], settle)
        return out.reshape(m.shape)

    def _chunk(self, mean: Floats, var: Floats, settle: bool) -> Floats:
        result = np.full(mean.shape, np.nan)
        sigma, size = np.sqrt(var), np.abs(mean) + 1
        # beyond the last node's distance from the end, both step sizes may miss the same bulk and agree
        extreme = (sigma < SCALES[0] * size) | (sigma > SCALES[1])
        rest = np.flatnonzero(~extreme)
        for level in LEVELS:
            if not len(rest):
                break
            fine, coarse = self._sums(mean[rest], var[rest], rule(level))
            resolved = np.abs(fine - coarse) <= AGREEMENT * np.abs(fine)
            result[rest[resolved]] = fine[resolved]
            rest = rest[~resolved]
        for i in [*rest, *np.flatnonzero(extreme)] if settle else ():
            exact = expectation(self.function, self.values, Fraction(float(mean[i])), Fraction(float(var[i])))
            result[i] = exact.value
        return result

    def _sums(self, mean: Floats, var: Floats, nodes: tuple[Floats, Floats, Floats]) -> tuple[Floats, Floats]:
        """The sum over all pieces with the rule's step and with twice that step."""
        fine, coarse = np.zeros(mean.shape), np.zeros(mean.shape)
        sigma = np.sqrt(var)
        with np.errstate(under="ignore", over="ignore", invalid="ignore"):
            for piece, lo, hi, value in self.pieces:
                if piece.is_zero:
                    continue
                m = piece.side * mean
                top = np.clip(m, lo, hi)  # where the density is largest on the piece
                gap = np.abs(m - top)
                # (gap + r)² = gap² + REACH² σ², solved for r without cancellation
                reach = REACH * REACH * var / (np.sqrt(gap * gap + REACH * REACH * var) + gap)
                for outwards, length in ((True, np.minimum(hi - top, reach)), (False, top - lo)):
                    live = length > 0
                    if live.any():
                        start = top[live] if outwards else top[live] - length[live]
                        terms = self._stretch(value, outwards, start, length[live], gap[live], sigma[live], nodes)
                        fine[live] += terms.sum(axis=1)
                        coarse[live] += 2 * terms[:, ::2].sum(axis=1)
        return fine, coarse

    def _stretch(
        self,
        value: Evaluator,
        outwards: bool,
        start: Floats,
        length: Floats,
        gap: Floats,
        sigma: Floats,
        nodes: tuple[Floats, Floats, Floats],
    ) -> Floats:
        """The terms of ∫ value · density over [start, start + length]. The density is largest at the start if
        `outwards`, else at the end; u is measured from the start either way, so that a needle there is resolved."""
        near, far, weight = nodes
        u = start[:, None] + length[:, None] * (near if outwards else far)
        z = (gap[:, None] + length[:, None] * near) / sigma[:, None]
        scale = length / (sigma * math.sqrt(2 * math.pi))
        return value({**self.env, U: u}) * np.exp(-0.5 * z * z) * (weight * scale[:, None])
