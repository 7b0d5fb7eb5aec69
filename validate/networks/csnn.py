"""The paper's network: two convolutional layers, then two dense ones."""

from __future__ import annotations

from typing import cast

from torch import Tensor

from ikun_sym.catalogue.architectures import csnn
from ikun_sym.schemes.fan import Fan

from ..engines.contract import Response, Returned
from .convolutional import Convolutional, Convolving
from .dense import Dense, Observer
from .network import Network
from .register import draws


@draws(csnn.CSNN)
class PaperNetwork(Convolutional):
    @property
    def topology(self) -> csnn.CSNN:  # type: ignore[override]  # of its own architectures alone
        return cast(csnn.CSNN, self.architecture.topology)

    def _convolves(self, layer: int) -> bool:
        return layer < self.topology.convolutions

    def channels(self, layer: int) -> int:
        """Of the input, 0, and of the convolutions' outputs."""
        return self.architecture.neurons(layer) if layer else 1

    def neurons(self, layer: int) -> int:
        t = self.topology
        dense = {t.depth: t.classes, t.depth - 1: t.hidden * self.architecture.neurons(t.convolutions)}
        return dense[layer] if layer in dense else super().neurons(layer)

    @property
    def outputs(self) -> int:
        return self.topology.classes

    def weight_shape(self, layer: int) -> tuple[int, ...]:
        if self._convolves(layer):
            return super().weight_shape(layer)
        t = self.topology
        inputs = self.neurons(layer)
        if layer == t.convolutions:
            inputs = self.channels(layer) * self.layers[-1].output ** t.dimensions
        return self.neurons(layer + 1), inputs

    def fan(self, layer: int) -> Fan:
        return super().fan(layer) if self._convolves(layer) else Network.fan(self, layer)

    def passage(self) -> Passage:
        return Passage(self)


class Passage:
    """One kind of layer after the other."""

    def __init__(self, network: PaperNetwork) -> None:
        dense = Dense(network.population, network.architecture.depth - 1)
        self._convolutions, self._kinds = network.topology.convolutions, (Convolving(network), dense)

    def watch(self, observer: Observer) -> None:
        for kind in self._kinds:
            kind.watch(observer)

    def _of(self, layer: int) -> Convolving | Dense:
        return self._kinds[layer >= self._convolutions]

    def forward(self, layer: int, x: Tensor, weight: Tensor, bias: Tensor | None) -> Response:
        return self._of(layer).forward(layer, x, weight, bias)

    def backward(self, layer: int, h: Tensor, grad: Tensor, weight: Tensor, scale: float | Tensor) -> Returned:
        return self._of(layer).backward(layer, h, grad, weight, scale)
