"""Watch a network while it trains: the numbers of a diagnosis every few steps, and how far E[f'²] has drifted."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ikun_sym.errors import DomainError
from ikun_sym.told import Told

from .health import judge
from .measuring.measure import measure
from .measuring.recorded_run import Run

if TYPE_CHECKING:
    from torch import nn

DRIFT = 2.0
"""Factor by which E[f'²] of a layer may move from its first measured value before it is reported."""


@dataclass
class Watch(Told):
    """`watch = Watch(model, x)`, then `watch(step)` (or as a callback, `watch.on_step_end(step)`) in the training loop. Every
    `every` steps it measures the model on `x`, leaves the model as it was, appends a record and passes it to `log`.

    A record: step, verdict, and per layer name, rate, var_h, grad_var (over the last layer's), E_g2 = E[f'²], drift = E_g2 over
    its first value. `warnings`: one for each layer whose drift left [1/2, 2] or whose verdict is no longer healthy.
    """

    shown = ("every", "drift", "records", "warnings")

    model: nn.Module
    example_input: Any
    every: int = 100
    drift: float = DRIFT
    log: Callable[[dict[str, Any]], None] | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    records: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    _first: dict[str, float] = field(default_factory=dict)
    _told: set[tuple[str, str]] = field(default_factory=set)

    def __post_init__(self) -> None:
        if isinstance(self.every, bool) or not isinstance(self.every, int) or self.every < 1:
            raise DomainError("every", self.every, "an integer of at least 1", "it is the number of steps between two looks")
        if not (isinstance(self.drift, int | float) and 1 < self.drift < math.inf):
            raise DomainError("drift", self.drift, "a number above 1", "it is a factor by which E[f'²] may move, up or down")

    def __call__(self, step: int) -> dict[str, Any] | None:
        """The record if this step is measured, else None."""
        return self.look(step) if step % self.every == 0 else None

    on_step_end = __call__

    def look(self, step: int) -> dict[str, Any]:
        measured = measure(self.model, self.example_input, Run(**self.settings))
        health, layers = judge(measured), []
        for one, relative, verdict in zip(measured, health.relative, health.verdicts, strict=True):
            name, moment = one.layer.name, float(one.slope2.mean())
            first = self._first.setdefault(name, moment)
            layers.append(
                {
                    "layer": one.layer.index + 1,
                    "name": name,
                    "rate": float(one.rate.mean()),
                    "var_h": float(one.var_h.mean()),
                    "grad_var": float(relative),
                    "E_g2": moment,
                    "drift": moment / first if first else 1.0,
                    "verdict": verdict,
                }
            )
        record = {"step": step, "verdict": health.verdict, "layers": layers}
        self.records.append(record)
        for layer in layers:
            self._warn(step, layer)
        if self.log is not None:
            self.log(record)
        return record

    def _warn(self, step: int, layer: dict[str, Any]) -> None:
        where = f"step {step}, layer {layer['layer']} ({layer['name']})"
        found = []
        if not 1 / self.drift <= layer["drift"] <= self.drift:
            found.append(
                (
                    "drift",
                    f"{where}: E[f'²] is {layer['drift']:.3g} times its first value: the slope fitted then no longer fits",
                )
            )
        if layer["verdict"] != "healthy":
            found.append((layer["verdict"], f"{where} is {layer['verdict']}"))
        for kind, text in found:
            if (layer["name"], kind) not in self._told:
                self._told.add((layer["name"], kind))
                self.warnings.append(text)
