"""`ikun benchmark depth`: plain deep networks, trained from several initialisations."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ikun_sym.cli.console import as_json, emit, table
from ikun_sym.errors import DomainError, IkunError
from ikun_sym.files import folder

from ...models.commands import quiet
from ..panel.command import part_of, say

if TYPE_CHECKING:
    from rich.console import Console

    from .protocol import Results


@click.command("depth", short_help="Plain deep networks, trained from several initialisations.")
@click.option("--quick", is_flag=True, help="A fixed part: depth 20, two initialisations, three seeds. Less than five minutes.")
@click.option("--out", metavar="DIR", help="Folder of the rows, one a run, each on disk before the next begins.")
@click.option("--resume", is_flag=True, help="Continue the interrupted run in --out, in the midst of a training, too.")
@click.option("--data-dir", metavar="DIR", envvar="IKUN_DATA", help="Folder of Fashion-MNIST's files. Default: $IKUN_DATA.")
@click.option("--seconds", type=float, help="Begin no run after so many seconds.")
@click.option("--part", metavar="K/N", help="Every N-th seed from the K-th, for N processes with folders of their own.")
@click.option("--cell", "cells", multiple=True, metavar="NAME", help="These cells only (may be repeated).")
@click.option("--start", "starts", multiple=True, metavar="NAME", help="These initialisations only (may be repeated).")
@click.option("--rows", multiple=True, metavar="FILE", help="Train nothing: read rows.jsonl of earlier runs (may be repeated).")
@click.option("--markdown", metavar="FILE", help="Write the tables to this file and the picture beside it.")
@click.option("--seed", type=int, default=0, show_default=True)
@as_json
def command(
    quick: bool,
    out: str | None,
    resume: bool,
    data_dir: str | None,
    seconds: float | None,
    part: str | None,
    cells: tuple[str, ...],
    starts: tuple[str, ...],
    rows: tuple[str, ...],
    markdown: str | None,
    seed: int,
    as_json: bool,
) -> None:
    """Train plain networks of 20, 50 and 100 layers from each initialisation: the share of seeds that learn."""
    if (out is None) == (not rows):
        raise IkunError("give either --out DIR, to train, or --rows FILE, to read what was trained")
    for path in rows:
        if not Path(path).is_file():
            raise IkunError(f"there is no file {path!r}; name the rows.jsonl of a run")
    if seed < 0:
        raise DomainError("seed", seed, "zero or a positive integer")
    with quiet():
        from ...verdicts.rows import read_rows
        from .page import write
        from .protocol import FULL, KEY, QUICK, carried_out, of_rows

        if out is None:
            found = of_rows([row for path in rows for row in read_rows(Path(path), KEY)])
        else:
            found = carried_out(
                (QUICK if quick else FULL).only(cells, starts),
                folder=data_dir,
                out=folder(out),
                resume=resume,
                seed=seed,
                seconds=seconds,
                part=part_of(part),
                advance=say,
            )
        if markdown is not None:
            write(found, Path(markdown))
        emit(_document(found), as_json, lambda console: _show(console, found))


def _document(found: Results) -> dict[str, Any]:
    from .judging import judged

    return {"cells": [one.to_dict() for one in judged(found)], "skipped": list(found.skipped)}


def _show(console: Console, found: Results) -> None:
    from .judging import judged
    from .page import COLUMNS, TITLE, row

    console.print(table(TITLE, COLUMNS, [row(one) for one in judged(found)]))
    for reason in found.skipped:
        console.print(f"left out: {reason}")
