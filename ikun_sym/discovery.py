"""How registries find their entries: every module of a package is imported, so that a new file needs no line elsewhere."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Sequence


def import_modules(package: str, path: Iterable[str], *, first: Sequence[str] = (), suffix: str = "") -> None:
    """Import the modules of `package`, whose `__path__` is `path`: those named in `first` in that order, the others by name.

    suffix: only modules whose name ends so. The order is that of registration, and so of every list of the entries.
    """
    found = sorted(info.name for info in pkgutil.iter_modules(path) if info.name.endswith(suffix))
    for name in (*first, *(name for name in found if name not in first)):
        importlib.import_module(f"{package}.{name}")
