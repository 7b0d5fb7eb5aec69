"""How many Gaussian integrals the engine solves: 24 squared surrogate derivatives, at mean 0 and at a symbolic mean.

Each is read from text as a user would write it, derived, proved and compared with its certified integral. Beside it stands the
result of sympy 1.14 for the same integral in 60 s of CPU time (`integrate` and `stats.E`, recorded in sympy_baseline.csv).
"""

from __future__ import annotations

import csv
import time
from collections import defaultdict
from dataclasses import asdict, dataclass
from fractions import Fraction
from importlib.resources import files
from typing import TYPE_CHECKING

import click

from ikun_sym.cli.console import as_json, emit, stderr, table

if TYPE_CHECKING:
    from rich.console import Console

POINTS = {"0": (("0", "1/4"), ("0", "3")), "mu": (("1/2", "1/4"), ("-3", "2"), ("7/3", "10"))}
"""(mean, variance) at which form and integral are compared: to 20 digits, or to the form's proved error."""


@dataclass(frozen=True, kw_only=True)
class Row:
    kernel: str
    mean: str
    kind: str
    expected_kind: str
    status: str
    seconds: float  # of CPU time, as in the baseline
    agrees: bool
    named_function: bool
    text: str
    sympy: tuple[str, ...]

    @property
    def right(self) -> bool:
        """The answer is of the right kind, and the form equals the integral."""
        return self.kind == self.expected_kind and self.agrees

    @property
    def solved(self) -> bool:
        """A proved closed or finite-sum form in standard functions."""
        return self.right and self.status.startswith("proved") and not self.named_function


def kernels() -> list[dict[str, str]]:
    with (files("ikun_validate.benchmarks") / "kernels.csv").open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def baseline() -> dict[tuple[str, str], tuple[str, ...]]:
    """(kernel, mean) to the results of `integrate` and `stats.E`."""
    found: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    with (files("ikun_validate.benchmarks") / "sympy_baseline.csv").open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            found[row["name"], row["mean"]].append(f"{row['outcome']} {float(row['seconds']):.1f} s")
    return {key: tuple(outcomes) for key, outcomes in found.items()}


def solve(kernel: dict[str, str], mean: str) -> Row:
    """Parse, derive and prove one kernel (timed, with empty caches), then compare (not timed)."""
    from ikun_sym.expressions.vocabulary import GoodwinStaton
    from ikun_sym.gaussian.closed_form import derive, derive_at, forget
    from ikun_sym.gaussian.moment import integrand
    from ikun_sym.reading.surrogate_spec import resolve

    forget()
    start = time.process_time()
    bound = resolve(f"expr:{kernel['fprime']};{kernel['parameters']}")
    function = integrand(bound, "fprime", 2)
    form = derive_at(function, Fraction(0)) if mean == "0" else derive(function)
    seconds = time.process_time() - start
    return Row(
        kernel=kernel["name"],
        mean=mean,
        kind=form.kind,
        expected_kind=kernel["kind_at_zero" if mean == "0" else "kind"],
        status=form.certificate.status,
        seconds=seconds,
        agrees=form.expr is not None and all(_agrees(function, form, m, v) for m, v in POINTS[mean]),
        named_function=form.expr is not None and form.expr.has(GoodwinStaton),
        text=form.text,
        sympy=baseline()[kernel["name"], mean],
    )


def _agrees(function, form, mean: str, var: str) -> bool:
    from flint import arb, fmpq

    from ikun_sym.gaussian.closed_form import form_ball
    from ikun_sym.gaussian.enclosures.certify import expectation

    m, v = Fraction(mean), Fraction(var)
    integral = expectation(function, {}, m, v, 20, integral=True).ball()  # of a square: E|g| is the integral itself
    slack = abs(integral) * arb(fmpq(form.error.numerator, form.error.denominator))
    closed = form_ball(form.expr, {}, m, v, 20)
    return bool((closed + arb(0, slack.upper())).overlaps(integral))


def run() -> list[Row]:
    from rich.progress import track

    work = [(kernel, mean) for mean in ("0", "mu") for kernel in kernels()]
    return [solve(*one) for one in track(work, "solving", console=stderr(), transient=True)]


def summary(rows: list[Row], mean: str) -> dict[str, float]:
    chosen = [row for row in rows if row.mean == mean]
    return {
        "integrals": len(chosen),
        "right": sum(row.right for row in chosen),
        "solved": sum(row.solved for row in chosen),
        "named_function": sum(row.named_function and row.status.startswith("proved") for row in chosen),
        "slowest_s": max(row.seconds for row in chosen),
        "sympy_integrate": sum(row.sympy[0].startswith("correct") for row in chosen),
        "sympy_E": sum(row.sympy[1].startswith("correct") for row in chosen),
    }


@click.command("solve-rate")
@as_json
def command(as_json: bool) -> None:
    """Solve 24 Gaussian integrals at mean 0 and at a symbolic mean, beside sympy."""
    rows = run()
    document = {
        "rows": [asdict(row) | {"right": row.right, "solved": row.solved} for row in rows],
        "summary": {mean: summary(rows, mean) for mean in POINTS},
    }
    emit(document, as_json, lambda console: _show(console, rows))


def _show(console: Console, rows: list[Row]) -> None:
    for mean in POINTS:
        chosen = [row for row in rows if row.mean == mean]
        cells = [
            (r.kernel, r.kind, r.status, f"{r.seconds:.2f}", "yes" if r.agrees else "NO", *r.sympy, r.text[:60]) for r in chosen
        ]
        columns = ("kernel", "kind", "status", "CPU s", "agrees", "sympy.integrate", "sympy.stats.E", "form")
        s = summary(rows, mean)
        caption = (
            f"{s['right']} of {s['integrals']} answered with the right kind; {s['solved']} proved in standard functions, "
            f"{s['named_function']} more proved through T_s(a, z); slowest {s['slowest_s']:.2f} s. "
            f"sympy: integrate {s['sympy_integrate']}, stats.E {s['sympy_E']}"
        )
        console.print(table(f"E[g(X)²], X ~ N({mean}, v)", columns, cells, caption=caption))
