"""Convolutional layers: `width` channels at each of `size`^d positions.

    I^l[c, x] = Σ W^l[c, c', τ] S^{l−1}[c', stride · x + τ]  over channels c' of c's group, taps |τ| <= (kernel − 1)/2 per axis

then the neurons, then pooling of their spikes. The layer's output is the output of the pool. This holds for the last layer
too, and the loss is at that output. The input of the network has `width` channels at `size`^d positions. `gain` is
fan_in · Var(W) with fan_in = width/groups · kernel^d, whatever the padding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from ...errors import DomainError
from . import norm as normalisation
from .option import choice, whole
from .topology import Topology

WINDOW = 2
"""Width and stride of a pool, per axis."""


@dataclass(frozen=True, kw_only=True)
class ConvolutionLayer:
    """The geometry of one layer, in positions per axis: `size` of its input, `after` of its neurons, `output` of the pool."""

    size: int
    stride: int
    pool: str

    @property
    def after(self) -> int:
        return -(-self.size // self.stride)

    @property
    def output(self) -> int:
        return self.after if self.pool == "none" else self.after // WINDOW


@dataclass(frozen=True, kw_only=True)
class Convolution(Topology):
    """size:    positions per axis of the network's input, at least `kernel`
    kernel:  taps per axis, odd; (kernel − 1)/2 positions are padded on each side
    padding: zero, or circular (positions are those of a ring or torus)
    stride:  positions x = 0, stride, 2 stride, … have neurons
    pool:    none; average or max of the spikes in windows of 2 per axis, stride 2; an odd last row or column is dropped
    every:   stride and pool act only in layers every, 2 every, 3 every, …, and only if the result is at least `kernel` wide;
             all other layers have neither
    groups:  number of groups of channels; divides `width`
    """

    dimensions: ClassVar[int]

    size: int = whole(8)
    kernel: int = whole(3, odd=True)
    stride: int = whole(1)
    groups: int = whole(1)
    padding: str = choice("zero", "circular")
    pool: str = choice("none", "average", "max")
    every: int = whole(1)
    norm: str = normalisation.norm()

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.size < self.kernel:
            raise DomainError("size", self.size, f"at least the kernel's {self.kernel} positions")

    @property
    def measured_only(self) -> str:
        return normalisation.reason(self.norm)

    @property
    def homogeneous(self) -> bool:
        return self.padding == "circular" and self.pool == "none"

    def check(self, depth: int, widths: Sequence[int]) -> None:
        for width in widths:
            if width % self.groups:
                raise DomainError("groups", self.groups, f"a divisor of the number of channels, {width}")

    @property
    def taps(self) -> int:
        """kernel^d."""
        return self.kernel**self.dimensions

    def layers(self, depth: int) -> tuple[ConvolutionLayer, ...]:
        """The geometry of layers 1 … depth."""
        found, size = [], self.size
        for number in range(1, depth + 1):
            layer = ConvolutionLayer(size=size, stride=self.stride, pool=self.pool)
            if number % self.every or layer.output < self.kernel:
                layer = ConvolutionLayer(size=size, stride=1, pool="none")
            found.append(layer)
            size = layer.output
        return tuple(found)
