"""`ikun benchmark panel`: ordinary networks, trained from several initialisations."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ikun_sym.cli.console import as_json, emit, stderr, table
from ikun_sym.errors import DomainError, IkunError
from ikun_sym.files import folder

from ...models.commands import quiet

if TYPE_CHECKING:
    from rich.console import Console

    from .protocol import Results


@click.command("panel", short_help="Ordinary networks, trained from several initialisations.")
@click.option("--quick", is_flag=True, help="A fixed part: every fourth cell, fewer seeds. Less than 20 minutes.")
@click.option("--out", metavar="DIR", help="Folder of the rows, one a run, each on disk before the next begins.")
@click.option("--resume", is_flag=True, help="Continue the interrupted run in --out.")
@click.option("--data-dir", metavar="DIR", envvar="IKUN_DATA", help="Folder of Fashion-MNIST's files. Default: $IKUN_DATA.")
@click.option("--seconds", type=float, help="Begin no run after so many seconds.")
@click.option("--part", metavar="K/N", help="Every N-th cell from the K-th, for N processes with folders of their own.")
@click.option("--rows", multiple=True, metavar="FILE", help="Train nothing: read rows.jsonl of earlier runs (may be repeated).")
@click.option("--markdown", metavar="FILE", help="Write the table to this file and the picture beside it.")
@click.option("--seed", type=int, default=0, show_default=True)
@as_json
def command(
    quick: bool,
    out: str | None,
    resume: bool,
    data_dir: str | None,
    seconds: float | None,
    part: str | None,
    rows: tuple[str, ...],
    markdown: str | None,
    seed: int,
    as_json: bool,
) -> None:
    """Train each network on each task from each initialisation, in pairs of seeds; the worst cell first."""
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

        extent = QUICK if quick else FULL
        if out is None:
            found = of_rows([row for path in rows for row in read_rows(Path(path), KEY)], extent)
        else:
            found = carried_out(
                extent,
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


def say(done: int, what: str) -> None:
    stderr().print(f"{done} runs; {what}", highlight=False)


def part_of(text: str | None) -> tuple[int, int]:
    """K/N, K from 1, to (K − 1, N)."""
    if text is None:
        return 0, 1
    first, _, count = text.partition("/")
    if not (first.isdigit() and count.isdigit() and 1 <= int(first) <= int(count)):
        raise DomainError("--part", text, "K/N with K from 1 to N", "e.g. 1/2 and 2/2 for two processes")
    return int(first) - 1, int(count)


def _document(found: Results) -> dict[str, Any]:
    from .judging import judged, mean_ranks

    cells = judged(found)
    return {"cells": [one.to_dict() for one in cells], "mean_ranks": mean_ranks(cells), "skipped": list(found.skipped)}


def _show(console: Console, found: Results) -> None:
    from .judging import judged
    from .page import COLUMNS, TITLE, conclusions, row

    cells = judged(found)
    console.print(table(TITLE, COLUMNS, [row(one) for one in cells]))
    for line in (*conclusions(cells), *(f"left out: {reason}" for reason in found.skipped)):
        console.print(line)
