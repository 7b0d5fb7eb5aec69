"""Data sets, one file each: `load_data` reads one by name, or a user's own."""

from __future__ import annotations

from ikun_sym.discovery import import_modules

from .data_set import DATA, Data, Part
from .load import load_data

__all__ = ["DATA", "Data", "Part", "load_data"]

import_modules(__name__, __path__)
