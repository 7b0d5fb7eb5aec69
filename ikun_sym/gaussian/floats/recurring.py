"""Routes for one periodic tail, where σ is not short against its period P: no cell is looked at on its own.

With h the value in a cell and ε = P/σ, z = (start − mean)/σ, the Euler–Maclaurin formula at start + nP + r, n = 0, 1, …, is

    E[g(X) 1(X > start)] = (1/P) ∫ h · Φ(−z) − φ(z)/σ Σ_k β_k (−ε)^{k−1} He_{k−1}(z),   β_k = ∫₀ᴾ h(r) B_k(r/P)/k! dr,

for values of r alone: the β_k belong to the function, so that a value costs one error function and one exponential however
many cells the density reaches. Where the value depends on u as well, the density is summed over one table of the function
at tanh-sinh nodes of all cells.
"""

from __future__ import annotations

import math
from functools import cached_property, lru_cache

import numpy as np
import sympy as sp
from numpy.polynomial import Polynomial

from ...catalogue.piecewise import PeriodicTail, R, U
from ...expressions.lowering import Evaluator, Numpy, lower
from .closed import vouched
from .route import SMALLEST, Booleans, Floats, Route, Values, exact
from .segments import Point, point
from .tanh_sinh import AGREEMENT, REACH, growth, rule

ORDER = 20
"""Terms of the Euler–Maclaurin sum."""

SHORT, STEEP = 3.0, 1.2
"""ε (SHORT + STEEP max(z, 0)) <= 1: |He_j φ| <= √j! and |B_k| <= 2 k!/(2π)ᵏ then leave less than 1e-16 of the value beyond the
last term."""

FAR = 40.0
"""Beyond so many σ the density is 0 in float64."""

OPERATIONS = 12.0
"""Roundings in a term beside those of the density's exponent."""

CANCELLATION = 40.0
"""Sum of magnitudes over magnitude of the sum, for values of two signs."""

MOST_CELLS = 4096
"""Cells in a table."""

STEEPEST = 10.0
"""z of the table: its density has lost z²/2 roundings at its largest."""

_NODES = 1 << 21
"""Densities that are held at once."""

Stretches = list[tuple[float, float, Evaluator]]
"""(lo, hi, value over arrays) of a cell's stretches that are not 0."""


class Tail:
    """One tail with numbers for its parameters."""

    def __init__(self, tail: PeriodicTail, values: Values) -> None:
        self.side, numbers = tail.side, exact(values)
        self.start: Point = point(tail.start.subs(numbers))  # type: ignore[assignment,arg-type]
        self.period = float(sp.N(tail.period.subs(numbers)))
        self.cell = [(float(sp.N(end.subs(numbers))), sp.sympify(value).subs(numbers)) for end, value in tail.cell]
        rates = [growth(value) for _, value in self.cell]
        self.linear, self.quadratic = (max(rate[i] for rate in rates) for i in (0, 1))

    @cached_property
    def stretches(self) -> Stretches:
        ends = [0.0, *(end for end, _ in self.cell)]
        return [(lo, hi, lower(value, Numpy())) for lo, (hi, value) in zip(ends, self.cell, strict=False) if value != 0]  # type: ignore[arg-type]

    def cells(self, mean: Floats, var: Floats) -> Floats:
        """How many the density reaches; from the start on if that is where it is largest."""
        m, start = self.side * mean, self.start.high
        gap = np.maximum(start - m, 0.0)
        top = np.maximum(m, start) - start
        reach = REACH * REACH * var / (np.sqrt(gap * gap + REACH * REACH * var) + gap)
        return np.maximum(np.ceil((top + reach) / self.period), 1.0)

    @property
    def route(self) -> Route | None:
        if self.linear or self.quadratic:
            return None
        return Table(self) if any(value.has(U) for _, value in self.cell) else Recurring(self)


class Recurring:
    """Values that depend on r alone."""

    def __init__(self, tail: Tail) -> None:
        self.tail = tail
        near, _, weight = rule(256)
        self.moments, self.sizes, coarse = np.zeros(ORDER + 1), np.zeros(ORDER + 1), 0.0
        for lo, hi, value in tail.stretches:
            # in a wider type where there is one: at a needle's foot P − r has lost the digits of a double
            place = np.longdouble(lo) + np.longdouble(hi - lo) * near
            terms = (value({R: place}) * weight * (hi - lo)).astype(float)
            coarse += 2 * np.sum(np.abs(terms[::2]))
            for k in range(ORDER + 1):
                factor = _bernoulli(k)((place / tail.period).astype(float))
                self.moments[k] += np.sum(terms * factor)
                self.sizes[k] += np.sum(np.abs(terms * factor))

        self.resolved = bool(abs(self.sizes[0] - coarse) <= AGREEMENT * coarse)

    def __call__(self, mean: Floats, var: Floats) -> tuple[Floats, Booleans]:
        """Where its own value is lost in float64, or ε or εz too large, it does not vouch."""
        from scipy.special import erfc

        sigma = np.sqrt(var)
        y = (self.tail.start.high - self.tail.side * mean) + self.tail.start.low
        epsilon, z = self.tail.period / sigma, np.clip(y / sigma, -FAR, FAR)
        depth = y * y / (2 * var)
        edge = np.exp(-depth) / (sigma * math.sqrt(2 * math.pi))
        beyond = 0.5 * erfc(y / np.sqrt(2 * var)) / self.tail.period
        value, size = beyond * self.moments[0], beyond * self.sizes[0]
        before, last = np.zeros(z.shape), edge
        for k in range(1, ORDER + 1):
            value = value - self.moments[k] * last
            size = size + self.sizes[k] * np.abs(last)
            before, last = last, -epsilon * (z * last + (k - 1) * epsilon * before)
        sure = epsilon * (SHORT + STEEP * np.maximum(z, 0)) <= 1
        deep = np.where(z > 0, 2 * depth, 0.0)
        return value, sure & self.resolved & vouched(value, size * (OPERATIONS + deep))


@lru_cache(maxsize=ORDER + 1)
def _bernoulli(k: int) -> Polynomial:
    """B_k(t)/k!."""
    t = sp.Symbol("t")
    coefficients = sp.Poly(sp.bernoulli(k, t) / sp.factorial(k), t).all_coeffs()
    return Polynomial([float(c) for c in reversed(coefficients)])


class Table:
    """Values that depend on u too: Σ over nodes of all cells, with the sum over every second node as a check."""

    def __init__(self, tail: Tail) -> None:
        self.tail = tail
        self.tables: dict[tuple[int, int], tuple[Floats, Floats]] = {}

    def __call__(self, mean: Floats, var: Floats) -> tuple[Floats, Booleans]:
        value, sure = np.zeros(mean.shape), np.zeros(mean.shape, dtype=bool)
        sigma, m = np.sqrt(var), self.tail.side * mean
        cells = np.exp2(np.ceil(np.log2(self.tail.cells(mean, var))))
        fits = (cells <= MOST_CELLS) & (sigma >= self.tail.period) & (self.tail.start.high - m <= STEEPEST * sigma)
        for count in np.unique(cells[fits]):
            rest = np.flatnonzero(fits & (cells == count))
            for level in (20, 48):
                u, terms = self._table(int(count), level)
                step = max(1, _NODES // max(1, u.size))
                for first in range(0, len(rest), step):
                    some = rest[first : first + step]
                    value[some], sure[some] = _sums(u, terms, m[some], sigma[some])
                rest = rest[~sure[rest]]
        return value, sure

    def _table(self, count: int, level: int) -> tuple[Floats, Floats]:
        """(u, value times weight), the nodes last, their number odd and every second one of twice the step."""
        if (count, level) not in self.tables:
            near, _, weight = rule(level)
            origin = self.tail.start.high + self.tail.period * np.arange(count)[:, None]
            us, terms = [], []
            for lo, hi, value in self.tail.stretches:
                place = lo + (hi - lo) * near
                u = origin + place
                us.append(u)
                terms.append(np.broadcast_to(value({U: u, R: place}), u.shape) * (weight * (hi - lo)))
            self.tables[count, level] = np.concatenate(us), np.concatenate(terms)
        return self.tables[count, level]


def _sums(u: Floats, terms: Floats, mean: Floats, sigma: Floats) -> tuple[Floats, Booleans]:
    value, sure = np.zeros(mean.shape), np.zeros(mean.shape, dtype=bool)
    for i, (m, s) in enumerate(zip(mean.tolist(), sigma.tolist(), strict=True)):
        z = (u - m) / s
        products = np.exp(-0.5 * z * z) * terms
        fine, size = products.sum(), np.abs(products).sum()
        coarse = 2 * products[:, ::2].sum()
        value[i] = fine / (s * math.sqrt(2 * math.pi))
        agree = abs(fine - coarse) <= AGREEMENT * abs(fine)
        sure[i] = agree and size <= CANCELLATION * abs(fine) and size > SMALLEST
    return value, sure
