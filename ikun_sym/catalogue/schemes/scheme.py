"""What an initialisation scheme is: Var(W) as an expression in the symbols below, or the name of a rule that computes it.

A scheme whose expression contains a moment of the layer (`m2`, `var_x`, `second_x`) is evaluated at its own stationary
state: the q that solves q = fan_in · λ² · Var(W) · E[X²], with all moments taken at q. The rest of the code treats all schemes
alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import sympy as sp

from ...errors import IkunError
from ...told import Told
from ..parameter import Param
from ..registry import Registry
from ..resets import leak, synaptic_leak, threshold

fan_in, fan_out, fan_max = sp.symbols("fan_in fan_out fan_max", positive=True)
"""fan_max: the larger of the two."""

alpha = sp.Symbol("alpha", positive=True)
"""IKUN's constant."""

m2, var_x, second_x = sp.symbols("m2 var_x second_x", positive=True)
"""m2 = E[f'(H − θ)²]. var_x, second_x: variance and second moment of the layer's input."""

m2_uniform = sp.Symbol("m2_uniform", positive=True)
"""Mean of f'(x)² over x uniform from low · θ to high · θ; `low` and `high` are parameters of the scheme."""

input_factor = sp.Symbol("lambda", positive=True)
"""λ: factor of a current on its way to the membrane. 1 − κ with decay_input, else 1."""

rate, quantile = sp.symbols("p a", positive=True)
"""p: the firing rate that the scheme aims at or assumes. a = Q⁻¹(p), for p < ½."""

MOMENTS = frozenset((m2, var_x, second_x))
SETTING = frozenset((fan_in, fan_out, fan_max, alpha, m2_uniform, input_factor, rate, quantile, threshold, leak, synaptic_leak))

USES = {
    "rate": frozenset((rate, quantile)),
    "leak": frozenset((leak, input_factor)),
    "synaptic_leak": frozenset((synaptic_leak,)),
    "decay_input": frozenset((input_factor,)),
    "threshold": MOMENTS | {threshold, m2_uniform},
    "surrogate": MOMENTS | {m2_uniform},
    "alpha": frozenset((alpha,)),
    "second_moment": frozenset((var_x, second_x)),
}
"""By which symbols a word enters an expression; words that are not here enter none."""

INDEPENDENT, COPYING = "independent", "copying"
WEIGHTS = {
    INDEPENDENT: "independent, normal or uniform",
    "row-centred": "independent, then the mean of each neuron's weights subtracted",
    "orthogonal": "a uniformly drawn matrix with orthonormal rows or columns, times the gain",
    "delta-orthogonal": "such a matrix at the centre tap of the kernel, zero elsewhere",
    COPYING: "independent, plus a constant at one input of each neuron, a random permutation (in a kernel at its centre tap)",
}
"""How weights of the given standard deviation are drawn."""

_RUN = "run it on a model with ikun diagnose MODULE:FACTORY --input-shape T,B,… --scheme {name}"
AIMS = {
    "deviation": _RUN,
    "rate": _RUN,
    "batch-norm": "it is part of the model: add threshold-dependent batch normalisation to the model, and use scheme kaiming",
}
"""Aims of schemes that need data (a membrane of standard deviation 1, a firing rate, a normalised current) to advice on how to
apply the scheme."""

DISTRIBUTIONS = ("normal", "uniform")


def upper_tail(x: sp.Expr) -> sp.Expr:
    """Q(x) = P(N(0, 1) > x)."""
    return sp.erfc(x / sp.sqrt(2)) / 2


def density(x: sp.Expr) -> sp.Expr:
    """φ(x), the standard normal density."""
    return sp.exp(-(x**2) / 2) / sp.sqrt(2 * sp.pi)


@dataclass(frozen=True, kw_only=True)
class SlopeRule:
    """The surrogate's slope solves E[f'(H − θ)²] = `moment`, H ~ N(mean, variance)."""

    moment: sp.Expr
    variance: sp.Expr
    mean: sp.Expr = sp.S.Zero


@dataclass(frozen=True, kw_only=True)
class Scheme(Told):
    """`variance`: Var(W), or None where `rule` names a function of `ikun_sym.schemes.rules` that computes it.

    formula:       the variance as text for people; default: the expression
    mean:          the mean of the weights
    bias:          the value of every bias; `bias_bound`: biases are drawn from U(±bias_bound). Neither: no bias
    slope:         how it sets the surrogate's slope; `sets_slope`: the rule sets it
    needs_data:    what it does to the weights with data ("" if it needs none); then `variance` is only the start
    aim:           the key of AIMS that this achieves; "" if it needs no data
    weights:       how they are drawn, a key of WEIGHTS
    params:        the scheme's own constants, set by `name:param=value`
    defaults:      values of symbols that the user leaves open, as expressions in the others
    needs_stable:  the scheme is defined by a stable stationary state, and has no meaning without one
    """

    shown = ("name", "params", "summary")

    name: str
    variance: sp.Expr | None = None
    rule: str = ""
    formula: str = ""
    summary: str
    source: str
    mean: sp.Expr = sp.S.Zero
    bias: sp.Expr = sp.S.Zero
    bias_bound: sp.Expr | None = None
    slope: SlopeRule | None = None
    sets_slope: bool = False
    needs_data: str = ""
    aim: str = ""
    weights: str = INDEPENDENT
    distribution: str = "normal"
    params: tuple[Param, ...] = ()
    defaults: Mapping[sp.Symbol, sp.Expr | float] = field(default_factory=dict, hash=False)
    needs_stable: bool = False
    aliases: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if (self.variance is None) == (not self.rule):
            raise IkunError(f"scheme {self.name!r} has either an expression for the variance or a rule")
        if self.weights not in WEIGHTS or self.distribution not in DISTRIBUTIONS:
            raise IkunError(f"scheme {self.name!r}: weights are one of {', '.join(WEIGHTS)}, {' or '.join(DISTRIBUTIONS)}")
        if bool(self.needs_data) != bool(self.aim) or self.aim not in ("", *AIMS):
            raise IkunError(f"scheme {self.name!r}: what needs data names its aim, one of {', '.join(AIMS)}")
        own = {param.symbol for param in self.params}
        if own & SETTING:
            raise IkunError(f"scheme {self.name!r}: {sorted(map(str, own & SETTING))} have a meaning already")
        if stray := (self.variance or sp.S.Zero).free_symbols - SETTING - MOMENTS - own:
            raise IkunError(f"scheme {self.name!r} uses {sorted(map(str, stray))}; allowed: {_names(SETTING | MOMENTS | own)}")
        others = [self.mean, self.bias, *([self.bias_bound] if self.bias_bound is not None else [])]
        if self.slope:
            others += [self.slope.moment, self.slope.mean, self.slope.variance]
            object.__setattr__(self, "sets_slope", True)
        if stray := set().union(*(expr.free_symbols for expr in others)) - SETTING - own:
            raise IkunError(f"scheme {self.name!r} uses {sorted(map(str, stray))}; allowed: {_names(SETTING | own)}")

    @property
    def advice(self) -> str:
        """How to apply a scheme that needs data."""
        return AIMS[self.aim].format(name=self.name) if self.aim else ""

    @property
    def needs_moments(self) -> bool:
        return self.variance is not None and bool(self.variance.free_symbols & MOMENTS)

    @property
    def written(self) -> str:
        """The variance as text for people."""
        return self.formula or str(self.variance)

    def uses(self, word: str) -> bool:
        """Whether a word of the layer's (a neuron's, rate, steps, alpha, second_moment) has a part in its expressions. Rules
        may look at all but α."""
        if self.rule:
            return word != alpha.name
        needed = self.symbols & USES.get(word, frozenset())
        return bool(needed) or (word == "surrogate" and self.sets_slope)

    @property
    def symbols(self) -> set[sp.Basic]:
        """All symbols in its expressions."""
        parts = [self.variance, self.mean, self.bias, self.bias_bound]
        parts += [self.slope.moment, self.slope.mean, self.slope.variance] if self.slope else []
        return set().union(*(part.free_symbols for part in parts if part is not None))


def _names(symbols: frozenset[sp.Symbol] | set[sp.Symbol]) -> str:
    return ", ".join(sorted(map(str, symbols)))


SCHEMES: Registry[Scheme] = Registry("scheme")
