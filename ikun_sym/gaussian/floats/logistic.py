"""Route: C s^m/(1 + s)^{2m}, s = e^{−λ|x|}, on the whole line: C 4^{−m} sech^{2m}(λx/2), by trapezoidal sums.

The value is the same function of s and of 1/s, so it is analytic across 0, with poles at ±iπ/λ. From
|cosh(x + iy)| >= |cos y| cosh x, a trapezoidal sum with step h has, for every φ in (0, π), a relative error of at most about

    2 exp(φ²/(2λ²σ²) − 2πφ/(λh) − 2m ln cos(φ/2)),

whatever the mean: the step is chosen from this bound alone. Where σλ < 1 the nodes are fixed in units of σ, the weights of
the density are constants and s runs through a geometric sequence. Where σλ >= 1 they are fixed in units of 1/λ, the values
of the function are constants, and the density on either side of 0 runs through two products of geometric sequences.

The sums end where the product has fallen by e^{−38} from its peak, by 2m ln cosh(λx/2) ∈ mλ|x| − [0, 2m ln 2]; the product
is log-concave, so that nothing returns beyond.
"""

from __future__ import annotations

import math

import numpy as np
import sympy as sp

from ...catalogue.piecewise import PiecewiseFunction, U
from .route import SMALLEST, Booleans, Floats, Values, exact

DROP = 38.0
BLOCK = 16
"""Terms after which a narrow sum starts its sequence anew from an exponential."""

WIDE_BLOCK = 32
"""The same for a wide sum: the error of a product of two sequences grows with the square."""

TIERS = (0.2, 0.4, 0.65, 1.0)
"""Upper bounds of σλ of the narrow sums."""

MAX_BLOCKS = 16


def match(function: PiecewiseFunction) -> tuple[sp.Expr, sp.Expr, int] | None:
    """(C, λ, m), or None if the function is not of this class."""
    if not function.is_even or function.tails or len(function.pieces) != 2:
        return None
    constant, rates, order, found = sp.S.One, [], 0, sp.S.Zero
    for base, power in function.pieces[0].value.as_powers_dict().items():
        exponent = sp.sympify(power)
        if U not in base.free_symbols and U not in exponent.free_symbols:
            constant *= base**exponent
        elif base is sp.E or isinstance(base, sp.exp):
            rates.append(-(exponent if base is sp.E else exponent * base.args[0]) / U)
        elif base.is_Add and exponent.is_Integer and exponent < 0 and not order:
            decaying = base - 1
            if not isinstance(decaying, sp.exp):
                return None
            order, rate = -int(exponent), sp.cancel(-decaying.args[0] / U)  # type: ignore[operator]
            rates.append(-rate * sp.Integer(order) / 2)  # what s^m must cancel
            found = rate
        else:
            return None
    if not order or order % 2 or U in found.free_symbols or sp.simplify(sp.Add(*rates)) != 0:
        return None
    return constant, found, order // 2


def step(order: int, width: float) -> float:
    """The largest λh that the bound allows for σλ = `width`."""
    phi = np.linspace(0.02, 3.1, 2000)
    return float(np.max(2 * math.pi * phi / (DROP + phi**2 / (2 * width**2) - 2 * order * np.log(np.cos(phi / 2)))))


class Logistic:
    """E[C s^m/(1 + s)^{2m}]."""

    def __init__(self, scale: float, rate: float, order: int) -> None:
        self.scale, self.rate, self.order = scale, rate, order
        self.narrow = [_Narrow(order, width) for width in TIERS]
        self.wide = _Wide(order)

    @classmethod
    def of(cls, function: PiecewiseFunction, values: Values) -> Logistic | None:
        found = match(function)
        if found is None:
            return None
        numbers = exact(values)
        scale, rate = (float(sp.N(e.subs(numbers), 30)) for e in found[:2])
        return cls(scale, rate, found[2]) if math.isfinite(scale) and 0 < rate < math.inf else None

    def __call__(self, mean: Floats, var: Floats) -> tuple[Floats, Booleans]:
        m, sigma = self.rate * np.abs(mean), self.rate * np.sqrt(var)  # even in the mean; x in units of 1/λ
        value, lower = np.full(mean.shape, np.nan), 0.0
        for tier, width in zip(self.narrow, TIERS, strict=True):
            mask = (sigma > lower) & (sigma <= width)
            if mask.any():
                value[mask] = tier(m[mask], sigma[mask])
            lower = width
        mask = sigma > lower
        if mask.any():
            value[mask] = self.wide(m[mask], sigma[mask])
        value *= self.scale
        return value, np.abs(value) > SMALLEST


class _Narrow:
    """Nodes x = mean + σ z_j. The peak of the product is at most mλ²σ² to the left of the mean."""

    def __init__(self, order: int, width: float) -> None:
        self.order, self.h = order, step(order, width) / width
        reach = math.sqrt(2 * (DROP + 2 * order * math.log(2)))
        first = -math.ceil((reach + order * width) / self.h)
        self.z = [self.h * j for j in range(first, math.ceil(reach / self.h) + 1)]
        self.weights = [self.h * math.exp(-0.5 * z * z) / math.sqrt(2 * math.pi) for z in self.z]

    def __call__(self, mean: Floats, sigma: Floats) -> Floats:
        total, ratio = np.zeros(mean.shape), np.exp(-self.h * sigma)
        s, bottom = np.empty(mean.shape), np.empty(mean.shape)
        for j, (z, weight) in enumerate(zip(self.z, self.weights, strict=True)):
            if j % BLOCK == 0:
                np.exp(-(mean + z * sigma), out=s)
            else:
                s *= ratio
            np.add(s, 1.0, out=bottom)
            bottom *= bottom
            np.divide(s, bottom, out=bottom)
            term = _power(bottom, self.order)
            term *= weight
            total += term
        return total


def _power(base: Floats, order: int) -> Floats:
    """base^order, order >= 1; perhaps `base` itself."""
    while not order & 1:
        base = base * base
        order >>= 1
    result = base
    while order := order >> 1:
        base = base * base
        if order & 1:
            result = result * base
    return result


class _Wide:
    """Nodes x = ±jh. The terms of both sides share the function's value."""

    def __init__(self, order: int) -> None:
        self.order, self.h = order, step(order, TIERS[-1])
        x = self.h * np.arange(MAX_BLOCKS * WIDE_BLOCK)
        s = np.exp(-x)
        self.values = self.h / math.sqrt(2 * math.pi) * (s / (1 + s) ** 2) ** order
        self.values[0] *= 0.5  # counted from both sides

    def __call__(self, mean: Floats, sigma: Floats) -> Floats:
        """NaN where the sum would be too long."""
        v = sigma * sigma
        depth = DROP + 2 * self.order * math.log(2)
        excess = mean - self.order * v  # of the peak, where it is not at 0
        slope = np.maximum(-excess, 0.0) / v
        reach = np.maximum(excess, 0.0) + 2 * depth / (slope + np.sqrt(slope * slope + 2 * depth / v))
        # a block is shorter than 12 σ: its first density is no zero unless the peak itself lies that far out
        sure = (reach < self.h * (len(self.values) - 1)) & ((excess <= 0) | (self.order * sigma < 25))
        total, live = np.zeros(mean.shape), np.flatnonzero(sure)
        shrink = np.exp(-(self.h * self.h) / v)
        for start in range(0, len(self.values), WIDE_BLOCK):
            if not len(live):
                break
            every = len(live) == len(mean)
            part = (mean, v, shrink) if every else (mean[live], v[live], shrink[live])
            total[live] += self._block(start, *part)
            live = live[reach[live] >= self.h * (start + WIDE_BLOCK)]
        return np.where(sure, total / sigma, np.nan)

    def _block(self, start: int, mean: Floats, v: Floats, shrink: Floats) -> Floats:
        x, total = self.h * start, np.zeros(mean.shape)
        sides = []
        for sign in (1, -1):
            distance = x - sign * mean
            density = np.exp(distance * distance / (-2 * v))
            sides.append((density, np.exp((distance + 0.5 * self.h) * (-self.h) / v)))
        (right, right_ratio), (left, left_ratio) = sides
        both = np.empty(mean.shape)
        for value in self.values[start : start + WIDE_BLOCK]:
            np.add(right, left, out=both)
            both *= value
            total += both
            right *= right_ratio
            right_ratio *= shrink
            left *= left_ratio
            left_ratio *= shrink
        return total
