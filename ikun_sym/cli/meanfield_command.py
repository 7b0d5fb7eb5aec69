"""The sub-command `ikun meanfield`: the infinite-width prediction, layer by layer, with standard errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from ..errors import IkunError
from .answering import Answering
from .console import REAL, as_json, emit, stderr, table
from .model_flags import MODEL_FLAGS, WIDTH, model_of

if TYPE_CHECKING:
    from rich.console import Console

    from ..mean_field.infinite_network import TimeModel
    from ..mean_field.prediction import LayerPrediction, TimePrediction

ROUNDING = 1e-12
"""A standard error below this share of the value is rounding and is not shown."""

SHOWN = 12
"""Layers in the printed table; --json has them all."""


@click.command(cls=Answering, params=[*MODEL_FLAGS, WIDTH])
@click.option("--fan-out", type=REAL, help="Neurons that each neuron feeds; default: the width.")
@click.option("--samples", type=int, help="Sampled neurons per randomisation, a power of 2.")
@click.option("--randomisations", type=int, help="Independent runs, from which the standard errors come.")
@click.option("--seed", type=int, default=0, show_default=True)
@as_json
def meanfield(as_json: bool, **flags: Any) -> None:
    """Variance, firing rate and gradient of every layer of an infinitely wide network, and how far down two inputs are told
    apart, with standard errors."""
    model, result, document = predicted(flags)
    if as_json:
        for note in document["notes"]:
            stderr().print(note)
    emit(document, as_json, lambda console: _show(console, model, result, document["notes"]))


@meanfield.answers
def answer(flags: dict[str, Any], given: set[str]) -> dict[str, Any]:
    return predicted(flags)[2]


def predicted(flags: dict[str, Any]) -> tuple[TimeModel, TimePrediction, dict[str, Any]]:
    """Of the network that the flags describe; and the document."""
    from ..mean_field.information import information
    from ..mean_field.predict import RANDOMISATIONS, SAMPLES, predict

    if flags["seed"] < 0:
        raise IkunError(f"seed = {flags['seed']} is not allowed; it must be an integer of at least 0")
    model, notes = model_of(flags, flags["fan_out"])
    samples, randomisations = flags["samples"], flags["randomisations"]
    how = {
        "samples": SAMPLES if samples is None else samples,
        "randomisations": RANDOMISATIONS if randomisations is None else randomisations,
        "seed": flags["seed"],
    }
    result = replace(predict(model, **how), information=information(model, **how).to_dict())
    document: dict[str, Any] = {"surrogate": model.neuron.surrogate.spec, "amplitude": model.neuron.amplitude}
    return model, result, document | result.to_dict() | {"notes": notes}


def _show(console: Console, model: TimeModel, result: TimePrediction, notes: list[str]) -> None:
    chosen = sorted({round(i * (model.depth - 1) / (SHOWN - 1)) for i in range(SHOWN)})
    rows = [_row(result.layers[i]) for i in chosen]
    one = model.neuron
    setting = f"θ = {one.threshold:g}, T = {model.steps}, κ = {one.leak:g}"
    title = f"Infinite width, {model.topology.spec}: {one.surrogate.spec}, {one.reset.spec} reset, {setting}"
    console.print(table(title, ("layer", "Var H", "rate", "ln Σ E[δH²]"), rows))
    over = "steps and positions" if result.positions and result.positions[0] else "steps"
    console.print(f"Var H and rate: means over {over}. Gradient: relative to the last layer.")
    for note in notes:
        console.print(note)
    if result.silent_from is not None:
        console.print(f"silent from layer {result.silent_from}")
    if result.fixed_from is not None:
        console.print(f"stationary from layer {result.fixed_from}")
    for line in _information(result.information or {}):
        console.print(line)
    if result.randomisations > 1:
        console.print(f"standard errors from {result.randomisations} runs of {result.samples} sampled neurons")


def _information(found: Mapping[str, Any]) -> list[str]:
    """What two inputs keep, for people."""
    if found["slope"] is None:
        return [f"information: none said, for {found['reason']}"]
    lines = [
        f"two inputs settle at the overlap {found['overlap']:.4f}; a difference falls by {found['slope']:.4f} a layer, "
        f"{_to_fall(found['reach'])}"
    ]
    if found["coherence"] is not None:
        lines.append(
            f"the correlation of their gradients falls by {found['coherence']:.4f} a layer, "
            f"{_to_fall(found['coherence_reach'])}"
        )
    return lines


def _to_fall(layers: float | None) -> str:
    return "never to 1/e" if layers is None else f"to 1/e in {layers:.3g} layers"


def _row(layer: LayerPrediction) -> tuple[Any, ...]:
    gradient = _with_error(layer.log_gradient, layer.se["log_gradient"])
    return layer.layer, _average(layer, "var_h"), _average(layer, "rate"), gradient


def _average(layer: LayerPrediction, name: str) -> str:
    # errors of the steps may go together, so the largest bounds that of their mean
    return _with_error(getattr(layer, name).mean(), layer.se[name].max())


def _with_error(value: float, error: float) -> str:
    return f"{value:.5g} ± {error:.1g}" if error > ROUNDING * abs(value) else f"{value:.6g}"
