"""Route for one periodic tail, where σ is at least its period: the density summed over one table of the function at the
tanh-sinh nodes of all cells, with the sum over every second node as a check."""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np
import sympy as sp

from ...catalogue.piecewise import PeriodicTail, R, U
from ...expressions.lowering import Evaluator, Numpy, lower
from .route import SMALLEST, Booleans, Floats, Values, exact
from .segments import point
from .tanh_sinh import AGREEMENT, NARROWING, REACH, TILT, growth, rule

LEVELS = (20, 48)
"""Nodes per unit of the tanh-sinh variable in each stretch of a cell, tried in turn."""

CANCELLATION = 40.0
"""Sum of magnitudes over magnitude of the sum, for values of two signs."""

MOST_CELLS = 4096
"""Cells in a table."""

STEEPEST = 30.0
"""σ from the mean up to the start of the tail: at z of them a density has lost about z² roundings of 1.1e-16, less than what
is promised for values of its size."""


class Tail:
    """One tail with numbers for its parameters."""

    def __init__(self, tail: PeriodicTail, values: Values) -> None:
        self.side, numbers = tail.side, exact(values)
        self.start = point(tail.start.subs(numbers))  # type: ignore[arg-type]
        self.period = float(sp.N(tail.period.subs(numbers)))
        self.cell = [(float(sp.N(end.subs(numbers))), sp.sympify(value).subs(numbers)) for end, value in tail.cell]
        rates = [growth(value) for _, value in self.cell]
        self.linear, self.quadratic = (max(rate[i] for rate in rates) for i in (0, 1))
        self.tables: dict[tuple[int, int], tuple[Floats, Floats]] = {}

    @cached_property
    def stretches(self) -> list[tuple[float, float, Evaluator]]:
        """(lo, hi, value over arrays) of a cell's stretches that are not 0."""
        ends = [0.0, *(end for end, _ in self.cell)]
        return [(lo, hi, lower(value, Numpy())) for lo, (hi, value) in zip(ends, self.cell, strict=False) if value != 0]  # type: ignore[arg-type]

    def cells(self, mean: Floats, var: Floats) -> Floats:
        """How many the density reaches, from the start of the tail on, rounded up to a power of two."""
        m, start = self.side * mean, self.start.high
        gap = np.maximum(start - m, 0.0)
        top = np.maximum(m, start) - start
        reach = REACH * REACH * var / (np.sqrt(gap * gap + REACH * REACH * var) + gap)
        return np.exp2(np.ceil(np.log2(np.maximum(np.ceil((top + reach) / self.period), 1.0))))

    def contained(self, var: Floats) -> Booleans:
        """Whether the values grow so slowly that nothing that counts lies in other cells."""
        return (self.linear * np.sqrt(var) <= TILT) & (2 * self.quadratic * var <= NARROWING)

    def __call__(self, mean: Floats, var: Floats) -> tuple[Floats, Booleans]:
        value, sure = np.zeros(mean.shape), np.zeros(mean.shape, dtype=bool)
        sigma, m, cells = np.sqrt(var), self.side * mean, self.cells(mean, var)
        fits = self.contained(var) & (cells <= MOST_CELLS)
        fits &= (sigma >= self.period) & (self.start.high - m <= STEEPEST * sigma)
        for count in np.unique(cells[fits]):
            rest = np.flatnonzero(fits & (cells == count))
            for level in LEVELS:
                u, terms = self._table(int(count), level)
                for i in rest:
                    value[i], sure[i] = _sum(u, terms, m[i], sigma[i])
                rest = rest[~sure[rest]]
        return value, sure

    def _table(self, count: int, level: int) -> tuple[Floats, Floats]:
        """(u, value times weight), the nodes last, their number odd and every second one of twice the step."""
        if (count, level) not in self.tables:
            near, _, weight = rule(level)
            origin = self.start.high + self.period * np.arange(count)[:, None]
            us, terms = [], []
            for lo, hi, value in self.stretches:
                # in a wider type where there is one: at a needle's foot P − r has lost the digits of a double
                place = np.longdouble(lo) + np.longdouble(hi - lo) * near
                u = (origin + place).astype(float)
                found = value({U: u, R: place})
                us.append(u)
                terms.append((np.broadcast_to(found, u.shape) * (weight * (hi - lo))).astype(float))
            self.tables[count, level] = np.concatenate(us), np.concatenate(terms)
        return self.tables[count, level]


def _sum(u: Floats, terms: Floats, mean: float, sigma: float) -> tuple[float, bool]:
    """The value, and whether it is good."""
    z = (u - mean) / sigma
    products = np.exp(-0.5 * z * z) * terms
    fine, size = products.sum(), np.abs(products).sum()
    coarse = 2 * products[:, ::2].sum()
    agree = abs(fine - coarse) <= AGREEMENT * abs(fine)
    value = fine / (sigma * math.sqrt(2 * math.pi))
    return value, bool(agree and size <= CANCELLATION * abs(fine) and size > SMALLEST)
