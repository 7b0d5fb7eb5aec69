"""The sub-command `ikun fates`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ikun_sym.cli.console import as_json, emit, progress_bar

if TYPE_CHECKING:
    from rich.console import Console


@click.command(short_help="Test every initialisation scheme in deep networks.")
@click.argument("schemes", nargs=-1, metavar="[SCHEME]...")
@click.option("--quick", is_flag=True, help="Smaller run: width 256 and fewer networks, about two minutes.")
@click.option("--width", type=int, help="Neurons per layer. Default: 512; with --quick 256.")
@click.option("--draws", type=int, help="Weight draws. Default: 8; with --quick 4.")
@click.option("--out", metavar="DIR", help="Write the page, the picture, the Markdown and the records to this folder.")
@click.option("--markdown", metavar="FILE", help="Write the Markdown to this file and the picture beside it.")
@click.option("--resume", is_flag=True, help="Continue the interrupted run in --out.")
@click.option("--device", default="cpu", show_default=True, help="Device of the networks: auto, cpu or cuda.")
@click.option("--seed", type=int, default=0, show_default=True)
@as_json
def fates(
    schemes: tuple[str, ...], quick: bool, out: str | None, markdown: str | None, resume: bool, as_json: bool, **flags: Any
) -> None:
    """Predict and measure what becomes of the signal under each SCHEME (default: all) of `ikun init`.

    Networks are up to 300 layers deep, with six surrogates, over 1 and 8 time steps. A layer's fate is silent, saturated,
    vanishing, exploding, uninformative (sizes are right, but two inputs are no longer told apart, or their gradients no longer
    agree) or healthy. Wrong predictions are listed with their cause. The last part says which surrogate is best at which rate
    and depth.
    """
    from ikun_sym.catalogue.schemes import SCHEMES
    from ikun_sym.errors import IkunError

    from ..networks.device import choose
    from ..quiet import quiet_libraries

    quiet_libraries()
    from ikun_sym.files import folder

    from ..verdicts.records import command_line, provenance
    from .experiment import QUICK, Settings
    from .experiment import fates as compute
    from .report import document, terminal, write, write_markdown

    if resume and out is None:
        raise IkunError("--resume needs the folder of the run: give --out DIR")
    given = {name: flags[name] for name in ("width", "draws") if flags[name] is not None}
    named = tuple(dict.fromkeys(SCHEMES[name].name for name in schemes))
    settings = Settings(
        **{**(QUICK if quick else {}), **given}, schemes=named, seed=flags["seed"], device=choose(flags["device"])
    )
    where = None if out is None else folder(out)
    if markdown is not None:
        folder(Path(markdown).parent)  # fails before minutes are spent
    with _bars() as advance:
        table = compute(settings, keep=None if where is None else where / "parts", resume=resume, advance=advance)
    table = replace(table, provenance=provenance(command_line(), settings.device, asdict(settings)))
    if where is not None:
        write(table, where)
    if markdown is not None:
        write_markdown(table, Path(markdown))
    emit(document(table), as_json, lambda console: _show(console, terminal(table), where))


@contextmanager
def _bars() -> Iterator[Callable[[str, int, int], None]]:
    """One progress bar after the other, one for each kind of work."""
    shown: dict[str, Callable[[int, int], None]] = {}
    with ExitStack() as stack:

        def advance(what: str, done: int, all_: int) -> None:
            if what not in shown:
                stack.pop_all().close()
                shown[what] = stack.enter_context(progress_bar(f"fates: {what}"))
            shown[what](done, all_)

        yield advance


def _show(console: Console, lines: list[Any], where: Path | None) -> None:
    for line in lines:
        console.print(line)
    if where is not None:
        console.print(f"page, picture and records: {where}")
