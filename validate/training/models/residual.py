"""Dense residual blocks of one spiking layer each, behind a first layer that brings the input to their width.

sew:  x ← x + S(W x)                      (SEW ADD: Fang et al. 2021, arXiv:2102.04159)
ms:   I ← I + W S(I), x = S(I) at the end  (membrane shortcut: Hu et al. 2021, arXiv:2112.08954)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from ikun_sym.catalogue.architectures.option import choice, truth, whole

from .over_steps import BatchNorm1d, Flatten, Linear
from .register import Classifier, Model, Setting, model


class Sew(nn.Module):
    """x + S(W x)."""

    def __init__(self, weighted: nn.Sequential, neurons: nn.Module) -> None:
        super().__init__()
        self.weighted, self.neurons = weighted, neurons

    def forward(self, x: Tensor) -> Tensor:
        return x + self.neurons(self.weighted(x))


class MembraneShortcut(nn.Module):
    """I + W S(I)."""

    def __init__(self, weighted: nn.Sequential, neurons: nn.Module) -> None:
        super().__init__()
        self.weighted, self.neurons = weighted, neurons

    def forward(self, current: Tensor) -> Tensor:
        return current + self.weighted(self.neurons(current))


@model
@dataclass(frozen=True, kw_only=True)
class Residual(Model):
    """depth: spiking layers before the read-out, the first of them no block; width: their neurons; kind: of the shortcut; norm:
    batch norm of the currents W x; bias: of all linear layers."""

    name = "residual"
    summary = "dense residual blocks, SEW ADD or membrane shortcut, then a linear read-out"

    depth: int = whole(6)
    width: int = whole(256)
    kind: str = choice("sew", "ms")
    norm: str = choice("none", "batch")
    bias: bool = truth(False)

    def build(self, setting: Setting) -> nn.Module:
        layers = [Flatten(), *BLOCKS[self.kind](self, setting)]
        return Classifier(layers, setting.head(self.width, self.bias), setting.shape)

    def weighted(self, inputs: int) -> nn.Sequential:
        norm = [BatchNorm1d(self.width)] if self.norm == "batch" else []
        return nn.Sequential(Linear(inputs, self.width, bias=self.bias), *norm)


def _sew(kind: Residual, setting: Setting) -> list[nn.Module]:
    blocks = [Sew(kind.weighted(kind.width), setting.neurons()) for _ in range(kind.depth - 1)]
    return [kind.weighted(setting.inputs), setting.neurons(), *setting.drop(), *blocks]


def _ms(kind: Residual, setting: Setting) -> list[nn.Module]:
    blocks = [MembraneShortcut(kind.weighted(kind.width), setting.neurons()) for _ in range(kind.depth - 1)]
    return [kind.weighted(setting.inputs), *blocks, setting.neurons(), *setting.drop()]


BLOCKS: Mapping[str, Callable[[Residual, Setting], list[nn.Module]]] = {"sew": _sew, "ms": _ms}
