"""The way of one draw through the layers: what a layer makes of what it is given, and the adjoint of that.

A draw has a passage of its own, for draws run side by side: what a layer must remember until the way back is kept there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from torch import Tensor

from ..engines.buffers import BUFFERS
from ..engines.contract import Response, Returned
from ..engines.population import Population
from ..engines.products import times

Observer = Callable[[Tensor], None]
"""Of the gradient at a layer's currents, times any scale, before it may be overwritten."""


class Watched:
    """A passage whose gradients may be looked at on the way down."""

    observe: Observer | None = None

    def watch(self, observer: Observer) -> None:
        self.observe = observer

    def seen(self, grad_i: Tensor) -> None:
        """To be called with the gradient at a layer's currents."""
        if self.observe:
            self.observe(grad_i)


class Passage(Protocol):
    """Layers are counted from 0 and passed once upwards, then once downwards."""

    def watch(self, observer: Observer) -> None: ...

    def forward(self, layer: int, x: Tensor, weight: Tensor, bias: Tensor | None) -> Response:
        """From what the layer is given, [T, B, inputs]. `s` is what it hands on; `activity` counts spikes."""
        ...

    def backward(self, layer: int, h: Tensor, grad: Tensor, weight: Tensor, scale: float | Tensor) -> Returned:
        """From the gradient at what the layer hands on, times `scale`, that at what it is given; the first layer's is not
        looked at. `power` is that of ∂L/∂h. All layers below see gradients with this scale too."""
        ...


class Dense(Watched):
    """I = W x (+ b); the neurons' outputs are what is handed on. What has been used is given to the buffers, but for the
    input and the readout, which are the caller's. `last`: the number of the last layer."""

    def __init__(self, population: Population, last: int) -> None:
        self.population, self.last = population, last

    def forward(self, layer: int, x: Tensor, weight: Tensor, bias: Tensor | None) -> Response:
        current = self.population.currents(x, weight, bias)
        if layer:
            BUFFERS.give(x)
        return self.population.forward(current)

    def backward(self, layer: int, h: Tensor, grad: Tensor, weight: Tensor, scale: float | Tensor) -> Returned:
        power, grad_i = self.population.adjoint(h, grad, scale)
        self.seen(grad_i)
        BUFFERS.give(h)
        if layer < self.last:
            BUFFERS.give(grad)
        below = times(grad_i, weight) if layer else grad_i
        if layer:
            BUFFERS.give(grad_i)
        return Returned(power, below)
