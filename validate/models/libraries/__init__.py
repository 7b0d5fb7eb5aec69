"""How each library builds a spiking neuron: one file, one reader. `LIBRARIES` lists them; plain torch is the last resort."""

from . import norse, snntorch, spikingjelly  # noqa: F401  (each registers its reader)
from .reader import LIBRARIES, Library, Reading, Tapped

__all__ = ["LIBRARIES", "Library", "Reading", "Tapped"]
