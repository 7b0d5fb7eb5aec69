"""Convolutions over two axes."""

from __future__ import annotations

from dataclasses import dataclass

from .convolution import Convolution
from .topology import architecture


@architecture
@dataclass(frozen=True, kw_only=True)
class Conv2d(Convolution):
    name = "conv2d"
    summary = "convolutions over two axes: size × size positions, `width` channels"
    dimensions = 2
