"""Route: any smooth pieces, by the tanh-sinh rule with a nested check.

Each piece is split where its density is largest and each part is integrated by the tanh-sinh rule, whose nodes crowd
doubly exponentially at both ends: it resolves a needle at the threshold and a narrow density at the mean alike, at any
ratio of their scales. All terms of a nonnegative g are nonnegative, so nothing cancels. The sum with twice the step
is a free check.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import sympy as sp

from ...catalogue.piecewise import Piece, U
from ...expressions.lowering import Evaluator
from .route import Booleans, Floats

REACH = 12.0
"""Standard deviations beyond which the density is dropped: e^{-72} relative, far below float64's rounding."""

LEVELS = (20, 48, 112, 256)
"""Nodes per unit of the tanh-sinh variable, tried in turn. The last resolves scale ratios up to about 1e10."""

EXTENT = 4.5
"""Half-range of the tanh-sinh variable: the distance of the last node to the end is e^{-π sinh 4.5}, about 1e-61."""

AGREEMENT = 1e-11
"""Halving the step nearly squares the error (the exponent was never seen below 1.35): agreement to 1e-11 with twice the
step leaves less than 2e-15."""

SCALES = (1e-30, 1e30)
"""Standard deviations (the lower one relative to |mean| + 1) that the rule resolves with a wide margin; ball arithmetic
does the rest."""

TILT = 3.0
"""A factor e^{bu} moves the bulk of the product outwards by bσ standard deviations: as far as this it stays well inside
REACH, what is dropped being e^{−(REACH − TILT)²/2}, 3e-18."""

NARROWING = 0.3
"""The same for e^{cu²}: 2cσ² up to this leaves e^{−REACH² (1 − 0.3)/2}, 1e-22."""

NEGLIGIBLE = 1e-15
"""Where a piece is cut, its value times the density may be this share of its largest: what grows towards the cut has its bulk
beyond it, as erfc(3(10 − x)) has under a narrow density at 0."""

_BATCH = 1024

NumberedPiece = tuple[Piece, float, float, Evaluator]
"""A piece, its ends as floats, and its value over arrays."""


@cache
def rule(level: int) -> tuple[Floats, Floats, Floats]:
    """Tanh-sinh on [0, 1]: (distance of the node to 0, distance to 1, weight); both distances to full relative
    precision, y = 1/(1 + e^{-π sinh t}), dy/dt = π cosh t · y (1 − y)."""
    steps = round(EXTENT * level)
    t = np.arange(-steps, steps + 1) / level
    w = math.pi * np.sinh(t)
    near, far = 1 / (1 + np.exp(-w)), 1 / (1 + np.exp(w))
    return near, far, math.pi * np.cosh(t) * near * far / level


def growth(value: sp.Basic) -> tuple[float, float]:
    """(b, c) with |value| below a polynomial times e^{bu + cu²}, b, c >= 0."""
    linear, quadratic = _rate(value)
    return max(0.0, linear), max(0.0, quadratic)


def _rate(value: Any) -> tuple[float, float]:
    """The same with signs, so that what decays makes up for what grows in a product. A sum in a denominator counts as its
    largest term where all are positive, else as a constant: terms of two signs may cancel."""
    if U not in value.free_symbols or value == U:
        return 0.0, 0.0
    if isinstance(value, sp.exp):
        exponent: Any = sp.expand(value.args[0])
        if not exponent.is_polynomial(U):
            return 0.0, 0.0
        return float(sp.re(exponent.coeff(U, 1))), float(sp.re(exponent.coeff(U, 2)))
    rates = [_rate(part) for part in value.args]
    if value.is_Mul:
        return sum(linear for linear, _ in rates), sum(quadratic for _, quadratic in rates)
    if value.is_Pow and value.exp.is_number:
        power, base = float(sp.re(value.exp)), value.base
        if power < 0 and base.is_Add and not all(term.is_positive for term in base.args):
            return 0.0, 0.0
        return power * rates[0][0], power * rates[0][1]
    # each the largest on its own: one term may have the larger b and another the larger c
    return max(linear for linear, _ in rates), max(quadratic for _, quadratic in rates)


class TanhSinh:
    """E[g(X)] over pieces with numbers for their parameters."""

    def __init__(self, pieces: list[NumberedPiece], env: Mapping[sp.Symbol, float]) -> None:
        self.pieces, self.env = pieces, dict(env)
        rates = [growth(piece.value.subs(list(self.env.items()))) for piece, *_ in pieces]
        grown = [rate for rate, (_, _, hi, _) in zip(rates, pieces, strict=True) if math.isinf(hi)]
        # a finite piece that grows away from the density is not cut: its bulk may lie at its far end
        self.uncut = [any(rate) and math.isfinite(hi) for rate, (_, _, hi, _) in zip(rates, pieces, strict=True)]
        self.linear, self.quadratic = (max((g[i] for g in grown), default=0.0) for i in (0, 1))

    def __call__(self, mean: Floats, var: Floats) -> tuple[Floats, Booleans]:
        result, sure = np.full(mean.shape, np.nan), np.zeros(mean.shape, dtype=bool)
        for start in range(0, len(mean), _BATCH):
            chunk = slice(start, start + _BATCH)
            result[chunk], sure[chunk] = self._chunk(mean[chunk], var[chunk])
        return result, sure

    def _chunk(self, mean: Floats, var: Floats) -> tuple[Floats, Booleans]:
        result, sure = np.full(mean.shape, np.nan), np.zeros(mean.shape, dtype=bool)
        sigma, size = np.sqrt(var), np.abs(mean) + 1
        # beyond the last node's distance from the end, both step sizes may miss the same bulk and agree
        inside = (self.linear * sigma <= TILT) & (2 * self.quadratic * var <= NARROWING)
        rest = np.flatnonzero(inside & (sigma >= SCALES[0] * size) & (sigma <= SCALES[1]))
        for level in LEVELS:
            if not len(rest):
                break
            fine, coarse, contained = self._sums(mean[rest], var[rest], rule(level))
            resolved = contained & (np.abs(fine - coarse) <= AGREEMENT * np.abs(fine))
            result[rest[resolved]] = fine[resolved]
            sure[rest[resolved]] = True
            rest = rest[~resolved]
        return result, sure

    def _sums(self, mean: Floats, var: Floats, nodes: tuple[Floats, Floats, Floats]) -> tuple[Floats, Floats, Booleans]:
        """The sum over all pieces with the rule's step and with twice that step; whether nothing was cut off that counts."""
        fine, coarse = np.zeros(mean.shape), np.zeros(mean.shape)
        contained = np.ones(mean.shape, dtype=bool)
        sigma = np.sqrt(var)
        with np.errstate(under="ignore", over="ignore", invalid="ignore"):
            for (piece, lo, hi, value), uncut in zip(self.pieces, self.uncut, strict=True):
                if piece.is_zero:
                    continue
                m = piece.side * mean
                top = np.clip(m, lo, hi)  # where the density is largest on the piece
                gap = np.abs(m - top)
                # (gap + r)² = gap² + REACH² σ², solved for r without cancellation
                reach = REACH * REACH * var / (np.sqrt(gap * gap + REACH * REACH * var) + gap)
                for outwards, length in ((True, hi - top if uncut else np.minimum(hi - top, reach)), (False, top - lo)):
                    live = length > 0
                    if live.any():
                        # lo itself, not top − length: what varies on the scale of a small lo sees its digits
                        start = top[live] if outwards else np.full(int(live.sum()), lo)
                        heights, weights = self._stretch(value, outwards, start, length[live], gap[live], sigma[live], nodes)
                        if outwards and not uncut:
                            edge, highest = np.abs(heights[:, -1]), np.abs(heights).max(axis=1)
                            contained[live] &= (top[live] + length[live] >= hi) | (edge <= NEGLIGIBLE * highest)
                        terms = heights * weights
                        fine[live] += terms.sum(axis=1)
                        coarse[live] += 2 * terms[:, ::2].sum(axis=1)
        return fine, coarse, contained

    def _stretch(
        self,
        value: Evaluator,
        outwards: bool,
        start: Floats,
        length: Floats,
        gap: Floats,
        sigma: Floats,
        nodes: tuple[Floats, Floats, Floats],
    ) -> tuple[Floats, Floats]:
        """value · density at the nodes of [start, start + length], without the density's constant, and the weights. The
        density is largest at the start if `outwards`, else at the end; u is measured from the start either way, so that a
        needle there is resolved."""
        near, far, weight = nodes
        u = start[:, None] + length[:, None] * (near if outwards else far)
        z = (gap[:, None] + length[:, None] * near) / sigma[:, None]
        scale = length / (sigma * math.sqrt(2 * math.pi))
        return value({**self.env, U: u}) * np.exp(-0.5 * z * z), weight * scale[:, None]
