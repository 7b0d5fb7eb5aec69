"""Deep dense LIF networks forward and backward beside the libraries: the same weights and inputs, in one interleaved run.

Every contestant computes the spikes of the last layer and the gradient of a random readout with respect to the input of
the first; no one computes weight gradients. The yardstick is the bare matrix products that nobody can avoid.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import click

from ikun_sym.console import as_json, emit, table
from ikun_sym.errors import IkunError

if TYPE_CHECKING:
    from rich.console import Console
    from torch import Tensor

    from .network import Network
    from .precision import Bias

    Contestant = Callable[[list[Tensor], Tensor, Tensor], tuple[Tensor, Tensor]]

LEAK, GAIN = 0.5, 10.0
"""τ = 2, and weights at which some 15 to 30 % of the neurons fire at every depth."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """`seconds`: the median; `ratio`: the median over repetitions of its time to that of the bare products beside it.
    `spikes`, `gradient`: the share of last-layer spikes that differ from the eager network of the same reset, and the largest
    difference of the input gradient over its largest entry, in float64."""

    contestant: str
    dtype: str
    seconds: float | None = None
    ratio: float | None = None
    backend: str = ""
    spikes: float | None = None
    gradient: float | None = None
    note: str = ""


def products(weights: list[Tensor], x: Tensor, grad: Tensor) -> tuple[Tensor, Tensor]:
    """The 2 L products alone."""
    from .products import times

    for weight in weights:
        times(x, weight.T)
    for weight in reversed(weights):
        times(grad, weight)
    return x, grad


def ours(network: Network) -> Contestant:
    def run(weights: list[Tensor], x: Tensor, grad: Tensor) -> tuple[Tensor, Tensor]:
        from .products import times

        population, membranes = network.population, []
        for weight in weights:
            h, x, _, _ = population.forward(times(x, weight.T))
            membranes.append(h)
        for weight in reversed(weights):
            grad = times(population.adjoint(membranes.pop(), grad).grad_i, weight)
        return x, grad

    return run


def measured(network: Network) -> Contestant:
    """All that a draw measures, the drawing of weights apart."""

    def run(weights: list[Tensor], x: Tensor, grad: Tensor) -> tuple[Tensor, Tensor]:
        network.measure(weights, x, grad)
        return x, grad

    return run


def drawn(network: Network) -> Contestant:
    """A whole draw: weights, input and readout, and all that is measured."""

    def run(weights: list[Tensor], x: Tensor, grad: Tensor) -> tuple[Tensor, Tensor]:
        network.draw(0, 0)
        return x, grad

    return run


def _autograd(layer: Callable[[], Callable[[Tensor], Tensor]]) -> Contestant:
    """A library's neurons between the same products, differentiated by its own graph; weights need no gradient."""

    def run(weights: list[Tensor], x: Tensor, grad: Tensor) -> tuple[Tensor, Tensor]:
        import torch

        x = x.detach().requires_grad_()
        out = x
        for weight in weights:
            out = layer()((out.reshape(-1, out.shape[-1]) @ weight.T).view(*out.shape[:-1], -1))
        return out.detach(), torch.autograd.grad(out, x, grad)[0]

    return run


def spikingjelly(network: Network) -> Contestant:
    """LIFNode, decay_input=False, hard reset to 0, multi-step; its own fused operators where it has them."""
    from spikingjelly.activation_based import neuron, surrogate

    a = network.architecture

    def layer() -> Any:
        return neuron.LIFNode(
            tau=1 / (1 - a.leak),
            decay_input=False,
            v_threshold=a.threshold,
            v_reset=0.0,
            surrogate_function=surrogate.ATan(),
            detach_reset=a.detach,
            step_mode="m",
        )

    return _autograd(layer)


def snntorch(network: Network) -> Contestant:
    """Leaky, its default reset (subtract, one step later), whose gradient it always detaches."""
    import snntorch as snn
    import torch
    from snntorch import surrogate

    a = network.architecture

    def layer() -> Callable[[Tensor], Tensor]:
        leaky = snn.Leaky(beta=a.leak, threshold=a.threshold, spike_grad=surrogate.atan(), reset_mechanism="subtract")

        def run(current: Tensor) -> Tensor:
            spikes, mem = [], leaky.init_leaky().to(current.dtype)
            for i in current:
                spike, mem = leaky(i, mem)
                spikes.append(spike)
            return torch.stack(spikes).to(current.dtype)  # its spikes are float32 whatever comes in

        return run

    return _autograd(layer)


LIBRARIES = {"SpikingJelly": (spikingjelly, "hard"), "snnTorch": (snntorch, "delayed")}
"""Each library's network, and the reset of ours that is the same neuron."""


def run(
    *,
    width: int = 1024,
    depth: int = 20,
    batch: int = 64,
    steps: int = 8,
    device: str = "cpu",
    dtype: str = "float32",
    repetitions: int = 7,
) -> list[Row]:
    """One row per contestant."""
    import torch

    from .architecture import Architecture
    from .device import choose
    from .network import Network

    if repetitions < 1:
        raise IkunError(f"repetitions = {repetitions} is not allowed; it must be at least 1")
    device = choose(device)

    def network(reset: str, backend: str, in_dtype: str = dtype) -> Network:
        architecture = Architecture(width=width, depth=depth, steps=steps, leak=LEAK, gain=GAIN, reset=reset)
        return Network(architecture, batch=batch, device=device, dtype=in_dtype, backend=backend, keep=True)

    fast = network("hard", "auto")
    data = (list(fast.weights(0, 0)), fast._input(fast._stream(0, 0, 0)), fast._readout(fast._stream(0, 0, 1)).contiguous())
    contestants: dict[str, Contestant] = {"bare products": products, "this, eager": ours(network("hard", "eager"))}
    if fast.backend != "eager":
        contestants["this"] = ours(fast)
    contestants["this, all observables"] = measured(fast)
    contestants["this, draws"] = drawn(fast)
    rows, resets = [], {}
    for name, (make, reset) in LIBRARIES.items():
        try:
            contestants[name], resets[name] = make(network(reset, "auto")), reset
        except ImportError as missing:
            rows.append(Row(contestant=name, dtype=dtype, note=f"not run: {missing}"))
    times = _interleaved(contestants, data, repetitions, torch.device(device))
    for name, taken in times.items():
        ratio = statistics.median(t / bare for t, bare in zip(taken, times["bare products"], strict=True))
        spikes = gradient = None
        if name in resets:
            spikes, gradient = _agreement(LIBRARIES[name][0], network(resets[name], "auto", "float64"), batch)
        backend = fast.backend if name.startswith("this") and name != "this, eager" else ""
        rows.append(
            Row(
                contestant=name,
                dtype=dtype,
                seconds=statistics.median(taken),
                ratio=ratio,
                backend="eager" if name == "this, eager" else backend,
                spikes=spikes,
                gradient=gradient,
                note="with the drawing of its weights" if name == "this, draws" else "",
            )
        )
    if device == "cpu" and not torch.cuda.is_available():
        rows.append(Row(contestant="all of it on a GPU", dtype=dtype, note="not run: torch sees no CUDA device here"))
    return rows


def _interleaved(
    contestants: dict[str, Contestant], data: tuple[list[Tensor], Tensor, Tensor], repetitions: int, device: Any
) -> dict[str, list[float]]:
    """Seconds of each repetition; one round warms up and is not counted."""
    import torch

    times: dict[str, list[float]] = {name: [] for name in contestants}
    for repetition in range(repetitions + 1):
        for name, contestant in contestants.items():
            start = time.perf_counter()
            with torch.set_grad_enabled(name in LIBRARIES):
                contestant(*data)
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            if repetition:
                times[name].append(time.perf_counter() - start)
    return times


def _agreement(make: Callable[[Network], Contestant], network: Network, batch: int) -> tuple[float, float]:
    """With the library, in float64, where no spike is decided by rounding."""
    weights = [network._weights(network._stream(1, 0, 3, layer), layer) for layer in range(network.architecture.depth)]
    x = network._input(network._stream(1, 0, 0))
    grad = network._readout(network._stream(1, 0, 1)).contiguous()
    theirs, ours_ = make(network)(weights, x, grad), ours(network)(weights, x, grad)
    spikes = float((theirs[0] != ours_[0]).double().mean())
    return spikes, float((theirs[1] - ours_[1]).abs().max() / ours_[1].abs().max())


@click.command("propagate")
@click.option("--width", type=int, default=1024, show_default=True)
@click.option("--depth", type=int, default=20, show_default=True)
@click.option("--batch", type=int, default=64, show_default=True)
@click.option("--steps", type=int, default=8, show_default=True)
@click.option("--repetitions", type=int, default=7, show_default=True)
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda.")
@click.option("--dtype", default="float32", show_default=True, help="float32 or bfloat16; the latter with its bias.")
@as_json
def command(as_json: bool, **settings: Any) -> None:
    """Deep LIF networks forward and backward, beside SpikingJelly and snnTorch without weight gradients."""
    from .commands import quiet_libraries
    from .device import check_dtype
    from .precision import bias_of_bfloat16

    quiet_libraries()
    check_dtype(settings["dtype"])
    rows = run(**settings)
    bias = bias_of_bfloat16() if settings["dtype"] == "bfloat16" else []
    document = {"settings": settings, "rows": [asdict(row) for row in rows], "bias": [asdict(b) for b in bias]}
    emit(document, as_json, lambda console: _show(console, settings, rows, bias))


def _show(console: Console, settings: dict[str, Any], rows: list[Row], bias: list[Bias]) -> None:
    def text(value: float | None, form: str) -> str:
        return "" if value is None else format(value, form)

    columns = ("", "backend", "s", "× bare products", "spikes that differ", "gradient, relative", "")
    cells = [
        (
            *(r.contestant, r.backend, text(r.seconds, ".3f"), text(r.ratio, ".2f")),
            *(text(r.spikes, ".1e"), text(r.gradient, ".0e"), r.note),
        )
        for r in rows
    ]
    title = ", ".join(f"{name} {value}" for name, value in settings.items())
    console.print(table(f"LIF, arctan: {title}", columns, cells))
    for b in bias:
        console.print(f"{b.observable}: bfloat16 / float32 − 1 = {b.relative_bias:+.1e} ± {b.standard_error:.1e}")
