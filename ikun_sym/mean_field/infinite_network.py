"""A deep spiking network over T steps, as the infinite-width theory sees it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from ..catalogue.architectures import Dense, Topology, parse_architecture
from ..errors import DomainError, IkunError, NoTheoryError
from ..gaussian.moment import float_function
from ..reading.neuron import HasNeuron, Neuron, check_scale
from ..told import Told
from .covariance import Floats, checked_second_moment, constant_input, poisson_input
from .layer import FORWARD_PASSES, Layer
from .neuron_sample import Dynamics, current_filter

INPUTS = {"poisson": poisson_input, "constant": constant_input}

LOSSES = ("white", "rate", "summed")

SAMPLED = 1e15
"""Largest potential, and one over the smallest: squares of some thousand times as much are float32 numbers."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TimeModel(HasNeuron, Told):
    """Layers of one neuron whose currents I^l are Gaussian, in a dense network with covariance
    K E[S^{l−1}[t] S^{l−1}[s]] + σ_b². With an input that decays users of K see K/τ².

    neuron:         what all layers are made of; `of` and `but` take its own words
    arch:           how the layers are connected: `name:param=value,…` of the catalogue's architectures
    gain:           K = fan_in · Var(W);  gain_out: fan_out · Var(W), K if not given; several: of the weights into layer 1,
                    layer 2, …, repeated from the start where they end
    bias_var:       σ_b², the variance of the biases
    copied:         c, of weights c P + G, P a random permutation and G independent with the gain K: see `copying`
    input:          poisson or constant, with `input_rate` one value or one per input; or E[x[t] x[s]] as a T×T matrix
    forward:        spiking; smooth: a neuron sends f(H − θ) instead of a spike, at one time step only
    white_currents: what theories assume that take currents as white in time (SpikeInit, fluctuation-driven): what a neuron
                    receives at one step says nothing of what it receives at another. Not so with weights that stay
    loss:           the gradient at the last layer's spikes: random and new at each step (white), random and the same at each
                    step (rate), or 1 everywhere, the gradient of the number of spikes (summed)
    """

    centred: ClassVar[bool] = False
    """Whether the mean of each neuron's weights is subtracted: `RowCentred`."""
    inputs: ClassVar[int] = 1
    """Inputs whose steps stand one after the other in every matrix over steps: `information.two_inputs` has two."""

    arch: str | Topology = "dense"
    neuron: Neuron = field(default_factory=Neuron)
    steps: int = 1
    depth: int = 20
    gain: float = 1.0
    gain_out: float | tuple[float, ...] | None = None
    bias_var: float = 0.0
    copied: float = 0.0
    input: str | ArrayLike = "poisson"
    input_rate: ArrayLike = 0.5
    loss: str = "white"
    forward: str = "spiking"
    white_currents: bool = False

    def __post_init__(self) -> None:
        for name in ("depth", "steps"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
                raise DomainError(name, value, "an integer of at least 1")
        if not (math.isfinite(self.bias_var) and self.bias_var >= 0):
            raise DomainError("bias_var", self.bias_var, "zero or a positive number")
        for name, values in (("gain", (self.gain,)), ("gain_out", self.gains_out)):
            for value in values:
                if not (math.isfinite(value) and value > 0):
                    raise DomainError(name, value, "a positive number", "it is a number of weights times Var(W)")
        if self.steps > 1:
            for name, value in (("threshold", self.neuron.threshold), ("bias", math.sqrt(self.bias_var))):
                check_scale(name, value, SAMPLED, " over several steps, which are sampled in float32")
        if self.loss not in LOSSES:
            raise IkunError(f"unknown loss {self.loss!r}; known: {', '.join(LOSSES)}")
        _ = self.topology, FORWARD_PASSES[self.forward]
        if not (math.isfinite(self.copied) and self.copied >= 0):
            raise DomainError("copied", self.copied, "zero or a positive number")
        if self.copied:
            self._check_copied()
        if self.forward != "spiking" and self.steps > 1:
            raise NoTheoryError(f"the forward pass {self.forward!r} has an infinite-width theory at one time step only")
        silent_input = not self.input_second_moment.any()
        if silent_input and self.neuron.threshold == 0 and self.bias_var == 0:
            raise DomainError("threshold", 0, "positive where there is no input", "H = θ = 0 is neither spike nor silence")

    def _check_copied(self) -> None:
        dense = isinstance(self.topology, Dense) and not self.centred
        if self.steps > self.inputs or self.forward != "spiking" or not dense:
            raise NoTheoryError("weights that copy have a theory in dense layers of spikes at one step; measure them elsewhere")
        if isinstance(self.input, str) and self.input != "poisson":
            raise NoTheoryError(f"input {self.input!r}: weights that copy have a theory where spikes are copied")

    @cached_property
    def input_second_moment(self) -> Floats:
        """E[x[t] x[s]], T×T."""
        if not isinstance(self.input, str):
            return checked_second_moment(self.input, self.steps)
        if self.input not in INPUTS:
            raise IkunError(f"unknown input {self.input!r}; known: {', '.join(INPUTS)}, or a T×T matrix of E[x[t] x[s]]")
        return INPUTS[self.input](self.input_rate, self.steps)

    @cached_property
    def topology(self) -> Topology:
        return parse_architecture(self.arch)

    @property
    def input_mean(self) -> float:
        """E[x], averaged over the steps."""
        if not isinstance(self.input, str):
            raise NoTheoryError(f"architecture {self.topology.spec} needs the input's mean; a matrix of E[x[t] x[s]] lacks it")
        return float(np.mean(np.asarray(self.input_rate, dtype=float)))

    @property
    def input_elsewhere(self) -> float:
        """E[x[t] x'[s]] of one channel's inputs at two positions: at both, the rate or value is the same."""
        if not isinstance(self.input, str):
            raise NoTheoryError(
                f"architecture {self.topology.spec} needs what the input shares over positions; a matrix lacks it"
            )
        return float(INPUTS[self.input](self.input_rate, 2)[0, 1])

    @cached_property
    def gains(self) -> tuple[float, ...]:
        """fan_in · Var(W) of the weights into layers 1 … depth."""
        second = float(np.mean(np.diag(self.input_second_moment)))
        mean = self.input_mean if isinstance(self.input, str) else math.nan
        return self.topology.gains(self.gain, self.depth, mean, second)

    @property
    def gains_out(self) -> tuple[float, ...]:
        """fan_out · Var(W) of the weights into layer 1, 2, …, repeated."""
        given = self.gain if self.gain_out is None else self.gain_out
        return given if isinstance(given, tuple) else (given,)

    def backward_gain(self, layer: int) -> float:
        """fan_out · Var(W) of the weights into this layer, the first being 1."""
        return self.gains_out[(layer - 1) % len(self.gains_out)]

    @property
    def layer(self) -> Layer:
        """The layer at one time step."""
        return FORWARD_PASSES[self.forward].layer(self.neuron.surrogate, self.neuron.threshold)

    @cached_property
    def dynamics(self) -> Dynamics:
        return Dynamics(self.neuron, float_function(self.neuron.surrogate, "fprime", 1))

    @cached_property
    def filter(self) -> Floats:
        """What makes weighted inputs the current at the membrane; lower triangular, T×T."""
        return current_filter(self.neuron, self.steps)

    @property
    def input_weight(self) -> float:
        """λ: what a weighted input of 1 adds to the membrane at its own step."""
        return self.dynamics.input_gain * float(self.filter[0, 0])

    def drive(self, second: Floats) -> Floats:
        """The covariance of the current at the membrane, from E[x[t] x[s]] of the layer below."""
        return self.at_membrane(self.gain * self.weighed(second) + self.bias_var)

    def weighed(self, second: Floats) -> Floats:
        """What weights of mean zero see of E[x[t] x[s]]: all of it."""
        return second

    @property
    def simultaneous(self) -> Floats:
        """1 where two steps are the same, T×T."""
        return np.eye(self.steps)

    @property
    def loss_covariance(self) -> Floats:
        """E[δS[t] δS[s]] at the last layer of a random loss."""
        return self.simultaneous if self.loss == "white" else np.ones((self.steps, self.steps))

    def at_membrane(self, current: Floats) -> Floats:
        """The covariance there of currents that have this covariance as they leave the weights."""
        if self.white_currents:
            current = current * self.simultaneous
        return self.filter @ current @ self.filter.T

    def returned(self, carried: Floats, layer: int = 1) -> Floats:
        """The covariance of the gradient at the spikes of the layer below, from this layer's E[δH[t] δH[s]]."""
        return self.backward_gain(layer) * self.at_weights(carried)

    def at_weights(self, carried: Floats) -> Floats:
        """The covariance of the gradient at the weights' output, from E[δH[t] δH[s]]; any axes may come before the steps."""
        through = self.dynamics.input_gain * self.filter
        return through.T @ carried @ through


@dataclass(frozen=True, kw_only=True, eq=False)
class RowCentred(TimeModel):
    """Weights whose rows sum to zero see E[s sᵀ] − E[s] E[s]ᵀ. Since s² = s for spikes, the diagonal of E[s sᵀ] is E[s]."""

    centred = True

    def weighed(self, second: Floats) -> Floats:
        mean = np.diag(second)
        return second - np.outer(mean, mean)
