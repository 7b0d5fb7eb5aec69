"""What a heat map shows of a cell: numbers read from the command's own document."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ikun_sym.catalogue.registry import Registry
from ikun_sym.told import Told

Document = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Measure(Told):
    """`value`: of the document of `command`; None where it has none. `error`: its standard error. `bounds`: of the
    colours; None: those of the values."""

    shown = ("name", "command", "label")

    name: str
    command: str
    label: str
    value: Callable[[Document], float | None]
    error: Callable[[Document], float | None] | None = None
    bounds: tuple[float, float] | None = None
    aliases: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The name, and that of the standard error if there may be one."""
        return (self.name, f"{self.name} se") if self.error else (self.name,)

    def read(self, document: Document) -> dict[str, float]:
        """By column: what there is."""
        values = (self.value(document), self.error(document) if self.error else None)
        known = zip(self.columns, values, strict=False)
        return {name: float(value) for name, value in known if value is not None and math.isfinite(value)}


MEASURES: Registry[Measure] = Registry("measure")


def measures_of(command: str) -> list[Measure]:
    return [measure for measure in MEASURES if measure.command == command]


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def spread(document: Document, name: str) -> float | None:
    """Standard error of the mean over the runs; None for a single one."""
    values = [run[name] for run in document["runs"] if run[name] is not None]
    if len(values) < 2:
        return None
    mean = sum(values) / len(values)
    return math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1) / len(values))


def _reached(run: Document) -> float:
    reached = run["epochs_to_target"]
    return float((reached[0] if isinstance(reached, list) else reached) is not None)


def _gradient(document: Document) -> float | None:
    """log10 of the first layer's Σ_t E[δH²] over the last one's."""
    first = sum(value or 0.0 for value in document["layers"][0]["grad_var"])
    return math.log10(first) if first > 0 else None


def _check(document: Document, name: str) -> float | None:
    return next(iter(document.get("checks", {}).values()), {}).get(name)


MEASURES.register(
    Measure(
        name="test accuracy",
        command="train",
        label="test accuracy after training",
        value=lambda document: _mean([run["test_accuracy"] for run in document["runs"]]),
        error=lambda document: spread(document, "test_accuracy"),
        bounds=(0, 1),
    )
)
MEASURES.register(
    Measure(
        name="training accuracy",
        command="train",
        label="training accuracy after training",
        value=lambda document: _mean([run["train_accuracy"] for run in document["runs"]]),
        error=lambda document: spread(document, "train_accuracy"),
        bounds=(0, 1),
    )
)
MEASURES.register(
    Measure(
        name="learnt",
        command="train",
        label="share of the runs that reach the target",
        value=lambda document: _mean([_reached(run) for run in document["runs"]]),
        bounds=(0, 1),
    )
)
MEASURES.register(
    Measure(
        name="rate",
        command="meanfield",
        label="firing rate of the last layer",
        value=lambda document: _mean(document["layers"][-1]["rate"]),
    )
)
MEASURES.register(
    Measure(
        name="gradient",
        command="meanfield",
        label="log10 of the gradient's second moment, first layer over last",
        value=_gradient,
    )
)
MEASURES.register(
    Measure(
        name="information depth",
        command="meanfield",
        label="layers over which a difference of two inputs falls to 1/e",
        value=lambda document: (document["information"] or {}).get("reach"),
    )
)
MEASURES.register(
    Measure(
        name="coherence",
        command="meanfield",
        label="factor of the correlation of two gradients per layer",
        value=lambda document: (document["information"] or {}).get("coherence"),
    )
)
MEASURES.register(
    Measure(
        name="measured",
        command="validate",
        label="value of the claim's first check",
        value=lambda document: _check(document, "value"),
    )
)
MEASURES.register(
    Measure(
        name="predicted",
        command="validate",
        label="what theory predicts of it",
        value=lambda document: _check(document, "predicted"),
    )
)
MEASURES.register(
    Measure(
        name="confirmed",
        command="validate",
        label="1: the claim is confirmed, 0: refuted",
        value=lambda document: {"confirmed": 1.0, "refuted": 0.0}.get(document.get("verdict", "")),
        bounds=(0, 1),
    )
)
