"""The surrogate's slope at which a moment of f' has a wanted value.

The slope of an entry is the parameter that sharpens f': the one it names, else its first. Where that parameter is a width
w, f'_w(x) = A(w) g(x/w), the slope is 1/w.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from scipy.optimize import brentq

from ..catalogue.surrogate import UNIT, Bound
from ..errors import DomainError, IkunError, NoSolutionError
from ..exact import exact
from ..gaussian.moment import float_function
from ..mean_field.covariance import Floats
from ..reading.surrogate_spec import EXPRESSION_PREFIX, resolve

DECADES = (-4.0, 6.0)
PER_DECADE = 6
"""The scan for the slope, times the surrogate's default; the moment is monotone in it for the families checked."""

SAME = 1e-9
"""Shapes that differ by less than this share of their height are the same: rounding leaves 1e-14 or so."""

PROBES = (0.0, 0.03, 0.11, 0.4, 0.9, 1.7, 4.1)
"""Where shapes are compared, in units that no breakpoint of the catalogue's defaults shares."""


def parameters(bound: Bound) -> dict[str, Fraction]:
    """Names and values in order; an expression's stand in its text, `expr:EXPRESSION;k=2;c=3`."""
    if not bound.surrogate.name.startswith(EXPRESSION_PREFIX):
        return dict(bound.values)
    pairs = (part.split("=") for part in bound.surrogate.name.split(";")[1:] if part.strip())
    return {name.strip(): exact(value, f"parameter {name.strip()}") for name, value in pairs}


def with_parameter(bound: Bound, name: str, value: float) -> Bound:
    """The same surrogate, one parameter changed."""
    if not bound.surrogate.name.startswith(EXPRESSION_PREFIX):
        return resolve(bound, **{name: repr(value)})
    values = {**parameters(bound), name: repr(value)}
    made = resolve(";".join([bound.surrogate.name.split(";")[0], *(f"{n}={v}" for n, v in values.items())]))
    return made.times(UNIT if bound.unit else bound.amplitude)


@dataclass(frozen=True)
class Slope:
    """`parameter` of `bound`; `width` says that it is a width. Slopes are parameter values, or 1 over them."""

    bound: Bound
    parameter: str
    width: bool

    @property
    def default(self) -> float:
        value = float(parameters(self.bound)[self.parameter])
        if not value > 0:
            raise DomainError(f"parameter {self.parameter}", value, "a positive number", "the slope is searched around it")
        return 1 / value if self.width else value

    def at(self, slope: float) -> Bound:
        """The surrogate with this slope."""
        return with_parameter(self.bound, self.parameter, 1 / slope if self.width else slope)


def slope_of(bound: Bound) -> Slope:
    """Error: no parameter sharpens f'."""
    named = bound.surrogate.slope
    name = next(iter(parameters(bound.bare)), "") if named is None else named
    if not name:
        raise NoSolutionError(
            f"surrogate {bound.spec}",
            "it has no slope to set: no parameter of it sharpens f'",
            "take one with a slope, such as sigmoid or atan, or give an expression a parameter",
        )
    return Slope(bound, name, _is_width(bound, name))


def own_slope(bound: Bound) -> float | None:
    """The slope that it has; None if no parameter sharpens f'."""
    try:
        return slope_of(bound).default
    except IkunError:
        return None


def _is_width(bound: Bound, name: str) -> bool:
    """Whether doubling the parameter stretches f' to twice its width, f'_{2w}(2x) ∝ f'_w(x), up to rounding."""
    value = float(parameters(bound)[name])
    if not value > 0:
        return False
    x = np.array([sign * probe * unit for sign in (1, -1) for probe in PROBES for unit in (value, 1 / value)])

    def values(factor: float, stretch: float) -> Floats:
        return np.asarray(float_function(with_parameter(bound, name, value * factor), "fprime", 1)(x * stretch), dtype=float)

    with np.errstate(all="ignore"):
        here = values(1.0, 1.0)
        return _proportional(here, values(2.0, 2.0)) and not _proportional(here, values(2.0, 0.5))


def _proportional(one: Floats, other: Floats) -> bool:
    """The same shape where both can be told."""
    told = np.isfinite(one) & np.isfinite(other) & (one != 0)
    if not told.any():
        return False
    ratio = other[told] / one[told]
    return bool(np.array_equal(one == 0, other == 0) and np.abs(ratio / ratio[0] - 1).max() < SAME)


def slope_for_moment(slope: Slope, threshold: float, wanted: float, *, mean: float = 0.0, variance: float) -> float:
    """The slope with E[f'(H − θ)²] = `wanted` for H ~ N(mean, variance) that is nearest to the surrogate's own if there are
    several. NoSolutionError if none does it."""

    def moment(value: float) -> float:
        return float(float_function(slope.at(value), "fprime", 2).expectation(mean - threshold, variance))

    where = f"surrogate {slope.bound.spec} at threshold {threshold:g} and σ_H = {math.sqrt(variance):.6g}"
    return nearest_slope(slope, lambda k: moment(k) / wanted, f"E[f'²] = {wanted:.6g}", where, unit=wanted)


def nearest_slope(
    slope: Slope,
    ratio: Callable[[float], float],
    aim: str,
    where: str,
    *,
    unit: float = 1.0,
    start: float | None = None,
    step: float = 10 ** (1 / PER_DECADE),
    tolerance: float = 1e-14,
) -> float:
    """The slope with ratio(slope) = 1 that is nearest to `start` (the default), on a logarithmic scale, in steps by the
    factor `step`, to the relative `tolerance`. `unit`: what ratio 1 is, for the message."""

    def excess(log_k: float) -> float:
        try:
            value = ratio(math.exp(log_k))
        except DomainError:  # outside the parameter's domain, or beyond what a number may be
            return math.nan
        return math.log(value) if value > 0 else -math.inf

    origin, pace = math.log(slope.default if start is None else start), math.log(step)
    reaches = {side: math.log(10) * abs(DECADES[0 if side < 0 else 1]) for side in (1, -1)}
    seen = [excess(origin)]
    ends = dict.fromkeys((1, -1), (origin, seen[0]))
    for count in range(1, round(max(reaches.values()) / pace) + 1):
        found = []
        for side in (1, -1):
            if count * pace > reaches[side] * (1 + 1e-9):
                continue
            (before, low), here = ends[side], origin + side * count * pace
            high = excess(here)
            seen.append(high)
            ends[side] = here, high
            if math.isfinite(low) and math.isfinite(high) and low * high <= 0:
                found.append(float(brentq(excess, before, here, xtol=tolerance)))  # type: ignore[arg-type]
        if found:
            return math.exp(min(found, key=lambda point: abs(point - origin)))
    finite = [value for value in seen if math.isfinite(value)]
    low, high = (math.exp(end(finite, default=-math.inf)) * unit for end in (min, max))
    reach = f"it stays between {low:.3g} and {high:.3g}"
    raise NoSolutionError(where, f"no {slope.parameter} gives {aim}: {reach}", "choose another surrogate or another rate")
