"""Every architecture, one statement each: a file, which registers it."""

from . import conv1d, conv2d, csnn, dense, recurrent, residual  # noqa: F401  (they register their architectures)
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
