"""Shared by the commands that run networks: a run with a progress bar, the flag --resume."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ikun_sym.cli.console import progress

if TYPE_CHECKING:
    from .cases.case import Case
    from .claims import Claim
    from .verdicts.judge import Laboratory, Verdict

RESUME = click.Option(
    ["--resume"], is_flag=True, help="Continue the interrupted run in --out (default: the newest default folder)."
)


def run(jobs: list[tuple[Claim, list[Case], str | None]], laboratory: Laboratory) -> list[Verdict]:
    """Judge every job with a progress bar on stderr."""
    from .verdicts.judge import judge

    verdicts = []
    with progress() as bar:
        task = bar.add_task("", total=sum(len(cases) for _, cases, _ in jobs))
        for claim, cases, expected in jobs:

            def drawn(count: int, claim: Claim = claim) -> None:
                bar.update(task, description=f"{claim.id}: {count} draws")

            verdicts.append(judge(claim, cases, laboratory, expected=expected, progress=drawn))
            bar.advance(task, len(cases))
    return verdicts
