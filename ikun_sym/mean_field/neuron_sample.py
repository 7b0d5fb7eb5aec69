"""One neuron over T steps, on many sampled currents: forward, and backward exactly as the catalogue's statement says.

    h[t] = charge(v[t−1], i[t]),  s[t] = 1[h[t] >= θ],  v[t] = reset(h[t], s[t]),  v[−1] = 0
    δh[t] = f'(h[t] − θ) δs[t] + through[t] δh[t+1]
    through[t] = ∂charge/∂v · (∂reset/∂h + ∂reset/∂s f'(h[t] − θ)); a detached reset drops ∂reset/∂s

so that, given the trajectory, δh = A δs with A upper triangular: A[t, t] = f'[t], A[t, s] = through[t] A[t + 1, s].
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from ..catalogue import neurons as catalogue
from ..catalogue.neurons import Neuron
from ..expressions.lowering import Evaluator, Numpy, lower

Array = NDArray[Any]

SYMBOLS = {symbol.name: symbol for symbol in (catalogue.v, catalogue.i, catalogue.h, catalogue.s, catalogue.c)}


@lru_cache(maxsize=256)
def _lowered(expr: sp.Expr) -> Evaluator:
    """Statements are few, and asked for once a layer."""
    return lower(sp.expand(expr), Numpy())


def compiled(expr: sp.Expr, constants: dict[sp.Symbol, float]) -> Callable[..., Any]:
    """A statement's expression as a function of its named variables."""
    evaluate = _lowered(expr)
    return lambda **values: evaluate({**constants, **{SYMBOLS[name]: value for name, value in values.items()}})


@lru_cache(maxsize=256)
def partial(expr: sp.Expr, symbol: sp.Symbol) -> sp.Expr:
    """∂expr/∂symbol, asked for once a layer."""
    return sp.diff(expr, symbol)


@dataclass(frozen=True, kw_only=True)
class Trajectory:
    """Arrays [T, samples]; `slope` is f'(h − θ), `through` as above."""

    h: Array
    s: Array
    slope: Array
    through: Array

    def adjoint(self, grad_s: Array) -> Array:
        """δh = A δs for every sample."""
        grad_h = self.slope * grad_s
        for t in range(len(grad_h) - 2, -1, -1):
            grad_h[t] += self.through[t] * grad_h[t + 1]
        return grad_h


@dataclass(frozen=True, kw_only=True)
class Steps:
    """What a layer shows per step: mean and variance of h, and `second` [T, T], E[s[t] s[u]]; `mean_s`, where it is not the
    diagonal of that, as it is for spikes."""

    second: NDArray[np.float64]
    mean_h: NDArray[np.float64]
    var_h: NDArray[np.float64]
    mean_s: NDArray[np.float64] | None = None

    @property
    def rate(self) -> NDArray[np.float64]:
        """E[s]."""
        return np.diag(self.second) if self.mean_s is None else self.mean_s


NARROW = 1e15
"""Gradients that may grow beyond this within a layer are kept in float64, for their squares are summed."""


def _largest(values: Array) -> float:
    return float(np.abs(values).max())


@dataclass(frozen=True)
class Dynamics:
    """A neuron's statement with numbers for its constants. `gradient` is f'."""

    neuron: Neuron
    leak: float
    threshold: float
    detach: bool
    gradient: Callable[[Array], Array]

    @property
    def constants(self) -> dict[sp.Symbol, float]:
        return {catalogue.leak: self.leak, catalogue.threshold: self.threshold}

    @cached_property
    def _charge(self) -> Callable[..., Any]:
        return compiled(self.neuron.charge, self.constants)

    @cached_property
    def _reset(self) -> Callable[..., Any]:
        return compiled(self.neuron.reset, self.constants)

    @cached_property
    def _dv_dh(self) -> Callable[..., Any]:
        return compiled(partial(self.neuron.reset, catalogue.h), self.constants)

    @cached_property
    def _dv_ds(self) -> Callable[..., Any]:
        return compiled(partial(self.neuron.reset, catalogue.s), self.constants)

    @cached_property
    def membrane_gain(self) -> float:
        """∂h/∂v: charges are linear, so it is a number."""
        return float(compiled(partial(self.neuron.charge, catalogue.v), self.constants)())

    @cached_property
    def input_gain(self) -> float:
        """∂h/∂i."""
        return float(compiled(partial(self.neuron.charge, catalogue.i), self.constants)())

    def fire(self, drive: Array) -> tuple[Array, Array]:
        """(h, s), each [T, samples], for the currents `drive`."""
        h, s = np.empty_like(drive), np.empty_like(drive)
        v: Array = np.zeros_like(drive[0])
        for t, current in enumerate(drive):
            h[t], s[t], v = self.step(v, current)
        return h, s

    def step(self, v: Array, current: Array) -> tuple[Array, Array, Array]:
        """(h, s, v) of one time step."""
        h = self._charge(v=v, i=current)
        s = (h >= self.threshold).astype(current.dtype)
        return h, s, self._reset(h=h, s=s)

    def run(self, drive: Array) -> Trajectory:
        """Forward, with what the backward pass needs."""
        h, s = self.fire(drive)
        slope = np.asarray(self.gradient(h - self.threshold), dtype=drive.dtype)
        through = self._dv_dh(h=h, s=s)
        if not self.detach:
            through = through + self._dv_ds(h=h, s=s) * slope
        through = np.broadcast_to(np.asarray(through * self.membrane_gain, dtype=drive.dtype), h.shape)
        if _largest(slope) * max(1.0, _largest(through)) ** (len(h) - 1) > NARROW:
            slope, through = slope.astype(float), through.astype(float)
        return Trajectory(h=h, s=s, slope=slope, through=through)


def current_filter(leak: float, synaptic_leak: float, decay_input: bool, steps: int) -> Array:
    """The T×T matrix that makes a layer's weighted input the current that its membranes see: synapse, then decay."""
    constants = {catalogue.leak: leak, catalogue.synaptic_leak: synaptic_leak}
    synapse, decayed = compiled(catalogue.SYNAPSE, constants), compiled(catalogue.DECAYED_INPUT, constants)
    current, rows = np.zeros(steps), []
    for impulse in np.eye(steps):
        current = synapse(c=current, i=impulse)
        rows.append(decayed(i=current) if decay_input else current)
    return np.array(rows)
