"""The sub-command `ikun benchmark mean-field`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ikun_sym.cli.console import as_json, emit, progress, table

if TYPE_CHECKING:
    from rich.console import Console

    from .mean_field import Product


@click.command("mean-field")
@click.option("--arch", default="", metavar="NAME", help="Only this architecture: dense, conv1d, … Default: all.")
@click.option("--width", type=int, default=512, show_default=True, help="Width of dense networks.")
@click.option("--draws", type=int, default=24, show_default=True, help="Weight draws per combination.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda.")
@click.option("--seed", type=int, default=0, show_default=True)
@as_json
def command(as_json: bool, device: str, arch: str, **settings: int) -> None:
    """Compare mean field and networks: which combinations of neuron, time and loss agree within error bars."""
    from ..networks.device import choose
    from ..quiet import quiet_libraries
    from .mean_field import everything, run

    quiet_libraries()
    with progress() as bar:
        task = bar.add_task("", total=len(everything(arch)))
        result = run(
            **settings,
            arch=arch,
            device=choose(device),
            advance=lambda what: bar.update(task, advance=1, description=what),
        )
    emit(result.to_dict(), as_json, lambda console: _show(console, result))


def _show(console: Console, result: Product) -> None:
    from .mean_field import AXES, ELSEWHERE, ERROR

    axes = dict.fromkeys((*AXES, *ELSEWHERE))
    rows = [(axis, value, f"{good} of {count}") for axis in axes for value, good, count in result.along(axis)]
    console.print(table("Combinations that agree", ("axis", "value", "agree"), rows))
    for one in (one for one in result.found if not one.agrees):
        where = ", ".join(f"{name} of layer {layer}" + (f", step {step}" if step else "") for name, layer, step in one.misses)
        console.print(f"{one.combination}: {where}")
    total = sum(one.comparisons for one in result.found)
    console.print(f"{result.agreeing} of {len(result.found)} combinations, {total} comparisons, {ERROR:.0%} a combination")
