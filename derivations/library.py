"""The derivations that exist: every module `dNN_…` of this package, each with a `build()` that returns its Document."""

from __future__ import annotations

import pkgutil
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path

from ikun_sym import provenance
from ikun_sym.errors import UnknownNameError
from ikun_sym.files import folder, write_atomically
from ikun_sym.processes import Advance, in_parallel, silent

from . import documents
from .document import Document
from .render import FORMATS
from .render.volume import Provenance, Volume, volume

TITLE = "Derivations"
INTRODUCTION = (
    "How to initialise spiking neural networks, derived. Every equality and inequality is checked by machine as its page is "
    "built; each statement says by a mark what was checked, and by whom. Read in this order."
)
VERSIONS = ("sympy", "python-flint", "mpmath", "numpy", "scipy", "latex2mathml")


def _modules() -> dict[str, str]:
    """Id to module name, in reading order."""
    found = sorted(m.name for m in pkgutil.iter_modules(documents.__path__) if re.match(r"d\d\d_", m.name))
    return {name.partition("_")[2].replace("_", "-"): name for name in found}


def names() -> list[str]:
    """Ids in reading order."""
    return list(_modules())


def _known(name: str) -> str:
    known = _modules()
    if name not in known:
        raise UnknownNameError("derivation", name, known)
    return known[name]


def parts(name: str) -> list[int | None]:
    """The parts of a derivation that can be built in parallel: one number for each of its module's `parts()`; [None], the
    whole, if it has none."""
    module = import_module(f"{documents.__name__}.{_known(name)}")
    return list(range(len(module.parts()))) if hasattr(module, "parts") else [None]


def build(name: str, part: int | None = None) -> Document:
    """Build one derivation, or one part of it. Building checks every step."""
    module = import_module(f"{documents.__name__}.{_known(name)}")
    return module.build() if part is None else module.build(module.parts()[part])


def _bare(job: tuple[str, int | None]) -> Document:
    """The document without its claims: they have been checked, and some cannot be sent between processes."""
    document = build(*job)
    for section in document.sections:
        section.statements = [replace(statement, claim=None) for statement in section.statements]
    return document


def _all(wanted: list[str], workers: int | None, advance: Advance) -> list[Document]:
    """The documents, built in parallel: whole ones first, since the short parts fill the remaining time."""
    jobs = sorted(((name, part) for name in wanted for part in parts(name)), key=lambda job: job[1] is not None)
    built: dict[str, list[Document]] = {name: [] for name in wanted}
    for (name, _), document in zip(jobs, in_parallel(_bare, jobs, workers, advance), strict=True):
        built[name].append(document)
    return [found[0] if len(found) == 1 else Document.joined(found) for found in built.values()]


def report(
    chosen: Iterable[str] = (),
    *,
    format: str = "html",
    out: str | Path = "reports",
    workers: int | None = None,
    advance: Advance = silent,
) -> list[Path]:
    """Build the chosen derivations (all, if none is named) and write them, with an index, into `out`; returns the files.

    Derivations are built in parallel in `workers` processes (default: one per core). `advance` reports progress.
    Errors: DerivationError, which names a step that does not hold; then nothing is written.
    """
    if format not in FORMATS:
        raise UnknownNameError("report format", format, FORMATS)
    wanted = list(dict.fromkeys(chosen)) or names()
    modules = [_known(name) for name in wanted]
    target = folder(out)
    documents = _all(wanted, workers, advance)
    known = volume(documents, [f"derivations/{module}.py" for module in modules], _provenance(list(chosen), format, out))
    pages = in_parallel(partial(_pages, format, known), documents, workers, silent)
    made = [*pages, FORMATS[format].index(documents, known, TITLE, INTRODUCTION)]
    return [write_atomically(target / name, content) for files in made for name, content in files.items()]


def _pages(format: str, known: Volume, document: Document) -> Mapping[str, str | bytes]:
    return FORMATS[format].pages(document, known)


def _provenance(chosen: list[str], format: str, out: str | Path) -> Provenance:
    command = shlex.join(["ikun", "report", *chosen, "--format", format, "--out", str(out)])
    return Provenance(command, provenance.versions(*VERSIONS), provenance.commit())
