"""Route: polynomial × exp(quadratic), by scaled error functions.

With the density, P(x) e^{q(x)} becomes P(x) e^{E(x)}, E'(x) = −(x − r)/w. The sum over stretches is the integral over the
whole line of the polynomial that holds at the peak r, and for every breakpoint x_i the integral from there outwards, away
from r, of the jump of the polynomial: with z = (x_i − r)/√(2w) and y the distance from x_i

    ∫₀^∞ yᵏ e^{E} dy = e^{E(x_i)} (2w)^{(k+1)/2} (√π/2) k! I_k(|z|),   I_k = e^{z²} iᵏerfc(z)   (`repeated`).

E(r) = q̂ + a (m − x̂)²/(1 − 2av) for q = q̂ + a (x − x̂)², and c + b (m + bv/2) for a = 0.

What costs time is passes over arrays, so they are few: e^{E(x_i)} is shared by the exponents that agree in x_i, I_k is
computed for those k only that a jump has, and where q is constant and k = 0 the product e^E I_0 is erfc(|z|) itself.

The sum of the magnitudes of all terms, each times its own relative error in units of rounding, is carried along: a value
is vouched for where that bound is small against it. Elsewhere the stretches are short, and a series is right.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ...catalogue.piecewise import PiecewiseFunction
from .law import Law
from .repeated import MAX_ORDER, centre, roundings, scaled_integrals
from .route import SMALLEST, Booleans, Floats, Values
from .segments import Point, Segment, Summand, segments_of

ROUNDING = 2.0**-53

OPERATIONS = 6.0
"""Roundings in one term beside those of its exponent and of I_k."""

SLACK = 4e-14
"""Relative error that the sum of all bounds may reach; or four roundings of the logarithm of the value."""

CAPPED = 800.0
"""An exponent below −800 carries no error: its term is 0."""


class Closed:
    """E[g(X)] for g elementary with real exponents, stretch by stretch."""

    def __init__(self, segments: tuple[Segment, ...], even: bool = False) -> None:
        self.even = even
        stretches: dict[tuple[float, float, float], list[tuple[Segment, Summand]]] = defaultdict(list)
        for segment in segments:
            for summand in segment.summands:
                stretches[summand.a, summand.b, summand.c].append((segment, summand))
        self.groups = [_Group(Summand((), *key), tuple(found)) for key, found in stretches.items()]
        sites: dict[tuple[Point, float, float], _Site] = {}
        for group in self.groups:
            for jump in group.jumps:
                key = (jump.at, *group.exponent_at(jump.at.high))
                sites.setdefault(key, _Site(*key)).jumps.append((group, jump))
        self.sites = list(sites.values())

    @classmethod
    def of(cls, function: PiecewiseFunction, values: Values) -> Closed | None:
        """Where the function has more than steps."""
        route = cls._of(function, values)
        return None if route is None or route.steps else route

    @classmethod
    def of_steps(cls, function: PiecewiseFunction, values: Values) -> Closed | None:
        """For piecewise constant functions: one erfc a step, so that nothing is faster."""
        route = cls._of(function, values)
        return None if route is None or not route.steps else route

    @classmethod
    def _of(cls, function: PiecewiseFunction, values: Values) -> Closed | None:
        segments = segments_of(function, values)
        if segments is None or any(len(s.coefficients) > MAX_ORDER for segment in segments for s in segment.summands):
            return None
        return cls(segments, function.is_even)

    @property
    def steps(self) -> bool:
        """Nothing but steps, and at least one."""
        return bool(self.sites) and all(site.plain for site in self.sites)

    def __call__(self, mean: Floats, var: Floats) -> tuple[Floats, Booleans]:
        value, bound = np.zeros(mean.shape), np.zeros(mean.shape)
        if not self.groups:
            return value, np.ones(mean.shape, dtype=bool)
        if self.even:
            mean = np.abs(mean)
        twice = 2 * var
        root = np.sqrt(twice)
        laws = {id(group): Law.of(group.exponent, mean, var, root) for group in self.groups}
        left: dict[tuple[int, Point], Booleans] = {}
        for site in self.sites:
            site.add(mean, twice, laws, left, value, bound)
        for group in self.groups:
            group.add_whole(laws[id(group)], left, value, bound)
        return value, vouched(value, bound)


def vouched(value: Floats, bound: Floats) -> Booleans:
    """Where the bound is small enough."""
    size = np.abs(value)
    bound *= ROUNDING
    good = bound <= size * SLACK
    good &= size > SMALLEST
    good &= size < 1 / SMALLEST
    rest = np.flatnonzero(~good)
    if len(rest):  # few: what the tolerance of tiny values allows
        small = size[rest]
        good[rest] = (bound[rest] <= small * (-4 * ROUNDING) * np.log(small)) & (small > SMALLEST)
    return good


@dataclass(frozen=True)
class _Jump:
    """What changes at a breakpoint: the polynomial to its right less the one to its left, in powers of x − breakpoint."""

    at: Point
    coefficients: tuple[float, ...]

    @cached_property
    def orders(self) -> list[int]:
        return [k for k, coefficient in enumerate(self.coefficients) if coefficient]


class _Group:
    """All summands with one exponent. The stretch that holds the peak r counts as if it were the whole line; then every
    breakpoint corrects what lies beyond it, as seen from r, by its jump."""

    def __init__(self, exponent: Summand, stretches: tuple[tuple[Segment, Summand], ...]) -> None:
        self.exponent, self.stretches = exponent, stretches
        jumps: dict[Point, list[float]] = defaultdict(list)
        for segment, summand in stretches:
            if segment.lo.finite:
                jumps[segment.lo] = _added(jumps[segment.lo], summand.from_lo)
            if segment.hi.finite:
                mirrored = [-c * (-1) ** k for k, c in enumerate(summand.from_hi)]
                jumps[segment.hi] = _added(jumps[segment.hi], mirrored)
        self.jumps = [_Jump(at, tuple(coefficients)) for at, coefficients in jumps.items()]

    def exponent_at(self, x: float) -> tuple[float, float]:
        """q(x) and the size of its parts."""
        a, b, c = self.exponent.a, self.exponent.b, self.exponent.c
        return (a * x + b) * x + c, (abs(a * x) + abs(b)) * abs(x) + abs(c)

    def add_whole(self, law: Law, left: dict[tuple[int, Point], Booleans], value: Floats, bound: Floats) -> None:
        """For each stretch, where the peak is in it, ∫ P e^{E} over the whole line relative to the density's norm."""
        for segment, summand in self.stretches:
            holds: Booleans | None = None
            if segment.lo.finite:
                holds = left[id(self), segment.lo]
            if segment.hi.finite:
                right = ~left[id(self), segment.hi]
                holds = right if holds is None else holds & right
            if holds is None or holds.all():
                whole, error = _whole(segment, summand, law)
                value += whole
                bound += error
                continue
            index = np.flatnonzero(holds)
            if len(index):
                whole, error = _whole(segment, summand, law.at(index))
                value[index] += whole
                bound[index] += error


def _whole(segment: Segment, summand: Summand, law: Law) -> tuple[Floats | float, Floats | float]:
    """∫ P e^{E} over the whole line relative to the density's norm, and its error bound."""
    top, spread = law.top()
    full = math.exp(min(top, CAPPED)) if isinstance(top, float) else np.exp(top)
    if law.narrowing is not None:
        full = full * law.narrowing
    weight = OPERATIONS + 2 * spread
    if len(summand.coefficients) == 1:
        whole = full * summand.coefficients[0]
        return whole, np.abs(whole) * weight
    r = law.peak
    anchors = [(summand.coefficients, r)]
    if segment.lo.finite:
        anchors.append((summand.from_lo, r - segment.lo.high))
    if segment.hi.finite:
        anchors.append((summand.from_hi, segment.hi.high - r))
    # where the coefficients have one sign nothing cancels: r is inside, so that its distance to an end is positive
    coefficients, distance = min(anchors[1:] or anchors, key=lambda anchor: min(_signs(anchor[0])))
    inside = coefficients is not summand.coefficients
    moment, size = _moment(coefficients, distance, law.width, inside and not _signs(coefficients)[1])
    whole = full * moment
    return whole, (whole if size is moment else full * size) * weight


@dataclass
class _Site:
    """A breakpoint, and the jumps there whose exponents have one value: they share e^{E}."""

    at: Point
    level: float
    size: float
    jumps: list[tuple[_Group, _Jump]] = field(default_factory=list)

    @property
    def plain(self) -> bool:
        """Only a step of the function itself: e^E I_0 is a constant times erfc(|z|)."""
        return all(
            jump.orders in ([], [0]) and not (group.exponent.a or group.exponent.b) and abs(self.level) < 100
            for group, jump in self.jumps
        )

    def add(
        self,
        mean: Floats,
        twice: Floats,
        laws: dict[int, Law],
        left: dict[tuple[int, Point], Booleans],
        value: Floats,
        bound: Floats,
    ) -> None:
        """`twice`: 2v. Adds to the values and their error bounds, and says for each group where the breakpoint is left of its
        peak."""
        y = self.at.high - mean
        if self.at.low:
            y += self.at.low
        depth = y * y
        depth /= twice
        density = None
        if not self.plain:
            density = np.exp(self.level - depth if self.level else -depth)
        depth *= 2.0
        depth += OPERATIONS + 3 * self.size
        for group, jump in self.jumps:
            law = laws[id(group)]
            z, shift = law.place(y, self.at)
            left[id(group), jump.at] = np.signbit(z)
            if not jump.orders:  # the polynomial continues
                continue
            if density is None:
                term, error = _step(jump.coefficients[0] * math.exp(self.level), z), 0.0
            else:
                term, error = _beyond(jump, z, law.root, shift)
                term *= density
                if law.narrowing is not None:
                    term *= law.narrowing
            value += term
            np.abs(term, out=term)
            if isinstance(error, float):  # roundings of the term as a whole
                term *= depth + error if error else depth
            else:
                error *= density  # type: ignore[operator]  # not None: without a density the error is a float
                if law.narrowing is not None:
                    error *= law.narrowing
                term *= depth
                bound += error
            bound += term


def _step(height: float, z: Floats) -> Floats:
    """± height/2 · erfc(|z|)."""
    from scipy.special import erfc

    total = erfc(np.abs(z))
    total *= 0.5 * abs(height)
    return np.copysign(total, z if height > 0 else -z, out=total)


def _beyond(jump: _Jump, z: Floats, root: Floats, shift: Floats | float) -> tuple[Floats, Floats | float]:
    """½ Σ c_k k! (2w)^{k/2} I_k(|z|), with the signs of a jump seen from its other side where z < 0, and the rounding errors:
    of all terms, or as a number, in units of its roundings, those of the only one."""
    orders, terms, errors = jump.orders, [], []
    c = centre(orders)
    inverse, integrals = scaled_integrals(np.abs(z), orders)
    ratio = inverse * root if orders[-1] else inverse
    for k, integral in zip(orders, integrals, strict=True):
        for _ in range(k):
            integral *= ratio
        integral *= 0.5 * math.factorial(k) * jump.coefficients[k]
        if k % 2 == 0:  # on the left the jump counts with a minus, and so does every odd power of the distance
            integral *= np.copysign(1.0, z)
        if len(orders) == 1 and isinstance(shift, float):
            return integral, roundings(k, c)
        error = np.abs(integral)
        error *= roundings(k, c) + (k + 1) * shift
        terms.append(integral)
        errors.append(error)
    return sum(terms[1:], terms[0]), sum(errors[1:], errors[0])


def _added(left: list[float], right: Sequence[float]) -> list[float]:
    return [x + y for x, y in itertools.zip_longest(left, right, fillvalue=0.0)]


def _signs(coefficients: Sequence[float]) -> tuple[int, int]:
    """How many coefficients are positive, and how many negative."""
    return sum(c > 0 for c in coefficients), sum(c < 0 for c in coefficients)


def _moment(coefficients: Sequence[float], d: Floats, w: Floats, positive: bool) -> tuple[Floats, Floats]:
    """E[Σ c_k Yᵏ], Y ~ N(d, w), and the same with magnitudes: the same array if `positive`, for c_k, d >= 0."""
    total = _expected(coefficients, d, w)
    return total, total if positive else _expected([abs(c) for c in coefficients], np.abs(d), w)


def _expected(coefficients: Sequence[float], d: Floats, w: Floats) -> Floats:
    """By E[Yᵏ⁺¹] = d E[Yᵏ] + k w E[Yᵏ⁻¹]."""
    total = coefficients[1] * d
    if coefficients[0]:
        total += coefficients[0]
    before, last = w, d
    for k in range(1, len(coefficients) - 1):
        following = d * last
        following += w if k == 1 else k * w * before
        before, last = last, following
        if coefficients[k + 1]:
            total += last if coefficients[k + 1] == 1 else coefficients[k + 1] * last
    return total
