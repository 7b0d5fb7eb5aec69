"""Every architecture: one file each, which registers it."""

from __future__ import annotations

from ...discovery import import_modules
from .convolution import Convolution, ConvolutionLayer
from .dense import Dense
from .recurrent import Recurrent
from .residual import Residual
from .topology import ARCHITECTURES, Topology, parse_architecture

__all__ = [
    "ARCHITECTURES",
    "Convolution",
    "ConvolutionLayer",
    "Dense",
    "Recurrent",
    "Residual",
    "Topology",
    "parse_architecture",
]

import_modules(__name__, __path__)
