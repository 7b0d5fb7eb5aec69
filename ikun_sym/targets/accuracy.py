"""Accuracy of the emitted code: worst errors against ball arithmetic, for every surrogate and target.

f': in units of the last place times (1 + condition number), at doubles with random bit patterns and at the extremes; the
condition number is with respect to x and the parameters. E[f'ᵖ]: relative error; relative to √E[f'²ᵖ] if f' changes its sign.
"""

from __future__ import annotations

import math
import random
import struct
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import sympy as sp
from flint import acb, arb, fmpq

from ..catalogue.piecewise import PiecewiseFunction, R, U
from ..catalogue.surrogate import Bound
from ..errors import IkunError
from ..expressions.lowering import Balls, lower, precision
from ..gaussian.enclosures.certify import expectation
from ..reading.surrogate_spec import resolve
from ..schemes.constants import POWERS
from .drivers import Group, NotRunError
from .target import TARGETS, Export, Target

SEED = 5
ULPS, RELATIVE = 4.0, 1e-13
"""Promised bounds: of f' in ulps, times (1 + condition number), and of E[f'ᵖ], relative."""

SMALLEST = 1e-300
"""Below this, subnormal numbers lose digits: errors are taken relative to this number."""

AT_ZERO = (1e-150, 1e-6, 0.03, 1.0, 40.0, 1e4)
"""Values of slope · σ that are checked at mean 0."""
ELSEWHERE = ((-1.0, 1e-3), (-1.0, 1.0), (2.5, 0.3), (-3.0, 30.0), (-0.5, 1e3), (-6.0, 2.0), (1.0, 1e5))
"""Other checked settings: (mean in units of σ, slope · σ)."""
MOST_PERIODS = 3.0
"""For periodic tails: the largest σ, in periods."""


@dataclass(frozen=True)
class Sample:
    """A point and the true value there. `scale`: the error that counts as 1."""

    args: tuple[float, ...]
    true: float
    scale: float

    @property
    def is_subnormal(self) -> bool:
        """Whether an argument or the value is subnormal."""
        return any(0 < abs(number) < sys.float_info.min for number in (*self.args, self.true))

    def error(self, got: float) -> float:
        if math.isinf(self.true) or math.isinf(got):
            return 0.0 if got == self.true else math.inf
        return math.inf if math.isnan(got) else abs(got - self.true) / self.scale


def doubles(count: int) -> Iterator[float]:
    """`count` finite doubles with uniform bit patterns, and as many log-uniform between 1e-3 and 1e3."""
    source = random.Random(SEED)
    for _ in range(count):
        value = math.nan
        while not math.isfinite(value):
            (value,) = struct.unpack("<d", source.getrandbits(64).to_bytes(8, "little"))
        yield value
        yield source.choice((-1, 1)) * 10 ** source.uniform(-3, 3)


EXTREMES = (0.0, 5e-324, 1e-300, 1e4, 1e300, 1.7e308)


def point_values(bound: Bound, xs: Sequence[Fraction], values: dict[sp.Symbol, Fraction]) -> list[arb | None]:
    """f' at exact points, 25 digits, by ball arithmetic; None on a breakpoint."""
    function = bound.surrogate.derivative
    return [_value_at(function, values, x) for x in xs]


def _value_at(function: PiecewiseFunction, values: dict[sp.Symbol, Fraction], x: Fraction) -> arb | None:
    side, u = (1 if x >= 0 else -1), abs(x)
    env = {symbol: Balls().rational(value) for symbol, value in values.items()}
    value = arb("nan")
    for bits in (160, 640, 2600):
        with precision(bits):
            at = fmpq(u.numerator, u.denominator)
            chain = [(_end(p.hi, env), p.value, {**env, U: at}) for p in function.side(side)]
            tail = function.tail(side)
            start = _end(tail.start, env) if tail else arb("inf")
            if tail is not None and arb(at) >= start:
                period = _end(tail.period, env)
                r = at - start - ((at - start) / period).floor().mid() * period
                chain = [(_end(e, env), v, {**env, U: at, R: r}) for e, v in tail.cell]
                place = arb(r)
            else:
                place = arb(at)
            for end, expr, names in chain:
                if place < end:
                    value = acb(lower(expr, Balls())(names)).real
                    break
                if not place > end:
                    return None  # on a breakpoint
            if value.is_finite() and (value.rel_accuracy_bits() > 80 or abs(value) < arb("1e-340") or value.is_exact()):
                return value
    return None


def _end(expr: sp.Expr, env: Mapping[sp.Symbol, Any]) -> arb:
    return arb("inf") if expr == sp.oo else acb(lower(expr, Balls())(env)).real


def _float(value: arb) -> float:
    if abs(value) < arb("1e-330"):
        return 0.0
    if abs(value) > arb("1.797693134862315708e308"):
        return math.inf if value > 0 else -math.inf
    return float(value.str(25, radius=False))


STEP = Fraction(1, 2**40)
"""Relative step of the difference quotients for condition numbers."""


@lru_cache(maxsize=256)
def derivative_samples(bound: Bound, count: int) -> tuple[Sample, ...]:
    """Samples of f', at the parameters rounded to floats: these are what the emitted code gets."""
    function = bound.surrogate.derivative
    values = {symbol: Fraction(float(value)) for symbol, value in bound.environment.items()}
    oscillates = any(piece.value.has(sp.sin, sp.cos) for piece in function.pieces)
    found = []
    for x in (*doubles(count), *EXTREMES, *(-x for x in EXTREMES)):
        exact = Fraction(x)
        here = _value_at(function, values, exact)
        if here is None:
            continue
        # far out, a periodic function turns many times within any fixed relative step
        step = STEP / max(1, abs(exact)) if oscillates else STEP
        moved = [_value_at(function, values, exact * (1 + step))]
        moved += [_value_at(function, values | {s: v * (1 + step)}, exact) for s, v in values.items()]
        known = [value for value in moved if value is not None]
        if len(known) < len(moved):
            continue
        true, condition = _float(here), 0.0
        if true and math.isfinite(true):
            with precision(160):
                change = sum((abs((m - here) / here) for m in known), arb(0)) / arb(fmpq(step.numerator, step.denominator))
                condition = _float(change)
        scale = max(math.ulp(true) if math.isfinite(true) else 1.0, SMALLEST * 2**-52) * (1 + condition)
        found.append(Sample((x,), true, scale))
    return tuple(found)


def slope_of(bound: Bound) -> float:
    return abs(float(bound.values[0][1])) or 1.0 if bound.values else 1.0


@lru_cache(maxsize=256)
def moment_samples(bound: Bound, power: int) -> tuple[Sample, ...]:
    surrogate, slope = bound.surrogate, slope_of(bound)
    values = {symbol: Fraction(float(value)) for symbol, value in bound.environment.items()}
    function = surrogate.derivative.power(power)
    numbers = [(s, sp.Rational(v)) for s, v in values.items()]
    largest = min((MOST_PERIODS * float(t.period.subs(numbers)) for t in surrogate.derivative.tails), default=math.inf)
    found = []
    for mean, reach in (*((0.0, reach) for reach in AT_ZERO), *ELSEWHERE):
        sigma = min(reach / slope, largest)
        m, v = mean * sigma, sigma * sigma
        try:
            true = expectation(function, values, Fraction(m), Fraction(v), 19).value
        except IkunError:
            continue  # a support 1e150 standard deviations away: no reference value can be computed
        size = abs(true)
        if power % 2 and not _one_sign(bound):
            squared = surrogate.derivative.power(2 * power)
            size = math.sqrt(expectation(squared, values, Fraction(m), Fraction(v), 17).value)
        found.append(Sample((m, v), true, max(size, SMALLEST)))
    return tuple(found)


@lru_cache(maxsize=256)
def _one_sign(bound: Bound) -> bool:
    """Whether all sampled values of f' have one sign."""
    return min(s.true for s in derivative_samples(bound, 40)) >= 0


@dataclass(frozen=True)
class Cell:
    """Worst errors of one surrogate in one target: `ulps` of f', `relative` of the moments; or why it was not run."""

    ulps: float = math.nan
    relative: float = math.nan
    at: tuple[str, ...] = ()
    not_run: str = ""

    @property
    def holds(self) -> bool:
        return not self.not_run and self.ulps <= ULPS and self.relative <= RELATIVE

    @property
    def text(self) -> str:
        return f"not run: {self.not_run}" if self.not_run else f"{self.ulps:.2g}; {self.relative:.1e}"


def measure(target: Target, specs: Sequence[str], folder: Path, count: int = 30) -> dict[str, Cell]:
    """Worst errors of these surrogates in this target, from one run of its tools."""
    assert target.driver is not None
    groups, wanted = [], []
    for spec in specs:
        bound = resolve(spec)
        work = Export(bound)
        path = folder / (work.name + target.suffix)
        path.write_text(target.emit(work), encoding="utf-8")
        params = tuple(float(value) for _, value in bound.values)
        samples = {"derivative": derivative_samples(bound, count)}
        samples |= {key.lower(): moment_samples(bound, power) for key, power in POWERS.items()}
        for function, sample in samples.items():
            if not target.subnormals:
                sample = tuple(s for s in sample if not s.is_subnormal)
            groups.append(Group(path, function, tuple(s.args for s in sample), params))
            wanted.append((spec, function, sample))
    try:
        answers = target.driver(groups, folder)
    except NotRunError as reason:
        return {spec: Cell(not_run=str(reason)) for spec in specs}
    found: dict[str, Cell] = {}
    for (spec, function, samples), values in zip(wanted, answers, strict=True):
        errors = [(s.error(value), s.args) for s, value in zip(samples, values, strict=True)]
        worst, args = max(errors, default=(0.0, ()))
        old = found.get(spec, Cell(0.0, 0.0))
        at = (*old.at, f"{function}{args}: {worst:.2g}")
        if function == "derivative":
            found[spec] = Cell(worst, old.relative, at)
        else:
            found[spec] = Cell(old.ulps, max(worst, old.relative), at)
    return found


def runnable() -> list[Target]:
    return [target for target in TARGETS if target.driver is not None]
