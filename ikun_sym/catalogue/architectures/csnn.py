"""The small network on which the paper tests its theorem.

    conv – norm – neurons – pool,  conv – norm – neurons – pool,  linear – neurons,  linear – neurons

Chang, Wang & Yang 2024, arXiv:2411.18250: 128 channels, 3 × 3 kernels, zero padding, max pools of 2 × 2, images of 28 × 28,
batch norm, T = 4, integrate and fire, ten classes. The paper does not give the width of the first linear layer;
here it has 16 neurons per channel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from ...errors import DomainError
from .convolution import WINDOW, ConvolutionLayer
from .option import choice, whole
from .topology import Topology, architecture


@architecture
@dataclass(frozen=True, kw_only=True)
class CSNN(Topology):
    """size:    positions per axis of the network's input, which has one channel; the convolutions have `width` channels
    kernel:  taps per axis, odd
    hidden:  neurons of the first linear layer per channel
    classes: neurons of the last layer
    norm:    normalisation of the convolutions' currents
    """

    name = "csnn"
    summary = "the paper's network: two convolutions with norm and max pool, two linear layers; depth 4"

    dimensions: ClassVar[int] = 2
    groups: ClassVar[int] = 1
    padding: ClassVar[str] = "zero"
    convolutions: ClassVar[int] = 2
    depth: ClassVar[int] = 4

    size: int = whole(28)
    kernel: int = whole(3, odd=True)
    hidden: int = whole(16)
    classes: int = whole(10)
    norm: str = choice("batch", "none", "tdbn")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.size < WINDOW**self.convolutions:
            raise DomainError("size", self.size, f"at least {WINDOW**self.convolutions}, to be pooled twice")

    @property
    def measured_only(self) -> str:
        return "convolutions, pools and dense layers of several widths in one network: measured only"

    @property
    def homogeneous(self) -> bool:
        return False

    def check(self, depth: int, widths: Sequence[int]) -> None:
        if depth != self.depth:
            raise DomainError("depth", depth, f"{self.depth} with architecture {self.name}")

    def layers(self, depth: int) -> tuple[ConvolutionLayer, ...]:
        """The geometry of the convolutions."""
        first = ConvolutionLayer(size=self.size, stride=1, pool="max")
        return first, ConvolutionLayer(size=first.output, stride=1, pool="max")
