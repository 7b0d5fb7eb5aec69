"""The command `ikun sweep diagram`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ikun_sym.cli.console import emit, table
from ikun_sym.errors import IkunError

from ..progress import RESUME
from ..quiet import quiet_libraries
from .terminal import computed_in, show

DIAGRAM_FLAGS: list[click.Parameter] = [
    click.Argument(["name"], required=False),
    click.Option(["--over"], multiple=True, metavar="AXIS", help="Other values for an axis: a finer grid, a longer one."),
    click.Option(["--out"], metavar="DIR", help="Folder of the journal, the rows and the page."),
    RESUME,
    click.Option(["--workers"], type=int, help="Processes of one thread on this machine. Default: one a core."),
    click.Option(["--scheduler"], metavar="ADDRESS", help="A Dask scheduler that runs already: tcp://HOST:PORT."),
    click.Option(["--markdown"], metavar="FILE", help="Write the rows beside this page, then the page, with its pictures."),
]


def diagram(name: str | None, over: tuple[str, ...], markdown: str | None, as_json: bool, **how: Any) -> None:
    """Compute the phase diagram NAME, and write it to the page of all of them.

    Without NAME: lists the diagrams; with --markdown alone, writes the page and its pictures again from the rows beside it.
    """
    quiet_libraries()
    from .diagrams import DIAGRAMS

    if name is None:
        if markdown is not None:
            _write(Path(markdown))
        listed = [{"name": one.name, "title": one.title, "command": one.typed()} for one in DIAGRAMS]
        rows = [(one["name"], one["title"], one["command"]) for one in listed]
        emit(listed, as_json, lambda console: console.print(table("Phase diagrams", ("name", "shows", "command"), rows)))
        return
    _computed(name, over, markdown, as_json, how)


def _computed(name: str, over: tuple[str, ...], markdown: str | None, as_json: bool, how: dict[str, Any]) -> None:
    from ikun_sym.files import folder, write_atomically

    from .cells import Cells
    from .diagrams import DIAGRAMS
    from .diagrams_page import FOLDER, counted
    from .grid import grid_of

    one = DIAGRAMS[name]
    if how["out"] is None:
        raise IkunError(f"a diagram needs the folder of its journal; give --out DIR, for example --out runs/{one.name}")
    grid = grid_of(one.command, one.axes(over), *one.flags())
    out = folder(how.pop("out"))
    found = computed_in(out, grid, **how)
    cells = Cells.of(found)
    if markdown is not None:
        page = Path(markdown)
        write_atomically(page.parent / FOLDER / f"{one.name}.csv", cells.csv())
        _write(page)
    emit(found.to_dict() | {"files": str(out), "says": counted(cells, one)}, as_json, lambda c: show(c, found, str(out)))


def _write(page: Path) -> None:
    from .diagrams_page import write

    write(page)
