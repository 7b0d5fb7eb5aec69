"""Compute the whole table: weights of every cell, networks by the law, drawn networks; part by part, in parallel."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch

import ikun_sym
from ikun_sym.catalogue.schemes import SCHEMES
from ikun_sym.cores import cores
from ikun_sym.errors import DomainError, IkunError
from ikun_sym.files import write_atomically
from ikun_sym.processes import in_parallel

from .fates_of_samples import Found, Outcome, joined, measured, predicted
from .grid import DEPTHS, ROSTER, SURROGATES, TIMES, Job, Setup, Time, jobs, setup
from .mean_field import MeanField, mean_field
from .table_cell import Cell

Advance = Callable[[str, int, int], None]
"""Called with (what is being done, parts done, all parts)."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """`draws`: weight draws. `samples`: numbers of networks by the law, at one step and at several."""

    width: int = 512
    draws: int = 8
    samples: tuple[int, int] = (64, 24)
    depths: tuple[int, ...] = DEPTHS
    schemes: tuple[str, ...] = ()
    times: tuple[Time, ...] = TIMES
    seed: int = 0
    device: str = "cpu"

    def __post_init__(self) -> None:
        for name in ("width", "draws"):
            if getattr(self, name) < 2:
                raise DomainError(name, getattr(self, name), "at least 2")
        if self.seed < 0:
            raise DomainError("seed", self.seed, "zero or a positive integer")
        for scheme in self.schemes:
            SCHEMES[scheme]

    @property
    def conditions(self) -> dict[str, Any]:
        """Everything that a part of the table depends on."""
        made = {"ikun": ikun_sym.__version__, "torch": torch.__version__, "device": torch.device(self.device).type}
        return json.loads(json.dumps(made | {n: v for n, v in asdict(self).items() if n not in ("draws", "device")}))


NETWORKS = 8
"""By the law, with several inputs: as many as there are draws, whose intervals are then as wide."""

QUICK = {"width": 256, "draws": 4, "samples": (32, 8)}


@dataclass(frozen=True, kw_only=True)
class Table:
    cells: tuple[Cell, ...]
    settings: Settings
    provenance: dict[str, Any] = field(default_factory=dict)

    @property
    def run(self) -> list[Cell]:
        """The cells whose scheme has weights."""
        return [cell for cell in self.cells if cell.measured is not None]

    @property
    def misses(self) -> list[Cell]:
        return [cell for cell in self.run if not cell.agrees]


def fates(
    settings: Settings, *, keep: Path | None = None, resume: bool = False, advance: Advance = lambda what, done, of: None
) -> Table:
    """`keep`: folder for finished parts; with `resume`, parts found there are not computed again. Error: they belong to other
    settings."""
    workers = cores() if settings.device == "cpu" else 1
    torch.set_num_threads(1)  # before processes are forked: one thread per part

    def each(what: str, work: Callable[..., Any], items: Sequence[Any]) -> list[Any]:
        names = [f"{what}-{index}" for index in range(len(items))]
        kept = partial(_kept, work, settings, keep, resume)
        return in_parallel(kept, list(zip(names, items, strict=True)), workers, partial(advance, what))

    names = settings.schemes or ROSTER
    # a rule may take seconds for several steps, so it comes first
    groups = sorted(
        ((name, time) for name in names for time in settings.times), key=lambda g: (not SCHEMES[g[0]].rule, -g[1].steps)
    )
    found = [
        one
        for group in in_parallel(partial(_setups, settings.width), groups, workers, partial(advance, "weights"))
        for one in group
    ]
    work = jobs(found)
    theory = each("predicted", _predicted, work)
    draws = each("measured", partial(_measured, work), range(settings.draws))
    by_job: dict[Any, tuple[Found, dict[tuple[str, int], MeanField], Found]] = {}
    for index, job in enumerate(work):
        parts = [_found(draw[index]) for draw in draws]
        together = {key: joined([part[key] for part in parts]) for key in parts[0]}
        infinite = {(spec, depth): MeanField(**record) for spec, depth, record in theory[index]["infinite"]}
        by_job[job.forward] = _found(theory[index]["law"]), infinite, together
    order = {name: place for place, name in enumerate(names)}
    found.sort(key=lambda one: (one.time.steps, order[one.scheme]))
    return Table(cells=tuple(_cell(one, depth, by_job) for one in found for depth in settings.depths), settings=settings)


def _cell(one: Setup, depth: int, by_job: dict[Any, Any]) -> Cell:
    if one.forward is None:
        return Cell(setup=one, depth=depth)
    law, infinite, drawn = by_job[one.forward]
    key = one.trained, depth
    return Cell(setup=one, depth=depth, predicted=law[key], measured=drawn[key], mean_field=infinite.get(key))


def _setups(width: int, group: tuple[str, Time]) -> list[Setup]:
    return [setup(group[0], surrogate, group[1], width) for surrogate in SURROGATES]


def _kept(
    work: Callable[[Settings, Any], Any], settings: Settings, keep: Path | None, resume: bool, item: tuple[str, Any]
) -> Any:
    """work(item): read from its file if there is one, else computed, and saved if there is a folder."""
    name, what = item
    path = None if keep is None else keep / f"{name}.json"
    if path is not None and resume and path.exists():
        record = json.loads(path.read_text(encoding="utf-8"))
        for name, here in settings.conditions.items():
            if (there := record["conditions"].get(name)) != here:
                raise IkunError(
                    f"{str(path)!r} has {name} {there}, this run {here}; repeat the flags of that run, or give another --out"
                )
        return record["found"]
    torch.set_num_threads(1)
    found = work(settings, what)
    if path is not None:
        record = {"conditions": settings.conditions, "found": found}
        write_atomically(path, json.dumps(record, allow_nan=False, ensure_ascii=False) + "\n")
    return found


def _predicted(settings: Settings, job: Job) -> dict[str, Any]:
    samples = settings.samples[job.forward.time.steps > 1]
    law = predicted(job, settings.depths, settings.width, samples, settings.seed, settings.device, NETWORKS)
    infinite = mean_field(job.forward, job.trained, settings.depths) or {}
    return {"law": _plain(law), "infinite": [[spec, depth, asdict(one)] for (spec, depth), one in infinite.items()]}


def _measured(work: Sequence[Job], settings: Settings, index: int) -> list[Any]:
    return [_plain(f) for f in measured(work, settings.depths, settings.width, settings.seed, index, settings.device)]


def _plain(found: Found) -> list[Any]:
    return [[spec, depth, one.to_dict()] for (spec, depth), one in found.items()]


def _found(plain: list[Any]) -> Found:
    return {(spec, depth): Outcome.of(record) for spec, depth, record in plain}
