"""The paper's network: convolution – norm – neurons – pool, twice; linear – neurons, twice.

Chang, Wang & Yang 2024, arXiv:2411.18250: 128 channels, 3 × 3 kernels, zero padding, max pools of 2 × 2, batch norm, T = 4,
integrate and fire. The width of the first linear layer, which the paper does not give, is 16 neurons a channel.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from ikun_sym.catalogue.architectures.option import choice, truth, whole
from ikun_sym.errors import IkunError

from ...engines.pool import WINDOW
from .over_steps import BatchNorm2d, Conv2d, Flatten, Linear, MaxPool2d
from .register import Classifier, Model, Setting, image, model

CONVOLUTIONS = 2


@model
@dataclass(frozen=True, kw_only=True)
class CSNN(Model):
    """channels: of both convolutions; hidden: neurons of the first linear layer per channel; kernel: taps per axis; norm: batch
    norm of the convolutions' currents; bias: of all layers."""

    name = "csnn"
    summary = "the paper's network: two convolutions with norm and max pool, two linear layers"

    channels: int = whole(32)
    hidden: int = whole(16)
    kernel: int = whole(3, odd=True)
    norm: str = choice("batch", "none")
    bias: bool = truth(False)

    def build(self, setting: Setting) -> nn.Module:
        inputs, height, width = image(setting, self.name)
        if min(height, width) < WINDOW**CONVOLUTIONS:
            raise IkunError(f"model {self.name} pools twice; images of {height} × {width} are too small")
        layers: list[nn.Module] = [] if len(setting.shape) == 3 else [nn.Unflatten(1, (-1, 1))]
        for _ in range(CONVOLUTIONS):
            layers.append(Conv2d(inputs, self.channels, self.kernel, padding=self.kernel // 2, bias=self.bias))
            layers += [BatchNorm2d(self.channels)] if self.norm == "batch" else []
            layers += [setting.neurons(), MaxPool2d(), *setting.drop()]
            inputs, height, width = self.channels, height // WINDOW, width // WINDOW
        hidden = self.hidden * self.channels
        layers += [Flatten(), Linear(inputs * height * width, hidden, bias=self.bias), setting.neurons(), *setting.drop()]
        return Classifier(layers, setting.head(hidden, self.bias), setting.shape)
