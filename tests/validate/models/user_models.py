"""Networks as users build them, in three libraries and in plain torch: what the diagnosis is shown. Nothing here is special to
it; each is a function without arguments that is needed, so that the command line can name it too."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
from torch import Tensor, nn

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the libraries' own chatter on import
    for library in ("spikingjelly", "snntorch", "norse"):
        pytest.importorskip(library, reason="needs the extra `interop`")
    import norse.torch as norse
    import snntorch
    from norse.torch.functional.lif import LIFParameters
    from norse.torch.functional.lif_box import LIFBoxParameters
    from snntorch import surrogate as snntorch_surrogate
    from spikingjelly.activation_based import layer, neuron, surrogate


def jelly_mlp(depth: int = 50, width: int = 256, node: Any = None, **settings: Any) -> nn.Module:
    """[T, B, width], PyTorch's default weights."""
    node = node or neuron.IFNode
    settings = {"step_mode": "m"} | settings
    parts = []
    for _ in range(depth):
        parts += [layer.Linear(width, width, step_mode="m"), node(**settings)]
    return nn.Sequential(*parts)


class SnnTorchMLP(nn.Module):
    """[T, B, width] to the last layer's spikes, with the usual loop over the steps."""

    def __init__(self, depth: int = 50, width: int = 256, **settings: Any) -> None:
        super().__init__()
        settings = {"beta": 0.5} | settings
        self.fcs = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
        self.lifs = nn.ModuleList(snntorch.Leaky(**settings) for _ in range(depth))

    def forward(self, x: Tensor) -> Tensor:
        mems = [lif.init_leaky() for lif in self.lifs]  # type: ignore[operator]
        out = []
        for step in x:
            for index, (fc, lif) in enumerate(zip(self.fcs, self.lifs, strict=True)):
                # snnTorch's spikes are float32, whatever came in
                step, mems[index] = lif(fc(step.to(x.dtype)), mems[index])
            out.append(step.to(x.dtype))
        return torch.stack(out)


class SnnTorchSynaptic(nn.Module):
    """The same with synaptic currents, and states kept in the modules."""

    def __init__(self, depth: int = 4, width: int = 128) -> None:
        super().__init__()
        self.fcs = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
        self.lifs = nn.ModuleList(snntorch.Synaptic(alpha=0.7, beta=0.6, init_hidden=True) for _ in range(depth))

    def forward(self, x: Tensor) -> Tensor:
        out = []
        for step in x:
            for fc, lif in zip(self.fcs, self.lifs, strict=True):
                step = lif(fc(step.to(x.dtype)))
            out.append(step.to(x.dtype))
        return torch.stack(out)


def norse_mlp(depth: int = 50, width: int = 256, method: str = "super", alpha: float = 100.0, **values: float) -> nn.Module:
    parts = []
    for _ in range(depth):
        tensors = {name: torch.as_tensor(value) for name, value in values.items()}
        p = LIFParameters(method=method, alpha=torch.as_tensor(alpha), **tensors)  # type: ignore[arg-type]
        parts += [nn.Linear(width, width), norse.LIF(p)]
    return norse.SequentialState(*parts)


class NorseBox(nn.Module):
    """Cells without synapse, stepped by hand."""

    def __init__(self, depth: int = 3, width: int = 128) -> None:
        super().__init__()
        self.fcs = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
        p = LIFBoxParameters(tau_mem_inv=torch.as_tensor(500.0))
        self.cells = nn.ModuleList(norse.LIFBoxCell(p) for _ in range(depth))

    def forward(self, x: Tensor) -> Tensor:
        states: list[Any] = [None] * len(self.fcs)
        out = []
        for step in x:
            for index, (fc, cell) in enumerate(zip(self.fcs, self.cells, strict=True)):
                step, states[index] = cell(fc(step), states[index])
            out.append(step)
        return torch.stack(out)


def csnn(channels: int = 16, size: int = 12, classes: int = 10) -> nn.Module:
    """The two-convolution network of arXiv 2411.18250, smaller: conv-BN-IF-pool twice, two linear-IF layers."""
    m: dict[str, Any] = {"step_mode": "m"}
    atan = surrogate.ATan
    return nn.Sequential(
        layer.Conv2d(1, channels, 3, padding=1, bias=False, **m),
        layer.BatchNorm2d(channels, **m),
        neuron.IFNode(surrogate_function=atan(), **m),
        layer.MaxPool2d(2, 2, **m),
        layer.Conv2d(channels, channels, 3, padding=1, bias=False, **m),
        layer.BatchNorm2d(channels, **m),
        neuron.IFNode(surrogate_function=atan(), **m),
        layer.MaxPool2d(2, 2, **m),
        layer.Flatten(**m),
        layer.Linear(channels * (size // 4) ** 2, 64, bias=False, **m),
        neuron.IFNode(surrogate_function=atan(), **m),
        layer.Linear(64, classes, bias=False, **m),
        neuron.IFNode(surrogate_function=atan(), **m),
    )


class SEWBlock(nn.Module):
    """Fang et al. 2021: spikes of the branch plus spikes of the block below."""

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        m: dict[str, Any] = {"step_mode": "m"}

        def half(a: int, b: int, s: int, kernel: int = 3) -> nn.Sequential:
            conv = layer.Conv2d(a, b, kernel, stride=s, padding=kernel // 2, bias=False, **m)
            return nn.Sequential(conv, layer.BatchNorm2d(b, **m), neuron.IFNode(surrogate_function=surrogate.ATan(), **m))

        self.one, self.two = half(inside, outside, stride), half(outside, outside, 1)
        self.short = nn.Identity() if stride == 1 and inside == outside else half(inside, outside, stride, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.two(self.one(x)) + self.short(x)


def sew_resnet18(width: int = 8, classes: int = 10) -> nn.Module:
    """[T, B, 3, s, s]: a stem, four stages of two blocks, one linear readout."""
    m: dict[str, Any] = {"step_mode": "m"}
    parts: list[nn.Module] = [
        layer.Conv2d(3, width, 3, padding=1, bias=False, **m),
        layer.BatchNorm2d(width, **m),
        neuron.IFNode(surrogate_function=surrogate.ATan(), **m),
    ]
    inside = width
    for stage in range(4):
        for block in range(2):
            outside = width * 2**stage
            parts.append(SEWBlock(inside, outside, 2 if stage and not block else 1))
            inside = outside
    parts += [layer.AdaptiveAvgPool2d(1, **m), layer.Flatten(**m), layer.Linear(inside, classes, **m)]
    return nn.Sequential(*parts)


class Bump(torch.autograd.Function):
    """A surrogate that no registry holds."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, width: float) -> Tensor:  # type: ignore[override]
        ctx.save_for_backward(x)
        ctx.width = width
        return (x >= 0).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:  # type: ignore[override]
        (x,) = ctx.saved_tensors
        return grad * torch.exp(-x.abs() / ctx.width) * (1 + 0.5 * torch.sin(3 * x)), None


spike = Bump.apply  # as most users keep it


class PlainLIF(nn.Module):
    """A neuron of the user's own: leaky, hard reset, detached; [T, B, n]."""

    def __init__(self, leak: float = 0.75, threshold: float = 0.9) -> None:
        super().__init__()
        self.leak, self.height = leak, threshold

    def forward(self, current: Tensor) -> Tensor:
        v, out = torch.zeros_like(current[0]), []
        for step in current:
            h = self.leak * v + step
            s = spike(h - self.height, 0.4)
            v = h * (1 - s.detach())  # type: ignore[union-attr]
            out.append(s)
        return torch.stack(out)


def plain_mlp(depth: int = 3, width: int = 128) -> nn.Module:
    parts: list[nn.Module] = []
    for _ in range(depth):
        parts += [nn.Linear(width, width), PlainLIF()]
    return nn.Sequential(*parts)


class Functional(nn.Module):
    """No neuron modules at all: one forward function."""

    def __init__(self, width: int = 128) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        v = [torch.zeros_like(x[0]), torch.zeros_like(x[0])]
        out = []
        for s in x:
            for index, fc in enumerate((self.first, self.second)):
                h = 0.5 * v[index] + fc(s)
                s = Bump.apply(h - 1.0, 0.4)
                v[index] = h - s.detach()  # type: ignore[union-attr]
            out.append(s)
        return torch.stack(out)


def snntorch_closure() -> nn.Module:
    """snnTorch neurons with a closure in place of a library surrogate."""
    return SnnTorchMLP(3, 128, spike_grad=lambda x: Bump.apply(x, 0.4))


def snntorch_sigmoid() -> nn.Module:
    """slope 25: the library's gradient is NaN from x = −3.42 in float32."""
    return SnnTorchMLP(3, 128, spike_grad=snntorch_surrogate.sigmoid(25))
