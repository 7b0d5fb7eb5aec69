"""The stationary state of a scheme: the q = Var(H) that its own weights reproduce.

q = fan_in · λ² Var(W)(q) · E[X²](q), λ what a current is multiplied by (1 unless it decays), where Var(W) may depend on
the moments at q. For IKUN with second moments this is q E[f'²] = α, which has exactly one solution; for `backward-only`
it is q E[f'²]/E[X²] = fan_in/fan_out, which may have none, one or two. Rows of weights that are centred see Var X, not
E[X²]. A state is stable if d log E[X²]/d log q < 1 there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp
from scipy.optimize import brentq

from ..catalogue.schemes import Scheme, m2, second_x, var_x
from ..errors import DomainError, IkunError, NoSolutionError
from ..expressions.lowering import Evaluator, Numpy, lower
from ..mean_field.layer import Floats, Layer
from .fan import Fan
from .scheme_input import Setting

DECADES = (-10.0, 16.0)
PER_DECADE = 24
"""The scan for sign changes: Var(H) from 1e-10 to 1e16 times θ² (if θ > 1), 24 points a decade. Two roots closer than that
are missed."""

THRESHOLDS = (1e-6, 1e6)
"""Thresholds for which the scan reaches far enough; 0 is allowed too."""


@dataclass(frozen=True, kw_only=True)
class State:
    """One stationary state. `gain` K = fan_in · Var(W); `chi` the backward factor fan_out · λ² Var(W) · E[f'²]."""

    var_h: float
    gain: float
    mean_x: float
    second_moment_x: float
    m2: float
    chi: float
    forward_slope: float

    @property
    def variance_x(self) -> float:
        return self.second_moment_x - self.mean_x**2

    @property
    def stable(self) -> bool:
        return self.forward_slope < 1


@dataclass(frozen=True)
class SchemeAt:
    """A scheme on one layer at one time step. Where the setting knows E[X²] of the input (a first layer), it stands for σ_X² in
    either reading; else the layer below is taken to be in the same state."""

    setting: Setting
    layer: Layer

    def __post_init__(self) -> None:
        theta = self.layer.threshold
        if theta != 0 and not THRESHOLDS[0] <= theta <= THRESHOLDS[1]:
            advice = "only f' in units of the threshold matters: rescale both"
            raise DomainError("threshold", f"{theta:g}", f"0 or between {THRESHOLDS[0]:g} and {THRESHOLDS[1]:g}", advice)

    @property
    def scheme(self) -> Scheme:
        return self.setting.scheme

    @property
    def fan(self) -> Fan:
        return self.setting.fan

    @cached_property
    def _variance(self) -> Evaluator:
        if self.scheme.variance is None:
            raise IkunError(f"scheme {self.scheme.name!r} is no expression; init_variance follows its rule")
        return lower(self.scheme.variance, Numpy())

    @property
    def _input_factor2(self) -> float:
        return self.setting.neuron.input_factor**2

    def weight_variance(self, q: Floats | float, *, settle: bool = True) -> Floats:
        """Var(W) when the layer's membrane potential has variance q."""
        known: dict[sp.Symbol, Any] = dict(self.setting.numbers)
        given, contained = self.setting.second_moment, self.scheme.symbols
        if m2 in contained:
            known[m2] = self.layer.gradient_moment(q, settle=settle)
        if second_x in contained:
            known[second_x] = self.layer.second_moment(q, settle=settle) if given is None else given
        if var_x in contained:
            known[var_x] = self.layer.variance(q, settle=settle) if given is None else given
        return self._variance(known)

    def _log_ratio(self, q: Floats | float, *, settle: bool = True) -> Floats:
        """log of (what the weights make of q) / q: zero at a stationary state."""
        given = self.setting.second_moment
        passed = self.layer.variance if self.scheme.weights == "row-centred" else self.layer.second_moment
        second = passed(q, settle=settle) if given is None else given
        with np.errstate(divide="ignore", over="ignore", invalid="ignore", under="ignore"):
            return np.log(self.fan.fan_in * self._input_factor2 * self.weight_variance(q, settle=settle) * second / q)

    @property
    def scanned(self) -> tuple[float, float]:
        """The range of Var(H) in which states are looked for; it grows with the threshold."""
        unit = max(1.0, self.layer.threshold**2)
        return 10 ** DECADES[0], 10 ** DECADES[1] * unit

    def states(self) -> list[State]:
        """All stationary states with activity that the scan finds, by increasing Var(H)."""
        low, high = np.log(self.scanned)
        grid = np.linspace(low, high, round((high - low) / np.log(10) * PER_DECADE) + 1)
        grid, values = self._resolved(grid)
        left, right = values[:-1], values[1:]
        # a zero on the grid counts once, as the left end of its interval
        crossings = (left == 0) | (left * right < 0)
        return [self.state(math.exp(self._root(grid[i], grid[i + 1]))) for i in np.flatnonzero(crossings)]

    def _resolved(self, grid: Floats) -> tuple[Floats, Floats]:
        """The points of the grid, values of log q, at which the log ratio is known and finite, and the ratio there.

        Where float64 does not resolve the moments (f' grows, or oscillates faster than the density falls) and what it
        resolves holds no state, ball arithmetic goes on from either end, in steps that double, to a change of sign or as far
        as it reaches itself. Not for periodic tails: each of hundreds of cells would be enclosed.
        """
        values = self._log_ratio(np.exp(grid), settle=False)
        known = np.flatnonzero(np.isfinite(values))
        signs = set(np.sign(values[known]))
        if len(signs) == 1 and self.scheme.needs_moments and not self.layer.surrogate.surrogate.derivative.tails:
            for edge, step in ((int(known[0]), -1), (int(known[-1]), 1)):
                while 0 <= edge + step < len(grid) and np.sign(values[edge]) in signs:
                    edge, step = edge + step, 2 * step
                    values[edge] = self._settled(grid[edge])
        known = np.isfinite(values)
        return grid[known], values[known]

    def _settled(self, log_q: float) -> float:
        """The log ratio in ball arithmetic where that is needed; NaN where it too gives up."""
        try:
            return float(self._log_ratio(math.exp(log_q)))
        except IkunError:
            return math.nan

    @property
    def unresolved(self) -> tuple[float, float] | None:
        """The smallest and the largest Var(H) of the scan at which float64 does not resolve E[f'²], if there are any."""
        low, high = np.log(self.scanned)
        q = np.geomspace(*self.scanned, round((high - low) / np.log(10) * PER_DECADE) + 1)
        missing = q[np.isnan(self.layer.gradient_moment(q, settle=False))]
        return (float(missing[0]), float(missing[-1])) if len(missing) else None

    def _root(self, low: float, high: float) -> float:
        """The zero of the log ratio between two values of log q."""
        root = brentq(lambda t: float(self._log_ratio(math.exp(t))), low, high, xtol=1e-14)
        assert isinstance(root, float)
        return root

    def state(self, q: float) -> State:
        weight = float(self.weight_variance(q))
        gradient = float(self.layer.gradient_moment(q))
        return State(
            var_h=q,
            gain=self.fan.fan_in * weight,
            mean_x=float(self.layer.mean(q)),
            second_moment_x=float(self.layer.second_moment(q)),
            m2=gradient,
            chi=self.fan.fan_out * self._input_factor2 * weight * gradient,
            forward_slope=self.layer.forward_slope(q),
        )

    def solve(self) -> State:
        """The stationary state that matters: the stable one (the one of largest Var(H) if there are several), else, for
        schemes that are defined without stability, the unstable one. NoSolutionError otherwise."""
        states = self.states()
        stable = [state for state in states if state.stable]
        if stable:
            return stable[-1]
        if states and not self.scheme.needs_stable:
            return states[-1]
        where = f"scheme {self.scheme.name!r} with {self.layer.surrogate.spec}, threshold {self.layer.threshold:g}"
        low, high = self.scanned
        what = "only unstable stationary states" if states else "no stationary state with activity"
        gap = self.unresolved
        if gap:
            what += f" (E[f'²] is not resolved at some of {gap[0]:.3g} to {gap[1]:.3g})"
        advice = "choose another surrogate slope or another scheme"
        raise NoSolutionError(where, f"{what} for Var(H) from {low:g} to {high:g}", advice)
