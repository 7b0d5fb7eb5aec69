"""Models by name: `name:param=value,…`. A model is a torch module from inputs [T, B, …] to a number for each class."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from typing import Any, ClassVar, TypeVar

from torch import Tensor, nn

from ikun_sym.catalogue.architectures.option import option_of
from ikun_sym.catalogue.registry import Registry
from ikun_sym.errors import IkunError

from ..spiking import SpikingLayer
from .over_steps import Dropout
from .readout import READOUTS


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What a model is built for. `shape`: of an input at one step, for one sample. `neurons`: makes a layer of them."""

    shape: tuple[int, ...]
    classes: int
    neurons: Callable[..., SpikingLayer]
    readout: str
    dropout: float

    @property
    def inputs(self) -> int:
        """Numbers in an input."""
        count = 1
        for size in self.shape:
            count *= size
        return count

    def drop(self) -> list[nn.Module]:
        """What follows the spikes of a layer."""
        return [Dropout(self.dropout)] if self.dropout else []

    def head(self, inputs: int, bias: bool) -> nn.Module:
        return READOUTS[self.readout](inputs, self.classes, bias, self.neurons)


@dataclass(frozen=True, kw_only=True)
class Model:
    """`name` is what --model calls it; the fields are its parameters, validated on construction."""

    name: ClassVar[str]
    summary: ClassVar[str]

    def __post_init__(self) -> None:
        for field in fields(self):
            option_of(field.metadata, field.name).check(field.name, getattr(self, field.name))

    def build(self, setting: Setting) -> nn.Module:
        """Error: an input that this model cannot take."""
        raise NotImplementedError


MODELS: Registry[type[Model]] = Registry("model")

Kind = TypeVar("Kind", bound=type[Model])


def model(kind: Kind) -> Kind:
    """Class decorator: registers the model."""
    MODELS.register(kind)
    return kind


class Classifier(nn.Module):
    """`layers` one after the other, then the read-out `head`. A model of the registry is one of these."""

    def __init__(self, layers: Iterable[nn.Module], head: nn.Module, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.layers, self.head, self.shape = nn.Sequential(*layers), head, shape

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[2:] != self.shape:
            wanted = ", ".join(("T", "B", *map(str, self.shape)))
            raise IkunError(f"the input has shape {tuple(x.shape)}; it must be [{wanted}]")
        found: Any = self.head(self.layers(x))
        return found


def image(setting: Setting, name: str) -> tuple[int, int, int]:
    """Channels, height and width. Error: the input is no image."""
    if len(setting.shape) not in (2, 3):
        raise IkunError(f"model {name} takes images [channels, height, width]; the input has shape {list(setting.shape)}")
    channels, height, width = (1, *setting.shape) if len(setting.shape) == 2 else setting.shape
    return channels, height, width
