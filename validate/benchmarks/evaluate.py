"""Speed and accuracy of `evaluate`, beside scipy's adaptive quadrature with break points, in one process and one run.

Settings: means uniform in [−3, 3], standard deviations log-uniform from 0.1 to 10; none of them is special.
The quadrature integrates f'^p times the density, compiled to plain floating-point code, over the mean ±
12σ, with break points at the ends of all pieces, the mean and mean ± 4σ. Errors are relative to enclosures by ball arithmetic.
"""

from __future__ import annotations

import itertools
import math
import statistics
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import click

from ikun_sym.cli.console import as_json, emit, stderr, table
from ikun_sym.errors import IkunError

if TYPE_CHECKING:
    from rich.console import Console

    from ikun_sym.catalogue.piecewise import PiecewiseFunction
    from ikun_sym.gaussian.evaluate import FloatFunction

TARGETS = {"elementary": 1500.0, "rational": 1000.0, "logistic": 300.0}
"""Target speed-ups over the quadrature, by the class of the integrand."""

LEAST = 20.0
"""A speed-up below this is explained."""

POWERS = (2,)
SEED = 20240517
MEANS, DEVIATIONS = (-3.0, 3.0), (0.1, 10.0)
REACH = 12.0

EPSREL = 1e-13
"""The quadrature is asked for the accuracy that `evaluate` promises."""

BUDGET = 0.4
"""Seconds for each of the three parts of a row (ours, the quadrature, the enclosures). Slow parts use fewer values, at least
`FEWEST`."""

FEWEST = 3


@dataclass(frozen=True, kw_only=True)
class Row:
    surrogate: str
    power: int
    ours_ns: float  # a value
    quad_us: float  # a value
    ratio: float
    worst_error: float  # relative to the enclosures
    worst_difference: float  # from the quadrature's values, relative
    checked: int  # values
    target: float | None
    why: str  # it is below `LEAST`

    @property
    def meets(self) -> bool | None:
        return None if self.target is None else self.ratio >= self.target


def run(
    names: Sequence[str] | None = None,
    powers: Sequence[int] = POWERS,
    *,
    size: int = 100_000,
    sample: int = 40,
    repetitions: int = 5,
    progress: Callable[[Iterable[tuple[str, int]]], Iterable[tuple[str, int]]] = iter,
) -> tuple[list[Row], dict[str, str]]:
    """One row per surrogate and power: medians of `repetitions` runs over at most `size` values (quadrature: `sample`). Also
    what could not be run, with the reason: required parameters, values beyond float64."""
    from ikun_sym.catalogue.surrogates import SURROGATES

    rows, not_run = [], {}
    for name, power in progress(list(itertools.product(names or SURROGATES.names(), powers))):
        try:
            rows.append(_row(name, power, size, sample, repetitions))
        except IkunError as error:
            not_run[f"{name}, p = {power}"] = str(error)
        except OverflowError:
            not_run[f"{name}, p = {power}"] = "the quadrature overflows float64"
    return rows, not_run


def _row(name: str, power: int, size: int, sample: int, repetitions: int) -> Row:
    import numpy as np

    from ikun_sym.gaussian.enclosures.certify import expectation
    from ikun_sym.gaussian.moment import float_function, integrand
    from ikun_sym.reading.surrogate_spec import resolve

    bound = resolve(name)
    function, exact = float_function(bound, "fprime", power), integrand(bound, "fprime", power)
    draw = np.random.default_rng(SEED)
    mean = draw.uniform(*MEANS, size)
    low, high = np.log(DEVIATIONS)
    var = np.exp(2 * draw.uniform(low, high, size))
    used = min(size, sample)
    function.expectation(mean[:used], var[:used])  # makes the routes and their tables
    once = _seconds(lambda: function.expectation(mean[:used], var[:used])) / used
    used = min(size, max(FEWEST, int(BUDGET / repetitions / once)))
    if used < size and used > 10 * sample:  # the time per value depends on the length of the array
        once = _seconds(lambda: function.expectation(mean[:used], var[:used])) / used
        used = min(size, max(used, int(BUDGET / repetitions / once)))
    points = list(zip(mean[:sample].tolist(), var[:sample].tolist(), strict=True))
    integral = quadrature(exact, function)
    by_quad, seconds = _within(BUDGET, lambda point: integral(*point), points)
    ours, theirs = [], [seconds]
    for repetition in range(repetitions):  # alternately, so that a slow phase of the machine hits both
        if repetition:
            theirs.append(_within(BUDGET, lambda point: integral(*point), points[: len(by_quad)])[1])
        ours.append(_seconds(lambda: function.expectation(mean[:used], var[:used])) / used)
    truth, _ = _within(BUDGET, lambda p: expectation(exact, bound.environment, Fraction(p[0]), Fraction(p[1])).value, points)
    if not all(map(math.isfinite, truth)):
        raise IkunError(f"its values exceed float64 at standard deviations up to {DEVIATIONS[1]:g}")
    first = function.expectation(mean[:sample], var[:sample]).tolist()
    ratio = statistics.median(theirs) / statistics.median(ours)
    return Row(
        surrogate=bound.spec,
        power=power,
        ours_ns=statistics.median(ours) * 1e9,
        quad_us=statistics.median(theirs) * 1e6,
        ratio=ratio,
        worst_error=_worst(first, truth),
        worst_difference=_worst(by_quad, first),
        checked=len(truth),
        target=_target(function),
        why="" if ratio >= LEAST else _why(function, mean, var),
    )


def _within(
    budget: float, action: Callable[[tuple[float, float]], float], points: Sequence[tuple[float, float]]
) -> tuple[list[float], float]:
    """Values at as many points as the time budget allows, at least `FEWEST`, and the seconds per value."""
    found, start = [], time.process_time()
    for point in points:
        found.append(action(point))
        if len(found) >= FEWEST and time.process_time() - start > budget:
            break
    return found, (time.process_time() - start) / len(found)


def _worst(found: Sequence[float], truth: Sequence[float]) -> float:
    """Largest relative error, over the values that both have."""
    return max((abs(f - t) / abs(t) if t else abs(f) for f, t in zip(found, truth, strict=False)), default=0.0)


def _target(function: FloatFunction) -> float | None:
    """Target by the class of the integrand: that of the first evaluation route that covers every moderate setting."""
    from ikun_sym.gaussian.floats import CLASSES

    found = {CLASSES[type(route)] for route in function.routes if type(route) in CLASSES}
    return TARGETS[found.pop()] if len(found) == 1 else None


def _why(function: FloatFunction, mean: Any, var: Any) -> str:
    """What makes it slow: how many values the quick route leaves to others."""
    quick = function.panels[0] if function.panels else function.routes[0]
    share = 1 - quick(mean, var)[1].mean()
    return f"{share:.0%} of the values, most where f' has all but vanished, are left by {type(quick).__name__} to slower routes"


def _seconds(action: Callable[[], object]) -> float:
    """CPU time of this thread, so that other work on the machine counts less."""
    start = time.process_time()
    action()
    return time.process_time() - start


def quadrature(exact: PiecewiseFunction, function: FloatFunction) -> Callable[[float, float], float]:
    """E[g(X)] by one call of scipy.integrate.quad with break points."""
    import sympy as sp
    from scipy.integrate import quad

    from ikun_sym.catalogue.piecewise import U
    from ikun_sym.gaussian.floats.route import exact as substitutions

    numbers = substitutions(function.values)
    compiled = [sp.lambdify(U, piece.value.subs(numbers), "math") for piece in exact.pieces]
    ends = [(piece.side, lo, hi) for piece, lo, hi, _ in function.pieces]
    sides = {side: [(end[2], f) for end, f in zip(ends, compiled, strict=True) if end[0] == side] for side in (1, -1)}
    breaks = sorted({side * end for side, lo, hi in ends for end in (lo, hi) if math.isfinite(end)})
    live = [
        sorted((side * lo, side * hi))
        for (side, lo, hi), (piece, *_) in zip(ends, function.pieces, strict=True)
        if not piece.is_zero
    ]

    def value(x: float) -> float:
        u = abs(x)
        for hi, f in sides[1 if x >= 0 else -1]:
            if u < hi:
                return f(u)
        return 0.0

    def integral(mean: float, var: float) -> float:
        gap = min((max(lo - mean, mean - hi, 0.0) for lo, hi in live), default=0.0)
        reach = math.sqrt(gap * gap + REACH * REACH * var)
        scale, points = -0.5 / var, {mean, mean - 4 * math.sqrt(var), mean + 4 * math.sqrt(var), *breaks}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            total, *_ = quad(
                lambda x: value(x) * math.exp(scale * (x - mean) ** 2),
                mean - reach,
                mean + reach,
                points=sorted(point for point in points if abs(point - mean) < reach),
                epsabs=0,
                epsrel=EPSREL,
                limit=200,
            )
        return total / math.sqrt(2 * math.pi * var)

    return integral


def document(rows: list[Row], not_run: dict[str, str]) -> dict[str, object]:
    return {"rows": [asdict(row) | {"meets_target": row.meets} for row in rows], "not_run": not_run}


@click.command("evaluate")
@click.argument("specs", nargs=-1, metavar="[SPEC]...")
@click.option(
    "--surrogate", "names", multiple=True, metavar="SPEC", help="The same as the argument SPEC. Default: all surrogates."
)
@click.option("--power", "powers", type=int, multiple=True, help="Power of f' (repeatable). Default: 2.")
@click.option("--size", type=click.IntRange(1), default=100_000, show_default=True, help="Largest number of values per array.")
@click.option(
    "--sample", type=click.IntRange(1), default=40, show_default=True, help="Largest number of values that are checked."
)
@as_json
def command(
    specs: tuple[str, ...], names: tuple[str, ...], powers: tuple[int, ...], size: int, sample: int, as_json: bool
) -> None:
    """Speed and accuracy of `evaluate` beside scipy's quadrature, about one second per surrogate."""
    from rich.progress import track

    console = stderr()
    rows, not_run = run(
        [*specs, *names] or None,
        powers or POWERS,
        size=size,
        sample=sample,
        progress=lambda jobs: track(jobs, "evaluate", console=console, disable=not console.is_terminal, transient=True),
    )
    emit(document(rows, not_run), as_json, lambda out: _show(out, rows, not_run))


def _show(console: Console, rows: list[Row], not_run: dict[str, str]) -> None:
    cells = [
        (
            row.surrogate,
            row.power,
            f"{row.ours_ns:.0f}",
            f"{row.quad_us:.0f}",
            f"{row.ratio:.0f}",
            "" if row.target is None else f"{row.target:.0f}",
            f"{row.worst_error:.1e}",
            row.checked,
        )
        for row in rows
    ]
    columns = ("surrogate", "p", "ns a value", "quad, µs", "ratio", "target", "worst error", "of")
    console.print(table("E[f'^p], means in ±3, σ from 0.1 to 10", columns, cells))
    for row in rows:
        if row.why:
            console.print(f"{row.surrogate}: {row.why}")
    for name, reason in not_run.items():
        console.print(f"not run: {name}: {reason}")
