"""The sub-command `ikun meanfield`: the infinite-width prediction, layer by layer, with standard errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ..console import REAL, as_json, emit, stderr, table
from ..errors import IkunError

if TYPE_CHECKING:
    from rich.console import Console

    from .time_model import TimeModel
    from .time_prediction import LayerPrediction, TimePrediction

SCHEME = "ikun"

ROUNDING = 1e-12
"""A standard error below this share of the value is rounding and is not shown."""

SHOWN = 12
"""Layers in the printed table; --json has them all."""


@click.command()
@click.option("--arch", default="dense", show_default=True, help="dense.")
@click.option("--depth", type=int, default=20, show_default=True)
@click.option("--steps", type=int, default=1, show_default=True, help="Time steps T.")
@click.option("--leak", type=REAL, default="0", show_default=True, help="κ; 1 is IF.")
@click.option("--reset", default="hard", show_default=True, help="hard, soft or delayed (snnTorch's default).")
@click.option("--v-reset", type=REAL, default="0", show_default=True, help="Where the hard reset leaves the membrane.")
@click.option("--synaptic-leak", type=REAL, default="0", show_default=True, help="Of the synaptic current (norse); 0: none.")
@click.option("--detach/--no-detach", default=True, show_default=True, help="No gradient through the reset.")
@click.option("--threshold", type=REAL, default="1", show_default=True)
@click.option("--surrogate", default="atan", show_default=True, metavar="SPEC")
@click.option("--scheme", help=f"Initialisation scheme. [default: {SCHEME}]")
@click.option("--gain", type=REAL, help="fan_in · Var(W) instead of a scheme.")
@click.option("--alpha", type=REAL, default="1", show_default=True, help="IKUN's constant, for IKUN's schemes.")
@click.option("--width", type=int, default=512, show_default=True, help="Inputs per neuron, for a scheme.")
@click.option("--fan-out", type=REAL, help="Neurons that each neuron feeds; default: the width.")
@click.option("--input-rate", type=REAL, default="0.5", show_default=True)
@click.option("--input", default="poisson", show_default=True, help="poisson or constant.")
@click.option("--loss", default="white", show_default=True, help="white, rate or summed.")
@click.option("--bias", type=REAL, default="0", show_default=True, help="Standard deviation of the biases.")
@click.option("--decay-input/--no-decay-input", default=False, show_default=True, help="Currents times 1 - leak.")
@click.option("--samples", type=int, help="Sampled neurons per randomisation, a power of 2.")
@click.option("--randomisations", type=int, help="Independent runs, from which the standard errors come.")
@click.option("--seed", type=int, default=0, show_default=True)
@as_json
def meanfield(as_json: bool, **flags: Any) -> None:
    """Variance, firing rate and gradient of every layer of an infinitely wide network, with standard errors."""
    from .temporal import RANDOMISATIONS, SAMPLES, predict

    if flags["arch"] != "dense":
        raise IkunError(f"architecture {flags['arch']!r} has no infinite-width theory here; allowed: dense")
    if flags["seed"] < 0:
        raise IkunError(f"seed = {flags['seed']} is not allowed; it must be an integer of at least 0")
    model, notes = _model(flags)
    samples, randomisations = flags["samples"], flags["randomisations"]
    result = predict(
        model,
        samples=SAMPLES if samples is None else samples,
        randomisations=RANDOMISATIONS if randomisations is None else randomisations,
        seed=flags["seed"],
    )
    document = {"gain": model.gain, "gain_out": model.backward_gain} | result.to_dict() | {"notes": notes}
    if as_json:
        for note in notes:
            stderr().print(note)
    emit(document, as_json, lambda console: _show(console, model, result, notes))


def _model(flags: dict[str, Any]) -> tuple[TimeModel, list[str]]:
    """The model that the flags describe, and what to tell the user of it."""
    from .fan import Fan
    from .time_model import TimeModel

    fan = Fan.of(flags["width"], flags["fan_out"])
    gain, notes = _gain(flags, fan)
    same = ("depth", "steps", "leak", "reset", "v_reset", "synaptic_leak", "detach", "threshold", "surrogate")
    model = TimeModel(
        **{name: flags[name] for name in (*same, "input", "input_rate", "loss", "decay_input")},
        bias_var=flags["bias"] ** 2,
        gain=gain,
        gain_out=gain * fan.fan_out / fan.fan_in,
    )
    return model, notes


def _gain(flags: dict[str, Any], fan: Any) -> tuple[float, list[str]]:
    """fan_in · Var(W): the given one, or the scheme's at one time step."""
    from ..initialise import init_variance

    if flags["gain"] is not None:
        if flags["scheme"] is not None:
            raise IkunError("give --gain or --scheme, not both")
        return flags["gain"], []
    scheme = flags["scheme"] or SCHEME
    found = init_variance(scheme, fan, surrogate=flags["surrogate"], threshold=flags["threshold"], alpha=flags["alpha"])
    gain = found.variance * fan.fan_in
    notes = [f"scheme {found.scheme}: fan_in · Var(W) = {gain:.6g}"]
    if flags["steps"] > 1:
        notes[0] += ", the scheme's weights for one time step"
    if found.bias_bound and not flags["bias"]:
        notes.append(f"the scheme's biases U(±{found.bias_bound:.4g}) are left out; --bias sets their standard deviation")
    return gain, notes


def _show(console: Console, model: TimeModel, result: TimePrediction, notes: list[str]) -> None:
    chosen = sorted({round(i * (model.depth - 1) / (SHOWN - 1)) for i in range(SHOWN)})
    rows = [_row(result.layers[i]) for i in chosen]
    setting = f"θ = {model.threshold:g}, T = {model.steps}, κ = {model.leak:g}"
    title = f"Infinite width: {model.bound.spec}, {model.reset} reset, {setting}"
    console.print(table(title, ("layer", "Var H", "rate", "ln Σ E[δH²]"), rows))
    console.print("Var H and rate: means over steps. Gradient: relative to the last layer.")
    for note in notes:
        console.print(note)
    if result.silent_from is not None:
        console.print(f"silent from layer {result.silent_from}")
    if result.fixed_from is not None:
        console.print(f"stationary from layer {result.fixed_from}")
    if result.randomisations > 1:
        console.print(f"standard errors from {result.randomisations} runs of {result.samples} sampled neurons")


def _row(layer: LayerPrediction) -> tuple[Any, ...]:
    gradient = _with_error(layer.log_gradient, layer.se["log_gradient"])
    return layer.layer, _average(layer, "var_h"), _average(layer, "rate"), gradient


def _average(layer: LayerPrediction, name: str) -> str:
    # errors of the steps may go together, so the largest bounds that of their mean
    return _with_error(getattr(layer, name).mean(), layer.se[name].max())


def _with_error(value: float, error: float) -> str:
    return f"{value:.5g} ± {error:.1g}" if error > ROUNDING * abs(value) else f"{value:.6g}"
