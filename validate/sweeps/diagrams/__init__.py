"""The phase diagrams, one file each."""

from __future__ import annotations

from ikun_sym.discovery import import_modules

from .diagram import DIAGRAMS, Diagram

__all__ = ["DIAGRAMS", "Diagram"]

import_modules(__name__, __path__)
