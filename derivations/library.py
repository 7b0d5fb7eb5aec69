"""The derivations that exist: every module `dNN_…` of this package, each with a `build()` that returns its Document."""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path

from ikun_sym.errors import UnknownNameError
from ikun_sym.files import write_atomically

from .document import Document
from .render import FORMATS


def _modules() -> dict[str, str]:
    """Id to module name, in reading order."""
    found = sorted(m.name for m in pkgutil.iter_modules([str(Path(__file__).parent)]) if re.match(r"d\d\d_", m.name))
    return {name.partition("_")[2].replace("_", "-"): name for name in found}


def names() -> list[str]:
    """Ids in reading order."""
    return list(_modules())


def build(name: str) -> Document:
    """Build, and thereby check, one derivation."""
    known = _modules()
    if name not in known:
        raise UnknownNameError("derivation", name, known)
    return import_module(f".{known[name]}", __package__).build()


def report(chosen: Iterable[str] = (), *, format: str = "html", out: str | Path = "reports") -> list[Path]:
    """Build the chosen derivations (all, if none is named) and write one file each into `out`; returns the files.

    A derivation with a step that does not hold is not written: DerivationError names the step.
    """
    if format not in FORMATS:
        raise UnknownNameError("report format", format, FORMATS)
    suffix, render = FORMATS[format]
    documents = [build(name) for name in (list(chosen) or names())]
    return [write_atomically(Path(out) / f"{document.id}{suffix}", render(document)) for document in documents]
