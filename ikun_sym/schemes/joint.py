"""Where forward and backward variance are stable at once (T = 1, zero bias): every solution, proved to be all.

At a forward-stationary weight scale, Var(H) = q and K = q/Q(θ/√q), the backward factor is
C(q) = (fan_out/fan_in) · q E[f'²] / Q(θ/√q), E over N(−θ, q). A joint solution has C(q) = 1.

Nothing is scanned on trust: N(q) = q E[f'²] and Q(θ/√q) both increase with q, so on [a, b]

    N(a)/Q(θ/√b) <= C <= N(b)/Q(θ/√a),

two numbers in ball arithmetic that decide an interval or send it to be halved. Above some q, C >= 2 N(q) > 1; below some
q a bound for q → 0 decides (`limits`). What is left are intervals of relative width 1e-6 around the sign changes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import sympy as sp
from flint import arb
from scipy.optimize import brentq, minimize_scalar

from ..catalogue.piecewise import PiecewiseFunction
from ..catalogue.surrogate import Bound
from ..errors import DomainError, IkunError
from ..expressions.lowering import ball, precision
from ..gaussian.enclosures.certify import expectation
from ..gaussian.moment import integrand
from ..mean_field.layer import SpikingLayer
from ..processes import Advance, silent
from ..reading.surrogate_spec import Spec, resolve
from ..told import Result
from .joint_small_variance import SmallVariance, small_variance

NARROW = 1e-6
"""Relative width in q to which a solution is isolated."""

MAX_EVALUATIONS = 20_000
_DIGITS = 12
_BITS = 90


@dataclass(frozen=True, kw_only=True)
class Solution:
    """C(q) = 1 at q = σ_H². `low`, `high`: the only solution in reach lies between them. Stable: forward slope < 1."""

    sigma_h: float
    rate: float
    n_var_w: float
    forward_slope: float
    low: float
    high: float

    @property
    def stable(self) -> bool:
        return self.forward_slope < 1

    def to_dict(self) -> dict[str, Any]:
        return {
            "sigma_h": self.sigma_h,
            "rate": self.rate,
            "n_var_w": self.n_var_w,
            "forward_slope": self.forward_slope,
            "stable": self.stable,
            "isolated": [self.low, self.high],
        }


@dataclass(frozen=True, kw_only=True)
class Joint(Result):
    """All solutions by increasing σ_H. `min_c` is the infimum of C, attained at σ_H = `min_c_at`, or not (None).
    `limit_at_zero`: what C tends to as q → 0, 0 or infinity; C → ∞ as q → ∞ always. `touching`: intervals of σ_H where C is
    so close to 1 that ball arithmetic could not decide."""

    shown = ("surrogate", "threshold", "fan_ratio", "min_c", "min_c_at", "conclusion")

    surrogate: str
    threshold: float
    fan_ratio: float
    solutions: tuple[Solution, ...]
    min_c: float
    min_c_at: float | None
    limit_at_zero: float
    touching: tuple[tuple[float, float], ...] = ()

    def listed(self) -> list[dict[str, Any]]:
        return [solution.to_dict() for solution in self.solutions]

    def to_dict(self) -> dict[str, Any]:
        return {
            "surrogate": self.surrogate,
            "threshold": self.threshold,
            "fan_ratio": self.fan_ratio,
            "min_C": self.min_c,
            "min_C_at": self.min_c_at,
            "limit_at_zero": "infinity" if math.isinf(self.limit_at_zero) else "0",
            "solutions": [solution.to_dict() for solution in self.solutions],
            "touching": [list(interval) for interval in self.touching],
            "conclusion": self.conclusion,
        }

    @property
    def conclusion(self) -> str:
        if self.touching:
            return "undecided where C touches 1"
        if not self.solutions:
            return f"no solution: the gradient explodes at every forward-stationary weight scale (C >= {self.min_c:.4g})"
        if not any(solution.stable for solution in self.solutions):
            return "unstable solutions only: the firing rate does not stay there"
        stable = [s for s in self.solutions if s.stable]
        return "stable: " + ", ".join(f"fan_in·Var(W) = {s.n_var_w:.6g}, rate {s.rate:.4g}" for s in stable)


@dataclass(frozen=True)
class Balance:
    """C and its rigorous bounds for one surrogate, threshold and ratio of the fans."""

    surrogate: Bound
    threshold: Fraction
    fan_ratio: Fraction

    @cached_property
    def square(self) -> PiecewiseFunction:
        """f'² with numbers for its parameters: what vanishes at these values is seen to vanish."""
        values = {s: sp.Rational(v) for s, v in self.surrogate.environment.items()}
        return integrand(self.surrogate, "fprime", 2).substitute(values)

    @cached_property
    def _known(self) -> dict[float, tuple[arb, arb]]:
        return {}

    def parts(self, q: float) -> tuple[arb, arb]:
        """(fan ratio · N, Q(θ/√q)) as balls."""
        if q not in self._known:
            if len(self._known) >= MAX_EVALUATIONS:
                raise IkunError(f"joint solutions of {self.surrogate.spec} need more than {MAX_EVALUATIONS} evaluations")
            exact = Fraction(q)
            moment = expectation(self.square, {}, -self.threshold, exact, _DIGITS)
            a = ball(self.threshold) / ball(exact).sqrt()
            self._known[q] = (ball(self.fan_ratio * exact) * moment.ball(), (a / arb(2).sqrt()).erfc() / 2)
        return self._known[q]

    def at(self, q: float) -> arb:
        numerator, rate = self.parts(q)
        return numerator / rate

    def between(self, low: float, high: float) -> int:
        """+1 if C > 1 on all of [low, high], −1 if C < 1, 0 if the bounds do not tell."""
        below, above = self.parts(low), self.parts(high)
        if below[0] / above[1] > 1:
            return 1
        return -1 if above[0] / below[1] < 1 else 0


def joint(surrogate: Spec, threshold: float = 1.0, *, fan_ratio: float = 1.0, advance: Advance = silent) -> Joint:
    """All joint solutions for a surrogate (T = 1, zero bias). `fan_ratio` = fan_out/fan_in. `advance` is told how many of 100
    parts of all scales are settled.

    Errors: a threshold below 0, a surrogate whose behaviour for small variances is not covered.
    """
    for name, value, least in (("threshold", threshold, 0.0), ("fan_ratio", fan_ratio, 0.0)):
        if not (math.isfinite(value) and value >= least) or (name == "fan_ratio" and value == 0):
            raise DomainError(name, value, "a positive number" if name == "fan_ratio" else "zero or a positive number")
    bound = resolve(surrogate)
    found = isolated(Balance(bound, Fraction(str(threshold)), Fraction(str(fan_ratio))), advance=advance)
    low, high, roots, touching = found.small, found.large, found.roots, found.touching
    layer = SpikingLayer(bound, float(threshold))
    solutions = tuple(_solution(layer, fan_ratio, *interval) for interval in roots)
    least, where = _infimum(layer, fan_ratio, low, high)
    return Joint(
        surrogate=bound.spec,
        threshold=float(threshold),
        fan_ratio=float(fan_ratio),
        solutions=solutions,
        min_c=least,
        min_c_at=where,
        limit_at_zero=low.limit,
        touching=tuple((math.sqrt(a), math.sqrt(b)) for a, b in touching),
    )


@dataclass(frozen=True)
class Isolated:
    """Where C = 1 is possible: intervals of q at whose ends C − 1 has opposite signs (`roots`), and intervals that ball
    arithmetic could not decide (`touching`). `small`: what holds below them; above `large`, C > 1."""

    small: SmallVariance
    large: float
    roots: list[tuple[float, float]]
    touching: list[tuple[float, float]]


def isolated(balance: Balance, narrow: float = NARROW, advance: Advance = silent) -> Isolated:
    """All q with C(q) = 1, each within an interval of relative width about `narrow`."""
    with precision(_BITS):
        small = _small(balance)
        large = _large(balance, max(small.below * 4, float(balance.threshold) ** 2, 1e-6))
        intervals = _isolate(balance, small.below, large, narrow, advance)
    return Isolated(small, large, *_sort_out(balance, intervals))


def _small(balance: Balance) -> SmallVariance:
    """At θ = 0, C = 2 N(q) increases from 0: one q where it is below 1 settles all smaller ones."""
    if balance.threshold > 0:
        return small_variance(balance.square, balance.threshold, balance.fan_ratio)
    q = 1.0
    while not balance.at(q) < 1:
        q /= 4
    return SmallVariance(q, 0.0)


def _large(balance: Balance, start: float) -> float:
    """A q beyond which C > 1: there C >= 2 N(q), and N increases."""
    q = start
    for _ in range(400):
        if balance.parts(q)[0] * 2 > 1:
            return q
        q *= 4
    raise IkunError(f"E[f'²] of {balance.surrogate.spec} vanishes: f' is zero almost everywhere, so no gradient flows back")


def _isolate(balance: Balance, low: float, high: float, narrow: float, advance: Advance) -> list[tuple[float, float]]:
    """The intervals of [low, high], in order and merged, on which C = 1 could not be excluded."""
    todo, left = [(low, high)], []
    while todo:
        a, b = todo.pop()
        advance(int(100 * math.log(a / low) / math.log(high / low)), 100)  # the lowest comes first
        if balance.between(a, b):
            continue
        if b / a - 1 <= narrow:
            left.append((a, b))
            continue
        middle = math.sqrt(a * b)
        todo += [(middle, b), (a, middle)]
    merged: list[tuple[float, float]] = []
    for a, b in left:
        if merged and merged[-1][1] == a:
            merged[-1] = (merged[-1][0], b)
        else:
            merged.append((a, b))
    return merged


def _sort_out(
    balance: Balance, intervals: list[tuple[float, float]]
) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """Sign changes, which are solutions, and the rest, where C may touch 1 or not."""
    roots, touching = [], []
    with precision(_BITS):
        for a, b in intervals:
            left, right = balance.at(a), balance.at(b)
            crosses = (left < 1 and right > 1) or (left > 1 and right < 1)
            (roots if crosses else touching).append((a, b))
    return roots, touching


def _c(layer: SpikingLayer, fan_ratio: float, q: float) -> float:
    return float(fan_ratio * q * layer.gradient_moment(q) / layer.mean(q))


def _solution(layer: SpikingLayer, fan_ratio: float, low: float, high: float) -> Solution:
    q = math.sqrt(low * high)
    if not layer.mean(low) > 0:
        raise IkunError(
            f"a solution lies at σ_H = {math.sqrt(low):.3g}, where the firing rate is below what float64 holds; "
            "give a larger fan ratio, or a wider surrogate"
        )
    if (_c(layer, fan_ratio, low) - 1) * (_c(layer, fan_ratio, high) - 1) < 0:
        q = float(brentq(lambda x: _c(layer, fan_ratio, x) - 1, low, high, xtol=1e-14 * low))  # type: ignore[arg-type]
    rate = float(layer.mean(q))
    return Solution(
        sigma_h=math.sqrt(q),
        rate=rate,
        n_var_w=q / rate,
        forward_slope=layer.forward_slope(q),
        low=math.sqrt(low),
        high=math.sqrt(high),
    )


def _infimum(layer: SpikingLayer, fan_ratio: float, low: SmallVariance, high: float) -> tuple[float, float | None]:
    """inf C and the σ_H where it is attained; not attained where C → 0 as q → 0."""
    if low.limit == 0:
        return 0.0, None
    start, end = math.log(low.below), math.log(high)
    count = 400
    grid = [start + (end - start) * i / count for i in range(count + 1)]
    values = [_c(layer, fan_ratio, math.exp(t)) for t in grid]
    best = min(range(len(grid)), key=values.__getitem__)
    found = minimize_scalar(
        lambda t: _c(layer, fan_ratio, math.exp(t)),
        bounds=(grid[max(best - 1, 0)], grid[min(best + 1, count)]),
        method="bounded",
        options={"xatol": 1e-10},
    )
    return float(found.fun), math.sqrt(math.exp(found.x))
