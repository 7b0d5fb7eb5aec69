"""Deep dense LIF networks forward and backward beside the libraries: the same weights and inputs, in one interleaved run."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import click

from ikun_sym.console import as_json, emit, table
from ikun_sym.errors import IkunError

if TYPE_CHECKING:
    from rich.console import Console
    from torch import Tensor

    from .contestants import Agreement, Contestant
    from .layer_budget import Part
    from .network import Network
    from .precision import Bias

LEAK, GAIN = 0.5, 10.0
"""τ = 2, and weights at which some 15 to 30 % of the neurons fire at every depth."""

BARE, OURS, EAGER, MEASURED, DRAWS = "bare products", "this", "this, eager", "this, all observables", "this, draws"
CONTESTANTS = 7
"""These and two libraries: what the progress bar counts."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """Medians over repetitions. `seconds`: by the clock; `cpu`: of all threads together; `ratio`: the cost over that of the
    bare products beside it; `speed`: the cost over ours. A cost is CPU time on the CPU, where other work on the machine
    does not count, and time on a GPU."""

    contestant: str
    dtype: str
    seconds: float | None = None
    cpu: float | None = None
    ratio: float | None = None
    speed: float | None = None
    backend: str = ""
    repetitions: int = 0
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Target:
    """`at_most`: the measured ratio is to be at most the target, else at least."""

    target: str
    wanted: float
    measured: float
    at_most: bool

    @property
    def met(self) -> bool:
        return self.measured <= self.wanted if self.at_most else self.measured >= self.wanted


@dataclass(frozen=True, kw_only=True)
class Result:
    machine: dict[str, Any]
    rows: list[Row]
    agreement: list[Agreement]
    parts: list[Part]
    targets: list[Target]
    bias: list[Bias]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self) | {"targets": [asdict(t) | {"met": t.met} for t in self.targets]}


TARGETS = {
    "float32": ((OURS, BARE, 1.25), (EAGER, BARE, 1.4), ("SpikingJelly", OURS, 1.5), ("snnTorch", OURS, 2.3)),
    "bfloat16": ((OURS, BARE, 2.5), ("SpikingJelly", OURS, 4.0)),
}
"""(whose time, over whose, the target): at most over the bare products, at least over ours."""


def run(
    *,
    width: int = 1024,
    depth: int = 20,
    batch: int = 64,
    steps: int = 8,
    device: str = "cpu",
    dtype: str = "float32",
    repetitions: int = 5,
    seconds: float = 45.0,
    advance: Callable[[str], None] = lambda what: None,
) -> Result:
    """At most `repetitions` rounds, and no further one once they took `seconds`. `advance` is told what has been run."""
    import torch

    from .contestants import LIBRARIES, agreement_of, drawn, measured, ours, products
    from .device import choose
    from .layer_budget import parts
    from .products import native_bfloat16

    for name, value in (("repetitions", repetitions), ("seconds", seconds)):
        if not value > 0:
            raise IkunError(f"{name} = {value} is not allowed; it must be positive")
    device = choose(device)
    network = _networks(width=width, depth=depth, steps=steps, batch=batch, device=device)
    fast = network("hard", "auto", dtype)
    data = (list(fast.weights(0, 0)), fast._input(fast._stream(0, 0, 0)), fast._readout(fast._stream(0, 0, 1)).contiguous())
    contestants: dict[str, Contestant] = {BARE: products, EAGER: ours(network("hard", "eager", dtype))}
    backends = {EAGER: "eager"} | dict.fromkeys((OURS, MEASURED, DRAWS), fast.backend)
    contestants |= {OURS: ours(fast), MEASURED: measured(fast), DRAWS: drawn(fast)}
    missing, agreement = [], []
    for name, (make, reset) in LIBRARIES.items():
        try:
            contestants[name] = make(network(reset, "auto", dtype))
        except ImportError as absent:
            missing.append(Row(contestant=name, dtype=dtype, note=f"not run: {absent}"))
            continue
        whole, layer = network(reset, "auto", "float64"), network(reset, "auto", "float32", depth=1)
        agreement += [agreement_of(name, make, n) for n in (whole, layer)]
    # without instructions for bfloat16 torch multiplies one number at a time: a pass would take half a minute
    slow = device == "cpu" and dtype == "bfloat16" and not native_bfloat16()
    shares = dict.fromkeys(LIBRARIES, max(1, depth // 10)) if slow else {}
    times = _interleaved(contestants, data, repetitions, seconds, torch.device(device), shares, advance)
    rows = [_row(name, dtype, times, backends.get(name, ""), device) for name in contestants]
    rows = [replace(r, note=f"{shares[r.contestant]} layers, scaled") if r.contestant in shares else r for r in rows]
    if device == "cpu" and not torch.cuda.is_available():
        missing.append(Row(contestant="all of it on a GPU", dtype=dtype, note="not run: torch sees no CUDA device here"))
    return Result(
        machine=machine(device),
        rows=rows + missing,
        agreement=agreement,
        parts=parts(fast, data),
        targets=_targets(dtype, times, device),
        bias=_bias() if dtype == "bfloat16" else [],
    )


def _bias() -> list[Bias]:
    from .precision import bias_of_bfloat16

    return bias_of_bfloat16()


def _networks(*, width: int, depth: int, steps: int, batch: int, device: str) -> Callable[..., Network]:
    from .architecture import Architecture
    from .network import Network

    wanted = Architecture(width=width, depth=depth, steps=steps, leak=LEAK, gain=GAIN)

    def make(reset: str, backend: str, dtype: str, depth: int = depth) -> Network:
        architecture = replace(wanted, reset=reset, depth=depth)
        return Network(architecture, batch=batch, device=device, dtype=dtype, backend=backend, keep=True)

    return make


def machine(device: str) -> dict[str, Any]:
    """What the benchmark runs on."""
    import torch

    from .c_library import compiler, processor
    from .products import native_bfloat16

    found = {"torch": torch.__version__, "threads": torch.get_num_threads(), "compiler": compiler()}
    if device != "cpu":
        return {"device": torch.cuda.get_device_name(device), **found}
    return {"device": processor("model name"), **found, "bfloat16 instructions": native_bfloat16()}


Times = dict[str, list[tuple[float, float]]]
"""(by the clock, CPU) of each repetition."""


def _interleaved(
    contestants: dict[str, Contestant],
    data: tuple[list[Tensor], Tensor, Tensor],
    repetitions: int,
    seconds: float,
    device: Any,
    shares: dict[str, int],
    advance: Callable[[str], None],
) -> Times:
    """One round warms up and is not counted. `shares`: contestants that run the first so many layers, scaled to all."""
    import torch

    from .contestants import LIBRARIES

    times: Times = {name: [] for name in contestants}
    weights, *rest = data
    began = time.perf_counter()
    for repetition in range(repetitions + 1):
        for name, contestant in contestants.items():
            layers = shares.get(name, len(weights))
            scale = len(weights) / layers
            start = time.perf_counter(), time.process_time()
            with torch.set_grad_enabled(name in LIBRARIES):
                contestant(weights[:layers], *rest)
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            if repetition:
                times[name].append(((time.perf_counter() - start[0]) * scale, (time.process_time() - start[1]) * scale))
            advance(f"round {repetition}: {name}" if repetition else f"warming up: {name}")
        if repetition and (time.perf_counter() - began) * (repetition + 2) / (repetition + 1) > seconds:
            break
    return times


def _ratio(times: Times, name: str, other: str, device: str) -> float:
    """The median over rounds: neighbours in a round share what else the machine does."""
    which = 1 if device == "cpu" else 0
    return statistics.median(a[which] / b[which] for a, b in zip(times[name], times[other], strict=True))


def _row(name: str, dtype: str, times: Times, backend: str, device: str) -> Row:
    clock, cpu = (statistics.median(values) for values in zip(*times[name], strict=True))
    return Row(
        contestant=name,
        dtype=dtype,
        seconds=clock,
        cpu=cpu,
        ratio=_ratio(times, name, BARE, device),
        speed=_ratio(times, name, OURS, device),
        backend=backend,
        repetitions=len(times[name]),
        note=f"weights drawn anew: {1 / clock:.2f} draws a second, {1 / cpu:.2f} a CPU second" if name == DRAWS else "",
    )


def _targets(dtype: str, times: Times, device: str) -> list[Target]:
    return [
        Target(target=f"{name} / {over}", wanted=wanted, measured=_ratio(times, name, over, device), at_most=over == BARE)
        for name, over, wanted in TARGETS.get(dtype, ())
        if name in times
    ]


@click.command("propagate")
@click.option("--width", type=int, default=1024, show_default=True)
@click.option("--depth", type=int, default=20, show_default=True)
@click.option("--batch", type=int, default=64, show_default=True)
@click.option("--steps", type=int, default=8, show_default=True)
@click.option("--repetitions", type=int, default=5, show_default=True, help="At most.")
@click.option("--seconds", type=float, default=45, show_default=True, help="No further repetition after these.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda.")
@click.option("--dtype", default="float32", show_default=True, help="float32 or bfloat16; the latter with its bias.")
@as_json
def command(as_json: bool, **settings: Any) -> None:
    """Deep LIF networks forward and backward, beside SpikingJelly and snnTorch without weight gradients."""
    from .commands import _progress, quiet_libraries
    from .device import check_dtype

    quiet_libraries()
    check_dtype(settings["dtype"])
    with _progress() as progress:
        task = progress.add_task("", total=(settings["repetitions"] + 1) * CONTESTANTS)
        result = run(**settings, advance=lambda what: progress.update(task, advance=1, description=what))
    emit({"settings": settings, **result.to_dict()}, as_json, lambda console: _show(console, settings, result))


def _show(console: Console, settings: dict[str, Any], result: Result) -> None:
    def text(value: float | None, form: str) -> str:
        return "" if value is None else format(value, form)

    console.print(", ".join(f"{name} {value}" for name, value in result.machine.items()))
    title = "LIF, arctan: " + ", ".join(f"{name} {value}" for name, value in settings.items())
    columns = ("", "backend", "s", "CPU s", "× bare products", "× this", "rounds", "")
    cells = [
        (
            *(r.contestant, r.backend, text(r.seconds, ".3f"), text(r.cpu, ".3f"), text(r.ratio, ".2f"), text(r.speed, ".2f")),
            *(str(r.repetitions or ""), r.note),
        )
        for r in result.rows
    ]
    console.print(table(title, columns, cells))
    parts = [(p.part, f"{p.milliseconds:.2f}", text(p.gflops, ".0f")) for p in result.parts]
    console.print(table("One layer inside the network", ("", "ms", "10⁹ operations/s, were it dense"), parts))
    agreed = [(a.library, a.dtype, str(a.layers), f"{a.spikes:.1e}", f"{a.gradient:.0e}") for a in result.agreement]
    console.print(table("Agreement", ("", "", "layers", "spikes that differ", "gradient, relative"), agreed))
    for t in result.targets:
        wanted = f"{'at most' if t.at_most else 'at least'} {t.wanted:g}"
        console.print(f"{t.target}: {t.measured:.2f}, wanted {wanted}: {'met' if t.met else 'missed'}")
    for b in result.bias:
        console.print(f"{b.observable}: bfloat16 / float32 − 1 = {b.relative_bias:+.1e} ± {b.standard_error:.1e}")
