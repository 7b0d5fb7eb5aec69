"""One neuron over T steps, on many sampled currents: forward, and backward exactly as the catalogue's statement says.

    h[t] = charge(v[t−1], i[t], a[t−1]),  x[t] = h[t] − fires_at(a[t−1]),  s[t] = 1[x[t] >= 0]
    v[t] = after(h[t], s[t], a[t−1]),  a[t] = adapt(a[t−1], h[t], s[t]),  v[−1] = a[−1] = 0

Backward the state is u[t] = (δh[t], δa[t−1]), the second entry only where there is a second state:

    u[t] = entering[t] δs[t] + through[t] u[t+1]

In a neuron with one state entering = f'(x) and through = ∂charge/∂v · (∂after/∂h + ∂after/∂s f'(x)); a detached reset drops
∂after/∂s. Given the trajectory, δh = A δs with A upper triangular, A[t, t] = f'(x[t]).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from functools import partial as partial_function
from typing import Any, NamedTuple

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from ..catalogue import resets as catalogue
from ..expressions.lowering import Evaluator, Numpy, lower
from ..reading.neuron import Neuron

Array = NDArray[Any]

SYMBOLS = {symbol.name: symbol for symbol in (catalogue.v, catalogue.i, catalogue.h, catalogue.s, catalogue.c, catalogue.a)}


Terms = tuple[tuple[Evaluator, tuple[str, ...]], ...]
"""Coefficients, in the constants, and the variables that they multiply."""


@lru_cache(maxsize=256)
def _terms(expr: sp.Expr) -> Terms | Evaluator:
    """Statements are few, and asked for once a layer. Most are polynomials in their variables."""
    expanded, variables = sp.expand(expr), list(SYMBOLS.values())
    if not expanded.is_polynomial(*variables):
        return lower(expanded, Numpy())
    polynomial = sp.Poly(expanded, *variables)
    return tuple(
        (lower(factor, Numpy()), tuple(name for name, power in zip(SYMBOLS, powers, strict=True) for _ in range(power)))
        for powers, factor in polynomial.terms()
    )


def compiled(expr: sp.Expr, constants: dict[sp.Symbol, float]) -> Callable[..., Any]:
    """A statement's expression as a function of its named variables."""
    terms = _terms(expr)
    if callable(terms):
        return lambda **values: terms({**constants, **{SYMBOLS[name]: value for name, value in values.items()}})
    numbers = [(float(factor(constants)), names) for factor, names in terms]
    return partial_function(_polynomial, [(factor, names) for factor, names in numbers if factor])


def _polynomial(terms: list[tuple[float, tuple[str, ...]]], /, **values: Any) -> Any:
    """Without products by 1 and sums with 0: these are small arrays, and many."""
    total: Any = None
    for factor, names in terms:
        term: Any = None
        for name in names:
            term = values[name] if term is None else term * values[name]
        term = factor if term is None else term if factor == 1 else term * factor
        total = term if total is None else total + term
    return 0.0 if total is None else total


@lru_cache(maxsize=256)
def partial(expr: sp.Expr, symbol: sp.Symbol) -> sp.Expr:
    """∂expr/∂symbol, asked for once a layer."""
    return sp.diff(expr, symbol)


@dataclass(frozen=True, kw_only=True)
class Trajectory:
    """`h`, `s` [T, samples]; `entering` [d, T, samples] and `through` [d, d, T, samples] as above, d the number of states."""

    h: Array
    s: Array
    entering: Array
    through: Array

    @property
    def slope(self) -> Array:
        """f'(x), [T, samples]."""
        return self.entering[0]

    def back(self, t: int, u: Array, out: Array | None = None) -> Array:
        """through[t] u, for u [d, samples] or [d, samples, …]: what u[t] is beside what enters there, if u is u[t+1]."""
        through = self.through[:, :, t].reshape(*self.through.shape[:2], -1, *(1,) * (u.ndim - 2))
        return np.multiply(through[0], u, out=out) if len(u) == 1 else np.sum(through * u, axis=1, out=out)

    def adjoint(self, grad_s: Array) -> Array:
        """δh = A δs for every sample."""
        u = self.entering * grad_s
        for t in range(len(grad_s) - 2, -1, -1):
            u[:, t] += self.back(t, u[:, t + 1])
        return u[0]

    def of(self, part: slice) -> Trajectory:
        """Of some of the samples."""
        return Trajectory(
            h=self.h[:, part], s=self.s[:, part], entering=self.entering[..., part], through=self.through[..., part]
        )


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


class State(NamedTuple):
    """Membrane and second state after a step, each [samples]; `a` is None where there is no second state."""

    v: Array
    a: Array | None


class Fired(NamedTuple):
    """A step's, or all steps', h, s and the potential at which it fires: a number, or, with a second state, as h."""

    h: Array
    s: Array
    level: Any


@dataclass(frozen=True)
class Dynamics:
    """A neuron's statement with numbers for its constants. `gradient` is f'."""

    neuron: Neuron
    gradient: Callable[[Array], Array]

    @property
    def constants(self) -> dict[sp.Symbol, float]:
        return self.neuron.constants

    @cached_property
    def _charge(self) -> Callable[..., Any]:
        return compiled(self.neuron.reset.rule.charge, self.constants)

    @cached_property
    def _after(self) -> Callable[..., Any]:
        return compiled(self.neuron.reset.rule.after, self.constants)

    @cached_property
    def _adapt(self) -> Callable[..., Any] | None:
        adapt = self.neuron.reset.rule.adapt
        return None if adapt is None else compiled(adapt, self.constants)

    @cached_property
    def _fires_at(self) -> Callable[..., Any]:
        return compiled(self.neuron.reset.rule.fires_at, self.constants)

    def partial(self, what: str, by: str) -> Callable[..., Any]:
        """∂what/∂by, `what` one of the rule's expressions and `by` one of its variables."""
        return compiled(partial(getattr(self.neuron.reset.rule, what), SYMBOLS[by]), self.constants)

    @cached_property
    def membrane_gain(self) -> float:
        """∂h/∂v: charges are linear, so it is a number."""
        return float(self.partial("charge", "v")())

    @cached_property
    def input_gain(self) -> float:
        """∂h/∂i."""
        return float(self.partial("charge", "i")())

    def at_rest(self, like: Array) -> State:
        """Before the first step, for samples [samples]."""
        nothing: Array = np.zeros_like(like)
        return State(nothing, nothing if self.neuron.adapts else None)

    def fire(self, drive: Array) -> Fired:
        """Each [T, samples], for the currents `drive`."""
        h, s = np.empty_like(drive), np.empty_like(drive)
        level: Any = np.empty_like(drive) if self.neuron.adapts else self.neuron.threshold
        state = self.at_rest(drive[0])
        for t, current in enumerate(drive):
            one, state = self.step(state, current)
            h[t], s[t] = one.h, one.s
            if self.neuron.adapts:
                level[t] = one.level
        return Fired(h, s, level)

    def level(self, state: State) -> Any:
        """The potential at which it fires in the next step."""
        return self.neuron.threshold if state.a is None else self._fires_at(a=state.a)

    def step(self, state: State, current: Array) -> tuple[Fired, State]:
        """One time step, and the state after it."""
        v, a = state
        second = {} if a is None else {"a": a}
        h = self._charge(v=v, i=current, **second)
        level = self.level(state)
        s = (h >= level).astype(current.dtype)
        return Fired(h, s, level), self.state_after(h, s, a)

    def state_after(self, h: Array, s: Array, a: Array | None) -> State:
        """What a step leaves that reached h and fired s, from the second state before it."""
        if self._adapt is None:
            return State(self._after(h=h, s=s), None)
        return State(self._after(h=h, s=s, a=a), self._adapt(a=a, h=h, s=s))

    def run(self, drive: Array) -> Trajectory:
        """Forward, with what the backward pass needs."""
        h, s, level = self.fire(drive)
        slope = np.asarray(self.gradient(h - level), dtype=drive.dtype)
        if self.neuron.adapts:
            entering, through = self._two_states(h, s, slope)
        else:
            carried = self.partial("after", "h")(h=h, s=s)
            if not self.neuron.detach:
                carried = carried + self.partial("after", "s")(h=h, s=s) * slope
            entering = slope[None]
            through = np.broadcast_to(np.asarray(carried * self.membrane_gain, dtype=drive.dtype), h.shape)[None, None]
        if _largest(slope) * max(1.0, _largest(through)) ** (len(h) - 1) > NARROW:
            entering, through = entering.astype(float), through.astype(float)
        return Trajectory(h=h, s=s, entering=entering, through=through)

    def _two_states(self, h: Array, s: Array, slope: Array) -> tuple[Array, Array]:
        """`entering` [2, …] and `through` [2, 2, …] of u[t] = (δh[t], δa[t−1]). With δv[t] = ∂h/∂v δh[t+1],

        δx = f' (δs + ∂v/∂s δv + ∂a/∂s δa),   δh = δx + ∂v/∂h δv + ∂a/∂h δa,
        δa[t−1] = −∂fires_at/∂a δx + ∂h/∂a δh + ∂v/∂a δv + ∂a/∂a δa."""
        before, state = np.zeros_like(h), self.at_rest(h[0])
        for t in range(len(h)):
            assert state.a is not None
            before[t] = state.a
            state = self.state_after(h[t], s[t], state.a)

        def at(what: str, by: str) -> Any:
            return self.partial(what, by)(h=h, s=s, a=before)

        raised, charged = self.partial("fires_at", "a")(a=before), float(self.partial("charge", "a")())
        spiking = 0.0 if self.neuron.detach else at("after", "s")
        # what a unit of (δs, δv, δa[t]) makes of δx, then of δh and of δa[t−1]
        at_x = (slope, slope * spiking, slope * at("adapt", "s"))
        at_h = (at_x[0], at_x[1] + at("after", "h"), at_x[2] + at("adapt", "h"))
        direct = (0.0, at("after", "a"), at("adapt", "a"))
        at_a = tuple(d - raised * x + charged * y for d, x, y in zip(direct, at_x, at_h, strict=True))
        entering, through = np.empty((2, *h.shape), h.dtype), np.empty((2, 2, *h.shape), h.dtype)
        for row, (ds, dv, da) in enumerate((at_h, at_a)):
            entering[row], through[row, 0], through[row, 1] = ds, dv * self.membrane_gain, da
        return entering, through


def current_filter(neuron: Neuron, steps: int) -> Array:
    """The T×T matrix that makes a layer's weighted input the current that its membranes see: synapse, then decay."""
    constants = neuron.constants
    synapse, decayed = compiled(catalogue.SYNAPSE, constants), compiled(catalogue.DECAYED_INPUT, constants)
    current, rows = np.zeros(steps), []
    for impulse in np.eye(steps):
        current = synapse(c=current, i=impulse)
        rows.append(decayed(i=current) if neuron.decay_input else current)
    return np.array(rows)
