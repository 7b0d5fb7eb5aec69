"""How each library builds a spiking neuron: one file, one reader. `LIBRARIES` lists them; plain torch is the last resort."""

from __future__ import annotations

from ikun_sym.discovery import import_modules

from .reader import LIBRARIES, Library, Reading, Tapped

__all__ = ["LIBRARIES", "Library", "Reading", "Tapped"]

import_modules(__name__, __path__)
