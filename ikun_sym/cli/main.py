"""The command `ikun`. Sub-commands are entry points, loaded when they are used."""

from __future__ import annotations

import errno
import io
import os
import re
import sys
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

import click

from ..errors import IkunError, UnknownNameError
from ..version import __version__
from .extras import extra_with

BAD_INPUT = 2

FULL = {getattr(errno, name) for name in ("ENOSPC", "EDQUOT", "EFBIG") if hasattr(errno, name)}

NO_MEMORY = re.compile("out of memory|can't allocate memory")
"""torch reports exhausted memory as a RuntimeError with one of these phrases."""


class Commands(click.Group):
    """A group whose commands are the entry points of the group `source`."""

    def __init__(self, *args: Any, source: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.source = source

    def _found(self) -> dict[str, EntryPoint]:
        return {entry.name: entry for entry in entry_points(group=self.source)}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(self._found())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        found = self._found()
        if cmd_name not in found:
            raise UnknownNameError(str(ctx.info_name) if ctx.parent else "command", cmd_name, found)
        return found[cmd_name].load()


@click.group(
    cls=Commands,
    source="ikun.commands",
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)
@click.version_option(__version__, prog_name="ikun")
@click.pass_context
def ikun(ctx: click.Context) -> None:
    """Initialise spiking neural networks: weight scales that are derived, proved, exported as code, and validated.

    SPEC names a surrogate f'(x), x = membrane potential - threshold: `name` or `name:param=value,…` from `ikun surrogates`;
    a library's function such as `spikingjelly.ATan:alpha=2`; or `expr:EXPRESSION;param=value` for your own f'(x).
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def main(argv: list[str] | None = None) -> None:
    """Run, and turn every foreseen error into one line on stderr and exit code 2."""
    if sys.stderr is None:  # closed by the caller: nobody is told
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    if sys.stdout is None:
        _complain("the output is closed; open it, or send it to a file")
        sys.exit(BAD_INPUT)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8")  # formulas have letters that a machine's own encoding may lack
    try:
        code = ikun.main(args=argv, prog_name="ikun", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Abort:
        print("ikun: interrupted", file=sys.stderr)
        code = 130
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx else "ikun"
        _complain(f"{error.format_message()} (see {where} --help)")
        code = BAD_INPUT
    except click.ClickException as error:
        _complain(error.format_message())
        code = BAD_INPUT
    except IkunError as error:
        _complain(str(error))
        code = BAD_INPUT
    except (MemoryError, RuntimeError) as error:
        if not (isinstance(error, MemoryError) or NO_MEMORY.search(str(error))):
            raise
        _complain(f"out of memory: {str(error) or 'nothing more can be allocated'}; ask for something smaller")
        code = BAD_INPUT
    except ModuleNotFoundError as error:
        extra = extra_with(error.name or "")
        if extra is None:
            raise
        _complain(f"this command needs {error.name}, which is not installed; pip install 'ikun[{extra}]'")
        code = BAD_INPUT
    except BrokenPipeError:  # the reader has closed the pipe (`ikun … | head`)
        sys.stderr.close()
        code = 0
    except OSError as error:
        if error.errno not in FULL:
            raise
        _complain(f"cannot write the output: {error.strerror}; make room, or send it elsewhere")
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is left in the buffer has nowhere to go
        code = BAD_INPUT
    sys.exit(code if isinstance(code, int) else 0)


def _complain(message: str) -> None:
    print("ikun: error: " + " ".join(message.split()), file=sys.stderr)
