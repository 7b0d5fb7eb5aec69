"""E[g(X)], X ~ N(mean, var), in float64 over arrays.

A chain of routes (`floats`), the fastest first. Each states for which points its value is right to the last digits; the
others pass to the next. The last take every smooth piece: panels, if it is bounded; the tanh-sinh rule, whose nested check
decides; and ball arithmetic, slow but right.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from functools import cached_property

import numpy as np
import sympy as sp
from numpy.typing import ArrayLike

from ..catalogue.piecewise import PiecewiseFunction, R, U
from ..errors import IkunError
from ..expressions.lowering import Evaluator, Numpy, lower
from .enclosures.certify import expectation
from .floats import FAST
from .floats.panels import FAR, NEAR, Panels
from .floats.recurring import Tail
from .floats.route import Booleans, Floats, Route
from .floats.tanh_sinh import AGREEMENT, EXTENT, LEVELS, REACH, TanhSinh, rule

_BATCH = 14336
"""Points that go through the routes together: an array of them is 112 KiB. From 128 KiB on, malloc takes fresh pages for every
array; with 8192, what numpy's calls cost beside their work is up to a third of the time."""

MAX_CELLS = 64
"""Cells of a periodic tail that are written out as pieces, where σ is short against the period; beyond, ball arithmetic."""


class FloatFunction:
    """A piecewise function with numbers for its parameters, over float64 arrays."""

    def __init__(self, function: PiecewiseFunction, values: Mapping[sp.Symbol, Fraction], *, cut: bool = False) -> None:
        self.function, self.values = function, dict(values)
        self.cut = cut  # part of another, for where that one's panels do not serve
        self.env = {symbol: float(value) for symbol, value in values.items()}
        self.pieces = [
            (piece, self._number(piece.lo), self._number(piece.hi), lower(piece.value, Numpy())) for piece in function.pieces
        ]
        self.unrolled: dict[int, FloatFunction] = {}

    @cached_property
    def _whole(self) -> Evaluator | None:
        """The value in |x| of a function that is one and the same piece on both sides: nothing is to be chosen."""
        if len(self.pieces) == 2 and not self.function.tails and self.function.is_even:
            return self.pieces[0][3]
        return None

    def _number(self, end: sp.Expr) -> float:
        return math.inf if end == sp.oo else float(lower(end, Numpy())(self.env))

    @cached_property
    def routes(self) -> tuple[Route, ...]:
        """The routes that apply, in the order in which they are tried."""
        made = (make(self.function, self.values) for make in FAST)
        return (*(route for route in made if route is not None), *self.panels[:1], TanhSinh(self.pieces, self.env))

    @cached_property
    def panels(self) -> list[Panels]:
        if self.cut:
            return []
        made = (Panels.of(self.pieces, self.env, self.tails, how) for how in (NEAR, FAR))
        return [one for one in made if one is not None]

    @cached_property
    def tails(self) -> list[Tail]:
        return [Tail(tail, self.values) for tail in self.function.tails]

    def __call__(self, x: ArrayLike) -> Floats:
        """The function at x; at a breakpoint, the outer piece (x = 0 belongs to the positive side)."""
        points = np.asarray(x, dtype=float)
        distance = np.abs(points)
        if self._whole is not None:
            with np.errstate(over="ignore", under="ignore"):
                return np.where(np.isnan(points), np.nan, self._whole({**self.env, U: distance}))
        result = np.full(points.shape, np.nan)
        for piece, lo, hi, value in self.pieces:  # beyond float64 the quotients underflow to their limit, 0
            inside = (points >= 0 if piece.side > 0 else points < 0) & (distance >= lo) & (distance < hi)
            if inside.any():
                with np.errstate(over="ignore", under="ignore"):
                    result[inside] = value({**self.env, U: distance[inside]})
        for tail in self.tails:
            beyond = (points >= 0 if tail.side > 0 else points < 0) & (distance >= tail.start.high)
            result[beyond] = 0.0
            place = np.where(beyond, np.mod(distance - tail.start.high, tail.period), np.nan)
            for before, after, value in tail.stretches:
                inside = (place >= before) & (place < after)
                if inside.any():
                    with np.errstate(over="ignore", under="ignore"):
                        result[inside] = value({**self.env, U: distance[inside], R: place[inside]})
        return result

    def expectation(self, mean: ArrayLike, var: ArrayLike, *, settle: bool = True) -> Floats:
        """E[g(X)] by broadcasting over means and variances > 0. What no rule resolves is settled by ball arithmetic, or
        left NaN if not `settle`: a scan over extremes can do without them."""
        try:
            m, v = np.broadcast_arrays(np.asarray(mean, dtype=float), np.asarray(var, dtype=float))
        except (TypeError, ValueError) as error:
            raise IkunError(f"evaluate needs real means and variances whose shapes broadcast: {error}") from None
        if not (np.isfinite(m).all() and np.isfinite(v).all() and (v > 0).all()):
            raise IkunError("evaluate needs finite means and finite variances > 0; for variance 0 take the value at the mean")
        flat_m, flat_v = m.ravel(), v.ravel()
        out = np.empty(flat_m.shape)
        with np.errstate(all="ignore"):
            for start in range(0, len(flat_m), _BATCH):
                chunk = slice(start, start + _BATCH)
                out[chunk] = self._values(flat_m[chunk], flat_v[chunk])
        for i in np.flatnonzero(np.isnan(out)) if settle else ():
            out[i] = expectation(self.function, self.values, Fraction(float(flat_m[i])), Fraction(float(flat_v[i]))).value
        return out.reshape(m.shape)

    def _values(self, mean: Floats, var: Floats) -> Floats:
        """NaN where no route vouches."""
        if self.tails:
            return self._with_tails(mean, var)
        result, rest = np.full(mean.shape, np.nan), None
        for route in self.routes:
            value, sure = route(mean, var)
            if sure.all():
                if rest is None:
                    return value
                result[rest] = value
                return result
            good, left = np.flatnonzero(sure), np.flatnonzero(~sure)
            result[good if rest is None else rest.take(good)] = value.take(good)
            rest = left if rest is None else rest.take(left)
            mean, var = mean.take(left), var.take(left)
        return result

    def _with_tails(self, mean: Floats, var: Floats) -> Floats:
        """By panels; else tails as a whole where σ is not short against the period, else cell by cell."""
        result = np.full(mean.shape, np.nan)
        for way in (*self.panels, self._whole_tails, self._unrolled_tails):
            rest = np.flatnonzero(np.isnan(result))
            if len(rest):
                value, sure = way(mean[rest], var[rest])
                result[rest[sure]] = value[sure]
        return result

    def _whole_tails(self, mean: Floats, var: Floats) -> tuple[Floats, Booleans]:
        found = [tail(mean, var) for tail in self.tails]
        result, some = np.full(mean.shape, np.nan), np.flatnonzero(np.all([sure for _, sure in found], axis=0))
        if len(some):
            parts = [self._cut(0)._values(mean[some], var[some]), *(part[some] for part, _ in found)]
            total = np.sum(parts, axis=0)
            kept = np.all([np.abs(total) >= np.abs(part) for part in parts], axis=0)  # parts of one sign lose nothing
            result[some[kept]] = total[kept]
        return result, ~np.isnan(result)

    def _unrolled_tails(self, mean: Floats, var: Floats) -> tuple[Floats, Booleans]:
        """As many cells of the tails as the density reaches are pieces like others."""
        inside = np.all([tail.contained(var) for tail in self.tails], axis=0)
        cells = np.max([tail.cells(mean, var) for tail in self.tails], axis=0)
        result = np.full(mean.shape, np.nan)
        for count in np.unique(cells[inside & (cells <= MAX_CELLS)]):
            mask = inside & (cells == count)
            result[mask] = self._cut(int(count))._values(mean[mask], var[mask])
        return result, ~np.isnan(result)

    def _cut(self, count: int) -> FloatFunction:
        if count not in self.unrolled:
            function = self.function.unrolled({tail.side: count for tail in self.function.tails})
            self.unrolled[count] = FloatFunction(function, self.values, cut=True)
        return self.unrolled[count]


__all__ = ["AGREEMENT", "EXTENT", "LEVELS", "REACH", "FloatFunction", "rule"]
