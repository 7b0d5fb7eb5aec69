"""Recognise a measured f': find the function of the registry, with fitted parameters and height, that has these values.

The library's own declaration is tried first, then every entry of the registry. A match must agree on the whole grid; a best fit
is not enough. A function without a match stays a measured function.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

import numpy as np
import sympy as sp
from scipy.optimize import brentq, least_squares

from ikun_sym.catalogue.surrogate import Bound, Surrogate
from ikun_sym.catalogue.surrogates import SURROGATES
from ikun_sym.errors import IkunError
from ikun_sym.gaussian.evaluate import FloatFunction
from ikun_sym.reading.surrogate_spec import resolve

from .surrogate_probe import Floats, Probe, grid

AGREES = 1e-6
"""Largest difference relative to the peak that counts as the same function: libraries compute constants in float32."""

STARTS = np.geomspace(0.0199, 201, 33)
MOST_FITTED = 2


@dataclass(frozen=True, eq=False)
class Found:
    """`bound`: the function as the registry states it, None if there is none. `label`: its name in tables. `fitted`: whether
    its parameters were fitted, not declared. `notes`: what is wrong or unusual; `in_run`: what is wrong in this run only."""

    probe: Probe
    bound: Bound | None
    label: str
    fitted: bool = False
    notes: tuple[str, ...] = ()
    in_run: tuple[str, ...] = ()

    @property
    def defects(self) -> tuple[str, ...]:
        """What makes it no gradient to train with."""
        return (*self.probe.defects, *self.in_run)


def recognise(probe: Probe, declared: Iterable[str] = ()) -> Found:
    notes = list(probe.defects)
    values, x = probe.values, grid()
    fine = np.isfinite(values)
    said = [stated for spec in declared if (stated := _stated(spec)) is not None]
    for bound, ours in said:
        if fine.mean() > 0.5 and _difference(ours[fine], values[fine]) <= AGREES:
            return Found(probe, bound, bound.spec, notes=tuple(notes))
    if said:
        notes.append(f"declared as {said[0][0].spec}, but its gradient is another function")
    if fine.all() and not probe.random:
        found = _search(values.tobytes())
        if found is not None:
            return Found(probe, *found, fitted=True, notes=tuple(notes))
    peak = np.nanmax(np.abs(values)) if fine.any() else math.nan
    label = (
        f"unknown function (measured; peak {peak:.4g} at x = {x[np.nanargmax(np.abs(values))]:.3g})"
        if fine.any()
        else "unknown"
    )
    return Found(probe, None, label, notes=tuple(notes))


_STATED: dict[str, tuple[Bound, Floats]] = {}


def _stated(spec: str) -> tuple[Bound, Floats] | None:
    """The function of this name and its values on the grid, cached for all layers that declare it. Failures are not cached: the
    name may be registered later."""
    if spec not in _STATED:
        try:
            bound = resolve(spec)
        except IkunError:
            return None
        _STATED[spec] = bound, _evaluated(bound, grid())
    return _STATED[spec]


def _evaluated(bound: Bound, x: Floats) -> Floats:
    return FloatFunction(bound.surrogate.derivative, bound.environment)(x)


def _difference(ours: Floats, theirs: Floats) -> float:
    """Largest difference relative to the peak."""
    scale = max(float(np.abs(theirs).max(initial=0)), 1e-300)
    return float(np.abs(ours - theirs).max(initial=0)) / scale if np.isfinite(ours).all() else math.inf


@lru_cache(maxsize=256)
def _search(raw: bytes) -> tuple[Bound, str] | None:
    """The first entry of the registry that has these values. Entries of height 1 come first."""
    values = np.frombuffer(raw)
    if not values.any():
        return resolve("zero"), "zero"
    scaled = None
    for surrogate in SURROGATES:
        for bound, height in _fits(surrogate, values):
            if abs(height - 1) <= AGREES:
                return bound, bound.spec
            scaled = scaled or (bound, height)
    if scaled is None:
        return None
    bound, height = scaled
    return _times(bound, height), f"{height:.6g} × {bound.spec}"


def _fits(surrogate: Surrogate, values: Floats) -> Iterator[tuple[Bound, float]]:
    """(entry with fitted parameters, height) for every fit for which height · f' has these values."""
    if len(surrogate.params) > MOST_FITTED or surrogate.family is not None:
        return
    shape = _Family(surrogate)
    finders = {0: lambda: [()], 1: lambda: _by_value(shape, values), 2: lambda: _by_least_squares(shape, values)}
    for parameters in finders[len(surrogate.params)]():
        try:
            bound = surrogate.bind({p.name: _tidy(value) for p, value in zip(surrogate.params, parameters, strict=True)})
        except IkunError:
            continue
        found = _evaluated(bound, grid())
        height = _height(found, values)
        if height and _difference(height * found, values) <= AGREES:
            yield bound, 1.0 if _difference(found, values) <= AGREES else height


def _height(shape: Floats, values: Floats) -> float:
    """The factor of `shape` that fits best."""
    with np.errstate(over="ignore", invalid="ignore"):  # whether a product of large numbers raises the flag depends on the BLAS
        square, product = float(shape @ shape), float(shape @ values)
    return product / square if 0 < square < math.inf else 0.0


class _Family:
    """An entry's f' on the grid, by parameters."""

    def __init__(self, surrogate: Surrogate) -> None:
        self.surrogate, self.symbols = surrogate, [param.symbol for param in surrogate.params]

    def __call__(self, *parameters: float) -> Floats:
        env = {symbol: Fraction(float(value)) for symbol, value in zip(self.symbols, parameters, strict=True)}
        with np.errstate(all="ignore"):
            return FloatFunction(self.surrogate.derivative, env)(grid())


def _by_value(shape: _Family, values: Floats) -> Iterator[tuple[float]]:
    """One parameter: solve for the measured value of f' at one point (height 1; exact even if f' jumps), or for the measured
    ratio at two points (any height)."""
    peak, near = float(np.abs(values).max()), len(values) // 2
    half = near + int(np.argmin(np.abs(np.abs(values[near:]) - peak / 2)))
    targets = [(near, None), (half, None), (half, near)] if values[near] else [(half, None)]
    scanned = [shape(k) for k in STARTS]
    for point, relative in targets:

        def excess(found: Floats, point: int = point, relative: int | None = relative) -> float:
            with np.errstate(all="ignore"):
                unit = 1.0 if relative is None else found[relative] / values[relative]
                return float(found[point] / unit - values[point]) if unit else math.nan

        ends = [excess(found) for found in scanned]
        for low, high, left, right in zip(STARTS, STARTS[1:], ends, ends[1:], strict=False):
            if left == 0 or left * right < 0:
                with suppress(ValueError):  # NaN on the way: the ratio has a pole there, and no root
                    yield (low if left == 0 else float(brentq(lambda k, e=excess: e(shape(k)), low, high, xtol=1e-15)),)  # type: ignore[misc]


def _by_least_squares(shape: _Family, values: Floats) -> Iterator[tuple[float, float]]:
    """Fit two parameters on a log scale from the best of several starts. The height enters linearly."""

    def misfit(logs: Floats) -> Floats:
        found = shape(*np.exp(np.clip(logs, -10, 10)))
        with np.errstate(all="ignore"):
            return np.clip(np.nan_to_num(_height(found, values) * found - values, nan=1e6), -1e6, 1e6)

    starts = np.log([(a, b) for a in STARTS[2::4] for b in STARTS[2::4]])
    best = min(starts, key=lambda logs: float(np.square(misfit(logs)).sum()))
    first, second = np.exp(least_squares(misfit, best, xtol=1e-15, ftol=1e-15, gtol=1e-15, max_nfev=60).x)
    yield float(first), float(second)


def _tidy(value: float) -> str:
    """Six digits if they are the same number to 1e-7, else all digits."""
    short = f"{value:.6g}"
    return short if abs(float(short) / value - 1) < 1e-7 else repr(float(value))


def _times(bound: Bound, height: float) -> Bound:
    """A surrogate times a constant; one of a falling primitive keeps no name that it could be set by."""
    if height > 0:
        return bound.times(_tidy(height))
    factor = sp.nsimplify(sp.Float(height, 17), rational=True)
    derivative = bound.surrogate.derivative.map(lambda value: factor * value)
    surrogate = replace(
        bound.surrogate, name=f"{bound.surrogate.name}.scaled", derivative=derivative, equivalents=(), family=None
    )
    return Bound(surrogate=surrogate, values=bound.values)
