"""`diagnose`: measure, predict and judge the layers of a network. `assert_healthy`: the same as a test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ikun_sym.errors import IkunError
from ikun_sym.mean_field.information import Information
from ikun_sym.told import Told

from .cause import explain
from .example import INPUT_RATE, example_of
from .health import UNINFORMATIVE, Health, halving, judge
from .information import Account, Settled, account, finding, informed
from .measuring.measure import Measured, measure
from .measuring.recorded_run import Run
from .measuring.surrogate_probe import Floats
from .patient import Finding, Patient
from .prediction import Predicted, predict
from .quantity import Quantity, number, pair, quantity

if TYPE_CHECKING:
    from torch import nn

QUANTITIES = ("var_h", "rate", "grad_var", "overlap", "alignment", "gradient_correlation")


@dataclass(frozen=True, kw_only=True)
class LayerReport(Told):
    """One layer, counted from 1. `var_h` and `rate` are means over the steps; `grad_var` is Σ_t E[(∂L/∂H)²] over the last
    layer's. `steps`: the same by step, measured and predicted. `source`: where the prediction starts, forward and backward.
    `overlap`, `gradient_correlation`: of pairs of samples of the user's own data, and `alignment`, how far the overlaps follow
    those in layer 1, with intervals over samples (the jackknife). `information`: theory, where layers like this one settle."""

    shown = ("layer", "name", "neuron", "surrogate", "fan_in", "gain", "verdict", "cause")

    layer: int
    name: str
    neuron: str
    library: str
    threshold: float | None
    leak: float | None
    reset: str | None
    detach: bool | None
    surrogate: str
    surrogate_notes: tuple[str, ...]
    weight: str
    fan_in: int | None
    fan_out: float | None
    gain: float | None
    between: tuple[str, ...]
    var_h: Quantity
    rate: Quantity
    grad_var: Quantity
    overlap: Quantity
    alignment: Quantity
    gradient_correlation: Quantity
    settled: Settled
    E_g2: float
    source: dict[str, str | None]
    note: str
    verdict: str
    cause: str
    advice: str
    steps: dict[str, Any] = field(default_factory=dict)

    @property
    def information(self) -> Information:
        return self.settled.information

    def to_dict(self) -> dict[str, Any]:
        document = dict(vars(self))
        document |= {name: document[name].to_dict() for name in QUANTITIES}
        document |= {"information": self.information.to_dict()}
        del document["settled"]
        document["surrogate_notes"], document["between"] = list(self.surrogate_notes), list(self.between)
        document["E_g2"] = number(self.E_g2)
        if self.grad_var.mean is None:
            document["reason"] = "the gradient is zero at the last layer, or beyond float32"
        return document


@dataclass(frozen=True, kw_only=True)
class Diagnosis(Told):
    """`halves`: layers over which Var(H) halves forward and E[δ²] halves backward (None: it does not). `information`: in which
    layers the samples of the user's own data are told apart, and their gradients agree."""

    shown = ("model", "verdict", "at", "layers", "cause")

    model: str
    verdict: str
    cause: str
    advice: str
    at: int | None
    layers: tuple[LayerReport, ...]
    halves: dict[str, float | None]
    information: Account
    seed: int

    @property
    def healthy(self) -> bool:
        return self.verdict == "healthy"

    def summary(self) -> str:
        if self.healthy:
            rates = [layer.rate.mean for layer in self.layers if layer.rate.mean is not None]
            return f"{self.model} is healthy: rates {min(rates):.3g} to {max(rates):.3g} in {len(self.layers)} layers"
        layer = self.layers[(self.at or 1) - 1]
        return f"{self.model} is {self.verdict} at layer {self.at} ({layer.name}): {self.cause}. Cure: {self.advice}"

    def __str__(self) -> str:
        """Layers as lines, measured with the prediction in brackets, then the verdict."""
        rows: list[tuple[str, ...]] = [("layer", "neuron", "rate", "Var(H)", "E[δ²]/last", "verdict")]
        for layer in self.layers:
            numbers = (pair(getattr(layer, name)) for name in ("rate", "var_h", "grad_var"))
            rows.append((f"{layer.layer} {layer.name}", layer.neuron, *numbers, layer.verdict))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n".join([*lines, self.summary()])

    def to_dict(self) -> dict[str, Any]:
        document: dict[str, Any] = {
            name: getattr(self, name) for name in ("model", "verdict", "at", "cause", "advice", "halves", "seed")
        }
        return document | {
            "information": self.information.to_dict(),
            "layers": [layer.to_dict() for layer in self.layers],
        }

    def _repr_html_(self) -> str:
        from .diagnosis_page import fragment

        return fragment(self.to_dict(), self.summary())


def diagnose(
    model: nn.Module,
    example_input: Any = None,
    *,
    input_shape: Sequence[int] | None = None,
    input_rate: float = INPUT_RATE,
    steps: int | None = None,
    step_by_step: bool = False,
    seed: int = 0,
    data: bool = False,
) -> Diagnosis:
    """Measure every spiking layer of `model` on `example_input` (a tensor, a tuple of arguments or a dictionary of keywords),
    compare it with its mean-field prediction, and judge it. The model is left as it was, including its mode.

    input_shape, input_rate: instead of an example input, random spikes of this shape, each 1 with this probability, drawn from
    `seed`.
    steps: call a single-step model this many times on the same input, keeping its state. step_by_step: call it on
    example_input[0], [1], …. Neither: one call. Neuron states left by earlier calls have no effect. data: example_input is a
    batch of the user's own data, 64 different samples or more, no noise: then it is also measured, and judged, whether they are
    told apart in each layer and whether their gradients agree (`information`).

    Errors (IkunError): the model raises or gives NaN, has no spiking neuron, or builds no graph; neither input nor shape.
    """
    example = example_of(model, example_input, input_shape, input_rate, seed, data=data)
    run = Run(steps=steps, step_by_step=step_by_step, seed=seed, data=data)
    return diagnosis_of(model, measure(model, example, run), seed)


def assert_healthy(model: nn.Module, example_input: Any = None, **settings: Any) -> Diagnosis:
    """Raise AssertionError with cause and cure unless the network is healthy; `settings` as for `diagnose`."""
    found = diagnose(model, example_input, **settings)
    if not found.healthy:
        raise AssertionError(found.summary())
    return found


def diagnosis_of(model: nn.Module, measured: list[Measured], seed: int) -> Diagnosis:
    predicted, health = predict(measured, seed=seed), judge(measured)
    patient = Patient(model, measured, predicted, health)
    findings = [explain(patient, index) for index in range(len(measured))]
    told = account(measured, predicted, health)
    health = informed(health, told)
    if health.verdict == UNINFORMATIVE and health.at is not None:
        findings = [
            finding(told, index, health.at) if one == UNINFORMATIVE else Finding() for index, one in enumerate(health.verdicts)
        ]
    at = health.at
    decisive = findings[at] if at is not None else None
    return Diagnosis(
        model=type(model).__name__,
        verdict=health.verdict,
        cause=decisive.cause if decisive else "",
        advice=decisive.advice if decisive else "",
        at=None if at is None else at + 1,
        layers=tuple(
            _report(one, mine, patient, why, told, health.verdicts[one.layer.index])
            for one, mine, why in zip(measured, predicted, findings, strict=True)
        ),
        halves={
            # what the input makes of its own layers is no part of the trend
            "forward": halving(np.array([one.var_h.mean() for one in measured if not one.layer.way.from_input])),
            "gradient": halving(health.relative[::-1]),
        },
        information=told,
        seed=seed,
    )


def _report(one: Measured, mine: Predicted, patient: Patient, finding: Finding, told: Account, verdict: str) -> LayerReport:
    layer, reading, health = one.layer, one.reading, patient.health
    measured, predicted = patient.measured, patient.predicted
    neuron = reading.neuron if reading else None
    index, fan = layer.index, layer.fan
    unit = _unit(one, health)
    scale = None if mine.grad is None else _scale(measured[health.last], predicted[health.last])
    return LayerReport(
        layer=index + 1,
        name=layer.name,
        neuron=layer.neuron,
        library=layer.record.library.name if layer.record.library else "torch",
        threshold=reading.threshold if reading else None,
        leak=neuron.leak if neuron else None,
        reset=neuron.reset.spec if neuron else None,
        detach=neuron.detach if neuron and one.detach_known else None,
        surrogate=one.surrogate.label,
        surrogate_notes=one.surrogate.notes,
        weight=layer.weight_name,
        fan_in=fan.fan_in if fan else None,
        fan_out=fan.fan_out if fan else None,
        gain=one.gain if fan else None,
        between=tuple(layer.between),
        var_h=quantity(one.var_h.mean(axis=0), mine.var_h, mine.var_h_se, np.mean),
        rate=quantity(one.rate.mean(axis=0), mine.rate, mine.rate_se, np.mean),
        grad_var=quantity(one.grad.sum(axis=0) * unit, mine.grad, mine.grad_se, np.sum, scale),
        **vars(told.layers[index]),
        settled=told.theory[index],
        E_g2=float(one.slope2.mean()),
        source={"forward": mine.forward, "backward": mine.backward},
        note="; ".join(dict.fromkeys(note for note in (one.reading_note, mine.why, *_notes(one, patient)) if note)),
        verdict=verdict,
        cause=finding.cause,
        advice=finding.advice,
        steps=_by_step(one, mine, unit, scale),
    )


def _scale(last: Measured, predicted: Predicted) -> float | None:
    """One over the gradient at the layer that measured gradients are relative to: as predicted there, else as measured, which
    has the same unit."""
    total = float(last.grad.sum(axis=0).mean()) if predicted.grad is None else float(predicted.grad.sum())
    return 1 / total if total > 0 else None


def _notes(one: Measured, patient: Patient) -> list[str]:
    index, found = one.layer.index, []
    if patient.knob(index).norm:
        found.append(f"{patient.norm(index)} cancels σ_W: scaling these weights changes nothing forward")
    if patient.health.unused[index]:
        found.append("nobody uses its spikes: whether it fires does not matter")
    if patient.health.gated[index]:
        above = [other.layer.zeros for other in patient.measured if index in other.layer.way.layers]
        names = one.layer.zeros or next((zeros for zeros in above if zeros), [])
        found.append(f"in a branch that is switched off until {', '.join(names) or 'weights of zero'} moves: not judged")
    return found


def _unit(one: Measured, health: Health) -> float:
    total = float(one.grad.sum(axis=0).mean())
    return float(health.relative[one.layer.index]) / total if total > 0 else 1.0


def _by_step(one: Measured, mine: Predicted, unit: float, scale: float | None) -> dict[str, Any]:
    def listed(values: Floats | None, factor: float | None = 1.0) -> list[float | None] | None:
        return None if values is None or factor is None else [number(float(v) * factor) for v in values]

    return {
        "var_h": {"measured": listed(one.var_h.mean(axis=1)), "predicted": listed(mine.var_h)},
        "rate": {"measured": listed(one.rate.mean(axis=1)), "predicted": listed(mine.rate)},
        "grad_var": {"measured": listed(one.grad.mean(axis=1), unit), "predicted": listed(mine.grad, scale)},
    }


__all__ = ["Diagnosis", "IkunError", "LayerReport", "Quantity", "assert_healthy", "diagnose", "diagnosis_of", "pair"]
