"""Deep convolutional networks: convolution – norm – neurons, with a pool now and then, and a linear read-out."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from ikun_sym.catalogue.architectures.option import choice, truth, whole

from ...engines.pool import WINDOW
from .over_steps import BatchNorm2d, Conv2d, Flatten, MaxPool2d
from .register import Classifier, Model, Setting, image, model


@model
@dataclass(frozen=True, kw_only=True)
class DeepConvolutions(Model):
    """depth: layers before the read-out; channels: of each; kernel: taps per axis, odd, zero padding; pool: max of 2 × 2 in
    layers every, 2 every, … as long as two rows and columns are left to it; norm: batch norm of the currents; bias: of all."""

    name = "conv2d"
    summary = "convolutions with max pools in between, then a linear read-out"

    depth: int = whole(6)
    channels: int = whole(32)
    kernel: int = whole(3, odd=True)
    pool: str = choice("max", "none")
    every: int = whole(2)
    norm: str = choice("none", "batch")
    bias: bool = truth(False)

    def build(self, setting: Setting) -> nn.Module:
        inputs, height, width = image(setting, self.name)
        layers: list[nn.Module] = [] if len(setting.shape) == 3 else [nn.Unflatten(1, (-1, 1))]
        for number in range(1, self.depth + 1):
            layers.append(Conv2d(inputs, self.channels, self.kernel, padding=self.kernel // 2, bias=self.bias))
            layers += [BatchNorm2d(self.channels)] if self.norm == "batch" else []
            layers.append(setting.neurons())
            if self.pool == "max" and number % self.every == 0 and min(height, width) >= WINDOW:
                layers.append(MaxPool2d())
                height, width = height // WINDOW, width // WINDOW
            layers += setting.drop()
            inputs = self.channels
        return Classifier([*layers, Flatten()], setting.head(inputs * height * width, self.bias), setting.shape)
