"""Which network is drawn."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from typing import Any

from ikun_sym.catalogue.architectures import Dense, Topology, parse_architecture
from ikun_sym.errors import DomainError, IkunError, NoTheoryError
from ikun_sym.mean_field.infinite_network import INPUTS, LOSSES, TimeModel
from ikun_sym.mean_field.layer import FORWARD_PASSES
from ikun_sym.reading.neuron import HasNeuron, Neuron
from ikun_sym.told import Told

from . import pairs
from .drawing import DRAWINGS

__all__ = ["INPUTS", "LOSSES", "Architecture"]


@dataclass(frozen=True, kw_only=True)
class Architecture(HasNeuron, Told):
    """`neuron`: what all layers are made of; `of` and `but` take its own words. `arch`: how layers are connected, a text of the
    catalogue of architectures. `gain` K = fan_in · Var(W); `bias_var` σ_b², normal; `copied`: c, added to one weight of each
    neuron, a random permutation. `widths`: the numbers of neurons (of channels, in convolutions) of the input, layer 1,
    layer 2, …, repeated from the start where it ends; `width` everywhere if not given. `distribution`: a key of DRAWINGS.
    `forward`: "spiking" or "smooth". `input_rate`: of Bernoulli spikes (poisson), or the value presented at every step
    (constant). `loss`: the gradient at the last layer's output is random and new at each step (white), random and the same
    at each step (rate), or 1 everywhere (summed). `samples`: how many inputs a weight draw sees; None: the batch of the run.
    `input_overlap`: E[x x']/E[x] of samples 2i and 2i + 1, which have the same loss then, and whose spikes and gradients are
    compared; None: all are independent."""

    arch: str = "dense"
    depth: int = 20
    width: int = 512
    widths: tuple[int, ...] = ()
    steps: int = 1
    neuron: Neuron = field(default_factory=Neuron)
    gain: float = 1.0
    bias_var: float = 0.0
    copied: float = 0.0
    forward: str = "spiking"
    input: str = "poisson"
    input_rate: float = 0.5
    loss: str = "white"
    distribution: str = "normal"
    samples: int | None = None
    input_overlap: float | None = None

    def __post_init__(self) -> None:
        sizes = [(n, getattr(self, n)) for n in ("depth", "width", "steps")] + [("widths", w) for w in self.widths]
        if self.samples is not None:
            sizes.append(("samples", self.samples))
        for name, value in sizes:
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise DomainError(name, value, "an integer of at least 1")
        if self.distribution not in DRAWINGS:
            raise IkunError(f"unknown distribution {self.distribution!r}; known: {', '.join(DRAWINGS)}")
        self.topology.check(self.depth, [self.neurons(layer) for layer in range(min(self.depth, len(self.widths)) + 1)])
        FORWARD_PASSES[self.forward]
        if self.input_overlap is not None:
            pairs.check(self.neuron, self.input, self.input_rate, self.input_overlap)
            if self.forward != "spiking" or (self.samples or 2) % 2:
                raise DomainError("input_overlap", self.input_overlap, "none", "pairs of samples spike, and are an even number")
        _ = self._spiking_model  # which refuses whatever else no network can be built from

    @property
    def _spiking_model(self) -> TimeModel:
        """What the infinite-width theory needs to know, the forward pass aside."""
        ours = {field.name for field in fields(self)}
        shared: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(TimeModel) if f.name in ours}
        shared["forward"] = "spiking"
        if self.widths:
            ratios = [self.neurons(k + 1) / self.neurons(k) for k in range(len(self.widths))]
            shared["gain_out"] = tuple(self.gain * ratio for ratio in ratios)
        return TimeModel(**shared)

    @property
    def topology(self) -> Topology:
        return _parse(self.arch)

    @property
    def input_second(self) -> float:
        """E[x²] of the input, averaged over the steps."""
        return float(self._spiking_model.input_second_moment.diagonal().mean())

    @property
    def gains(self) -> tuple[float, ...]:
        """fan_in · Var(W) of layers 1 … depth."""
        return self.topology.gains(self.gain, self.depth, self.input_rate, self.input_second)

    @property
    def model(self) -> TimeModel:
        """The network of infinite width. NoTheoryError where there is no theory of it."""
        if reason := self.topology.measured_only or self._beyond:
            raise NoTheoryError(reason)
        return replace(self._spiking_model, forward=self.forward)

    @property
    def _beyond(self) -> str:
        """Why no theory here describes weights drawn so, or such widths; "" if one does."""
        if self.distribution == "row-centred":
            return "weights whose rows sum to 0 pass on the variance of spikes, not their second moment: measured only"
        if self.distribution == "delta-orthogonal" and not self.topology.homogeneous:
            return "delta-orthogonal kernels have one tap, and other borders and pools than those of theory: measured only"
        if self.widths and not isinstance(self.topology, Dense):
            return f"layers of several widths with architecture {self.topology.name}: measured only"
        return ""

    def neurons(self, layer: int) -> int:
        """The width of a layer; layer 0 is the input."""
        return self.widths[layer % len(self.widths)] if self.widths else self.width

    def to_dict(self) -> dict[str, Any]:
        """Flat: `of` makes the same network of it."""
        own = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "neuron"}
        return own | self.neuron.to_dict()


_parse = lru_cache(maxsize=256)(parse_architecture)
