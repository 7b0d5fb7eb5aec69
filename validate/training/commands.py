"""The sub-command `ikun train`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ikun_sym.catalogue.neuron_fields import NEURON_FIELDS
from ikun_sym.cli.answering import Answering
from ikun_sym.cli.console import REAL, as_json, emit, option, progress, table
from ikun_sym.errors import IkunError
from ikun_sym.files import write_atomically

from ..progress import RESUME
from ..quiet import quiet_libraries

if TYPE_CHECKING:
    from rich.console import Console

    from .experiment import Result
    from .train import Order
    from .trial import Trial

INCONCLUSIVE = 3

SCHEME = "critical"
"""Of a run that is compared with none."""

DATA_FLAGS = (
    click.Option(
        ["--data"],
        default="digits",
        show_default=True,
        metavar="NAME",
        help="digits, fashion-mnist, spike-patterns, or MODULE:FACTORY, a pair of torch data sets.",
    ),
    click.Option(["--data-dir"], metavar="DIR", help="Folder of the data's files. Default: $IKUN_DATA."),
    click.Option(["--events"], is_flag=True, help="Samples of your own data are [T, …]: they bring their own steps."),
    click.Option(["--samples"], default="all", show_default=True, help="Training samples: a number, or all."),
)
MODEL_FLAGS = (
    click.Option(
        ["--model"],
        default="mlp:depth=3,width=256",
        show_default=True,
        metavar="SPEC",
        help="mlp, csnn, …, each with parameters; an unknown name lists them all; or MODULE:FACTORY.",
    ),
    click.Option(
        ["--scheme", "schemes"],
        multiple=True,
        help="Initialisation, by name as in ikun init; may be repeated. Default: kaiming and critical.",
    ),
    click.Option(["--baseline"], default="torch-default", show_default=True, help="What they are compared with."),
)
TRAIN_FLAGS = (
    click.Option(["--steps"], type=int, default=4, show_default=True, help="Time steps T."),
    click.Option(["--optimizer"], default="adam", show_default=True, help="adam, adamw or sgd (with --momentum)."),
    click.Option(["--lr"], help="Learning rate: a number, or tuned. Default: 0.001 for adam and adamw, 0.1 for sgd."),
    click.Option(["--momentum"], type=REAL, default="0.9", show_default=True),
    click.Option(["--schedule"], default="cosine", show_default=True, help="cosine, constant, step or warmup."),
    click.Option(
        ["--layer-rates"],
        default="equal",
        show_default=True,
        help="Of hidden layers: equal, or depth: the rate over their number.",
    ),
    click.Option(["--weight-decay"], type=REAL, default="0", show_default=True),
    click.Option(["--label-smoothing"], type=REAL, default="0", show_default=True),
    click.Option(
        ["--dropout"], type=REAL, default="0", show_default=True, help="Share of a layer's spikes, the same each step."
    ),
    click.Option(
        ["--rate-penalty"], type=REAL, default="0", show_default=True, help="Times the sum of the hidden layers' mean rates."
    ),
    click.Option(["--epochs"], type=int, default=10, show_default=True, help="The budget B."),
    click.Option(["--batch"], type=int, default=128, show_default=True),
    click.Option(
        ["--loss"],
        default="mse",
        show_default=True,
        help="mse or cross-entropy of the rates; membrane: without spikes at the end.",
    ),
)
PROTOCOL_FLAGS = (
    click.Option(["--seeds"], default="5", show_default=True, help="Pairs: a number, or auto (until decided, at most 60)."),
    click.Option(
        ["--target"], default="0.95", show_default=True, help="Training accuracy that counts as learnt; several with commas."
    ),
    click.Option(["--confidence"], type=REAL, default="0.95", show_default=True, help="Of all intervals together."),
    click.Option(["--budget"], type=REAL, metavar="SECONDS", help="No run is begun after so long. Default: no limit."),
    click.Option(["--save"], is_flag=True, help="Keep each run's best weights, as safetensors."),
    click.Option(["--device"], default="auto", show_default=True, help="auto, cpu or cuda."),
    click.Option(["--seed"], type=int, default=0, show_default=True),
    click.Option(["--out"], metavar="DIR", help="Folder for records and page. Default: runs/train, runs/train-2, …"),
    RESUME,
)
NEURON_FLAGS = tuple(option(field._replace(default=1.0) if field.name == "leak" else field) for field in NEURON_FIELDS)
"""Neurons are IF here, as in the paper's network."""


@click.command(
    cls=Answering,
    params=[*DATA_FLAGS, *MODEL_FLAGS, *TRAIN_FLAGS, *NEURON_FLAGS, *PROTOCOL_FLAGS],
    short_help="Train one network from several initialisations; which learns faster?",
)
@as_json
@click.pass_context
def train(ctx: click.Context, as_json: bool, **flags: Any) -> None:
    """Train the same network from each scheme, in pairs of one seed, and say which learns faster or better, with intervals.

    Without flags: kaiming and critical against torch-default, on the digits that ship with scikit-learn.

    Exit code 3: a comparison is inconclusive.
    """
    quiet_libraries()
    from ..verdicts.records import PROVENANCE, command_line, provenance, run_folder
    from .report import page
    from .train import carried_out

    asked = _order(flags)
    order, data = asked.read()
    out = run_folder(flags["out"], "runs/train", resume=flags["resume"])
    made = provenance(command_line(), str(data.train.x.device), order.settings())
    _write(out / PROVENANCE, made)
    with epochs_bar() as advance:
        result = carried_out(order, data, out=out, resume=flags["resume"], save=flags["save"], progress=advance)
    document = result.to_dict() | {"files": str(out)}
    _write(out / "result.json", document)
    write_atomically(out / "report.html", page(result, order.trial, data.notes, made))
    emit(document, as_json, lambda console: show(console, result, order, str(out)))
    ctx.exit(INCONCLUSIVE if any(one.verdict == "inconclusive" for one in result.comparisons) else 0)


@train.answers
def answer(flags: dict[str, Any], given: set[str]) -> dict[str, Any]:
    """The runs of the schemes alone (default: critical); with --baseline the comparisons too."""
    quiet_libraries()
    from .train import alone, carried_out

    if "baseline" in given:
        order, data = _order(flags).read()
        return carried_out(order, data, workers=1).to_dict()
    seeds, targets = _whole("--seeds", flags["seeds"], "in a sweep anything else"), _targets(flags["target"])
    trial, told = _trial(flags), {name: flags[name] for name in ("data_dir", "events", "device", "seed")}
    return alone(trial, flags["schemes"] or (SCHEME,), seeds=seeds, targets=targets, **told)


def _write(path: Path, document: Any) -> None:
    write_atomically(path, json.dumps(document, ensure_ascii=False, allow_nan=False, indent=2, default=str) + "\n")


def _order(flags: dict[str, Any]) -> Order:
    from .train import AUTO, RATES, SCHEMES, TUNED, Order

    return Order(
        trial=_trial(flags),
        schemes=flags["schemes"] or SCHEMES,
        baseline=flags["baseline"],
        pairs=None if flags["seeds"] == AUTO else _whole("--seeds", flags["seeds"], AUTO),
        targets=_targets(flags["target"]),
        confidence=flags["confidence"],
        rates=RATES if flags["lr"] == TUNED else None,
        seconds=flags["budget"],
        **{name: flags[name] for name in ("data_dir", "events", "device", "seed")},
    )


def _targets(text: str) -> tuple[float, ...]:
    return tuple(_number("--target", part, "shares with commas: 0.8,0.9,0.95") for part in text.split(","))


def _trial(flags: dict[str, Any]) -> Trial:
    from .train import TUNED
    from .trial import Trial

    own = (
        "data",
        "model",
        "steps",
        "optimizer",
        "momentum",
        "schedule",
        "layer_rates",
        "weight_decay",
        "label_smoothing",
        "dropout",
    )
    own += ("rate_penalty", "epochs", "batch", "loss", *(field.name for field in NEURON_FIELDS))
    tuned = flags["lr"] == TUNED
    return Trial.of(
        **{name: flags[name] for name in own},
        lr=None if tuned or flags["lr"] is None else _number("--lr", flags["lr"], "a positive number, or tuned"),
        samples=None if flags["samples"] == "all" else _whole("--samples", flags["samples"], "all"),
    )


def _whole(flag: str, text: str, word: str) -> int:
    if not text.isdecimal():
        raise IkunError(f"{flag} {text!r} is neither a whole number nor {word}")
    return int(text)


def _number(flag: str, text: str, allowed: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise IkunError(f"{flag} {text!r} is not a number; allowed: {allowed}") from None


@contextmanager
def epochs_bar() -> Iterator[Callable[[int, int, str], None]]:
    """A bar of epochs with the time left."""
    from rich.progress import TimeRemainingColumn

    bars = progress()
    bars.columns = (*bars.columns, TimeRemainingColumn())
    with bars:
        task = bars.add_task("", total=None, visible=False)
        yield lambda done, of, what: bars.update(task, completed=done, total=of, visible=True, description=what)


def show(console: Console, result: Result, order: Order, out: str) -> None:
    from .report import COLUMNS, RUN_COLUMNS, described, reasons, rows, run_rows

    console.print(described(order.trial))
    console.print(table("", RUN_COLUMNS, run_rows(result)))
    title = f"Epochs to training accuracy {order.targets[0]:g}, over those of the baseline; below 1 is faster"
    console.print(table(title, COLUMNS, rows(result)))
    for reason in reasons(result):
        console.print(f"note: {reason}")
    console.print(f"{result.seconds:.0f} s of processor time; records and page: {out}")
