"""The sub-command `ikun demo`."""

from __future__ import annotations

from typing import Any

import click

from ikun_sym.cli.console import as_json, emit

from .progress import RESUME
from .quiet import quiet_libraries


@click.command(params=[RESUME], short_help="Run the main job end to end.")
@click.option("--out", metavar="DIR", help="Folder for records and page. Default: runs/demo, runs/demo-2, … (a new one).")
@click.option("--claims", default="theorem1", show_default=True, help="A claim's id, or a prefix of ids.")
@click.option("--depth", type=int, default=50, show_default=True, help="Layers of the networks.")
@click.option("--width", type=int, default=512, show_default=True, help="Neurons per layer.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda.")
@click.option("--seed", type=int, default=0, show_default=True)
@as_json
@click.pass_context
def demo(ctx: click.Context, out: str | None, resume: bool, as_json: bool, **job: Any) -> None:
    """Run the main job: derive four surrogates, export them, validate Theorem 1 on deep networks, write the page.

    Exit code 0: every verdict as theory predicts. 1: one contradicts it. 3: one is inconclusive.
    """
    quiet_libraries()
    from .demo import main_job, show
    from .verdicts.records import run_folder

    where = run_folder(out, "runs/demo", resume=resume)
    result = main_job(where, resume=resume, **job)
    emit(result.to_dict(), as_json, lambda console: show(console, result))
    ctx.exit(result.exit_code)
