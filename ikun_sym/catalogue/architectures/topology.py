"""What an architecture is: how the layers of a network are connected. `--arch name:param=value,…` names one.

Every architecture has `depth` layers of spiking neurons; layer l has one weight matrix (or kernel) W^l into it, and, where it
is recurrent, one within it. `gain` K is fan_in · Var(W^l), where fan_in counts every input that a neuron away from any
border sees through W^l; `Topology.gains` gives the value for each layer if they differ. The gradient of layer l is the one at
the output of W^l; with one step of a dense network it is ∂L/∂H^l.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, TypeVar

from ...errors import IkunError, UnknownNameError
from ..assignments import pairs
from ..registry import Registry
from .option import option_of


@dataclass(frozen=True, kw_only=True)
class Topology:
    """`name` is what --arch calls it; the fields are its parameters, validated on construction."""

    name: ClassVar[str]
    summary: ClassVar[str]

    def __post_init__(self) -> None:
        for field in fields(self):
            option_of(field.metadata, field.name).check(field.name, getattr(self, field.name))

    @property
    def spec(self) -> str:
        """The text that names it: name, and the parameters that differ from the defaults."""
        values = (f"{f.name}={_shown(v)}" for f in fields(self) if (v := getattr(self, f.name)) != f.default)
        text = ",".join(values)
        return f"{self.name}:{text}" if text else self.name

    @property
    def measured_only(self) -> str:
        """Why there is no infinite-width prediction for it; "" if there is one."""
        return ""

    @property
    def homogeneous(self) -> bool:
        """Whether all positions of a layer are alike, and each is the output of a neuron."""
        return True

    def check(self, depth: int, widths: Sequence[int]) -> None:
        """Error: the depth or the widths (of the input, layer 1, …) are impossible for this architecture."""

    def gains(self, gain: float, depth: int, input_mean: float, input_second: float) -> tuple[float, ...]:
        """fan_in · Var(W^l) of layers 1 … depth. `input_mean`, `input_second`: E[x] and E[x²] of the network's input,
        averaged over the steps."""
        return (gain,) * depth


ARCHITECTURES: Registry[type[Topology]] = Registry("architecture")

Kind = TypeVar("Kind", bound=type[Topology])


def architecture(kind: Kind) -> Kind:
    """Class decorator: registers the architecture."""
    ARCHITECTURES.register(kind)
    return kind


def parse_architecture(spec: str | Topology) -> Topology:
    """The architecture that `name` or `name:param=value,…` names. Errors: unknown name or parameter (with near misses), a
    parameter given twice, a value that is not allowed."""
    if isinstance(spec, Topology):
        return spec
    if not isinstance(spec, str):
        raise IkunError(f"architecture {spec!r} is neither a name nor a Topology")
    return parsed(spec, ARCHITECTURES, "conv2d:size=16,padding=circular")


def parsed(spec: str, registry: Registry[Any], example: str) -> Any:
    """What `name:param=value,…` names among dataclasses whose fields are options; errors as above."""
    name, _, rest = spec.strip().partition(":")
    kind, what = registry[name.strip()], registry.kind
    known = {field.name: option_of(field.metadata, field.name) for field in fields(kind)}
    values: dict[str, Any] = {}
    for word, text in pairs(spec, rest, what, example).items():
        word = word.replace("-", "_")
        if word not in known:
            if not known:
                raise IkunError(f"{what} {kind.name!r} has no parameters; {word!r} was given")
            raise UnknownNameError(f"parameter of {what} {kind.name}", word, known)
        values[word] = known[word].read(text, word)
    return kind(**values)


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value).removesuffix(".0")
