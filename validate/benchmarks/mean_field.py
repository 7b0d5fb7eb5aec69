"""Mean field against networks, at each layer and step: all combinations of reset, detach, leak, steps and loss in dense
networks, and of reset and steps in the other architectures that have a theory.

A combination agrees if Var(H), rate and gradient of every layer and step are predicted within their intervals, and the overlap
of two inputs' spikes and the correlation of their gradients in every layer, where these have a theory. An interval is for the
mean over weight draws, log-normal for gradients. All intervals of a combination together miss with probability at most
ERROR (union bound). Each is widened by the standard error of the prediction, at the same probability, and by an allowance for
finite width of order L/n.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from scipy import stats

from ikun_sym.errors import UnknownNameError

from ..cases.case import RANDOMISATIONS, Case, label
from ..cases.intervals import mean_interval
from ..networks import NETWORKS
from ..networks.network import Architecture
from ..verdicts.judge import Laboratory, RunSettings
from ..verdicts.layer_table import QUANTITIES, layer_rows

AXES: dict[str, tuple[Any, ...]] = {
    "reset": ("hard", "soft"),
    "detach": (True, False),
    "leak": (0.0, 0.5, 0.9, 1.0),
    "steps": (1, 4, 16),
    "loss": ("white", "rate"),
}

ELSEWHERE: dict[str, tuple[Any, ...]] = {
    "arch": tuple(variant.arch for drawn in NETWORKS for variant in drawn.compared),
    "reset": ("hard", "soft"),
    "steps": (1, 4),
}
"""Axes of the other architectures, with leak ½ and the defaults of `Architecture` otherwise."""

WIDTHS = {variant.arch: variant.width for drawn in NETWORKS for variant in drawn.compared}

ERROR = 0.01

FINITE_WIDTH = 2.0
"""Allowance for the bias of a mean at finite width: this times L/n, relative to the value."""

BASE = {"depth": 4, "gain": 9.0, "samples": 16, "input_overlap": 0.75}

OF_PAIRS = ("overlap", "gradient_correlation")


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """One combination: the number of comparisons, and those outside, as (quantity, layer, step); step 0 is over all steps."""

    combination: dict[str, Any]
    comparisons: int
    misses: tuple[tuple[str, int, int], ...]

    @property
    def agrees(self) -> bool:
        return not self.misses

    def to_dict(self) -> dict[str, Any]:
        return {"combination": self.combination, "comparisons": self.comparisons, "misses": self.misses, "agrees": self.agrees}


@dataclass(frozen=True, kw_only=True)
class Product:
    """All combinations."""

    found: tuple[Agreement, ...]
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def agreeing(self) -> int:
        return sum(one.agrees for one in self.found)

    def along(self, axis: str) -> list[tuple[Any, int, int]]:
        """(value, agreeing, all) for each value of an axis."""
        values = dict.fromkeys(one.combination[axis] for one in self.found if axis in one.combination)
        groups = {value: [one for one in self.found if one.combination.get(axis) == value] for value in values}
        return [(value, sum(one.agrees for one in group), len(group)) for value, group in groups.items()]

    def to_dict(self) -> dict[str, Any]:
        return {
            "settings": self.settings,
            "agreeing": self.agreeing,
            "combinations": len(self.found),
            "comparisons": sum(one.comparisons for one in self.found),
            "found": [one.to_dict() for one in self.found],
        }


def combinations(axes: dict[str, tuple[Any, ...]] | None = None) -> Iterator[dict[str, Any]]:
    """All combinations of `axes`; default: those of dense networks."""
    axes = AXES if axes is None else axes
    for values in itertools.product(*axes.values()):
        yield dict(zip(axes, values, strict=True))


def everything(pattern: str = "") -> list[dict[str, Any]]:
    """All combinations whose architecture is `pattern`, written with or without its parameters; default: all."""
    found = [*combinations(), *combinations(ELSEWHERE)]
    names = {one.get("arch", "dense") for one in found}
    wanted = {name for name in names if pattern in ("", name, name.partition(":")[0])}
    if not wanted:
        raise UnknownNameError("compared architecture", pattern, sorted(names))
    return [one for one in found if one.get("arch", "dense") in wanted]


def architecture_of(combination: dict[str, Any], width: int) -> Architecture:
    """The architecture of a combination. `width`: width of dense networks."""
    if "arch" not in combination:
        return Architecture.of(width=width, **BASE, **combination)
    return Architecture.of(width=WIDTHS[combination["arch"]], leak=0.5, **BASE, **combination)


def compare(case: Case, laboratory: Laboratory, combination: dict[str, Any] | None = None) -> Agreement:
    """Compare the laboratory's draws with the prediction of the case."""
    a, count = case.architecture, laboratory.settings.draws or 24
    draws, pair = laboratory.draws(a, count), case.pair
    comparisons = len(QUANTITIES) * a.depth * a.steps + (len(OF_PAIRS) * a.depth if pair else 0)
    error = ERROR / comparisons
    theory = float(stats.t.ppf(1 - error / 2, RANDOMISATIONS - 1))
    allowance = FINITE_WIDTH * a.depth / a.width
    misses = []

    def look(where: tuple[str, int, int], low: float, high: float, predicted: float, predicted_se: float) -> None:
        slack = allowance * abs(predicted) + theory * predicted_se
        if not low - slack <= predicted <= high + slack:
            misses.append(where)

    for row, name in itertools.product(layer_rows(case, draws, error), QUANTITIES):
        for step, entry in enumerate(row[name].get("steps", [row[name]]), 1):
            look((name, row["layer"], step), *(entry[key] for key in ("low", "high", "predicted", "predicted_se")))
    if pair:
        for layer, name in itertools.product(range(a.depth), OF_PAIRS):
            found = mean_interval([getattr(draw, name)[layer] for draw in draws if draw.alive > 0], error)
            look((name, layer + 1, 0), found.low, found.high, getattr(pair, name)[layer], pair.errors(name)[layer])
    return Agreement(combination=combination or {}, comparisons=comparisons, misses=tuple(misses))


def run(
    *,
    width: int,
    draws: int,
    seed: int,
    arch: str = "",
    device: str = "cpu",
    advance: Callable[[str], None] | None = None,
) -> Product:
    settings = RunSettings(draws=draws, seed=seed, device=device)
    found = []
    for combination in everything(arch):
        architecture = architecture_of(combination, width)
        found.append(compare(Case(label(architecture), architecture), Laboratory(settings), combination))
        if advance:
            advance(label(architecture))
    return Product(found=tuple(found), settings={"arch": arch, "width": width, "draws": draws, "seed": seed} | BASE)
