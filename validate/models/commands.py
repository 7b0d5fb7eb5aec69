"""The sub-command `ikun diagnose`."""

from __future__ import annotations

import importlib
import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ikun_sym.cli.console import REAL, as_json, emit, table
from ikun_sym.errors import DomainError, IkunError, UnknownNameError
from ikun_sym.files import write_atomically

from .example import INPUT, INPUT_RATE, READOUT, check_rate, noise, stream

if TYPE_CHECKING:
    from rich.console import Console

    from .diagnosis import Diagnosis, LayerReport

UNHEALTHY = 1

SHOWN = 14
"""Layers in the printed table; --json and the page have them all."""


@click.command(short_help="Measure a torch model and explain what is wrong with it.")
@click.argument("factory", metavar="MODULE:FACTORY")
@click.option("--input-shape", metavar="T,B,…", help="Shape of the example input that the model takes, if --batch has none.")
@click.option("--batch", metavar="FILE.npz", help="Your own data as the example input: one array, or one named x or inputs.")
@click.option(
    "--input-rate",
    type=REAL,
    default=str(INPUT_RATE),
    show_default=True,
    help="Each entry of the input is 1 with this probability, else 0 (without --batch).",
)
@click.option("--steps", type=int, help="For a single-step model: call it this many times on the same input.")
@click.option("--step-by-step", is_flag=True, help="For a single-step model: call it on input[0], input[1], …")
@click.option("--scheme", help="First initialise the model with this scheme (default, or one of ikun init), then diagnose it.")
@click.option("--rate", type=REAL, help="Target firing rate of the scheme.")
@click.option("--out", metavar="DIR", help="Write a page with plots, and the numbers as JSON, to this folder.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the weights, the input and the readout.")
@as_json
@click.pass_context
def diagnose(ctx: click.Context, factory: str, as_json: bool, **flags: Any) -> None:
    """Build the model by calling FACTORY, measure every spiking layer, compare with theory, and explain what is wrong.

    MODULE is imported from the current directory or from what is installed. Exit code 1 if the model is unhealthy.
    """
    if (flags["input_shape"] is None) == (flags["batch"] is None):
        raise IkunError("give either --input-shape T,B,… for noise, or --batch FILE.npz for your own data")
    check_rate("--input-rate", flags["input_rate"])
    if flags["seed"] < 0:
        raise DomainError("--seed", flags["seed"], "an integer of at least 0")
    if flags["steps"] is not None and (flags["steps"] < 1 or flags["step_by_step"]):
        raise IkunError("--steps must be at least 1, and cannot be combined with --step-by-step")
    with quiet():
        found, changed = _diagnosed(factory, flags)
    if flags["out"]:
        _write(Path(flags["out"]), found)
    document = found.to_dict() | ({"initialised": changed.to_dict()} if changed else {})
    emit(document, as_json, lambda console: _show(console, found, changed))
    ctx.exit(0 if found.healthy else UNHEALTHY)


def _diagnosed(factory: str, flags: dict[str, Any]) -> tuple[Diagnosis, Any]:
    import torch

    from .batches import load_batch
    from .diagnosis import diagnose as diagnosis_of

    seed = flags["seed"]
    shape, batch = (_shape(flags["input_shape"]), None) if flags["batch"] is None else ((), load_batch(flags["batch"]))
    torch.manual_seed(seed)
    model = load(factory)
    example = noise(model, shape, flags["input_rate"], stream(seed, INPUT)) if batch is None else batch
    settings = {"steps": flags["steps"], "step_by_step": flags["step_by_step"], "seed": stream(seed, READOUT)}
    if flags["scheme"] is None:
        if flags["rate"] is not None:
            raise IkunError("--rate belongs to --scheme; write for example --scheme critical --rate 0.2")
        return diagnosis_of(model, example, **settings, data=batch is not None), None
    from .initialise import initialise_

    changed = initialise_(model, example, scheme=flags["scheme"], rate=flags["rate"], **settings)
    if batch is not None:  # of the user's own data also whether it is told apart
        return diagnosis_of(model, example, **settings, data=True), changed
    return changed.after, changed


@contextmanager
def quiet() -> Iterator[None]:
    """Keep stdout for the result: prints go to stderr, warnings and logging are silenced."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), redirect_stdout(sys.stderr):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _shape(text: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdigit() and int(part) > 0 for part in parts):
        raise IkunError(f"--input-shape {text!r} is not a shape; write positive numbers with commas, for example 8,64,784")
    return tuple(int(part) for part in parts)


def load(factory: str) -> Any:
    """The model that `module:factory` returns when called without arguments. Errors: one line for each way to fail."""
    from torch import nn

    made = made_by(factory, ready=nn.Module)
    if not isinstance(made, nn.Module):
        raise IkunError(f"{factory}() returned a {type(made).__name__}, not a torch.nn.Module")
    return made


def made_by(factory: str, ready: type | tuple[type, ...] = ()) -> Any:
    """What `module:factory` returns when called without arguments; what is an instance of `ready` already is not called."""
    module_name, colon, attribute = factory.partition(":")
    if not colon or not module_name or not attribute:
        raise IkunError(f"{factory!r} is not MODULE:FACTORY; write for example mynet:make_model")
    made: Any = _imported(module_name, factory)
    for part in attribute.split("."):
        if not hasattr(made, part):
            known = [name for name, value in vars(made).items() if callable(value) and not name.startswith("_")]
            raise UnknownNameError(f"callable of {module_name}", part, known)
        made = getattr(made, part)
    if isinstance(made, ready):
        return made
    if not callable(made):
        raise IkunError(f"{factory} is a {type(made).__name__}, not callable; name a function or class that makes it")
    try:
        return made()
    except Exception as error:
        raise IkunError(f"{factory}() raised {type(error).__name__}: {error}") from error


def _imported(name: str, factory: str) -> Any:
    """The module; a file, `path/mynet.py`, is the module `mynet` of its folder."""
    here = str(Path.cwd())
    if name.endswith(".py"):
        if not Path(name).is_file():
            raise IkunError(f"cannot import {factory}: there is no file {name!r} in {here}")
        here, name = str(Path(name).resolve().parent), Path(name).stem
    sys.path.insert(0, here)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or name
        what = (
            f"there is no module {name!r} in {here} or among the installed ones"
            if missing == name
            else f"it needs {missing!r}, which is not installed"
        )
        raise IkunError(f"cannot import {factory}: {what}") from error
    except Exception as error:
        raise IkunError(f"cannot import {factory}: {type(error).__name__}: {error}") from error
    finally:
        sys.path.remove(here)


def _write(out: Path, found: Diagnosis) -> None:
    import json

    from .diagnosis_page import page

    write_atomically(out / "diagnosis.html", page(found.to_dict(), found.summary()))
    write_atomically(out / "diagnosis.json", json.dumps(found.to_dict(), ensure_ascii=False, allow_nan=False, indent=2) + "\n")


def _show(console: Console, found: Diagnosis, changed: Any) -> None:
    if changed is not None:
        for line in changed.lines():
            console.print(line)
    console.print(listing(found))
    console.print(f"{found.model}: {found.verdict}" + (f" at layer {found.at}" if found.at else ""))
    if found.cause:
        console.print(f"cause: {found.cause}")
        console.print(f"cure: {found.advice}")
    console.print(f"information: {found.information}")
    for name, layers in found.halves.items():
        if layers is not None:
            what = "Var(H)" if name == "forward" else "E[δ²], from the end,"
            console.print(f"{what} halves every {layers:.3g} layers")
    for note in dict.fromkeys(
        f"{layer.neuron}, {layer.surrogate}: {note}" for layer in found.layers for note in notes_of(layer)
    ):
        console.print(f"note: {note}")


def notes_of(layer: LayerReport) -> list[str]:
    return [note for note in (*layer.surrogate_notes, layer.note) if note]


def listing(found: Diagnosis, shown: int = SHOWN) -> Any:
    """The table: measured [predicted]. * marks a prediction that starts from the layer's own measurement."""
    count = len(found.layers)
    places = sorted({round(i * (count - 1) / max(1, shown - 1)) for i in range(shown)} | {(found.at or 1) - 1})
    rows = [_row(found.layers[place], bool(found.information.samples)) for place in places]
    pairs = ("overlap", "gradients agree") if found.information.samples else ()
    columns = ("layer", "neuron", "surrogate", "K", "rate", "Var H", "E[δ²] / last", *pairs, "verdict")
    return table(
        f"{found.model}: measured [predicted]", columns, rows, caption="K = fan_in·Var(W). E[δ²]: summed over steps, δ = ∂L/∂H."
    )


def _row(layer: LayerReport, pairs: bool) -> tuple[Any, ...]:
    from .diagnosis import pair

    gain = "" if layer.gain is None else f"{layer.gain:.4g}"
    between = f" ({', '.join(layer.between)})" if layer.between else ""
    return (
        f"{layer.layer} {layer.name}",
        layer.neuron,
        layer.surrogate,
        gain + between,
        pair(layer.rate),
        pair(layer.var_h),
        pair(layer.grad_var),
        *((pair(layer.overlap), pair(layer.gradient_correlation)) if pairs else ()),
        layer.verdict,
    )
