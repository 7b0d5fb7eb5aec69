"""What a reader of a library is: which modules are its neurons, what they do, and where their spike function sits.

A reader says what the library *declares*. Whether the neuron really does that is checked on the recorded run
(`neuron_check`), and the surrogate is measured (`surrogate_probe`). So a reader that is wrong about a release makes a layer
"not covered", not a wrong number.
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import torch

from ikun_sym.catalogue.registry import Registry
from ikun_sym.errors import IkunError
from ikun_sym.reading.neuron import Neuron
from ikun_sym.reading.surrogate_spec import resolve

if TYPE_CHECKING:
    from torch import Tensor, nn

    Spike = Callable[[Tensor], Tensor]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What a library's neuron is. Potentials are relative to `rest`: H = v − rest, θ = `threshold` (already relative).

    `neuron`: None with `why` where the catalogue has no such neuron; its surrogate is a stand-in, for the true one is measured.
    `declared`: SPECs by which the library would call the surrogate, most specific first. `note`: what a user should know of
    this class.
    """

    threshold: float
    neuron: Neuron | None
    rest: float = 0.0
    declared: tuple[str, ...] = ()
    note: str = ""
    why: str = ""

    @classmethod
    def of(
        cls, threshold: float, *, rest: float = 0.0, declared: tuple[str, ...] = (), note: str = "", **neuron: Any
    ) -> Reading:
        """From the neuron's words; values that no neuron has are a reason why it is not covered."""
        known: dict[str, Any] = {"threshold": threshold, "rest": rest, "declared": declared, "note": note}
        if threshold < 0:
            return cls(**known, neuron=None, why=f"threshold {threshold:g} below the membrane's rest")
        try:
            return cls(**known, neuron=Neuron.of(surrogate=STAND_IN, threshold=threshold, **neuron))
        except IkunError as error:
            return cls(**known, neuron=None, why=str(error))

    def but(self, **neuron: Any) -> Reading:
        """The same of another neuron."""
        return self if self.neuron is None else replace(self, neuron=self.neuron.but(**neuron))


STAND_IN = resolve("linear")


@dataclass
class Tapped:
    """What a library's neuron lets through: `spike(x)` is called in place of its own spike function; `original` is that."""

    module: nn.Module
    spike: Callable[[Spike, Tensor], Tensor]
    quiet: Callable[[], AbstractContextManager[None]]
    extra: dict[str, Any] = field(default_factory=dict)


class Library(ABC):
    """`package` is the import name: a model can hold its neurons only once it has been imported."""

    name: str
    package: str

    @property
    def loaded(self) -> bool:
        return self.package in sys.modules

    @abstractmethod
    def owns(self, module: nn.Module) -> bool:
        """Whether `module` is one of this library's spiking neurons."""

    def makes(self, surrogate: str) -> bool:
        """Whether this library makes the surrogate of this name, so that `set_surrogate` can."""
        return surrogate.startswith(f"{self.name}.")

    @abstractmethod
    def read(self, module: nn.Module) -> Reading:
        """What the neuron declares. Errors: whatever attribute access raises; the caller then reads nothing."""

    @abstractmethod
    def spike_function(self, module: nn.Module) -> Spike:
        """The neuron's own Heaviside-with-surrogate, x ↦ spikes."""

    @abstractmethod
    def tap(self, tapped: Tapped) -> Iterator[None]:
        """A generator that puts the tap in, yields, and takes it out."""

    def fresh(self, model: nn.Module) -> None:  # noqa: B027 - most libraries keep no state between calls
        """Forget the states that earlier calls have left in the model's neurons."""

    def set_surrogate(self, module: nn.Module, spec: str) -> str:
        """Give this neuron, and no other, the surrogate `spec` of this library. Returns "" or the reason why not."""
        return f"{self.name} gives no way to set the surrogate of {type(module).__name__}"


LIBRARIES: Registry[Library] = Registry("library")


def number(value: Any) -> float:
    """A scalar, or the common value of a tensor. ValueError where its entries differ."""
    if hasattr(value, "detach"):
        flat = value.detach().reshape(-1).double()
        if not len(flat) or float(flat.max()) != float(flat.min()):
            raise ValueError("differs from neuron to neuron")
        # what float32 holds of 0.3 is 0.30000001192092896: seven digits are all it says
        return float(flat[0]) if value.dtype == torch.float64 else float(f"{float(flat[0]):.7g}")
    return float(value)


def library_of(module: nn.Module) -> Library | None:
    return next((library for library in LIBRARIES if library.loaded and library.owns(module)), None)
