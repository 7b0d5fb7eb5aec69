"""The page of an experiment, and what of it a terminal shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from ikun_derivations.render.html_pages import render_page

from ..cases.intervals import Interval
from . import plots
from .comparison import Comparison
from .experiment import Result
from .methods import methods
from .outcome import Outcome
from .trial import Trial

COLUMNS = ("scheme", "baseline", "ratio of epochs", "verdict", "faster in", "test accuracy, difference", "pairs")
RUN_COLUMNS = ("scheme", "lr", "solved", "epochs to target, median", "train accuracy", "test accuracy", "CPU seconds a run")
TUNING_COLUMNS = ("scheme", "best rate", "tried", "")


@dataclass(frozen=True)
class Figure:
    svg: Markup
    caption: str


def interval(found: Interval, digits: int = 3) -> str:
    return "unknown" if not found.known else f"{found.value:.{digits}g} [{found.low:.{digits}g}, {found.high:.{digits}g}]"


def comparison_row(one: Comparison) -> tuple[str, ...]:
    found = one.accuracy
    accuracy = f"{found.value:+.3f} [{found.low:+.3f}, {found.high:+.3f}]" if found.known else "unknown"
    return (one.scheme, one.baseline, interval(one.ratio), one.verdict, f"{one.faster.value:.0%}", accuracy, str(one.pairs))


def reasons(result: Result) -> list[str]:
    """What a reader of the table should know."""
    found = [f"{one.scheme}: {one.reason}" for one in result.comparisons if one.reason]
    for one in result.comparisons:
        if one.verdict == "inconclusive" and np.isfinite(one.detectable):
            found.append(
                f"{one.scheme}: {one.pairs} pairs would have found a difference of {one.detectable:.0%} with probability 0.8"
            )
    if not result.complete:
        found.append("time ended before the pairs that were planned; --resume continues")
    for scheme, runs in result.runs.items():
        for text in dict.fromkeys(run.health for run in runs if run.health):
            found.append(f"{scheme}: {text}; such a run counts as never")
    of_note: dict[str, list[str]] = {}
    for scheme, runs in result.runs.items():
        for note in dict.fromkeys(note for run in runs for note in run.notes):
            of_note.setdefault(note, []).append(scheme)
    return found + [f"{', '.join(schemes)}: {note}" for note, schemes in of_note.items()]


def run_row(scheme: str, runs: tuple[Outcome, ...], target: float) -> tuple[str, ...]:
    times = [run.epochs_to(target) for run in runs]
    solved = sum(time is not None for time in times)
    median = float(np.median([np.inf if time is None else time for time in times]))
    return (
        scheme,
        f"{runs[0].trial['lr']:g}",
        f"{solved} of {len(runs)}",
        f"{median:.3g}" if np.isfinite(median) else "never",
        mean_and_se([run.train_accuracy for run in runs]),
        mean_and_se([run.test_accuracy for run in runs if run.test_accuracy is not None]),
        f"{np.mean([run.seconds for run in runs]):.3g}",
    )


def mean_and_se(values: list[float]) -> str:
    error = np.std(values, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    return f"{np.mean(values):.3f} ± {error:.3f}"


def rows(result: Result) -> list[tuple[str, ...]]:
    return [comparison_row(one) for one in result.comparisons]


def run_rows(result: Result) -> list[tuple[str, ...]]:
    return [run_row(scheme, runs, result.plan.targets[0]) for scheme, runs in result.runs.items()]


def figures(result: Result) -> list[Figure]:
    found = []
    if any(one.ratio.known for one in result.comparisons):
        labelled = [(one.scheme, one) for one in result.comparisons]
        picture = plots.forest(labelled, anchor="forest", margin=result.plan.margin)
        found.append(Figure(Markup(picture), "left of 1: fewer epochs than the baseline; shaded: equivalent"))
    for name, label in plots.CURVES.items():
        found.append(
            Figure(Markup(plots.curves(result, name, anchor=f"curves-{name}")), f"{label}: median and band of the runs")
        )
    for name, label in (
        ("E_g2", "E[f'²], geometric mean of the layers"),
        ("rate", "firing rate, geometric mean of the layers"),
    ):
        if (drawn := plots.inside(result, name, label, anchor=f"inside-{name}")) is not None:
            found.append(Figure(Markup(drawn), label))
    return found


def page(result: Result, trial: Trial, data_notes: tuple[str, ...], provenance: dict[str, Any], title: str = "") -> str:
    """One self-contained page."""
    tuning = [
        (one.trial.scheme, f"{one.trial.recipe.rate:g}", str(len(one.tried)), "at the edge" if one.at_edge else "")
        for one in result.tuning
    ]
    return render_page(
        "ikun_validate.training",
        title=title or f"{trial.data}, {trial.model}: which initialisation learns faster",
        introduction=[described(trial), *data_notes],
        target=result.plan.targets[0],
        baseline=result.plan.baseline,
        confidence=result.plan.confidence,
        columns=COLUMNS,
        rows=rows(result),
        reasons=reasons(result),
        figures=figures(result),
        run_columns=RUN_COLUMNS,
        run_rows=run_rows(result),
        tuning_columns=TUNING_COLUMNS,
        tuning_rows=tuning,
        methods=methods(result.plan, trial),
        provenance=provenance,
    )


def described(trial: Trial) -> str:
    """The recipe in a sentence."""
    r = trial.recipe
    samples = "all samples" if trial.samples is None else f"{trial.samples} samples"
    extra = [
        f"{name.replace('_', ' ')} {getattr(r, name):g}"
        for name in ("weight_decay", "label_smoothing", "dropout", "rate_penalty")
        if getattr(r, name)
    ]
    words = [f"{samples} of {trial.data}", f"model {trial.model}", f"T = {r.steps}", f"{r.optimizer}, {r.schedule} schedule"]
    words += [f"loss {r.loss}", f"batch {r.batch}", f"budget {r.epochs} epochs", *extra]
    return "; ".join(words) + "."
