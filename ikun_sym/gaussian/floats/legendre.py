"""Route: Gauss–Legendre sums over one-sided stretches of polynomial × exp(quadratic).

On a stretch of half-length L about c the integrand is P e^{E}, E quadratic: e^{τ s − κ s²} for s in [−1, 1], with the tilt
τ = L |E'(c)| and the bend κ = L² |E''|/2. How many nodes reach the rounding depends on τ and κ alone and is known
beforehand; that, and the sum of the magnitudes, is what this route vouches by.
"""

from __future__ import annotations

import math

import numpy as np

from ...catalogue.piecewise import PiecewiseFunction
from .nodes import gauss_legendre
from .route import SMALLEST, Booleans, Floats, Values
from .segments import Segment, segments_of

NODES, TILT, BEND = 30, 25.0, 6.0
"""So many nodes reach a relative 2e-15 for tilts and bends up to these (measured, polynomials of degree 4)."""

DEGREE = 4
"""The limits hold for polynomials up to this degree; two degrees more cost one node more."""

CANCELLATION = 40.0
"""Sum of magnitudes over magnitude of the sum: forty roundings of 1.1e-16, with their own factor of a few, stay below 2e-14."""


def drop(degree: int) -> float:
    """Where a stretch is cut: D with ∫_D^∞ tᵈ e^{−t} dt <= 5e-17 d!, for an exponent that falls by D."""
    depth = 37.5
    for _ in range(20):
        depth = 37.5 + degree * math.log(depth) - math.lgamma(degree + 1)
    return depth


def _horner(coefficients: tuple[float, ...], y: Floats) -> tuple[Floats, Floats]:
    """A polynomial at y >= 0, and the sum of the magnitudes of its terms."""
    total, size = np.full(y.shape, coefficients[-1]), np.full(y.shape, abs(coefficients[-1]))
    for coefficient in reversed(coefficients[:-1]):
        total, size = total * y + coefficient, size * y + abs(coefficient)
    return total, size


class Long:
    """Every stretch is cut to where its integrand is not negligible, and must then be short enough for many nodes.

    For tails: the density falls off along the whole stretch, and the closed form cancels.
    """

    def __init__(self, segments: tuple[Segment, ...]) -> None:
        self.segments = segments
        degree = max((len(s.coefficients) - 1 for segment in segments for s in segment.summands), default=0)
        self.drop = drop(degree)
        self.nodes, self.weights = gauss_legendre(NODES + max(0, degree - DEGREE + 1) // 2)

    @classmethod
    def of(cls, function: PiecewiseFunction, values: Values) -> Long | None:
        segments = segments_of(function, values)
        if not segments or any(len({(s.a, s.b, s.c) for s in segment.summands}) > 1 for segment in segments):
            return None  # one exponent a stretch, so that it has one peak
        return cls(segments)

    def __call__(self, mean: Floats, var: Floats) -> tuple[Floats, Booleans]:
        total, size, sure = np.zeros(mean.shape), np.zeros(mean.shape), np.ones(mean.shape, dtype=bool)
        for segment in self.segments:
            self._add(segment, mean, var, total, size, sure)
        return total, sure & (size <= CANCELLATION * np.abs(total)) & (np.abs(total) > SMALLEST)

    def _add(self, segment: Segment, mean: Floats, var: Floats, total: Floats, size: Floats, sure: Booleans) -> None:
        summand = segment.summands[0]
        a, b, c = summand.a, summand.b, summand.c
        decay = 1 - 2 * a * var
        sure &= decay > 0
        w, r = var / decay, (mean + b * var) / decay
        lo, hi = (-math.inf if segment.lo is None else segment.lo.high), (math.inf if segment.hi is None else segment.hi.high)
        top = np.clip(r, lo, hi)
        gap = np.abs(r - top)
        reach = 2 * self.drop * w / (np.sqrt(gap * gap + 2 * self.drop * w) + gap)
        upwards = r < 0.5 * (lo + hi) if segment.lo is not None and segment.hi is not None else r < lo
        for anchor, mask, sign in ((segment.lo, upwards, 1.0), (segment.hi, ~upwards, -1.0)):
            if not mask.any():
                continue
            if anchor is None:  # the peak lies on the infinite side
                sure &= ~mask
                continue
            end = anchor.high
            depth = np.minimum(hi - lo, sign * (top - end)[mask] + reach[mask])  # from this end to beyond the peak
            near = (end - mean[mask]) + anchor.low
            half, width, to_peak = 0.5 * depth, w[mask], (end - r)[mask]
            sure[mask] &= (half * np.abs(to_peak + sign * half) <= TILT * width) & (half * half <= 2 * BEND * width)
            norm, scale = half / np.sqrt(2 * math.pi * var[mask]), -2 * var[mask]
            value, magnitude = np.zeros(half.shape), np.zeros(half.shape)
            for s, weight in zip(self.nodes, self.weights, strict=True):
                y = (1 + s) * half
                distance = near + sign * y
                exponent = distance * distance / scale
                if a or b or c:
                    x = end + sign * y
                    exponent += (a * x + b) * x + c
                density = weight * np.exp(exponent)
                polynomial, terms = _horner(summand.from_lo if sign > 0 else summand.from_hi, y)
                value += density * polynomial
                magnitude += density * terms
            total[mask] += value * norm
            size[mask] += magnitude * norm
