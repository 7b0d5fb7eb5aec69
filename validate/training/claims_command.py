"""`ikun validate training…`: the claims about training, with the flags of `ikun validate` that have a meaning here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ikun_sym.cli.console import emit, table
from ikun_sym.errors import IkunError
from ikun_sym.files import write_atomically

from .claims import select_training
from .commands import epochs_bar

if TYPE_CHECKING:
    from rich.console import Console

    from .judging import TrainingVerdict
    from .table import Table

KNOWN = frozenset(
    ("claim", "all_", "quick", "as_json", "confidence", "device", "seed", "out", "resume", "data_dir", "budget", "markdown")
)
"""Flags of `ikun validate` that mean something to training."""


def validate_training(pattern: str, given: set[str], flags: dict[str, Any], as_json: bool) -> list[TrainingVerdict]:
    """Train, judge, write records and page, and show. `given`: the flags that the user set. Error: one of another family."""
    if others := sorted(given - KNOWN):
        flag = "--" + others[0].replace("_", "-")
        raise IkunError(
            f"{flag} describes random networks; claims about training have their own: leave it out, or use ikun train"
        )
    from ..verdicts.records import PROVENANCE, VERDICTS, command_line, provenance, run_folder
    from .table import Settings, carried_out

    claims = select_training(pattern)
    settings = Settings(
        quick=flags["quick"],
        confidence=flags["confidence"],
        seconds=flags["budget"],
        data_dir=flags["data_dir"],
        device=flags["device"],
        seed=flags["seed"],
    )
    out = run_folder(flags["out"], f"runs/{pattern}", resume=flags["resume"])
    from ..networks.device import choose

    made = provenance(command_line(), choose(settings.device), dict(vars(settings)))
    _write(out / PROVENANCE, made)
    with epochs_bar() as advance:
        found = carried_out(claims, settings, out, made, resume=flags["resume"], progress=advance)
    documents = [verdict.to_dict() | {"files": str(out)} for verdict in found.verdicts]
    _write(out / VERDICTS, documents)
    _pages(found, out, flags["markdown"])
    cells = {name: result.to_dict()["comparisons"] for name, result in found.results.items()}
    document = (documents[0] if len(documents) == 1 else {"claims": documents}) | {
        "cells": cells,
        "missing": list(found.missing),
    }
    emit(document, as_json, lambda console: _show(console, found, str(out)))
    return list(found.verdicts)


def _write(path: Path, document: Any) -> None:
    write_atomically(path, json.dumps(document, ensure_ascii=False, allow_nan=False, indent=2) + "\n")


def _pages(found: Table, out: Path, given: str | None) -> None:
    from .markdown import heading, write
    from .report import page

    write(found, Path(given) if given else out / "TRAINING.md")
    for name, result in found.results.items():
        title = f"{heading(name)}: which initialisation learns faster"
        write_atomically(out / f"{name}.html", page(result, result.plan.trials[0], (), found.made, title=title))


def _show(console: Console, found: Table, out: str) -> None:
    for verdict in found.verdicts:
        console.print(
            f"{verdict.claim.id}: {verdict.verdict}" + (f" (expected: {verdict.expected})" if verdict.expected else "")
        )
        console.print(verdict.claim.statement)
        rows = [
            (
                check.name,
                check.range,
                f"{check.interval.value:.3g} [{check.interval.low:.3g}, {check.interval.high:.3g}]",
                {True: "holds", False: "fails", None: "inconclusive"}[check.holds],
            )
            for check in verdict.checks
        ]
        console.print(table("", ("cell", "claimed", "measured", ""), rows))
    for name in found.missing:
        console.print(f"note: no time for {name}; --resume continues")
    console.print(f"records and pages: {out}")
