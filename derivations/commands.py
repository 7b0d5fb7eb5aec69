"""Sub-command `ikun report`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from ikun_sym.cli.console import as_json, emit, stderr

if TYPE_CHECKING:
    from ikun_sym.processes import Advance


@contextmanager
def progress() -> Iterator[Advance]:
    """A progress bar on stderr, if that is a terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = stderr()
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("derivations checked", total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)


@click.command(short_help="Check the derivations and write them as pages.")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--format", "format_", default="html", show_default=True, help="html, markdown, latex or json.")
@click.option("--out", default="reports", show_default=True, metavar="DIR", help="Folder for the pages.")
@as_json
def report(names: tuple[str, ...], format_: str, out: str, as_json: bool) -> None:
    """Build the named derivations (default: all), check every step, and write them as pages.

    An unknown NAME lists all of them.
    """
    from .library import report as write

    with progress() as advance:
        files = write(names, format=format_, out=out, advance=advance)
    document = {"files": [str(file) for file in files], "format": format_}
    emit(document, as_json, lambda console: console.print("\n".join(f"wrote {file}" for file in files)))
