"""The command `ikun sweep`: a grid of cases of another command."""

from __future__ import annotations

from typing import Any

import click
from click.core import ParameterSource

from ikun_sym.cli.console import as_json, emit
from ikun_sym.errors import IkunError

from ..progress import RESUME
from ..quiet import quiet_libraries
from .axes import ALLOWED, Axis
from .diagram_command import DIAGRAM_FLAGS, diagram
from .terminal import computed_in, show

OVER = click.Option(
    ["--over"], multiple=True, required=True, metavar="AXIS", help=f"{ALLOWED}; once or twice. NAME: a flag, or flag.parameter."
)
SWEEP_FLAGS = (
    click.Option(["--out"], required=True, metavar="DIR", help="Folder of the journal, the rows and the page."),
    RESUME,
    click.Option(["--workers"], type=int, help="Processes of one thread on this machine. Default: one a core."),
    click.Option(["--scheduler"], metavar="ADDRESS", help="A Dask scheduler that runs already: tcp://HOST:PORT."),
)


class Swept(click.Group):
    """Its sub-commands are those of `ikun` that compute a document without writing anything, and `diagram`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        from .grid import commands

        return [*commands(), *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        from .grid import find_command, parameters

        if (own := super().get_command(ctx, cmd_name)) is not None:
            return own
        swept = find_command(cmd_name)
        params = [*parameters(swept), OVER, *SWEEP_FLAGS]
        return as_json(click.Command(cmd_name, callback=_run, params=params, help=_help(cmd_name), short_help=swept.short_help))


def _help(name: str) -> str:
    return f"""`ikun {name}` over a grid of its flags, one process a core, each cell journalled as it arrives.

    Interrupted at any time, it continues with --resume: cells in the journal are not computed again, other flags refuse. A cell
    that fails is a row with its reason. Left in --out: rows.jsonl, cells.csv, report.html.

    An axis is any flag, `depth=5:50:5`, `lr=1e-4:1e-1:*10`, `scheme=kaiming,critical`; or a parameter of a flag that is a SPEC,
    `surrogate.alpha=1,2,4`, `model.depth=3:12:3`.
    """


@click.group(cls=Swept, short_help="Run a command over a grid of its flags.")
def sweep() -> None:
    """A grid of cases over Dask, journalled and resumable; heat maps with the theory's lines, as page and rows.

    On a cluster: --scheduler tcp://HOST:PORT, workers of one thread with the same ikun installed, for example dask-jobqueue's
    SLURMCluster(cores=1, processes=1, memory="4GB").
    """


@click.pass_context
def _run(ctx: click.Context, over: tuple[str, ...], as_json: bool, **flags: Any) -> None:
    from ikun_sym.files import folder

    from .grid import grid_of

    if flags["workers"] is not None and flags["scheduler"] is not None:
        raise IkunError("give --workers, processes of this machine, or --scheduler, which has its own; not both")
    given = {name for name in flags if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE}
    grid = grid_of(str(ctx.info_name), [Axis.parse(text) for text in over], flags, given)
    grid.cells()
    quiet_libraries()
    out = folder(flags["out"])
    how = {name: flags[name] for name in ("resume", "workers", "scheduler")}
    found = computed_in(out, grid, **how)
    emit(found.to_dict() | {"files": str(out)}, as_json, lambda console: show(console, found, str(out)))


sweep.add_command(as_json(click.Command("diagram", callback=diagram, params=DIAGRAM_FLAGS, help=diagram.__doc__)))
