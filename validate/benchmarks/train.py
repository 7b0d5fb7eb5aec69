"""One optimiser step of spiking networks, beside the libraries: same weights and data, interleaved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import click

from ikun_sym.cli.console import as_json, emit, progress, table
from ikun_sym.errors import DomainError, IkunError, UnknownNameError

from .train_workloads import BARE, OURS, WORKLOADS, Workload

if TYPE_CHECKING:
    from rich.console import Console
    from torch import nn

    from .interleaved import Times

EAGER = "this, eager"
CONTESTANTS = 5
"""Number of contestants, with two libraries; for the progress bar."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """Medians over repetitions. `seconds`: wall time of a step; `cpu`: CPU time of all threads together; `ratio`: cost over
    ours in the same round; `limit`: cost of the bare products over this contestant's. A cost is CPU time on a CPU (other work
    on the machine does not count) and wall time on a GPU."""

    workload: str
    contestant: str
    seconds: float | None = None
    cpu: float | None = None
    ratio: float | None = None
    limit: float | None = None
    backend: str = ""
    repetitions: int = 0
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """A library's network against ours with the same reset, in float64, on the first samples: relative differences of the loss
    and of the weights' gradients, ‖difference‖/‖gradient‖."""

    workload: str
    library: str
    loss: float
    gradient: float


@dataclass(frozen=True, kw_only=True)
class Target:
    workload: str
    target: str
    wanted: float
    measured: float

    @property
    def met(self) -> bool:
        return self.measured >= self.wanted


@dataclass(frozen=True, kw_only=True)
class Result:
    """`rates`: firing rates of the layers of each workload."""

    machine: dict[str, Any]
    rows: list[Row]
    rates: dict[str, list[float]]
    agreement: list[Agreement]
    targets: list[Target]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self) | {"targets": [asdict(t) | {"met": t.met} for t in self.targets]}


def run(
    workloads: dict[str, Workload],
    *,
    device: str = "cpu",
    repetitions: int = 9,
    seconds: float = 40.0,
    advance: Callable[[str], None] = lambda what: None,
) -> Result:
    """At most `repetitions` rounds of each workload; no new round starts after `seconds` of it. `advance` is called with the
    name of what has been run."""
    from ..engines.machine import keep_freed_memory
    from ..networks.device import choose, machine

    for name, value in (("repetitions", repetitions), ("seconds", seconds)):
        if not value > 0:
            raise DomainError(name, value, "a positive number")
    device = choose(device)
    keep_freed_memory()  # for all alike
    result = Result(machine=machine(device), rows=[], rates={}, agreement=[], targets=[])
    for name, workload in workloads.items():
        _run(name, workload, result, device, repetitions, seconds, advance)
    return result


def _run(
    name: str, workload: Workload, result: Result, device: str, repetitions: int, seconds: float, advance: Callable[[str], None]
) -> None:
    import torch

    from .interleaved import interleaved
    from .train_contestants import LIBRARIES, chain, products, stepper
    from .train_workloads import drawn, rates

    given = drawn(workload, device)
    models = {OURS: given.network("hard", "auto"), EAGER: given.network("hard", "eager")}
    layers = chain(models[OURS])
    result.rates[name] = rates(models[OURS], given.x)
    steps = {BARE: products(layers, given.x)}
    for contestant, model in models.items():
        steps[contestant] = stepper(model, lambda model=model: model(given.x), given.target)
    for library, (make, reset) in LIBRARIES.items():
        try:
            network, answer = make(layers, given.x, given.neuron(reset))
        except ImportError as absent:
            result.rows.append(Row(workload=name, contestant=library, note=f"not run: {absent}"))
            continue
        steps[library] = stepper(network, answer, given.target)
        result.agreement.append(agreement_of(name, library, workload))
    contestants = {key: lambda weights, x, grad, step=step: (step(), grad) for key, step in steps.items()}
    nothing = torch.zeros(())
    times, dropped = interleaved(
        contestants,
        ([nothing], nothing, nothing),
        repetitions,
        seconds,
        torch.device(device),
        {},
        lambda what: advance(f"{name}, {what}"),
    )
    if short := [dropped[key] for key in (BARE, OURS) if key in dropped]:
        raise IkunError(f"{device}: {short[0]}; give a smaller --batch")
    result.rows.extend(_row(name, key, times, device, _backends(models).get(key, "")) for key in times)
    result.rows.extend(Row(workload=name, contestant=key, note=why) for key, why in dropped.items())
    result.targets.extend(_targets(name, workload, times, device))


def _backends(models: dict[str, nn.Module]) -> dict[str, str]:
    """The engine that runs the neurons of each."""
    from ..training.spiking import SpikingLayer

    found = {}
    for key, model in models.items():
        device = next(model.parameters()).device
        layer = next(m for m in model.modules() if isinstance(m, SpikingLayer))
        found[key] = layer.population.choice(device).name
    return found


def _row(workload: str, name: str, times: Times, device: str, backend: str) -> Row:
    from .interleaved import medians, ratio

    clock, cpu = medians(times, name)
    return Row(
        workload=workload,
        contestant=name,
        seconds=clock,
        cpu=cpu,
        ratio=ratio(times, name, OURS, device),
        limit=ratio(times, BARE, name, device),
        backend=backend,
        repetitions=len(times[name]),
    )


def _targets(name: str, workload: Workload, times: Times, device: str) -> list[Target]:
    from .interleaved import ratio

    return [
        Target(workload=name, target=f"{one} / {over}", wanted=wanted, measured=ratio(times, one, over, device))
        for one, over, wanted in workload.targets
        if one in times
    ]


def agreement_of(name: str, library: str, workload: Workload, samples: int = 8) -> Agreement:
    import torch

    from .train_contestants import LIBRARIES, chain
    from .train_workloads import drawn

    make, reset = LIBRARIES[library]
    given = drawn(workload, "cpu", "float64", samples)
    model = given.network(reset, "auto")
    network, answer = make(chain(model), given.x, given.neuron(reset))
    ours, theirs = ((out() - given.target).square().mean() for out in (lambda: model(given.x), answer))
    gradients = (
        torch.autograd.grad(ours, list(model.parameters())),
        torch.autograd.grad(theirs, [p for p in network.parameters() if p.requires_grad]),
    )
    off = sum(float((a - b).square().sum()) for a, b in zip(*gradients, strict=True))
    size = sum(float(a.square().sum()) for a in gradients[0])
    return Agreement(
        workload=name,
        library=library,
        loss=abs(float((ours - theirs).detach() / ours.detach())),
        gradient=(off / size) ** 0.5,
    )


@click.command("train")
@click.option("--workload", "chosen", multiple=True, help=f"{', '.join(WORKLOADS)}; repeatable. Default: all.")
@click.option("--batch", type=int, help="Samples of a step. Default: 128.")
@click.option("--repetitions", type=int, default=9, show_default=True, help="Largest number of repetitions.")
@click.option(
    "--seconds", type=float, default=40, show_default=True, help="Time for a workload: no further repetition beyond it."
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda.")
@as_json
def command(as_json: bool, chosen: tuple[str, ...], batch: int | None, device: str, **settings: Any) -> None:
    """One optimiser step of spiking networks beside SpikingJelly and snnTorch, and beside their bare dense products."""
    from ..networks.device import choose
    from ..quiet import quiet_libraries

    for name in chosen:
        if name not in WORKLOADS:
            raise UnknownNameError("workload", name, WORKLOADS)
    if batch is not None and batch < 1:
        raise DomainError("--batch", batch, "a whole number from 1")
    workloads = {name: replace(WORKLOADS[name], batch=batch or WORKLOADS[name].batch) for name in chosen or WORKLOADS}
    quiet_libraries()
    settings["device"] = choose(device)
    with progress() as bar:
        task = bar.add_task("", total=len(workloads) * (settings["repetitions"] + 1) * CONTESTANTS)
        result = run(workloads, **settings, advance=lambda what: bar.update(task, advance=1, description=what))
    described = {name: asdict(workload) for name, workload in workloads.items()}
    document = {"settings": settings, "workloads": described, **result.to_dict()}
    emit(document, as_json, lambda console: _show(console, workloads, result))


def _show(console: Console, workloads: dict[str, Workload], result: Result) -> None:
    def text(value: float | None, form: str) -> str:
        return "" if value is None else format(value, form)

    console.print(", ".join(f"{name} {value}" for name, value in result.machine.items()))
    columns = ("", "engine", "ms", "CPU ms", "× this", "share of the products' rate", "rounds", "")
    for name, workload in workloads.items():
        fired = result.rates[name]
        title = (
            f"{name}: {workload.model}, T {workload.steps}, batch {workload.batch}, "
            f"firing rates {min(fired):.2f} to {max(fired):.2f}"
        )
        cells = [
            (
                *(r.contestant, r.backend, *(text(value and 1e3 * value, ".1f") for value in (r.seconds, r.cpu))),
                *(text(r.ratio, ".2f"), text(r.limit, ".0%"), str(r.repetitions or ""), r.note),
            )
            for r in result.rows
            if r.workload == name
        ]
        console.print(table(title, columns, cells))
    agreed = [(a.workload, a.library, f"{a.loss:.0e}", f"{a.gradient:.0e}") for a in result.agreement]
    console.print(table("Agreement in float64, relative", ("", "", "loss", "gradients of weights"), agreed))
    for t in result.targets:
        console.print(
            f"{t.workload}: {t.target}: {t.measured:.2f}, wanted at least {t.wanted:g}: {'met' if t.met else 'missed'}"
        )
