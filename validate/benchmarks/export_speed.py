"""Speed of emitted code at mean 0, beside scipy's adaptive quadrature with break points; and its accuracy everywhere.

Speed: E[f'²] of one surrogate with one slope over log-uniform variances, in CPU time of one thread, all in one run. The
quadrature integrates f'² times the density, compiled to plain floating-point code, over ±12σ with break points 0 and ±4σ, to
the accuracy that the emitted code has.
"""

from __future__ import annotations

import importlib.util
import math
import statistics
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from ikun_sym.cli.console import as_json, emit, stderr, table
from ikun_sym.errors import IkunError
from ikun_sym.files import temporary_folder

WANTED = 5000.0
"""The speed-up that is promised for sigmoid."""

SEED = 11
DEVIATIONS = (0.01, 100.0)
SIZE, BLOCK, SAMPLE = 1_000_000, 8192, 200
"""Numbers of values: for C; per block for numpy (fits into the cache); for the quadrature."""

C_MAIN = """
#include "{header}"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
int main(void) {{
    const int size = {size};
    double *var = malloc(sizeof(double) * (size_t)size);
    double total = 0.0;
    for (int i = 0; i < size; ++i) var[i] = exp({low} + ({high} - {low}) * ((double)i + 0.5) / size);
    const clock_t start = clock();
    for (int i = 0; i < size; ++i) total += {module}_e_g2(0.0, var[i]{params});
    const double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    printf("%.17g %.17g\\n", seconds / size, total);
    free(var);
    return 0;
}}
"""


@dataclass(frozen=True, kw_only=True)
class Row:
    target: str
    ns: float  # a value
    quad_us: float  # a value
    ratio: float
    worst_error: float  # relative to enclosures by ball arithmetic
    target_ratio: float = WANTED

    @property
    def meets(self) -> bool:
        return self.ratio >= self.target_ratio


def speed(spec: str = "sigmoid") -> list[Row]:
    """Rows for C, numpy and the quadrature."""
    import numpy as np

    from ikun_sym.reading.surrogate_spec import resolve

    bound = resolve(spec)
    source = np.random.default_rng(SEED)
    var = np.exp(source.uniform(2 * math.log(DEVIATIONS[0]), 2 * math.log(DEVIATIONS[1]), SAMPLE))
    quad_s = _quad_seconds(bound, var)
    with temporary_folder() as folder:
        return [_c(bound, Path(folder), quad_s, var[:20]), _numpy(bound, Path(folder), quad_s, var)]


def _quad_seconds(bound: Any, var: Any) -> float:
    """Seconds per value."""
    from ikun_sym.gaussian.moment import float_function, integrand

    from .evaluate import quadrature

    integral = quadrature(integrand(bound, "fprime", 2), float_function(bound, "fprime", 2))
    start = time.process_time()
    for v in var:
        integral(0.0, float(v))
    return (time.process_time() - start) / len(var)


def _c(bound: Any, folder: Path, quad_s: float, var: Any) -> Row:
    from ikun_sym.targets import export
    from ikun_sym.targets.drivers import Group, NotRunError, c, run, tool

    path = export(bound, "c", folder)
    params = "".join(f", {float(value)!r}" for _, value in bound.values)
    low, high = (2 * math.log(d) for d in DEVIATIONS)
    text = C_MAIN.format(header=path, module=path.stem, size=SIZE, low=repr(low), high=repr(high), params=params)
    (folder / "speed.c").write_text(text, encoding="utf-8")
    try:
        run([tool("gcc"), "-std=c99", "-O2", str(folder / "speed.c"), "-o", str(folder / "speed"), "-lm"])
    except NotRunError as reason:
        raise IkunError(f"the benchmark needs a C compiler: {reason}") from None
    seconds = statistics.median(float(run([str(folder / "speed")]).split()[0]) for _ in range(5))
    answers = c([Group(path, "e_g2", tuple((0.0, float(v)) for v in var), tuple(float(x) for _, x in bound.values))], folder)
    worst = _worst(bound, var, answers[0])
    return Row(target="c", ns=seconds * 1e9, quad_us=quad_s * 1e6, ratio=quad_s / seconds, worst_error=worst)


def _numpy(bound: Any, folder: Path, quad_s: float, var: Any) -> Row:
    import numpy as np

    from ikun_sym.targets import export

    path = export(bound, "numpy", folder)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    many = np.exp(np.linspace(2 * math.log(DEVIATIONS[0]), 2 * math.log(DEVIATIONS[1]), BLOCK))
    params = tuple(float(x) for _, x in bound.values)
    times = []
    for _ in range(25):
        start = time.process_time()
        module.e_g2(0.0, many, *params)
        times.append((time.process_time() - start) / BLOCK)
    worst = _worst(bound, var[:20], module.e_g2(0.0, var[:20], *params))
    seconds = statistics.median(times)
    return Row(target="numpy", ns=seconds * 1e9, quad_us=quad_s * 1e6, ratio=quad_s / seconds, worst_error=worst)


def _worst(bound: Any, var: Any, got: Any) -> float:
    from ikun_sym.gaussian.moment import moment

    true = [moment(bound, 0, float(v), power=2).value for v in var]
    return max(abs(float(g) / t - 1) for g, t in zip(got, true, strict=True))


@click.command("export")
@click.option(
    "--surrogate", default="sigmoid", show_default=True, help="SPEC of a surrogate whose only parameter is its slope."
)
@click.option(
    "--accuracy", metavar="FILE", help="Also measure every surrogate in every target and write the table of errors to FILE."
)
@as_json
def command(surrogate: str, accuracy: str | None, as_json: bool) -> None:
    """Speed of emitted C and numpy code at mean 0, beside scipy's quadrature. --accuracy adds the table of worst errors."""
    rows = speed(surrogate)
    document: dict[str, Any] = {"surrogate": surrogate, "speed": [{**asdict(row), "meets": row.meets} for row in rows]}
    if accuracy is not None:
        from ikun_sym.files import write_atomically
        from ikun_sym.targets.table import everything, rendered

        cells = everything(progress=lambda text: stderr().print(text))
        write_atomically(Path(accuracy), rendered(cells))
        document["accuracy"] = accuracy
    shown = [
        (
            r.target,
            f"{r.ns:.1f} ns",
            f"{r.quad_us:.0f} µs",
            f"{r.ratio:,.0f}",
            f"{r.worst_error:.1e}",
            "yes" if r.meets else "no",
        )
        for r in rows
    ]
    columns = ("target", "a value", "quad, a value", "ratio", "worst error", f">= {WANTED:,.0f}")
    emit(document, as_json, lambda console: console.print(table(f"E[f'^2] at mean 0, {surrogate}", columns, shown)))
