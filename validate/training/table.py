"""All cells: carried out as far as time allows, journalled, continued by the same command; judged; written down."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..models.commands import quiet
from ..networks.device import choose
from .calibration import Row, calibrate, real_laws
from .claims import NUMBERS, TARGETS, Cell, TrainingClaim, cells_of
from .data import load_data
from .experiment import Plan, Result, experiment
from .judging import TrainingVerdict, judged
from .laboratory import Laboratory, Progress, TimeEnded
from .train import RATES, check, one_thread
from .trial import Trial

CALIBRATION, QUICK_CALIBRATION = 500, 50
"""Verdicts for each law."""

MOST_REAL = 3


@dataclass(frozen=True, kw_only=True)
class Settings:
    """`seconds`: no run is begun after so many, None: no limit."""

    quick: bool = False
    confidence: float = 0.99
    seconds: float | None = None
    data_dir: str | None = None
    device: str = "auto"
    seed: int = 0
    tuned: bool = True


@dataclass(frozen=True, kw_only=True)
class Table:
    """`results`: of the cells of which at least two pairs are there; `missing`: the others' names."""

    settings: Settings
    results: dict[str, Result]
    missing: tuple[str, ...]
    verdicts: tuple[TrainingVerdict, ...]
    calibration: tuple[Row, ...]
    made: dict[str, Any]

    @property
    def complete(self) -> bool:
        return not self.missing and all(result.complete for result in self.results.values())


def plan_of(cell: Cell, settings: Settings, cells: int) -> Plan:
    """The error of a claim is divided over the cells, and within each over its comparisons and looks. Cells with tuned learning
    rates have an error of their own: what is said of the others does not wait for them."""
    trials = tuple(Trial.of(scheme=scheme, **cell.words(settings.quick)) for scheme in cell.schemes)
    return Plan(
        trials=trials,
        baseline=cell.schemes[0],
        pairs=None,
        numbers=NUMBERS[settings.quick],
        targets=TARGETS[settings.quick],
        confidence=1 - (1 - settings.confidence) / cells,
        rates=RATES if cell.tuned else None,
    )


def carried_out(
    claims: list[TrainingClaim],
    settings: Settings,
    out: Path,
    made: dict[str, Any],
    *,
    resume: bool = False,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Table:
    """Train every cell that the claims look at, then judge them."""
    cells = cells_of(claims, tuned=settings.tuned and not settings.quick)
    alike = Counter(cell.tuned for cell in cells)
    plans = {cell.name: plan_of(cell, settings, alike[cell.tuned]) for cell in cells}
    first = plans[cells[0].name].trials[0]
    with quiet(), one_thread():
        data = load_data(first.data, folder=settings.data_dir, steps=first.recipe.steps)
        data = data.only(first.samples).to(choose(settings.device))
        for plan in {plan.trials[0].model: plan for plan in plans.values()}.values():
            check(plan, data)
        laboratory = Laboratory(
            {(first.data, first.samples): data},
            seed=settings.seed,
            out=out,
            resume=resume,
            workers=workers,
            seconds=settings.seconds,
            progress=progress,
        )
        try:
            results = _results(plans, laboratory)
        finally:
            laboratory.close()
    missing = tuple(name for name in plans if name not in results)
    verdicts = tuple(
        judged(claim, results, missing, expected=None if settings.quick else claim.expected, confidence=settings.confidence)
        for claim in claims
    )
    return Table(
        settings=settings,
        results=results,
        missing=missing,
        verdicts=verdicts,
        calibration=tuple(_calibrated(results, settings)),
        made=made,
    )


def _calibrated(results: dict[str, Result], settings: Settings) -> list[Row]:
    """The protocol's error rates, on laws and on the runs of an untuned cell."""
    first = next(iter(results.values()), None)
    real = [] if first is None else real_laws(first.outcomes, first.plan.targets[0])
    return calibrate(QUICK_CALIBRATION if settings.quick else CALIBRATION, seed=settings.seed, real=real[:MOST_REAL])


def _results(plans: dict[str, Plan], laboratory: Laboratory) -> dict[str, Result]:
    """All cells come to a look before one goes on to the next; those with tuned learning rates after the others."""
    found: dict[str, Result] = {}
    for tuned in (False, True):
        group = {name: plan for name, plan in plans.items() if (plan.rates is not None) == tuned}
        for look in sorted({look for plan in group.values() for look in plan.looks}):
            for name, plan in group.items():
                if not (name in found and found[name].complete):
                    with suppress(TimeEnded):  # of two pairs one is not there
                        found[name] = experiment(plan, laboratory, look)
    return {name: found[name] for name in plans if name in found}
