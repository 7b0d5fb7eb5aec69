"""The networks of the catalogue's architectures, a file each, which registers them. `network_of` draws any of them."""

from . import convolutional, csnn, recurrent, residual  # noqa: F401  (they register their networks)
from .register import NETWORKS, network_of

__all__ = ["NETWORKS", "network_of"]
