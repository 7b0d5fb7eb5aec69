"""What a network of the panel is: a function of the task's shape, and how it is trained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec

from torch import Tensor, nn
from torch.nn import functional

from ikun_sym.catalogue.registry import Registry

Shape = tuple[int, ...]
Build = Callable[[Shape, int], nn.Module]
"""(shape of a sample at one step, classes) to a module from [T, B, *shape] to [B, classes]."""


def of_logits(z: Tensor, y: Tensor) -> Tensor:
    return functional.cross_entropy(z, y)


def of_rates(z: Tensor, y: Tensor) -> Tensor:
    """Mean square against 1 for the class and 0 for the others."""
    return functional.mse_loss(z, functional.one_hot(y, z.shape[-1]).to(z.dtype))


@dataclass(frozen=True, kw_only=True)
class Network:
    """`package`: the library that it is written for, "" for plain torch. `tasks`: names of those that it is for. `steps`: T,
    unless the task has its own. `optimizer`: a word of ikun train, at learning rate `lr`."""

    name: str
    summary: str
    build: Build
    package: str = ""
    tasks: Sequence[str] = ("digits", "fashion-mnist", "spike-patterns")
    steps: int = 4
    loss: Callable[[Tensor, Tensor], Tensor] = of_logits
    optimizer: str = "adam"
    lr: float = 2e-3

    @property
    def missing(self) -> str:
        """Why it cannot be built here; "" if it can."""
        here = not self.package or find_spec(self.package) is not None
        return "" if here else f"{self.package} is not installed: pip install 'ikun[interop]'"


NETWORKS: Registry[Network] = Registry("network of the panel")

IMAGES = ("digits", "fashion-mnist")
"""Tasks of pictures."""
