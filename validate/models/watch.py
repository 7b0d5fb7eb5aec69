"""Watch a network while it trains: the numbers of a diagnosis every few steps, and how far E[f'²] has drifted."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ikun_sym.errors import DomainError
from ikun_sym.told import Told

from .health import judge
from .measuring.measure import Measured, measure
from .measuring.pairs import mean_of_pairs
from .measuring.recorded_run import Run
from .watch_sinks import sink

if TYPE_CHECKING:
    from torch import nn

DRIFT = 2.0
"""Factor by which E[f'²] of a layer may move from its first measured value before it is reported."""


AGREE = 0.05
"""Correlation of two samples' gradients below which they are called in disagreement, where it was above."""


@dataclass
class Watch(Told):
    """`watch = Watch(model, x)`, then `watch(step)` (or as a callback, `watch.on_step_end(step)`) in the training loop. Every
    `every` steps it measures the model on `x`, a batch of its data, leaves the model as it was, appends a record and passes it
    to `log`: a function, or what has `add_scalar` (TensorBoard's writer) or `log` (a run of Weights & Biases); those get flat
    names, `layer/rate`. For Lightning: `watch_callback`.

    A record: step, verdict, and per layer name, rate, var_h, grad_var (over the last layer's), grad_rms = √grad_var, E_g2 =
    E[f'²], drift = E_g2 over its first value, overlap and coherence: of spikes, and of gradients, of two samples, averaged over
    pairs (None where no pairs are seen). `warnings`: one for each layer whose drift left [1/2, 2], whose verdict is no longer
    healthy, or whose gradients of two samples have come to disagree.
    """

    shown = ("every", "drift", "records", "warnings")

    model: nn.Module
    example_input: Any
    every: int = 100
    drift: float = DRIFT
    log: Any = None
    settings: dict[str, Any] = field(default_factory=dict)
    records: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    _first: dict[str, float] = field(default_factory=dict)
    _coherent: set[str] = field(default_factory=set)
    _told: set[tuple[str, str]] = field(default_factory=set)

    def __post_init__(self) -> None:
        if isinstance(self.every, bool) or not isinstance(self.every, int) or self.every < 1:
            raise DomainError("every", self.every, "an integer of at least 1", "it is the number of steps between two looks")
        if not (isinstance(self.drift, int | float) and 1 < self.drift < math.inf):
            raise DomainError("drift", self.drift, "a number above 1", "it is a factor by which E[f'²] may move, up or down")
        self._sink = sink(self.log)

    def __call__(self, step: int) -> dict[str, Any] | None:
        """The record if this step is measured, else None."""
        return self.look(step) if step % self.every == 0 else None

    on_step_end = __call__

    def look(self, step: int) -> dict[str, Any]:
        measured = measure(self.model, self.example_input, Run(**({"data": True} | self.settings)))
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
                    "grad_rms": math.sqrt(float(relative)),
                    "E_g2": moment,
                    "drift": moment / first if first else 1.0,
                    "verdict": verdict,
                }
                | _pairs(one)
            )
        record = {"step": step, "verdict": health.verdict, "layers": layers}
        self.records.append(record)
        for layer in layers:
            self._warn(step, layer)
        self._sink(record)
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
        if layer["coherence"] is not None:
            if layer["coherence"] >= AGREE:
                self._coherent.add(layer["name"])
            elif layer["name"] in self._coherent:
                text = (
                    f"{where}: gradients of two samples agree no more ({layer['coherence']:.2g}): steps for one undo another's"
                )
                found.append(("coherence", text))
        for kind, text in found:
            if (layer["name"], kind) not in self._told:
                self._told.add((layer["name"], kind))
                self.warnings.append(text)


def _pairs(one: Measured) -> dict[str, float | None]:
    if one.pairs is None or len(one.pairs.overlap) < 3:
        return {"overlap": None, "coherence": None}
    gradient = one.pairs.gradient
    return {
        "overlap": mean_of_pairs(one.pairs.overlap).value,
        "coherence": None if gradient is None else mean_of_pairs(gradient).value,
    }
