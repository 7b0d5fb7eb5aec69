"""The sub-command `ikun calibrate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ikun_sym.cli.console import as_json, emit, progress, table
from ikun_sym.errors import DomainError, IkunError

from ..quiet import quiet_libraries

if TYPE_CHECKING:
    from rich.console import Console

    from .calibration import Calibration

WRONG = 1
"""Exit code if verdicts are wrong more often than allowed."""


@click.command(short_help="Measure how often verdicts are wrong.")
@click.option("--quick", is_flag=True, help="Smaller run: a tenth of the claims on networks.")
@click.option("--training", is_flag=True, help="The verdicts of ikun train instead.")
@click.option("--rows", metavar="FILE", help="With --training: rows of real runs, which give pairs that are equal in law.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda.")
@click.option("--seed", type=int, default=0, show_default=True)
@as_json
@click.pass_context
def calibrate(ctx: click.Context, quick: bool, training: bool, rows: str | None, device: str, seed: int, as_json: bool) -> None:
    """Measure how often verdicts are wrong, on claims known to be true and claims known to be false.

    Exit code 1 if they are wrong more often than allowed (1 %; those of ikun train: 5 %).
    """
    quiet_libraries()
    if seed < 0:
        raise DomainError("seed", seed, "zero or a positive integer")
    if rows is not None and not training:
        raise IkunError("--rows belongs to --training")
    if training:
        ctx.exit(0 if _training(quick, rows, seed, as_json) else WRONG)
    from ..networks.device import choose
    from .calibration import QUICK, Effort
    from .calibration import calibrate as compute

    effort = QUICK if quick else Effort()
    with progress() as bar:
        task = bar.add_task("", total=effort.steps)
        result = compute(
            effort,
            seed=seed,
            device=choose(device),
            advance=lambda what: bar.update(task, advance=1, description=what),
        )
    emit(result.to_dict(), as_json, lambda console: _show(console, result))
    ctx.exit(0 if result.passes else WRONG)


def _training(quick: bool, rows: str | None, seed: int, as_json: bool) -> bool:
    from ..training.calibration import ALLOWED, LAWS, real_laws
    from ..training.calibration import calibrate as compute
    from ..training.laboratory import recorded_runs

    real = [] if rows is None else real_laws(recorded_runs(Path(rows)))
    with progress() as bar:
        task = bar.add_task("", total=2 * (len(LAWS) + len(real)))
        found = compute(
            QUICK_VERDICTS if quick else VERDICTS,
            seed=seed,
            real=real,
            advance=lambda what: bar.update(task, advance=1, description=what),
        )
    passes = all(row.passes for row in found)
    document = {"rows": [row.to_dict() for row in found], "allowed": ALLOWED, "passes": passes}
    columns = ("law of the times", "true ratio", "n", "better", "worse", "equivalent", "inconcl.", "pairs", "wrong", "95 % <")
    lines = [row.cells() for row in found]
    emit(document, as_json, lambda console: console.print(table("Verdicts of the training protocol", columns, lines)))
    return passes


VERDICTS, QUICK_VERDICTS = 500, 50
"""For each law and ratio of the training protocol."""


def _show(console: Console, result: Calibration) -> None:
    totals = [result.total(true=t, kind=kind) for t in (True, False) for kind in ("network", "synthetic", None)]
    for title, found in (("Verdicts on claims of known truth", result.rows), ("All constructions", totals)):
        rows = [
            (
                row.construction,
                row.kind,
                "true" if row.true else "false",
                row.n,
                *(row.verdicts[name] for name in ("confirmed", "refuted", "inconclusive")),
                f"{row.draws / row.n:.1f}",
                f"{row.rate:.2%}",
                f"{row.upper:.2%}",
                "pass" if row.passes else "FAIL",
            )
            for row in found
        ]
        columns = ("construction", "kind", "claims", "n", "confirmed", "refuted", "inconcl.", "draws", "wrong", "95 % <", "")
        console.print(table(title, columns, rows))
    if result.shape is not None:
        s = result.shape
        console.print(
            f"{s.draws} draws: skewness of a draw's mean factor {s.skewness:.2f} ± {s.skewness_se:.2f} (of one layer's "
            f"{s.single_layer:.2f}), spread {s.spread:.4f}, bias against infinite width {s.bias:+.4f} ± {s.bias_se:.4f}"
        )
    rates = " and ".join(
        f"false {name} {total.rate:.2%} (below {total.upper:.2%} at 95 %) of {total.n}"
        for name, total in (("refute", result.total(true=True)), ("confirm", result.total(true=False)))
    )
    console.print(f"{rates}, allowed 1 %: {'passes' if result.passes else 'FAILS'}; {result.seconds:.0f} s")
