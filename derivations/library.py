"""The derivations that exist: every module `dNN_…` of this package, each with a `build()` that returns its Document."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path

from ikun_sym.errors import UnknownNameError
from ikun_sym.files import write_atomically

from .document import Document
from .render import FORMATS


def names() -> list[str]:
    """Ids in reading order."""
    package = Path(__file__).parent
    found = sorted(m.name for m in pkgutil.iter_modules([str(package)]) if m.name[0] == "d" and m.name[1:3].isdigit())
    return [name.partition("_")[2].replace("_", "-") for name in found]


def build(name: str) -> Document:
    """Build, and thereby check, one derivation."""
    package = Path(__file__).parent
    for module in pkgutil.iter_modules([str(package)]):
        if module.name.partition("_")[2].replace("_", "-") == name and module.name[1:3].isdigit():
            return import_module(f".{module.name}", __package__).build()
    raise UnknownNameError("derivation", name, names())


def report(chosen: Iterable[str] = (), *, format: str = "html", out: str | Path = "reports") -> list[Path]:
    """Build the chosen derivations (all, if none is named) and write one file each into `out`; returns the files.

    A derivation with a step that does not hold is not written: DerivationError names the step.
    """
    if format not in FORMATS:
        raise UnknownNameError("report format", format, FORMATS)
    suffix, render = FORMATS[format]
    documents = [build(name) for name in (list(chosen) or names())]
    return [write_atomically(Path(out) / f"{document.id}{suffix}", render(document)) for document in documents]
