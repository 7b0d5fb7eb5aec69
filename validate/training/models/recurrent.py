"""Layers whose neurons also see their own layer's spikes of the step before."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from ikun_sym.catalogue.architectures.option import truth, whole

from .over_steps import Flatten, Linear
from .register import Classifier, Model, Setting, model


@model
@dataclass(frozen=True, kw_only=True)
class Recurrent(Model):
    """i[t] = W x[t] + R s[t−1] in each layer. depth: layers before the read-out; width: their neurons; bias: of W."""

    name = "recurrent"
    summary = "dense layers with recurrent weights, then a linear read-out"

    depth: int = whole(1)
    width: int = whole(256)
    bias: bool = truth(False)

    def build(self, setting: Setting) -> nn.Module:
        layers: list[nn.Module] = [Flatten()]
        inputs = setting.inputs
        for _ in range(self.depth):
            layers += [Linear(inputs, self.width, bias=self.bias), setting.neurons(features=self.width), *setting.drop()]
            inputs = self.width
        return Classifier(layers, setting.head(inputs, self.bias), setting.shape)
