"""Convolutions over one axis."""

from __future__ import annotations

from dataclasses import dataclass

from .convolution import Convolution
from .topology import architecture


@architecture
@dataclass(frozen=True, kw_only=True)
class Conv1d(Convolution):
    name = "conv1d"
    summary = "convolutions over one axis: size positions, `width` channels"
    dimensions = 1
