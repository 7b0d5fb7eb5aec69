"""Residual networks: spikes added to what a block was given (SEW), or currents to the block's below (membrane shortcut)."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from ikun_sym.catalogue.architectures import Residual

from ..engines.contract import Response, Returned
from ..engines.eager import power as power_of
from ..engines.products import times
from .dense import Passage, Watched
from .network import Network
from .normalisation import NORMS, Return
from .register import Variant, draws


@draws(
    Residual,
    *(
        Variant(f"residual:{kind}{scaling}", 512)
        for kind in ("kind=sew", "kind=ms")
        for scaling in ("", ",scaling=depth,rate=0.25")
    ),
)
class ResidualNetwork(Network):
    @property
    def topology(self) -> Residual:
        found = self.architecture.topology
        assert isinstance(found, Residual)
        return found

    def passage(self) -> Passage:
        return PASSAGES[self.topology.kind](self)


class _Block(Watched):
    """What both kinds share: weighted inputs, normalised if asked for."""

    def __init__(self, network: ResidualNetwork) -> None:
        self.population, self._norm = network.population, network.topology.norm
        self._back: dict[int, Return] = {}

    def currents(self, layer: int, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        current = self.population.currents(x, weight, bias)
        # every neuron is a channel with one position
        normal, self._back[layer] = NORMS[self._norm](current.unsqueeze(-1), self.population.neuron.threshold)
        return normal.squeeze(-1)

    def returned(self, layer: int, grad_i: Tensor, weight: Tensor) -> Tensor:
        return times(self._back.pop(layer)(grad_i.unsqueeze(-1)).squeeze(-1), weight)


class Sew(_Block):
    """I = W x, and x + S is handed on."""

    def forward(self, layer: int, x: Tensor, weight: Tensor, bias: Tensor | None) -> Response:
        h, s, power, activity = self.population.forward(self.currents(layer, x, weight, bias))
        return Response(h, s.add_(x), power, activity)

    def backward(self, layer: int, h: Tensor, grad: Tensor, weight: Tensor, scale: float | Tensor) -> Returned:
        shortcut = grad * scale  # before the adjoint, which may overwrite what it is given
        power, grad_i = self.population.adjoint(h, grad, scale)
        self.seen(grad_i)
        return Returned(power, self.returned(layer, grad_i, weight).add_(shortcut) if layer else grad_i)


class MembraneShortcut(_Block):
    """I = I of the block below + W S. The gradient that counts is that at I, the shortcut's included."""

    def __init__(self, network: ResidualNetwork) -> None:
        super().__init__(network)
        self._current: Tensor | None = None
        self._shortcut: Tensor | None = None

    def forward(self, layer: int, x: Tensor, weight: Tensor, bias: Tensor | None) -> Response:
        own = self.currents(layer, x, weight, bias)
        self._current = own if self._current is None else self._current + own
        return self.population.forward(self._current.clone())  # which the neurons may overwrite

    def backward(self, layer: int, h: Tensor, grad: Tensor, weight: Tensor, scale: float | Tensor) -> Returned:
        _, grad_i = self.population.adjoint(h, grad, scale)
        if self._shortcut is not None:
            grad_i = grad_i + self._shortcut * scale
        self._shortcut = grad_i
        self.seen(grad_i)
        return Returned(power_of(grad_i), self.returned(layer, grad_i, weight) if layer else grad_i)


PASSAGES: Mapping[str, type[Sew] | type[MembraneShortcut]] = {"sew": Sew, "ms": MembraneShortcut}
"""By the catalogue's word."""
