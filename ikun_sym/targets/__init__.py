"""Source code for users' projects. Each target language is one file `…_target.py`, which registers it in `TARGETS`."""

from __future__ import annotations

from ..discovery import import_modules
from .target import TARGETS, Export, export

__all__ = ["TARGETS", "Export", "export"]

import_modules(__name__, __path__, suffix="_target")
