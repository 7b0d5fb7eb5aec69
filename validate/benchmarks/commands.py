"""The command `ikun benchmark`."""

from __future__ import annotations

import click

from ikun_sym.cli.main import Commands


@click.group(cls=Commands, source="ikun.benchmarks")
def benchmark() -> None:
    """Measure this tool beside its peers, in one run."""
