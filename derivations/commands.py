"""Sub-command `ikun report`."""

from __future__ import annotations

import click

from ikun_sym.console import as_json, emit


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--format", "format_", default="html", show_default=True)
@click.option("--out", default="reports", show_default=True, metavar="DIR")
@as_json
def report(names: tuple[str, ...], format_: str, out: str, as_json: bool) -> None:
    """Build derivations, checking every step, and write them as pages. Without NAME: all of them."""
    from .library import report as write

    files = write(names, format=format_, out=out)
    document = {"files": [str(file) for file in files], "format": format_}
    emit(document, as_json, lambda console: console.print("\n".join(f"wrote {file}" for file in files)))
