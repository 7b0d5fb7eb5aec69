"""`ikun benchmark diagnose`: the cost of a diagnosis, relative to one forward and backward pass of the same model."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from ikun_sym.cli.console import as_json, emit, table
from ikun_sym.errors import DomainError

if TYPE_CHECKING:
    from rich.console import Console
    from torch import Tensor, nn

WANTED = 2.5
"""Target: a diagnosis costs at most this many forward and backward passes."""


def ratios(model: nn.Module, x: Tensor, fresh: Callable[[nn.Module], None], repetitions: int = 3) -> dict[str, float]:
    """CPU time over that of one training pass (forward, and backward to all weights): medians over interleaved repetitions.
    `measure`: the recorded run; `diagnose`: also prediction, verdicts, causes and cures. Caches are warm: results computed once
    per kind of neuron (recognised surrogates, critical gains) are not counted."""
    import torch

    from ..models.diagnosis import diagnose
    from ..models.measuring.measure import measure

    def train() -> None:
        fresh(model)
        out = model(x)
        (torch.randn_like(out) * out).sum().backward()

    jobs: dict[str, Callable[[], Any]] = {
        "pass": train,
        "measure": lambda: measure(model, x),
        "diagnose": lambda: diagnose(model, x),
    }
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    for repetition in range(repetitions + 1):
        for name, job in jobs.items():
            start = time.process_time()
            job()
            if repetition:  # the first warms up
                seconds[name].append(time.process_time() - start)
    middle = {name: statistics.median(times) for name, times in seconds.items()}
    return {"seconds": middle["pass"]} | {name: middle[name] / middle["pass"] for name in ("measure", "diagnose")}


def contestants(width: int, depth: int, batch: int, steps: int) -> dict[str, tuple[nn.Module, Tensor]]:
    """A SpikingJelly MLP and a convolutional network with batch norm."""
    import torch
    from spikingjelly.activation_based import layer, neuron
    from torch import nn

    m: dict[str, Any] = {"step_mode": "m"}
    dense: list[nn.Module] = []
    for _ in range(depth):
        dense += [layer.Linear(width, width, **m), neuron.IFNode(**m)]
    channels = max(width // 16, 1)
    conv: list[nn.Module] = []
    for index in range(max(depth // 4, 1)):
        inside = channels if index else 3
        conv += [layer.Conv2d(inside, channels, 3, padding=1, **m), layer.BatchNorm2d(channels, **m), neuron.IFNode(**m)]
    image = torch.rand(steps, max(batch // 8, 1), 3, 16, 16)
    return {
        f"MLP, {depth} × {width}": (nn.Sequential(*dense), (torch.rand(steps, batch, width) < 0.5).float()),
        f"{max(depth // 4, 1)} convolutions of {channels} channels": (nn.Sequential(*conv), image),
    }


@click.command("diagnose")
@click.option("--width", type=int, default=512, show_default=True, help="Neurons per layer.")
@click.option("--depth", type=int, default=50, show_default=True, help="Layers of the MLP.")
@click.option("--batch", type=int, default=64, show_default=True, help="Input samples.")
@click.option("--steps", type=int, default=4, show_default=True, help="Time steps T.")
@click.option("--repetitions", type=int, default=3, show_default=True, help="Timed repetitions.")
@as_json
def command(as_json: bool, repetitions: int, **settings: int) -> None:
    """Cost of a diagnosis, in units of one forward and backward pass of the model."""
    for name, value in {"repetitions": repetitions, **settings}.items():
        if value < 1:
            raise DomainError(name, value, "an integer of at least 1")
    from ..models.commands import quiet

    with quiet():
        from spikingjelly.activation_based import functional

        found = {
            name: ratios(model, x, functional.reset_net, repetitions) for name, (model, x) in contestants(**settings).items()
        }
    rows = [{"model": name, **values, "wanted": WANTED, "met": values["diagnose"] <= WANTED} for name, values in found.items()]
    emit({"settings": settings, "rows": rows}, as_json, lambda console: _show(console, rows))


def _show(console: Console, rows: list[dict[str, Any]]) -> None:
    cells = [
        (
            row["model"],
            f"{row['seconds']:.3f}",
            f"{row['measure']:.2f}",
            f"{row['diagnose']:.2f}",
            "met" if row["met"] else "missed",
        )
        for row in rows
    ]
    columns = ("model", "pass, CPU s", "measure / pass", "diagnose / pass", f"at most {WANTED:g}")
    console.print(table("The cost of a diagnosis", columns, cells))
