"""The networks of the catalogue's architectures, a file each, which registers them. `network_of` draws any of them."""

from __future__ import annotations

from ikun_sym.discovery import import_modules

from .register import NETWORKS, network_of

__all__ = ["NETWORKS", "network_of"]

import_modules(__name__, __path__)
