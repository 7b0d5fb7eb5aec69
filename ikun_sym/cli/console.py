"""What every command shares: number options, `--json`, and tables."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import click

from ..catalogue.neuron_fields import NEURON_FIELDS, Field
from ..exact import exact

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress


class Exact(click.ParamType):  # type: ignore[type-arg]  # in older versions of click it takes no argument
    """A decimal or a ratio, kept exact."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Fraction:
        return value if isinstance(value, Fraction) else exact(value, param.opts[-1] if param else "number")


class Real(Exact):
    """The same number as a float."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return value if isinstance(value, float) else float(super().convert(value, param, ctx))


EXACT, REAL = Exact(), Real()

AnyCommand = Callable[..., Any]


def option(field: Field) -> click.Option:
    """The option of a word."""
    names, settings = _option(field)
    return click.Option(names, **settings)


def _option(field: Field) -> tuple[list[str], dict[str, Any]]:
    """--a-word, or --a-word/--no-a-word for one that is true or false; and what click is told of it."""
    flag = "--" + field.name.replace("_", "-")
    told = f"{field.help} Default: {field.otherwise}." if field.otherwise else field.help
    settings: dict[str, Any] = {"default": field.default, "show_default": field.default is not None, "help": told}
    if field.kind is bool:
        return [f"{flag}/--no-{flag[2:]}"], settings
    return [flag], settings | {"type": {float: REAL, int: int, str: str}[field.kind], "metavar": field.metavar}


def neuron_options(*left_open: str) -> Callable[[AnyCommand], AnyCommand]:
    """An option for each word that describes a neuron. Those of `left_open` have no default of their own: schemes may."""

    def with_options(command: AnyCommand) -> AnyCommand:
        for field in reversed(NEURON_FIELDS):
            if field.name in left_open:
                field = field._replace(default=None, otherwise=f"the scheme's own, or {field.default:g}")
            names, settings = _option(field)
            command = click.option(*names, **settings)(command)
        return command

    return with_options


as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout and nothing else.")


def emit(document: Any, as_json: bool, show: Callable[[Console], None]) -> None:
    """The document as JSON, or `show` it on a terminal."""
    if as_json:
        sys.stdout.write(json.dumps(document, ensure_ascii=False, allow_nan=False, indent=2) + "\n")
    else:
        show(stdout())


def stdout() -> Console:
    return _console(stderr=False)


def stderr() -> Console:
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    terminal = stream.isatty()  # and nothing else: $FORCE_COLOR, which many CI machines set, would put bars into pipes
    # Formulas contain square brackets, so no markup; a pipe has no width, so one that tables fit in.
    width = None if terminal else 120
    return Console(stderr=stderr, force_terminal=terminal, highlight=False, markup=False, emoji=False, width=width)


def progress() -> Progress:
    """Progress bars on stderr, erased at the end. None if stderr is not a terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = stderr()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, disable=not console.is_terminal, transient=True)


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """One such bar. Call the yielded function with (done, all)."""
    with progress() as bars:
        task = bars.add_task(what, total=None, visible=False)
        yield lambda done, all_: bars.update(task, completed=done, total=all_, visible=True)


def table(title: str, columns: Iterable[str], rows: Iterable[Iterable[object]], caption: str | None = None) -> Any:
    from rich.table import Table

    result = Table(title=title, caption=caption, title_justify="left", caption_justify="left")
    for column in columns:
        result.add_column(column, overflow="fold")
    for row in rows:
        result.add_row(*(str(cell) for cell in row))
    return result
