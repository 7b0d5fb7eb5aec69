"""Unhealthy networks, small, by kind: what the advice of a diagnosis is tried on. Nothing here is special to the diagnosis."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .. import user_models as users
from ..reading import twins
from ..user_models import layer, neuron, norse, snntorch, snntorch_surrogate, surrogate

M: dict[str, Any] = {"step_mode": "m"}


def bernoulli(*shape: int, rate: float = 0.5, seed: int = 3) -> Tensor:
    return (torch.rand(shape, generator=torch.Generator().manual_seed(seed)) < rate).float()


@dataclass(frozen=True, kw_only=True)
class Ill:
    """`make`: the network; `x`: its example input."""

    make: Callable[[], nn.Module]
    x: Tensor


def scaled(model: nn.Module, weight: float = 1.0, *, bias: float | None = None, mean: float = 0.0) -> nn.Module:
    """Weights times a factor, plus a mean; biases set to a number."""
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.ndim >= 2:
                p.mul_(weight).add_(mean)
            elif bias is not None and ("bias" in name or name.startswith("bs")):
                p.fill_(bias)
    return model


def norms(model: nn.Module, weight: float, bias: float = 0.0) -> nn.Module:
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm | nn.LayerNorm | nn.GroupNorm):  # pyright: ignore[reportPrivateUsage]
                module.weight.fill_(weight)
                module.bias.fill_(bias)
    return model


class TdBN(nn.Module):
    """A batch norm by hand, over steps and samples."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.w, self.b = nn.Parameter(torch.full((width,), 0.25)), nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        mean, var = x.mean((0, 1), keepdim=True), x.var((0, 1), unbiased=False, keepdim=True)
        return self.w * (x - mean) / torch.sqrt(var + 1e-5) + self.b


def normed(norm: Callable[[int], nn.Module], width: int = 64, depth: int = 3, **settings: Any) -> nn.Module:
    parts: list[nn.Module] = []
    for _ in range(depth):
        settings = {"surrogate_function": surrogate.ATan(), "detach_reset": True, "decay_input": False} | settings
        parts += [layer.Linear(width, width, bias=False, **M), norm(width), neuron.LIFNode(**M, **settings)]
    return nn.Sequential(*parts)


def between(*middle: Callable[[], nn.Module], width: int = 64, depth: int = 3) -> nn.Module:
    """Something between the spikes and the weights of the next layer."""
    parts: list[nn.Module] = []
    for _ in range(depth):
        parts += [*(make() for make in middle), layer.Linear(width, width, **M), neuron.IFNode(**M)]
    return nn.Sequential(*parts)


def convolutions(channels: int = 8, *, norm: bool = True, pool: bool = False, depth: int = 2) -> nn.Module:
    parts: list[nn.Module] = []
    for index in range(depth):
        parts.append(layer.Conv2d(3 if index == 0 else channels, channels, 3, padding=1, bias=False, **M))
        parts += [layer.BatchNorm2d(channels, **M)] if norm else []
        parts += [layer.MaxPool2d(3, 2, 1, **M)] if pool and index else []
        parts.append(neuron.LIFNode(surrogate_function=surrogate.ATan(), detach_reset=True, **M))
    return nn.Sequential(*parts)


class ReadOut(nn.Module):
    """The last layer's membrane is the output."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, width), nn.Linear(width, 10)
        self.lif1 = snntorch.Leaky(beta=0.5, reset_mechanism="zero")
        self.li = snntorch.Leaky(beta=0.5, reset_mechanism="none")

    def forward(self, x: Tensor) -> Tensor:
        a, b, out = self.lif1.init_leaky(), self.li.init_leaky(), []
        for step in x:
            s, a = self.lif1(self.fc1(step), a)
            _, b = self.li(self.fc2(s), b)
            out.append(b)
        return torch.stack(out)


class InOut(nn.Module):
    """Weights [in, out], of unequal widths."""

    def __init__(self, sizes: tuple[int, ...] = (64, 128, 64, 64)) -> None:
        super().__init__()
        self.ws = nn.ParameterList(nn.Parameter(0.5 * torch.randn(i, o) / i**0.5) for i, o in pairwise(sizes))

    def forward(self, x: Tensor) -> Tensor:
        mem: list[Any] = [0.0] * len(self.ws)
        out = []
        for s in x:
            for k, w in enumerate(self.ws):
                h = 0.5 * mem[k] + s @ w
                s = users.Bump.apply(h - 1.0, 0.4)
                mem[k] = h * (1 - s.detach())
            out.append(s)
        return torch.stack(out)


class FunctionalNormed(twins.Net):
    """A norm without a weight, and a threshold four deviations up."""

    behind = 0.12

    def current(self, k: int, s: Tensor) -> Tensor:
        return self.behind * F.batch_norm(self.fcs[k](s), None, None, training=True)


class ScaledNorm(twins.BatchNormed):  # a factor behind the norm
    def current(self, k: int, s: Tensor) -> Tensor:
        return 0.2 * super().current(k, s)


class Narrow(twins.Net):  # f' is 0 further than 0.05 from the threshold
    def fire(self, h: Tensor) -> Tensor:
        return twins.Box.apply((h - twins.THETA) * 10)


class Zeroed(twins.Net):
    def make(self) -> None:
        super().make()
        for p in self.fcs[1].parameters():
            nn.init.zeros_(p)


class ZeroThreshold(twins.Net):
    def fire(self, h: Tensor) -> Tensor:
        return twins.Box.apply(h)

    def after(self, h: Tensor, s: Tensor) -> Tensor:
        return h * (1 - s.detach())


class AddedBias(twins.Net):
    """A bias that is no part of the product."""

    def make(self) -> None:
        super().make()
        self.fcs = nn.ModuleList(nn.Linear(self.width, self.width, bias=False) for _ in range(twins.DEPTH))
        self.offsets = nn.ParameterList(nn.Parameter(torch.full((self.width,), 1.5)) for _ in range(twins.DEPTH))

    def current(self, k: int, s: Tensor) -> Tensor:
        return self.fcs[k](s) + self.offsets[k]


class Residual(nn.Module):
    """s + branch(s), twice."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.parts = nn.ModuleList(
            nn.Sequential(layer.Linear(width, width, **M), neuron.IFNode(surrogate_function=surrogate.ATan(), **M))
            for _ in range(3)
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.parts[0](x)
        for part in list(self.parts)[1:]:
            x = x + part(x)
        return x


def net(kind: type[twins.Net], gain: float = 1.0, **of_kind: Any) -> Callable[[], nn.Module]:
    return lambda: scaled(kind(), gain, **of_kind)


def jelly(depth: int = 4, width: int = 64, node: Any = None, weight: float = 1.0, bias: float | None = None,
          mean: float = 0.0, **settings: Any) -> Callable[[], nn.Module]:  # fmt: skip
    return lambda: scaled(users.jelly_mlp(depth, width, node, **settings), weight, bias=bias, mean=mean)


def snn(depth: int = 4, width: int = 64, weight: float = 1.0, bias: float | None = None, mean: float = 0.0,
        **settings: Any) -> Callable[[], nn.Module]:  # fmt: skip
    return lambda: scaled(users.SnnTorchMLP(depth, width, **settings), weight, bias=bias, mean=mean)


ILLS: dict[str, Ill] = {}


def ill(name: str, make: Callable[[], nn.Module], *shape: int, rate: float = 0.5) -> None:
    ILLS[name] = Ill(make=make, x=bernoulli(*shape, rate=rate))


# SpikingJelly
ill("jelly-if", jelly(), 1, 32, 64)
ill("jelly-lif", jelly(node=neuron.LIFNode), 4, 32, 64)
ill("jelly-lif-soft", jelly(node=neuron.LIFNode, v_reset=None), 4, 32, 64)
ill("jelly-plif", jelly(node=neuron.ParametricLIFNode), 4, 32, 64)
ill("jelly-bias", jelly(bias=3.0), 1, 32, 64)
ill("jelly-mean", jelly(mean=0.2), 4, 32, 64)
ill(
    "jelly-mean-no-bias",
    lambda: nn.Sequential(
        *(p for _ in range(3) for p in (scaled(layer.Linear(64, 64, bias=False, **M), 3, mean=0.2), neuron.IFNode(**M)))
    ),
    2,
    32,
    64,
)
ill("jelly-steep", jelly(20, weight=4.6, bias=0.0, surrogate_function=surrogate.ATan(alpha=16.0)), 1, 32, 64)
ill("jelly-flat", jelly(20, weight=4.6, bias=0.0, surrogate_function=surrogate.ATan(alpha=1.0)), 1, 32, 64)
ill("jelly-large", jelly(12, weight=40.0, bias=0.0, surrogate_function=surrogate.PiecewiseQuadratic(alpha=4.0)), 1, 32, 64)
ill(
    "jelly-undetached",
    jelly(12, node=neuron.IFNode, weight=5.0, bias=0.0, surrogate_function=surrogate.ATan(alpha=8.0)),
    8,
    16,
    64,
)
ill("jelly-hidden-sum", Residual, 1, 32, 64)
ill("jelly-dropout", lambda: between(lambda: layer.Dropout(0.5, **M)), 2, 32, 64)
ill("jelly-pool", lambda: between(lambda: nn.AvgPool1d(3, 1, 1)), 2, 32, 64)
ill("jelly-conv", lambda: convolutions(norm=False, depth=3), 4, 4, 3, 10, 10)
ill("jelly-conv-bn", lambda: norms(convolutions(depth=3), 0.2), 4, 4, 3, 10, 10)
ill("jelly-pool-after-norm", lambda: norms(convolutions(pool=True), 0.2), 4, 4, 3, 10, 10)
ill("jelly-bn-bias", lambda: norms(convolutions(depth=3), 0.5, 6.0), 4, 4, 3, 10, 10)
ill("jelly-layer-norm", lambda: norms(normed(nn.LayerNorm), 0.25), 4, 32, 64)
ill("jelly-hand-norm", lambda: normed(TdBN), 4, 32, 64)
ill("jelly-csnn", lambda: users.csnn(8, 12), 2, 4, 1, 12, 12)
ill(
    "jelly-norm-steep",
    lambda: norms(normed(nn.LayerNorm, depth=10, surrogate_function=surrogate.ATan(alpha=30.0)), 1.2),
    4,
    16,
    64,
)
# snnTorch
ill("snn-leaky", snn(), 4, 32, 64)
ill("snn-leaky-0.9", snn(beta=0.9), 10, 16, 64, rate=0.3)
ill("snn-zero-reset", snn(beta=0.8, reset_mechanism="zero"), 6, 16, 64)
ill("snn-synaptic", lambda: scaled(users.SnnTorchSynaptic(3, 64), 0.1), 6, 16, 64)
ill("snn-closure", users.snntorch_closure, 4, 16, 128)
ill("snn-bias", snn(bias=2.0), 4, 32, 64)
ill("snn-mean", snn(mean=0.15), 4, 32, 64)
ill("snn-steep", snn(12, weight=6.0, bias=0.0, spike_grad=snntorch_surrogate.atan(20.0)), 2, 16, 64)
ill("snn-fast", snn(12, weight=6.0, bias=0.0, spike_grad=snntorch_surrogate.fast_sigmoid(25)), 2, 16, 64)
ill("snn-read-out", lambda: scaled(ReadOut(), 0.2), 4, 32, 64)
ill("snn-weak-threshold", snn(beta=0.5, threshold=0.01, mean=0.02), 4, 32, 64)
# Norse
ill("norse-lif", lambda: norse.SequentialState(*(p for _ in range(3) for p in (nn.Linear(64, 64), norse.LIF()))), 10, 16, 64)
ill("norse-tanh", lambda: users.norse_mlp(4, 64, "tanh", 1.0), 4, 16, 64)
ill("norse-box", lambda: users.NorseBox(3, 64), 6, 16, 64)
ill("norse-super", lambda: scaled(users.norse_mlp(30, 64, "super", 100.0), 60.0, bias=0.0), 4, 16, 64)
# plain torch
ill("plain-mlp", lambda: users.plain_mlp(3, 64), 4, 32, 64)
ill("plain-functional", lambda: users.Functional(64), 4, 32, 64)
for _name, _kind in (
    ("own-threshold-inside", twins.ThresholdInside), ("own-threshold-argument", twins.ThresholdArgument),
    ("own-in-out", twins.Kept), ("own-cell", twins.CellOwned), ("own-weight-norm", twins.WeightNorm),
    ("own-factor", twins.Factor), ("own-tall", twins.TallInside), ("own-decaying", twins.Decaying),
    ("own-delayed", twins.Delayed), ("own-old-first", twins.OldFirst), ("own-recurrent", twins.Recurrent),
    ("own-used-twice", twins.UsedTwice), ("own-dropout", twins.Dropped), ("own-pool", twins.Pooled),
    ("own-adaptive", twins.Adaptive), ("own-unknown", twins.Unknown), ("own-ternary", twins.Ternary),
    ("own-learned-threshold", twins.ThresholdLearned), ("own-asked-twice", twins.AskedTwice),
):  # fmt: skip
    ill(_name, net(_kind, 0.2), 4, 32, 48)
ill("own-batch-norm", lambda: norms(twins.BatchNormed(), 0.15), 4, 32, 48)
ill("own-batch-norm-function", FunctionalNormed, 4, 32, 48)
ill("own-factor-after-norm", lambda: norms(ScaledNorm(), 0.8), 4, 32, 48)
ill("own-sizes-in-out", InOut, 4, 32, 64)
ill("own-zeros", Zeroed, 4, 32, 48)
ill("own-zero-threshold", net(ZeroThreshold, 1.0, bias=9.0), 4, 32, 48)
ill("own-added-bias", AddedBias, 4, 32, 48)
ill("own-bias", net(twins.Net, 1.0, bias=6.0), 4, 32, 48)
ill("own-cell-bias", net(twins.CellOwned, 1.0, bias=6.0), 4, 32, 48)
ill("own-in-out-mean", net(twins.Kept, 1.0, mean=0.2), 4, 32, 48)
ill("own-unknown-bias", net(twins.Unknown, 1.0, bias=6.0), 4, 32, 48)
ill("own-ternary-large", net(twins.Ternary, 50.0), 4, 32, 48)
ill("own-narrow", net(Narrow, 8.0), 4, 32, 48)
ill("own-large", net(twins.Net, 200.0), 4, 32, 48)
