"""Route for bounded functions with many pieces: the density is interpolated on panels, the function integrated once.

The line is cut into panels of a width of about 2σ, the same for all means. On each the density is a polynomial to rounding,
φ(x) = Σ_k φ(x_k) ℓ_k(x) at its Chebyshev points (the n-th coefficient of e^{−x²/2} on a half-width of aσ is below
aⁿ/(2^{n−1} √n!)), and so

    E[g(X)] = Σ_panels Σ_k φ(x_k) W_k,      W_k = ∫ g(x) ℓ_k(x) dx,

whatever kinks and needles g has: only the W_k, by the tanh-sinh rule between its breakpoints, see them. They are kept by panel.
Every second point makes an interpolant of half the degree, whose difference is the check. What lies beyond the panels
is below sup|g| · 2Q(reach).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import sympy as sp

from ...catalogue.piecewise import R, U
from ...expressions.lowering import Evaluator
from .recurring import Tail
from .route import SMALLEST, Booleans, Floats
from .tanh_sinh import AGREEMENT as WEIGHTS_AGREE
from .tanh_sinh import NumberedPiece, rule

DEGREE = 36
"""Of the interpolants; half of it for the check."""


class Reach(NamedTuple):
    """How far from the mean the panels go, in σ; the share of sup|g| of which 2Q(reach) is 1e-16: values below it may be what
    was cut off; and the width of a panel, at most, in σ: far out the density varies much on one."""

    reach: float
    beyond: float
    widest: float

    @property
    def panels(self) -> int:
        """Panels that it takes: their width is at least 4/5 of `widest`."""
        return math.ceil(2 * self.reach / self.widest * 1.25) + 1


NEAR, FAR = Reach(11.0, 4e-12, 3.0), Reach(24.0, 1e-109, 0.7)
"""The second for values so small that g vanishes where the density does not."""

AGREEMENT = 3e-9
"""Twice the degree squares the error."""

CANCELLATION = 30.0
"""Sum of magnitudes over magnitude of the sum."""

FARTHEST = 2048
"""Panels are kept up to this distance from 0, in panels."""

LEVELS = (20, 48, 112)
"""Nodes per unit of the tanh-sinh variable between two breakpoints, tried in turn."""

UNDERFLOW = 1e-306
"""What weights of values below float64's normal numbers may differ by: nothing beside `SMALLEST`."""

MOST = 96
"""Stretches of g in one panel."""

_ENTRIES = 14336
"""Of an array: 112 KiB; from 128 on malloc takes fresh pages for each."""


class Stretch(NamedTuple):
    """Where g is one formula, from `lo` to `hi` in u = side · x. A value may depend on r = u − `origin`."""

    side: int
    lo: float
    hi: float
    origin: float
    value: Evaluator

    def at(self, u: Any) -> Floats:
        """At places of a wide type, where there is one: at a needle's foot P − r has lost the digits of a double."""
        found = self.value({U: u.astype(float), R: u - np.longdouble(self.origin)})
        return np.broadcast_to(found, u.shape).astype(float)


class Panels:
    """Of pieces and periodic tails with numbers for their parameters."""

    def __init__(
        self, pieces: Sequence[NumberedPiece], env: Mapping[sp.Symbol, float], tails: Sequence[Tail], top: float, how: Reach
    ) -> None:
        self.pieces, self.env, self.tails = pieces, dict(env), tails
        self.highest, self.how = top, how
        self.tables: dict[float, _Table] = {}

    @classmethod
    def of(
        cls, pieces: Sequence[NumberedPiece], env: Mapping[sp.Symbol, float], tails: Sequence[Tail], how: Reach = NEAR
    ) -> Panels | None:
        """None where no bound of |g| is seen."""
        bounds = [highest(sp.sympify(piece.value).subs(list(env.items()))) for piece, *_ in pieces]
        for tail in tails:
            ends = [0.0, *(end for end, _ in tail.cell)]
            bounds += [highest(value, (lo, hi)) for lo, (hi, value) in zip(ends, tail.cell, strict=False)]
        top = max(bounds)
        return cls(pieces, env, tails, top, how) if 0 < top < math.inf else None

    def stretches(self, lo: float, hi: float) -> list[Stretch] | None:
        """Those that meet this interval of x and are not 0, cut to it; None if there are more than `MOST`."""
        found: list[Stretch] = []
        for side in (1, -1):
            near, far = (max(lo, 0.0), hi) if side > 0 else (max(-hi, 0.0), -lo)
            if near < far:
                for one in self._on(side, near, far):
                    found.append(one)
                    if len(found) > MOST:
                        return None
        return found

    def _on(self, side: int, near: float, far: float) -> Iterator[Stretch]:
        for piece, lo, hi, value in self.pieces:
            if piece.side == side and not piece.is_zero and max(lo, near) < min(hi, far):
                yield Stretch(side, max(lo, near), min(hi, far), 0.0, lambda at, value=value: value({**self.env, **at}))
        for tail in self.tails:
            start = tail.start.high
            cells = range(max(0, math.floor((near - start) / tail.period) - 1), math.ceil((far - start) / tail.period) + 1)
            for origin in (start + number * tail.period for number in cells) if tail.side == side else ():
                for lo, hi, value in tail.stretches:
                    if max(origin + lo, near) < min(origin + hi, far):
                        yield Stretch(side, max(origin + lo, near), min(origin + hi, far), origin, value)

    def __call__(self, mean: Floats, var: Floats) -> tuple[Floats, Booleans]:
        value, sure = np.full(mean.shape, np.nan), np.zeros(mean.shape, dtype=bool)
        sigma = np.sqrt(var)
        width = _width(self.how.widest * sigma)
        first = np.floor((mean - self.how.reach * sigma) / width)
        fits = (np.abs(first) + self.how.panels <= FARTHEST) & (sigma > 1e-100) & (sigma < 1e100)
        for one in np.unique(width[fits]):
            chosen = np.flatnonzero(fits & (width == one))
            table = self.tables.setdefault(float(one), _Table(self, float(one)))
            step = max(1, _ENTRIES // (self.how.panels * len(POINTS)))
            for start in range(0, len(chosen), step):
                some = chosen[start : start + step]
                value[some], sure[some] = self._sums(table, mean[some], sigma[some], first[some])
        return value, sure

    def _sums(self, table: _Table, mean: Floats, sigma: Floats, first: Floats) -> tuple[Floats, Booleans]:
        index = first.astype(int)[:, None] + np.arange(self.how.panels)
        weights, change = table.at(index)
        left = (index * table.width - mean[:, None]) / sigma[:, None]
        z = left[:, :, None] + (table.width / sigma)[:, None, None] * POINTS
        np.square(z, out=z)
        z *= -0.5
        density = np.exp(z, out=z).reshape(len(mean), -1)
        products = density * weights.reshape(density.shape)
        total, size = products.sum(axis=1), np.abs(products, out=products).sum(axis=1)
        differs = np.abs(np.multiply(density, change.reshape(density.shape), out=products).sum(axis=1))
        value = total / (sigma * math.sqrt(2 * math.pi))
        apart = np.abs(total)
        sure = (differs <= AGREEMENT * apart) & (size <= CANCELLATION * apart)
        return value, sure & (np.abs(value) >= self.how.beyond * self.highest) & (np.abs(value) > SMALLEST)


def _width(most: Floats) -> Floats:
    """The largest of 4, 5, 6, 7 times 2^b up to this."""
    mantissa, exponent = np.frexp(most)
    return np.ldexp(np.floor(8 * mantissa) / 8, exponent)


class _Table:
    """W of the panels of one width, made when they are asked for."""

    def __init__(self, panels: Panels, width: float) -> None:
        self.panels, self.width = panels, width
        self.place = np.full(2 * FARTHEST + 1, -1)
        self.weights, self.change = np.empty((0, DEGREE + 1)), np.empty((0, DEGREE + 1))

    def at(self, index: Any) -> tuple[Floats, Floats]:
        """W, and its difference from those of the lower degree, at panels of these numbers."""
        where = self.place[index + FARTHEST]
        if where.min() < 0:
            new = np.unique(index[where < 0])
            made = [self._made(int(number)) for number in new]
            self.place[new + FARTHEST] = len(self.weights) + np.arange(len(new))
            self.weights = np.concatenate([self.weights, [one[0] for one in made]])
            self.change = np.concatenate([self.change, [one[1] for one in made]])
            where = self.place[index + FARTHEST]
        return self.weights[where], self.change[where]

    def _made(self, number: int) -> tuple[Floats, Floats]:
        lo = number * self.width
        inside = self.panels.stretches(lo, lo + self.width)
        for level in LEVELS if inside is not None else ():
            fine, half = self._integrals(inside or (), lo, level)
            if (np.abs(fine - half) <= WEIGHTS_AGREE * np.abs(fine).sum(axis=1, keepdims=True) + UNDERFLOW).all():
                wide = np.zeros(DEGREE + 1)
                wide[::2] = fine[1, : DEGREE // 2 + 1]
                return fine[0], fine[0] - wide
        nothing = np.full(DEGREE + 1, np.nan)
        return nothing, nothing

    def _integrals(self, inside: Sequence[Stretch], lo: float, level: int) -> tuple[Floats, Floats]:
        """∫ g ℓ_k of both degrees, one a row, with the rule's step and with twice that step."""
        near, _, weight = rule(level)
        fine, half = np.zeros((2, DEGREE + 1)), np.zeros((2, DEGREE + 1))
        for one in inside:
            length = one.hi - one.lo
            heights = one.at(np.longdouble(one.lo) + np.longdouble(length) * near) * weight * length
            inner = ((one.lo - one.side * lo) + length * near) / self.width
            if one.side < 0:
                inner = -inner
            for row, degree in enumerate((DEGREE, DEGREE // 2)):
                parts = heights[:, None] * _basis(inner, degree)
                fine[row, : degree + 1] += parts.sum(axis=0)
                half[row, : degree + 1] += 2 * parts[::2].sum(axis=0)
        return fine, half


@cache
def _points(degree: int) -> tuple[Floats, Floats]:
    """Chebyshev points of [0, 1], its ends among them, and their barycentric weights."""
    angle = np.pi * np.arange(degree + 1) / degree
    weights = np.where(np.arange(degree + 1) % 2, -1.0, 1.0)
    weights[[0, -1]] *= 0.5
    return np.square(np.sin(angle / 2), dtype=float), weights


POINTS = _points(DEGREE)[0]


def _basis(at: Floats, degree: int) -> Floats:
    """ℓ_k at these places of [0, 1], [places, degree + 1], by the barycentric formula."""
    points, weights = _points(degree)
    apart = at[:, None] - points
    hit = apart == 0
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = weights / apart
        found = terms / terms.sum(axis=1, keepdims=True)
    found[hit.any(axis=1)] = hit[hit.any(axis=1)]
    return found


def highest(value: Any, cell: tuple[float, float] = (0.0, 0.0)) -> float:
    """A bound of |value| over u >= 0 and r in `cell`; infinite where none is seen."""
    if value.is_number:
        return abs(float(value))
    if U not in value.free_symbols:
        return _of_cell(value, cell)
    if isinstance(value, sp.cos | sp.sin | sp.tanh | sp.erf):
        return 1.0 if value.args[0].is_real is not False else math.inf
    if isinstance(value, sp.exp):
        slope = sp.expand(value.args[0])
        falls = slope.is_polynomial(U) and all(c.is_number and c <= 0 for c in sp.Poly(slope, U).all_coeffs())
        return math.exp(min(0.0, float(slope.subs(U, 0)))) if falls else math.inf
    if isinstance(value, sp.Mul):
        return math.prod(highest(part, cell) for part in value.args)
    if isinstance(value, sp.Add):
        return sum(highest(part, cell) for part in value.args)
    if isinstance(value, sp.Pow) and value.exp.is_number:
        if value.exp > 0 and value.exp.is_Integer:
            return highest(value.base, cell) ** float(value.exp)
        least = _least(value.base)
        return least ** float(value.exp) if least > 0 and value.exp < 0 else math.inf
    return math.inf


def _least(value: Any) -> float:
    """A lower bound over u >= 0 of a sum of parts that are not negative; 0 where none is seen."""
    parts = value.args if value.is_Add else (value,)
    if not all(part.is_nonnegative or isinstance(part, sp.exp) for part in (p.subs(U, POSITIVE) for p in parts)):
        return 0.0
    return float(sum(part for part in parts if part.is_number))


POSITIVE = sp.Symbol("u", positive=True)


def _of_cell(value: Any, cell: tuple[float, float]) -> float:
    """The same of what depends on r alone, which is smooth: what is seen of it on a dense grid, and as much again."""
    place = np.linspace(*cell, 4097)
    with np.errstate(all="ignore"):
        found = np.abs(np.broadcast_to(sp.lambdify(R, value, "numpy")(place), place.shape))
    return 2 * float(found.max()) if np.isfinite(found).all() else math.inf
