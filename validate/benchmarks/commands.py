"""The command `ikun benchmark`."""

from __future__ import annotations

import click

from ikun_sym.cli.main import Commands


@click.group(cls=Commands, source="ikun.benchmarks")
def benchmark() -> None:
    """Benchmark ikun beside its peers, all in one run."""
