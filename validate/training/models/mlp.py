"""Dense layers of spiking neurons, one after the other."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from ikun_sym.catalogue.architectures.option import choice, truth, whole

from .over_steps import BatchNorm1d, Flatten, Linear
from .register import Classifier, Model, Setting, model


@model
@dataclass(frozen=True, kw_only=True)
class MLP(Model):
    """depth: layers before the read-out; width: their neurons; norm: batch norm of the currents; bias: of all linear layers."""

    name = "mlp"
    summary = "dense layers, then a linear read-out"

    depth: int = whole(3)
    width: int = whole(256)
    norm: str = choice("none", "batch")
    bias: bool = truth(False)

    def build(self, setting: Setting) -> nn.Module:
        layers: list[nn.Module] = [Flatten()]
        inputs = setting.inputs
        for _ in range(self.depth):
            layers.append(Linear(inputs, self.width, bias=self.bias))
            layers += [BatchNorm1d(self.width)] if self.norm == "batch" else []
            layers += [setting.neurons(), *setting.drop()]
            inputs = self.width
        return Classifier(layers, setting.head(inputs, self.bias), setting.shape)
