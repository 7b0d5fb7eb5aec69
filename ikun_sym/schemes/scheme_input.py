"""The layer that a scheme is asked about, and the numbers that stand for the symbols of its expressions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import sympy as sp

from ..catalogue import schemes as words
from ..catalogue.assignments import assignments
from ..catalogue.parameter import bound_values
from ..catalogue.schemes import SCHEMES, Scheme
from ..errors import DomainError, IkunError
from ..expressions.lowering import Numpy, lower
from ..gaussian.moment import float_function
from ..mean_field.normal_law import quantile_of_upper_tail
from ..reading.neuron import Neuron
from .fan import Fan

OPEN = {"leak": words.leak, "synaptic_leak": words.synaptic_leak}
"""Words of a neuron for which schemes may have values of their own, and the symbols that stand for them."""


def _default(scheme: Scheme, symbol: sp.Symbol, threshold: float) -> float | None:
    """The scheme's own value; None if it has none."""
    if symbol not in scheme.defaults:
        return None
    return float(sp.sympify(scheme.defaults[symbol]).subs(words.threshold, sp.Float(threshold)))


def find_scheme(spec: str) -> tuple[Scheme, dict[str, Any]]:
    """The scheme that `name` or `name:param=value,…` names, and the values of its own parameters."""
    name, _, rest = spec.strip().partition(":")
    scheme = SCHEMES[name]
    given = assignments(spec, rest, kind="scheme", example="orthogonal:gain=2")
    return scheme, bound_values("scheme", scheme.name, scheme.params, given)


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One layer of these neurons over so many steps. None: the scheme's own default, else nothing known.

    rate: the firing rate aimed at. alpha: IKUN's constant. second_moment: E[X²] of the layer's input where it is known.
    left_open: those of OPEN that the user did not give, for which the neuron has the scheme's defaults, or 0.
    """

    scheme: Scheme
    fan: Fan
    neuron: Neuron
    left_open: frozenset[str] = frozenset()
    rate: float | None = None
    alpha: float = 1.0
    second_moment: float | None = None
    steps: int = 1
    own: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("alpha", "second_moment"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise DomainError(name.replace("_", " "), value, "a positive number")
        if self.rate is not None and not 0 < self.rate < 1:
            raise DomainError("rate", self.rate, "between 0 and 1", "it is a probability of a spike")
        if isinstance(self.steps, bool) or not isinstance(self.steps, int) or self.steps < 1:
            raise DomainError("steps", self.steps, "an integer of at least 1")

    @classmethod
    def of(cls, scheme: Scheme, fan: Fan, neuron: Mapping[str, Any], **rest: Any) -> Setting:
        """From the neuron's words; those of OPEN may be missing or None, and are the scheme's then."""
        given = {name: value for name, value in neuron.items() if value is not None or name not in OPEN}
        theta = Neuron.of(**{name: value for name, value in given.items() if name == "threshold"}).threshold
        left = {name for name in OPEN if name not in given}
        defaults = {name: default for name in left if (default := _default(scheme, OPEN[name], theta)) is not None}
        return cls(scheme=scheme, fan=fan, neuron=Neuron.of(**given, **defaults), left_open=frozenset(left), **rest)

    def number(self, symbol: sp.Symbol) -> float:
        """What stands for a symbol that the user may leave open."""
        return self._open[symbol][0]

    @cached_property
    def _open(self) -> dict[sp.Symbol, tuple[float, str]]:
        """Values of the symbols that the user may leave open, and where each came from."""
        found: dict[sp.Symbol, tuple[float, str]] = {}
        told = {symbol: (getattr(self.neuron, name), name in self.left_open) for name, symbol in OPEN.items()}
        told[words.rate] = (self.rate or 0.0, self.rate is None)
        for symbol, (value, is_open) in told.items():
            default = _default(self.scheme, symbol, self.neuron.threshold) if is_open else None
            if not is_open:
                found[symbol] = value, "given"
            elif default is None:
                found[symbol] = 0.0, "default"
            else:
                found[symbol] = default, f"the scheme's default, {self.scheme.defaults[symbol]}"
        return found

    @cached_property
    def numbers(self) -> dict[sp.Symbol, float]:
        """A number for every symbol that the scheme's expressions contain, except moments of the layer's own state."""
        known: dict[sp.Symbol, float] = {
            words.fan_in: float(self.fan.fan_in),
            words.fan_out: float(self.fan.fan_out),
            words.fan_max: float(max(self.fan.fan_in, self.fan.fan_out)),
            words.alpha: self.alpha,
            words.threshold: self.neuron.threshold,
            words.input_factor: self.neuron.input_factor,
        }
        known |= {symbol: value for symbol, (value, _) in self._open.items()}
        known |= {param.symbol: self.own_number(param.name) for param in self.scheme.params}
        if words.quantile in self.scheme.symbols:
            known[words.quantile] = self._quantile()
        if words.m2_uniform in self.scheme.symbols:
            known[words.m2_uniform] = self._uniform_moment(self.own_number("low"), self.own_number("high"))
        return known

    def own_number(self, name: str) -> float:
        """The value of a parameter of the scheme's own."""
        default = next(param.default for param in self.scheme.params if param.name == name)
        return float(self.own.get(name, default))

    def value(self, expr: sp.Expr) -> float:
        """An expression of the scheme as a number; NaN or infinite where it has none."""
        with np.errstate(all="ignore"):
            return float(np.real(lower(sp.sympify(expr), Numpy())(self.numbers)))

    def account(self, symbols: Iterable[sp.Basic] | None = None) -> dict[str, dict[str, Any]]:
        """Each number beside the fans that entered (the scheme's own `symbols` unless given), and where it came from."""
        plain = {words.threshold: "given, or 1", words.alpha: "given, or 1"}
        plain |= {words.fan_max: "the larger of fan_in and fan_out"}
        plain |= {words.input_factor: "1 − κ, inputs decay" if self.neuron.decay_input else "inputs do not decay"}
        plain |= {
            words.quantile: "Q⁻¹(p)",
            words.m2_uniform: f"mean of f'² of {self.neuron.surrogate.spec} over a uniform voltage",
        }
        plain |= {symbol: source for symbol, (_, source) in self._open.items()}
        plain |= {param.symbol: "a parameter of the scheme" for param in self.scheme.params}
        names = {symbol: symbol.name for symbol in plain} | {words.rate: "rate", words.quantile: "quantile"}
        wanted = self.scheme.symbols if symbols is None else set(symbols)
        return {names[symbol]: {"value": self.numbers[symbol], "from": plain[symbol]} for symbol in plain if symbol in wanted}

    def _quantile(self) -> float:
        p = self.number(words.rate)
        if not 0 < p < 0.5:
            raise DomainError("rate", p, "between 0 and 0.5", f"scheme {self.scheme.name!r} has zero-mean currents")
        return float(quantile_of_upper_tail(p))

    def _uniform_moment(self, low: float, high: float) -> float:
        """The mean of f'(x)² over low θ < x < high θ, by adaptive quadrature split at 0 and at every breakpoint."""
        from scipy.integrate import quad

        if not low < high:
            raise DomainError("low", low, f"below high = {high:g}")
        if not self.neuron.threshold > 0:
            raise DomainError(
                "threshold", self.neuron.threshold, "a positive number", "the range of the voltage is in its units"
            )
        square, a, b = (
            float_function(self.neuron.surrogate, "fprime", 2),
            low * self.neuron.threshold,
            high * self.neuron.threshold,
        )
        cuts = [x for x in (0.0, *self._breakpoints()) if a < x < b]
        ends = sorted({a, b, *cuts})
        parts = [quad(lambda x: float(square(np.array([x]))[0]), *pair, limit=200)[0] for pair in pairwise(ends)]
        return math.fsum(parts) / (b - a)

    def _breakpoints(self) -> list[float]:
        numbers = [(symbol, sp.Rational(v)) for symbol, v in self.neuron.surrogate.environment.items()]
        derivative = self.neuron.surrogate.surrogate.derivative
        if derivative.tails:
            raise IkunError(f"scheme {self.scheme.name!r}: {self.neuron.surrogate.spec} repeats for ever; not covered")
        return [piece.side * float(piece.hi.subs(numbers)) for piece in derivative.pieces if piece.hi != sp.oo]
