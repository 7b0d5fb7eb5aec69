"""The networks of `ikun benchmark train` and their data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor, nn

BARE, OURS = "bare products", "this"
CLASSES = 10


@dataclass(frozen=True, kw_only=True)
class Workload:
    """A network at work. `shape`: of an input at one step; `image`: it is the same at each, numbers in [0, 1], and else spikes
    at `input_rate`. `gain`: fan_in · Var(W) of linear layers, with which 10 to 20 % of the neurons fire; convolutions have
    torch's own weights. `targets`: (contestant, over, at least)."""

    model: str
    shape: tuple[int, ...]
    image: bool
    steps: int
    leak: float
    gain: float
    input_rate: float = 0.15
    batch: int = 128
    targets: tuple[tuple[str, str, float], ...] = field(default=())


WORKLOADS = {
    "mlp": Workload(
        model="mlp:depth=10,width=512",
        shape=(512,),
        image=False,
        steps=8,
        leak=0.5,
        gain=6.5,
        targets=(("SpikingJelly", OURS, 1.5), (BARE, OURS, 0.85)),
    ),
    "csnn": Workload(
        model="csnn:channels=32",
        shape=(1, 28, 28),
        image=True,
        steps=4,
        leak=1.0,
        gain=2.0,
        targets=(("SpikingJelly", OURS, 1.2),),
    ),
    "csnn, input that changes": Workload(
        model="csnn:channels=32",
        shape=(1, 28, 28),
        image=False,
        steps=4,
        leak=1.0,
        gain=2.0,
        input_rate=0.3,
        targets=(("SpikingJelly", OURS, 1.2),),
    ),
}
"""What is run. An image that is the same at every step meets the first convolution once; therefore it is run with an input that
changes as well."""


@dataclass(frozen=True, kw_only=True)
class Given:
    """Data of a workload, and its networks: all have the same weights."""

    workload: Workload
    x: Tensor
    target: Tensor

    def neuron(self, reset: str) -> Any:
        from ikun_sym.reading.neuron import Neuron

        return Neuron.of(leak=self.workload.leak, reset=reset)

    def network(self, reset: str, backend: str) -> nn.Module:
        import torch

        from ..training.models import build_model

        torch.manual_seed(0)
        model = build_model(self.workload.model, self.workload.shape, CLASSES, self.neuron(reset), backend=backend)
        for module in model.modules():
            if isinstance(module, torch.nn.Linear):
                torch.nn.init.normal_(module.weight, std=(self.workload.gain / module.in_features) ** 0.5)
        return model.to(self.x)


def drawn(workload: Workload, device: str, dtype: str = "float32", batch: int | None = None) -> Given:
    """Inputs, targets that are a class each. `batch`: the first samples alone."""
    import torch

    generator, count = torch.Generator().manual_seed(0), batch or workload.batch
    steps = 1 if workload.image else workload.steps
    x = torch.rand(steps, count, *workload.shape, generator=generator)
    x = x if workload.image else x < workload.input_rate
    target = torch.nn.functional.one_hot(torch.randint(0, CLASSES, (count,), generator=generator), CLASSES)
    kind = getattr(torch, dtype)
    return Given(
        workload=workload,
        x=x.to(device, kind).expand(workload.steps, *x.shape[1:]),
        target=target.to(device, kind),
    )


def rates(model: nn.Module, x: Tensor) -> list[float]:
    """Firing rate of each layer, in order."""
    import torch

    from ..training.spiking import SpikingLayer

    found: list[float] = []
    layers = [m for m in model.modules() if isinstance(m, SpikingLayer)]
    for layer in layers:
        layer.watch = lambda h, s: found.append(float(s.mean()))
    with torch.no_grad():
        model(x)
    for layer in layers:
        layer.watch = None
    return found
