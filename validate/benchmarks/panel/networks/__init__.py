"""The networks of the panel, one file a library."""

from __future__ import annotations

from ikun_sym.discovery import import_modules

from .statement import NETWORKS, Network

__all__ = ["NETWORKS", "Network"]

import_modules(__name__, __path__)
