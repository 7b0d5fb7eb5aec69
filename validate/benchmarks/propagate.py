"""Forward and backward passes of deep dense LIF networks, beside the libraries: same weights and inputs, interleaved."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import click

from ikun_sym.cli.console import as_json, emit, progress, table
from ikun_sym.errors import IkunError

if TYPE_CHECKING:
    from rich.console import Console

    from ..networks.network import Network
    from .bfloat16 import Bias
    from .contestants import Agreement, Contestant
    from .interleaved import Times
    from .layer_budget import Part

LEAK, GAIN = 0.5, 10.0
"""τ = 2, and weights at which 15 to 30 % of the neurons fire at every depth."""

SIZES: dict[str, dict[str, Any]] = {
    "cpu": {"width": 1024, "depth": 20, "batch": 64, "steps": 8, "dtype": "float32"},
    "cuda": {"width": 4096, "depth": 100, "batch": 256, "steps": 16, "dtype": "bfloat16"},
}
"""Default sizes. On a GPU they take 3.4 GB for weights and 6.7 GB for membranes."""

DEEPEST = 20
"""Most layers in which networks are compared in float64: the libraries keep a whole autograd graph in memory."""

BARE, OURS, EAGER, MEASURED, DRAWS = "bare products", "this", "this, eager", "this, all observables", "this, draws"
CONTESTANTS = 7
"""Number of contestants, with two libraries; for the progress bar."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """Medians over repetitions. `seconds`: wall time; `cpu`: CPU time of all threads together; `ratio`: cost over that of the
    bare products in the same round; `share`: 1/ratio, the share of their rate; `teraflops`: 10¹² operations of the 2 L products
    per second, counted as dense; `speed`: cost over ours. A cost is CPU time on a CPU (other work on the machine does not
    count) and wall time on a GPU."""

    contestant: str
    dtype: str
    seconds: float | None = None
    cpu: float | None = None
    ratio: float | None = None
    share: float | None = None
    teraflops: float | None = None
    speed: float | None = None
    backend: str = ""
    repetitions: int = 0
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Target:
    """`at_most`: the measured ratio must be at most `wanted`; otherwise at least."""

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
    ("cpu", "float32"): ((OURS, BARE, 1.25), (EAGER, BARE, 1.4), ("SpikingJelly", OURS, 1.5), ("snnTorch", OURS, 2.3)),
    ("cpu", "bfloat16"): ((OURS, BARE, 2.5), ("SpikingJelly", OURS, 4.0)),
    ("cuda", "bfloat16"): ((OURS, BARE, 1 / 0.6), ("SpikingJelly", OURS, 5.0)),  # 60 % of the rate of the products
}
"""(contestant, reference, wanted ratio of their times): an upper bound over the bare products, a lower bound over ours."""


def run(
    *,
    width: int | None = None,
    depth: int | None = None,
    batch: int | None = None,
    steps: int | None = None,
    device: str = "cpu",
    dtype: str | None = None,
    repetitions: int = 5,
    seconds: float = 45.0,
    advance: Callable[[str], None] = lambda what: None,
) -> Result:
    """At most `repetitions` rounds; no new round starts after `seconds`. Default sizes: `SIZES` for the device. `advance` is
    called with the name of what has been run."""
    import torch

    from ..engines.machine import native_bfloat16
    from ..networks.device import choose, machine
    from .contestants import LIBRARIES, drawn, measured, ours, products
    from .interleaved import interleaved
    from .layer_budget import parts

    for name, value in (("repetitions", repetitions), ("seconds", seconds)):
        if not value > 0:
            raise IkunError(f"{name} = {value} is not allowed; it must be positive")
    device = choose(device)
    size = sizes(device, {"width": width, "depth": depth, "batch": batch, "steps": steps, "dtype": dtype})
    kind, layers = str(size.pop("dtype")), int(size["depth"])
    network = _networks(**size, device=device)
    fast = network("hard", "auto", kind)
    data = (list(fast.weights(0, 0)), fast.input(0, 0), fast.readout(0, 0).contiguous())
    contestants: dict[str, Contestant] = {BARE: products, EAGER: ours(network("hard", "eager", kind))}
    backends = {EAGER: "eager"} | dict.fromkeys((OURS, MEASURED, DRAWS), fast.backend)
    contestants |= {OURS: ours(fast), MEASURED: measured(fast), DRAWS: drawn(fast)}
    missing, agreement = _invite(contestants, network, kind, min(layers, DEEPEST))
    # without bfloat16 instructions torch multiplies one number at a time: a pass would take half a minute; on a GPU the
    # graph of a hundred layers may not fit
    slow = device == "cpu" and kind == "bfloat16" and not native_bfloat16()
    shares = dict.fromkeys(LIBRARIES, max(1, layers // 10)) if slow or device != "cpu" else {}
    times, dropped = interleaved(contestants, data, repetitions, seconds, torch.device(device), shares, advance)
    if short := [dropped[name] for name in (BARE, OURS) if name in dropped]:
        raise IkunError(f"{device}: {short[0]}; give a smaller --width, --depth or --batch")
    operations = 4 * size["steps"] * size["batch"] * sum(weight.numel() for weight in data[0])
    rows = [_row(name, kind, times, backends.get(name, ""), device, operations) for name in times]
    refused = fast.population.choice(fast.device).refused if fast.backend == "eager" else {}
    notes = {name: f"{shares[name]} layers, scaled" for name in shares}
    notes[OURS] = "; ".join(f"{engine}: {why}" for engine, why in refused.items())
    rows = [replace(r, note=notes.get(r.contestant, "") or r.note) for r in rows]
    missing += [Row(contestant=name, dtype=kind, note=why) for name, why in dropped.items()]
    if device == "cpu" and not torch.cuda.is_available():
        missing.append(Row(contestant="all of it on a GPU", dtype=kind, note=f"not run: {NO_CUDA}"))
    return Result(
        machine=machine(device),
        rows=rows + missing,
        agreement=agreement,
        parts=parts(fast, data),
        targets=_targets(kind, times, device),
        bias=_bias() if kind == "bfloat16" else [],
    )


def _invite(
    contestants: dict[str, Contestant], network: Callable[..., Network], kind: str, deepest: int
) -> tuple[list[Row], list[Agreement]]:
    """Add the installed libraries to the contestants. Returns rows for missing ones, and how far the others agree with ours."""
    from .contestants import LIBRARIES, agreement_of

    missing, agreement = [], []
    for name, (make, reset) in LIBRARIES.items():
        try:
            contestants[name] = make(network(reset, "auto", kind))
        except ImportError as absent:
            missing.append(Row(contestant=name, dtype=kind, note=f"not run: {absent}"))
            continue
        whole, layer = network(reset, "auto", "float64", depth=deepest), network(reset, "auto", "float32", depth=1)
        agreement += [agreement_of(name, make, n) for n in (whole, layer)]
    return missing, agreement


NO_CUDA = "torch sees no CUDA device here"


def sizes(device: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The sizes to run on this device: those given, and `SIZES` for the rest."""
    return SIZES[device.partition(":")[0]] | {name: value for name, value in given.items() if value is not None}


def _bias() -> list[Bias]:
    from .bfloat16 import bias_of_bfloat16

    return bias_of_bfloat16()


def _networks(*, width: int, depth: int, steps: int, batch: int, device: str) -> Callable[..., Network]:
    from ..networks.architecture import Architecture
    from ..networks.network import Network

    wanted = Architecture.of(width=width, depth=depth, steps=steps, leak=LEAK, gain=GAIN)

    def make(reset: str, backend: str, dtype: str, depth: int = depth) -> Network:
        architecture = wanted.but(reset=reset, depth=depth)
        return Network(architecture, batch=batch, device=device, dtype=dtype, backend=backend, keep=True)

    return make


def _row(name: str, dtype: str, times: Times, backend: str, device: str, operations: int) -> Row:
    from .interleaved import cost, medians, ratio

    clock, cpu = found = medians(times, name)
    over = ratio(times, name, BARE, device)
    return Row(
        contestant=name,
        dtype=dtype,
        seconds=clock,
        cpu=cpu,
        ratio=over,
        share=1 / over,
        teraflops=operations / found[cost(device)] / 1e12,
        speed=ratio(times, name, OURS, device),
        backend=backend,
        repetitions=len(times[name]),
        note=f"weights drawn anew: {1 / clock:.2f} draws a second, {1 / cpu:.2f} a CPU second" if name == DRAWS else "",
    )


def _targets(dtype: str, times: Times, device: str) -> list[Target]:
    from .interleaved import ratio

    return [
        Target(target=f"{name} / {over}", wanted=wanted, measured=ratio(times, name, over, device), at_most=over == BARE)
        for name, over, wanted in TARGETS.get((device.partition(":")[0], dtype), ())
        if name in times
    ]


def _usual(name: str) -> str:
    """The defaults of an option, for its help."""
    return "Default: " + ", ".join(f"{size[name]} on {device}" for device, size in SIZES.items()) + "."


@click.command("propagate")
@click.option("--width", type=int, help=f"Neurons per layer. {_usual('width')}")
@click.option("--depth", type=int, help=f"Layers. {_usual('depth')}")
@click.option("--batch", type=int, help=f"Input samples. {_usual('batch')}")
@click.option("--steps", type=int, help=f"Time steps T. {_usual('steps')}")
@click.option("--repetitions", type=int, default=5, show_default=True, help="Largest number of repetitions.")
@click.option(
    "--seconds", type=float, default=45, show_default=True, help="Time budget: no further repetition if it would exceed this."
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda.")
@click.option("--dtype", help=f"float32 or bfloat16. bfloat16 also reports its rounding error. {_usual('dtype')}")
@as_json
def command(as_json: bool, **settings: Any) -> None:
    """Forward and backward passes of deep LIF networks, beside SpikingJelly and snnTorch (all without weight gradients).

    Without a CUDA device, `--device cuda` runs nothing and says so.
    """
    from ..networks.device import check_dtype, choose
    from ..quiet import quiet_libraries

    quiet_libraries()
    import torch

    if settings["device"].partition(":")[0] == "cuda" and not torch.cuda.is_available():
        document = {"status": "not run", "reason": NO_CUDA, "settings": sizes("cuda", settings)}
        return emit(document, as_json, lambda console: console.print(f"not run: {NO_CUDA}"))
    settings["device"] = choose(settings["device"])
    settings = sizes(settings["device"], settings)
    check_dtype(settings["dtype"])
    with progress() as bar:
        task = bar.add_task("", total=(settings["repetitions"] + 1) * CONTESTANTS)
        result = run(**settings, advance=lambda what: bar.update(task, advance=1, description=what))
    document = {"status": "run", "settings": settings, **result.to_dict()}
    emit(document, as_json, lambda console: _show(console, settings, result))


def _show(console: Console, settings: dict[str, Any], result: Result) -> None:
    def text(value: float | None, form: str) -> str:
        return "" if value is None else format(value, form)

    console.print(", ".join(f"{name} {value}" for name, value in result.machine.items()))
    title = "LIF, arctan: " + ", ".join(f"{name} {value}" for name, value in settings.items())
    columns = ("", "backend", "ms", "CPU ms", "10¹²/s", "× bare products", "share", "× this", "rounds", "")
    cells = [
        (
            *(r.contestant, r.backend, *(text(value and 1e3 * value, ".1f") for value in (r.seconds, r.cpu))),
            *(text(r.teraflops, ".3g"), text(r.ratio, ".2f"), text(r.share, ".0%"), text(r.speed, ".2f")),
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
