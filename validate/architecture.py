"""Which network is drawn."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ikun_sym.catalogue.neurons import NEURONS, Neuron, hard
from ikun_sym.catalogue.spec import resolve
from ikun_sym.errors import DomainError, IkunError
from ikun_sym.initialise import DISTRIBUTIONS
from ikun_sym.theory.layer import FORWARD_PASSES

INPUTS = ("poisson", "constant")
LOSSES = ("white", "rate", "summed")


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """`gain` K = fan_in · Var(W); `bias_var` σ_b², normal. `widths`: the numbers of neurons of the input, layer 1, layer 2, …,
    repeated from the start where it ends; `width` everywhere if not given. `forward`: "spiking" or "smooth". `input_rate`:
    of Bernoulli spikes (poisson), or the value presented at every step (constant). `loss`: the gradient at the last layer's
    output is random and new at each step (white), random and the same at each step (rate), or 1 everywhere (summed).
    `synaptic_leak`: of a synaptic current (norse), 0: none. `decay_input`: the current is multiplied by 1 − leak."""

    depth: int = 20
    width: int = 512
    widths: tuple[int, ...] = ()
    steps: int = 1
    leak: float = 0.0
    synaptic_leak: float = 0.0
    decay_input: bool = False
    reset: str = "hard"
    v_reset: float = 0.0
    detach: bool = True
    threshold: float = 1.0
    surrogate: str = "atan"
    gain: float = 1.0
    bias_var: float = 0.0
    forward: str = "spiking"
    input: str = "poisson"
    input_rate: float = 0.5
    loss: str = "white"
    distribution: str = "normal"

    def __post_init__(self) -> None:
        for name, value in [(n, getattr(self, n)) for n in ("depth", "width", "steps")] + [("widths", w) for w in self.widths]:
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise DomainError(name, value, "an integer of at least 1")
        for name in ("leak", "synaptic_leak", "threshold", "bias_var"):
            if not (np.isfinite(getattr(self, name)) and getattr(self, name) >= 0):
                raise DomainError(name, getattr(self, name), "zero or a positive number")
        for name in ("leak", "synaptic_leak"):
            if getattr(self, name) > 1:
                raise DomainError(name, getattr(self, name), "at most 1", "the state is multiplied by it at each step")
        if self.decay_input and self.leak == 1:
            raise DomainError("leak", 1, "below 1 with decay_input", "the current is multiplied by 1 − leak")
        if not (np.isfinite(self.gain) and self.gain > 0):
            raise DomainError("gain", self.gain, "a positive number", "it is fan_in · Var(W)")
        if self.input == "poisson" and not 0 <= self.input_rate <= 1:
            raise DomainError("input rate", self.input_rate, "between 0 and 1", "it is a probability of a spike")
        for name in ("input_rate", "v_reset"):
            if not np.isfinite(getattr(self, name)):
                raise DomainError(name.replace("_", " "), getattr(self, name), "a finite number")
        for name, allowed in (("input", INPUTS), ("loss", LOSSES), ("distribution", DISTRIBUTIONS)):
            if getattr(self, name) not in allowed:
                raise IkunError(f"unknown {name} {getattr(self, name)!r}; known: {', '.join(allowed)}")
        _ = self.neuron, FORWARD_PASSES[self.forward], resolve(self.surrogate)
        if self.threshold == 0 and self.input_rate == 0 and self.bias_var == 0:
            raise DomainError("threshold", 0, "positive where there is no input", "H = θ = 0 is neither spike nor silence")

    @property
    def neuron(self) -> Neuron:
        neuron = NEURONS[self.reset]
        if self.v_reset == 0:
            return neuron
        if neuron != NEURONS["hard"]:
            raise IkunError(f"v_reset = {self.v_reset} has no meaning for reset {self.reset!r}; it belongs to the hard reset")
        return hard(self.v_reset)

    def neurons(self, layer: int) -> int:
        """The width of a layer; layer 0 is the input."""
        return self.widths[layer % len(self.widths)] if self.widths else self.width

    @property
    def input_second_moment(self) -> float:
        """E[x²] of the input at one step."""
        return self.input_rate if self.input == "poisson" else self.input_rate**2

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)
