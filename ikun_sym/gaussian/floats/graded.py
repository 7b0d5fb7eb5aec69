"""Route: pieces that are smooth but for singularities behind one end, by Gauss–Legendre sums in a root of the distance.

With x the distance from the end in units of σ and β that of the nearest singularity from the end, the substitution

    x = y^q − β,   q = 1, 2, 4, …, 32,

stretches what varies on the scale of β next to what varies on the scale of σ: a range of the ratio R = (x_max + β)/β is one
of the ratio R^{1/q} in y. So between 20 and 50 nodes resolve (1 + k|x|)^{−s} and a density of kσ from 0 to 10⁶ alike, by
multiplications and one exponential a node. Where the peak of the density lies so far inside the piece that its ends do not
matter, the trapezoidal rule takes it, with the density's values as constants.

Each sum has a free check. The last Legendre coefficients that n nodes see, of degrees n − 1 and n − 2, tell what a rule that
is exact to the degree 2n − 1 leaves; of the trapezoidal sum, that with twice the step.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from flint import arb
from numpy.typing import NDArray
from scipy.special import gammainccinv

from ...catalogue.piecewise import PiecewiseFunction, U
from ...expressions.lowering import precision
from .from_end import FromEnd, from_end
from .nodes import BITS, enclosed
from .route import SMALLEST, Booleans, Floats, Values

PEAKS = np.array([0.0, 0.5, 2.0, 4.5])
NODES = ((40, 48, 56, 72, 96), (128,) * 5)
"""Nodes, tried in turn, by the distance of the peak from the end where it is inside, in σ."""

AGREEMENT = 3e-9
"""The coefficients' part of the value, and the difference of the trapezoidal sums: both leave less than 1e-15 (measured for the
coefficients, where the ratio of y is at most `SPREAD`; with more, a needle at the end may hide between the nodes)."""

SPREAD = 50.0

ORDERS = np.array([1.5, 3.0, 6.0])
RATIOS = np.array([
    (5.0, 150.0, 1e6, math.inf, math.inf),
    (5.0, 60.0, 1e3, 1e9, math.inf),
    (2.5, 15.0, 150.0, 2e3, 1e5),
    (2.0, 5.0, 15.0, 50.0, 150.0),
])  # fmt: skip
"""Of R/(1 + z), z the peak's distance from the end where it is inside: beyond each, q is doubled. By the order s of a value
that falls like (1 + x/β)^{−s} at the end. (The best of trials; another choice is not wrong, but needs more nodes.)"""

DROPS = np.array([55.0, 90.0, 120.0])
"""Of s ln R: beyond each, more nodes are taken from the start."""

STEEPEST = 1000.0
"""s q: a rounding in y is so many in the value."""

STEP = 0.45
"""Of the trapezoidal rule: of a density alone its error is 2e^{−2π²/h²}, 1e-42, and with twice the step 5e-11."""

STEPS = 24
"""On either side of the peak: 10.8 σ, where the density has fallen by e^{−58}."""

NEGLECT = 1e-17
"""Of the value: the terms at the ends of the trapezoidal sum, and parts that are left out because of their bounds."""

UNSEEN = 38.0
"""At so many σ the density is 0 in float64."""

Indices = NDArray[np.intp]

_ELEMENTS = 14336
"""Nodes times points that are held at once: below malloc's limit, as `evaluate`'s batches."""

MOST_STRETCHES = 64


@dataclass(frozen=True)
class _Sums:
    """Per point: the value, the sum of magnitudes, and what the checks of all sums leave open."""

    value: Floats
    size: Floats
    defect: Floats

    @classmethod
    def zero(cls, count: int) -> _Sums:
        return cls(*(np.zeros(count) for _ in range(3)))

    def add(self, where: Indices, value: Floats, size: Floats, defect: Floats) -> None:
        self.value[where] += value
        self.size[where] += size
        self.defect[where] += defect


@cache
def legendre(n: int) -> tuple[Floats, Floats, Floats, Floats]:
    """For even n, as columns: the nodes on [0, 1]; and for the first half of them, the others being their mirror images, the
    weights and n − ½ times weight times the Legendre polynomials of degree n − 1, odd, and n − 2, even."""
    with precision(BITS):
        found = enclosed(n)
        t = [float((root + 1) / 2) for root, _ in found]
        rows = [[float(w / 2 * (factor * root.legendre_p(d) if d else 1)) for root, w in found[: n // 2]]
                for d, factor in ((0, 1), (n - 1, arb(2 * n - 1) / 2), (n - 2, arb(2 * n - 1) / 2))]  # fmt: skip
    return tuple(np.array(row)[:, None] for row in (t, *rows))  # type: ignore[return-value]  # four of them


CANCELLATION = 40.0
"""Sum of magnitudes over magnitude of the sum: forty roundings of 1.1e-16, with their own factor of a few, stay below 2e-14."""


def drop(degree: float) -> float:
    """Where a stretch is cut: D with ∫_D^∞ tᵈ e^{−t} dt = 5e-17 d!, for an exponent that falls by D."""
    return float(gammainccinv(degree + 1, 5e-17))


@dataclass(frozen=True)
class _View:
    """A stretch as seen from the densities, in units of σ from its end: the peak, the length, how far the peak is off the
    stretch, and the part of the stretch where the density is not negligible against its largest value there; `inside` where the
    trapezoidal sum fits in."""

    stretch: FromEnd
    sigma: Floats
    peak: Floats
    length: Floats
    gap: Floats
    first: Floats
    last: Floats
    inside: Booleans

    @classmethod
    def of(cls, stretch: FromEnd, mean: Floats, sigma: Floats, depth: float) -> _View:
        peak = ((mean - stretch.end.high) - stretch.end.low) * stretch.sign / sigma
        length = stretch.length / sigma
        top = np.clip(peak, 0.0, length)
        gap = np.abs(peak - top)
        reach = 2 * depth / (np.sqrt(gap * gap + 2 * depth) + gap)
        first, last = np.maximum(top - reach, 0.0), np.minimum(top + reach, length)
        inside = (peak > STEP * STEPS) & (length - peak > STEP * STEPS)
        return cls(stretch, sigma, peak, length, gap, np.where(inside, peak - STEP * STEPS, first), last, inside)

    def unsettled(self, where: Booleans, gap: Floats, sums: _Sums) -> Indices:
        """Where what lies at least `gap` from the peak may be more than a negligible part of what has been summed so far:
        Φ(−g) <= min(½, φ(g)/g)."""
        some = np.flatnonzero(where & (gap < UNSEEN))
        bound = self.stretch.largest * np.exp(-0.5 * gap[some] ** 2) / np.maximum(2.0, 2.5 * gap[some])
        return some[~(bound <= NEGLECT * np.abs(sums.value[some]))]


class Graded:
    """E[g(X)], stretch by stretch."""

    def __init__(self, stretches: list[FromEnd]) -> None:
        self.stretches = stretches
        self.depth = drop(max(stretch.degree for stretch in stretches))

    @classmethod
    def of(cls, function: PiecewiseFunction, values: Values) -> Graded | None:
        pieces = [piece for piece in function.pieces if not piece.is_zero]
        if function.tails or not 0 < len(pieces) <= MOST_STRETCHES:
            return None
        stretches = []
        for piece in pieces:
            stretch = from_end(piece, values)
            if stretch is None:
                return None
            stretches.append(stretch)
        return cls(stretches)

    def __call__(self, mean: Floats, var: Floats) -> tuple[Floats, Booleans]:
        value, sure, sigma = np.full(mean.shape, np.nan), np.zeros(mean.shape, dtype=bool), np.sqrt(var)
        rest = np.arange(len(mean))
        for nodes in NODES:
            sums = _Sums.zero(len(rest))
            views = [_View.of(stretch, mean[rest], sigma[rest], self.depth) for stretch in self.stretches]
            for view in views:
                self._main(view, np.flatnonzero(view.gap == 0), nodes, sums)
            for view in views:
                self._main(view, view.unsettled((view.gap > 0), view.gap, sums), nodes, sums)
                lower = view.unsettled(view.first > 0, view.peak - view.first, sums)
                self._outer(view, lower, np.zeros(len(rest)), view.first, nodes, sums)
            size = np.abs(sums.value)
            good = (sums.defect <= AGREEMENT * size) & (sums.size <= CANCELLATION * size) & (size > SMALLEST)
            good &= size < 1 / SMALLEST
            value[rest[good]], sure[rest[good]] = sums.value[good], True
            rest = rest[~good]
            if not len(rest):
                break
        return value, sure

    def _main(self, view: _View, some: Indices, nodes: Sequence[int], sums: _Sums) -> None:
        """From `first` to `last`."""
        inside = view.inside[some] & (nodes is NODES[0])
        self._inner(view, some[inside], sums)
        self._outer(view, some[~inside], view.first, view.last, nodes, sums)

    def _inner(self, view: _View, some: Indices, sums: _Sums) -> None:
        """The trapezoidal sum about the peak."""
        z = STEP * np.arange(-STEPS, STEPS + 1)[:, None]
        weight = STEP / math.sqrt(2 * math.pi) * np.exp(-0.5 * z * z)
        for index in _batches(some, len(z)):
            s = view.sigma[index]
            terms = s * z
            terms += s * view.peak[index]
            terms = view.stretch.value({U: terms}) * weight
            value, coarse = terms.sum(axis=0), 2 * terms[STEPS % 2 :: 2].sum(axis=0)
            ends = np.abs(terms[0]) + np.abs(terms[-1])
            size = np.abs(value) if view.stretch.one_sign else np.abs(terms).sum(axis=0)
            sums.add(index, value, size, np.abs(value - coarse) + ends * (AGREEMENT / NEGLECT))

    def _outer(self, view: _View, some: Indices, lo: Floats, hi: Floats, nodes: Sequence[int], sums: _Sums) -> None:
        """From `lo` to `hi`, sorted by q and by the number of nodes."""
        if not len(some):
            return
        beta, peak = view.stretch.scale / view.sigma[some], np.maximum(view.peak[some], 0.0)
        ratio = (hi[some] + beta) / (lo[some] + beta) if math.isfinite(view.stretch.scale) else np.ones(len(some))
        ratios = RATIOS[np.searchsorted(ORDERS, view.stretch.order)]
        power = np.searchsorted(ratios, ratio / (1 + peak))
        count = np.searchsorted(PEAKS, peak) + np.searchsorted(DROPS, view.stretch.order * np.log(ratio))
        np.minimum(count, len(PEAKS), out=count)
        steep = view.stretch.order * 2.0**power > STEEPEST
        sums.defect[some[steep | (ratio > SPREAD ** (2.0**power))]] = math.inf
        for p, c in sorted(set(zip(power.tolist(), count.tolist(), strict=True))):
            for index in _batches(some[(power == p) & (count == c)], nodes[c]):
                self._gauss(view, index, lo[index], hi[index], p, nodes[c], sums)

    def _gauss(self, view: _View, index: Indices, lo: Floats, hi: Floats, power: int, nodes: int, sums: _Sums) -> None:
        """With q = 2^power."""
        stretch, peak, sigma = view.stretch, view.peak[index], view.sigma[index]
        t, weights, odd, even = legendre(nodes)
        if power:
            beta = stretch.scale / sigma
            y0, y1 = lo + beta, hi + beta
            for _ in range(power):
                y0, y1 = np.sqrt(y0), np.sqrt(y1)
            length, shift = y1 - y0, y0
            for _ in range(power):
                shift = shift * shift
            shift = shift - lo  # β as the roundings of the roots have it: what they do to all nodes does not count
            y = length * t
            y += y0
            slope = y.copy()
            y *= y
            for _ in range(power - 1):
                slope *= y
                y *= y
            length *= 2**power
            z, x = y - (shift + peak), y
            x -= shift
        else:
            length = hi - lo
            x, slope = length * t, None
            z = (lo - peak) + x
            x += lo
        x *= sigma
        z *= z
        z *= -0.5
        terms = np.exp(z, out=z)
        if slope is not None:
            terms *= slope
        terms *= stretch.value({U: x})
        length *= 1 / math.sqrt(2 * math.pi)
        before, after = terms[: nodes // 2], terms[: nodes // 2 - 1 : -1]
        plus, minus = before + after, before - after
        value = (plus * weights).sum(axis=0) * length
        defect = np.abs((minus * odd).sum(axis=0)) + np.abs((plus * even).sum(axis=0))
        defect *= length
        size = np.abs(value)
        if not stretch.one_sign:
            plus = np.abs(before) + np.abs(after)
            size = (plus * weights).sum(axis=0) * length
        sums.add(index, value, size, defect)


def _batches(some: Indices, nodes: int) -> Iterator[Indices]:
    """A single point comes twice: over one column, numpy adds in another order."""
    step = _ELEMENTS // nodes
    for start in range(0, len(some), step):
        index = some[start : start + step]
        yield index if len(index) > 1 else np.repeat(index, 2)
