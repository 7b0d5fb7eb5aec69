"""Route: polynomial × exp(quadratic), by scaled error functions.

With the density, P(x) e^{q(x)} becomes P(x) e^{E(x)}, E'(x) = −(x − r)/w. The sum over stretches is the integral over the
whole line of the polynomial that holds at the peak r, and for every breakpoint x_i the integral from there outwards, away
from r, of the jump of the polynomial: with z = (x_i − r)/√(2w) and y the distance from x_i

    ∫₀^∞ yᵏ e^{E} dy = e^{E(x_i)} (2w)^{(k+1)/2} (√π/2) k! I_k(|z|),   I_k = e^{z²} iᵏerfc(z)   (`repeated`).

E(r) = q̂ + a (m − x̂)²/(1 − 2av) for q = q̂ + a (x − x̂)², and c + b (m + bv/2) for a = 0.

The sum of the magnitudes of all terms, each times its own relative error in units of rounding, is carried along: a value
is vouched for where that bound is small against it. Elsewhere the stretches are short, and a series is right.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...catalogue.piecewise import PiecewiseFunction
from .repeated import GAIN, TIERS, scaled_integrals
from .route import SMALLEST, Booleans, Floats, Values
from .segments import Point, Segment, Summand, segments_of

ROUNDING = 2.0**-53

OPERATIONS = 6.0
"""Roundings in one term beside those of its exponent."""

UNSCALED = TIERS[0][0]
"""Below this |z| the repeated integrals lose GAINᵏ roundings."""

SLACK = 4e-14
"""Relative error that the sum of all bounds may reach; and twice the rounding of the logarithm of the value."""


class Closed:
    """E[g(X)] for g elementary with real exponents, stretch by stretch."""

    def __init__(self, segments: tuple[Segment, ...]) -> None:
        stretches: dict[tuple[float, float, float], list[tuple[Segment, Summand]]] = defaultdict(list)
        for segment in segments:
            for summand in segment.summands:
                stretches[summand.a, summand.b, summand.c].append((segment, summand))
        self.groups = [_Group(Summand((), *key), tuple(found)) for key, found in stretches.items()]

    @classmethod
    def of(cls, function: PiecewiseFunction, values: Values) -> Closed | None:
        segments = segments_of(function, values)
        return None if segments is None else cls(segments)

    def __call__(self, mean: Floats, var: Floats) -> tuple[Floats, Booleans]:
        value, bound, least = np.zeros(mean.shape), np.zeros(mean.shape), np.full(mean.shape, np.inf)
        for group in self.groups:
            group.add(mean, var, value, bound, least)
        if not self.groups:
            return value, np.ones(mean.shape, dtype=bool)
        size = np.abs(value)
        bound *= ROUNDING
        good = bound <= size * (SLACK + 4 * ROUNDING * least)
        return value, good & (size > SMALLEST) & (size < 1 / SMALLEST)


@dataclass(frozen=True)
class _Jump:
    """What changes at a breakpoint: the polynomial to its right less the one to its left, in powers of x − breakpoint."""

    at: Point
    coefficients: tuple[float, ...]


class _Group:
    """All summands with one exponent. The stretch that holds the peak r counts as if it were the whole line; then every
    breakpoint corrects what lies beyond it, as seen from r, by its jump."""

    def __init__(self, exponent: Summand, stretches: tuple[tuple[Segment, Summand], ...]) -> None:
        self.exponent, self.stretches = exponent, stretches
        jumps: dict[Point, list[float]] = defaultdict(list)
        for segment, summand in stretches:
            if segment.lo is not None:
                jumps[segment.lo] = _added(jumps[segment.lo], summand.from_lo)
            if segment.hi is not None:
                mirrored = [-c * (-1) ** k for k, c in enumerate(summand.from_hi)]
                jumps[segment.hi] = _added(jumps[segment.hi], mirrored)
        self.jumps = [_Jump(at, _trimmed(coefficients)) for at, coefficients in jumps.items()]

    def add(self, mean: Floats, var: Floats, value: Floats, bound: Floats, least: Floats) -> None:
        """Adds to the values and their error bounds, and lowers `least` to the smallest exponent met."""
        a, b = self.exponent.a, self.exponent.b
        decay = 1 - 2 * a * var if a else None
        w = var if decay is None else var / decay
        r = mean if not (a or b) else mean + b * var if decay is None else (mean + b * var) / decay
        narrowing = None if decay is None else 1 / np.sqrt(decay)
        root = np.sqrt(2 * w)
        left: dict[Point, Booleans] = {}
        ends = [self._exponent(jump.at, mean, var, root) for jump in self.jumps]
        # one call for all breakpoints: the many steps of the recurrence are paid in calls
        order = max((len(jump.coefficients) for jump in self.jumps), default=1) - 1
        integrals = scaled_integrals(np.abs(np.concatenate([z for z, *_ in ends])), order) if ends else []
        for i, (jump, (z, exponent, weight)) in enumerate(zip(self.jumps, ends, strict=True)):
            np.minimum(least, np.abs(exponent), out=least)
            left[jump.at] = z < 0
            here = [column[i * len(z) : (i + 1) * len(z)] for column in integrals]
            total, error = _beyond(jump.coefficients, here, z, root, weight)
            scale = np.exp(exponent)
            scale *= 0.5 if narrowing is None else 0.5 * narrowing
            total *= scale
            value += total
            error *= scale
            bound += error
        for segment, summand in self.stretches:
            holds: Booleans | None = None
            if segment.lo is not None:
                holds = left[segment.lo]
            if segment.hi is not None:
                holds = ~left[segment.hi] if holds is None else holds & ~left[segment.hi]
            index = slice(None) if holds is None else np.flatnonzero(holds)
            if holds is not None and not len(index):  # type: ignore[arg-type]
                continue
            parts = [None if x is None else x[index] for x in (mean, var, decay, narrowing, r, w)]
            whole, error, peak = self._whole(segment, summand, *parts)  # type: ignore[arg-type]
            value[index] += whole
            bound[index] += error
            if holds is None and not self.jumps:
                np.minimum(least, np.abs(peak), out=least)

    def _exponent(self, at: Point, mean: Floats, var: Floats, root: Floats) -> tuple[Floats, Floats, Floats]:
        """(z, E, rounding errors in a term) at a breakpoint, E without the density's norm."""
        a, b, c = self.exponent.a, self.exponent.b, self.exponent.c
        distance = at.high - mean
        if at.low:
            distance += at.low
        exponent = distance * distance
        exponent /= -2 * var
        size, weight = -exponent, 0.0
        if not (a or b):
            z = distance / root
        else:
            exponent = exponent + (a * at.high + b) * at.high
            size = size + (abs(a * at.high) + abs(b)) * abs(at.high)
            slope, pull, width = 2 * a * at.high + b, distance / var, 0.5 * root
            z = (pull - slope) * width
            weight = (abs(2 * a * at.high) + abs(b) + np.abs(pull)) * width / (1 + np.abs(z))
            weight = weight * max(len(jump.coefficients) for jump in self.jumps)
        if c:
            exponent, size = exponent + c, size + abs(c)
        # an exponent below the underflow carries no error: its term is 0
        return z, exponent, weight + OPERATIONS + 2 * np.minimum(size, 800.0)

    def _whole(
        self,
        segment: Segment,
        summand: Summand,
        mean: Floats,
        var: Floats,
        decay: Floats | None,
        narrowing: Floats | None,
        r: Floats,
        w: Floats,
    ) -> tuple[Floats | float, Floats | float, Floats | float]:
        """∫ P e^{E} over the whole line relative to the density's norm, its error bound, and E(r)."""
        peak, spread = self._peak(mean, var, decay)
        full = math.exp(peak) if isinstance(peak, float) else np.exp(peak)
        if narrowing is not None:
            full = full * narrowing
        anchors = [(summand.coefficients, r)]
        if segment.lo is not None:
            anchors.append((summand.from_lo, r - segment.lo.high))
        if segment.hi is not None:
            anchors.append((summand.from_hi, segment.hi.high - r))
        # where the coefficients have one sign nothing cancels: r is inside, so that its distance to an end is positive
        coefficients, distance = min(anchors[1:] or anchors, key=lambda anchor: min(_signs(anchor[0])))
        moment, size = _moment(coefficients, distance, w)
        return full * moment, np.abs(full) * size * (OPERATIONS + 2 * spread), peak

    def _peak(self, mean: Floats, var: Floats, decay: Floats | None) -> tuple[Floats | float, Floats | float]:
        """E(r) without the density's norm, and the size of its parts."""
        a, b, c = self.exponent.a, self.exponent.b, self.exponent.c
        if decay is None:
            if not b:
                return c, abs(c)
            return c + b * (mean + 0.5 * b * var), abs(c) + abs(b) * (np.abs(mean) + 0.5 * abs(b) * var)
        centre = -b / (2 * a)
        distance = mean - centre
        peak = a * distance * distance / decay
        rest = c + 0.5 * b * centre
        return peak + rest, np.abs(peak) * (1 + (abs(centre) + np.abs(mean)) / np.maximum(np.abs(distance), 1e-300)) + abs(rest)


def _added(left: list[float], right: Sequence[float]) -> list[float]:
    return [x + y for x, y in itertools.zip_longest(left, right, fillvalue=0.0)]


def _trimmed(coefficients: list[float]) -> tuple[float, ...]:
    """Without the zeros at the end: fewer orders to compute."""
    while len(coefficients) > 1 and not coefficients[-1]:
        coefficients = coefficients[:-1]
    return tuple(coefficients)


def _signs(coefficients: Sequence[float]) -> tuple[int, int]:
    """How many coefficients are positive, and how many negative."""
    return sum(c > 0 for c in coefficients), sum(c < 0 for c in coefficients)


def _beyond(
    coefficients: tuple[float, ...], integrals: list[Floats], z: Floats, root: Floats, weight: Floats
) -> tuple[Floats, Floats]:
    """Σ c_k k! (2w)^{k/2} I_k(|z|), with the signs of a jump seen from its other side where z < 0, and its rounding errors
    if each term has `weight` of them beside those of I_k."""
    side = np.copysign(1.0, z)
    if len(coefficients) == 1:
        total = integrals[0] * side
        total *= coefficients[0]
        return total, np.abs(total) * weight
    total, error, upwards = np.zeros(z.shape), np.zeros(z.shape), np.abs(z) < UNSCALED
    power, signed = side, root * side  # on the left the jump counts with a minus, and so does every odd power of the distance
    for k, (coefficient, integral) in enumerate(zip(coefficients, integrals, strict=False)):
        if k:
            power = power * signed
            if k > 1:
                power *= k
        if coefficient:
            term = power * integral
            term *= coefficient
            total += term
            np.abs(term, out=term)
            term *= weight + GAIN**k * upwards if k else weight
            error += term
    return total, error


def _moment(coefficients: Sequence[float], d: Floats, w: Floats) -> tuple[Floats | float, Floats | float]:
    """E[Σ c_k Yᵏ], Y ~ N(d, w), and the same with magnitudes."""
    total, size = coefficients[0], abs(coefficients[0])
    before, last = np.ones(1), d
    away, last_size = np.ones(1), np.abs(d)
    for k in range(1, len(coefficients)):
        total, size = total + coefficients[k] * last, size + abs(coefficients[k]) * last_size
        before, last = last, d * last + k * w * before
        away, last_size = last_size, np.abs(d) * last_size + k * w * away
    return total, size
