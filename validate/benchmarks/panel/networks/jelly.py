"""Networks written for SpikingJelly, multi-step."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor, nn

from .statement import IMAGES, NETWORKS, Network, Shape, of_rates

M: dict[str, Any] = {"step_mode": "m"}


class Averaged(nn.Module):
    """What the layers give, averaged over the steps: of a linear layer or of spikes."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x).mean(0)


def _if(**settings: Any) -> nn.Module:
    from spikingjelly.activation_based import neuron, surrogate

    return neuron.IFNode(surrogate_function=surrogate.ATan(), **M, **settings)


def _lif(**settings: Any) -> nn.Module:
    from spikingjelly.activation_based import neuron, surrogate

    return neuron.LIFNode(surrogate_function=surrogate.ATan(), **M, **settings)


def mlp(depth: int, node: Any = _if, *, norm: bool = False, spiking: bool = False, width: int = 96) -> Any:
    def build(shape: Shape, classes: int) -> nn.Module:
        from spikingjelly.activation_based import layer

        parts: list[nn.Module] = [layer.Flatten(**M)]
        inputs = math.prod(shape)
        for _ in range(depth):
            parts.append(layer.Linear(inputs, width, bias=not norm, **M))
            parts += [layer.BatchNorm1d(width, **M)] if norm else []
            parts.append(node())
            inputs = width
        parts.append(layer.Linear(inputs, classes, **M))
        return Averaged(*parts, *([node()] if spiking else []))

    return build


def csnn(norm: bool, channels: int = 8) -> Any:
    """The two-convolution network of arXiv 2411.18250, smaller."""

    def build(shape: Shape, classes: int) -> nn.Module:
        from spikingjelly.activation_based import layer

        parts: list[nn.Module] = []
        inside, size = shape[0], shape[1]
        for _ in range(2):
            parts.append(layer.Conv2d(inside, channels, 3, padding=1, bias=False, **M))
            parts += [layer.BatchNorm2d(channels, **M)] if norm else []
            parts += [_if(), layer.MaxPool2d(2, 2, **M)]
            inside, size = channels, size // 2
        hidden = 8 * channels
        parts += [layer.Flatten(**M), layer.Linear(inside * size**2, hidden, bias=False, **M), _if()]
        return Averaged(*parts, layer.Linear(hidden, classes, bias=False, **M), _if())

    return build


def deep_convolution(shape: Shape, classes: int, channels: int = 8) -> nn.Module:
    """Four convolutions without norm, soft reset, learnt leaks; strides instead of pools."""
    from spikingjelly.activation_based import layer, neuron, surrogate

    parts: list[nn.Module] = []
    inside, size = shape[0], shape[1]
    for stride in (2, 1, 2, 1):
        parts.append(layer.Conv2d(inside, channels, 3, padding=1, stride=stride, **M))
        parts.append(neuron.ParametricLIFNode(v_reset=None, surrogate_function=surrogate.ATan(), decay_input=False, **M))
        inside, size = channels, math.ceil(size / stride)
    return Averaged(*parts, layer.Flatten(**M), layer.Linear(inside * size**2, classes, **M))


class Sum(nn.Module):
    """Spike-element-wise: spikes of the branch plus spikes of the block below (Fang et al. 2021)."""

    def __init__(self, channels: int) -> None:
        from spikingjelly.activation_based import layer

        super().__init__()

        def half() -> list[nn.Module]:
            conv = layer.Conv2d(channels, channels, 3, padding=1, bias=False, **M)
            return [conv, layer.BatchNorm2d(channels, **M), _if()]

        self.branch = nn.Sequential(*half(), *half())

    def forward(self, x: Tensor) -> Tensor:
        return self.branch(x) + x


def sew(shape: Shape, classes: int, channels: int = 8, blocks: int = 2) -> nn.Module:
    from spikingjelly.activation_based import layer

    stem = [layer.Conv2d(shape[0], channels, 3, padding=1, stride=2, bias=False, **M), layer.BatchNorm2d(channels, **M), _if()]
    pool = layer.AdaptiveAvgPool2d(2, **M)
    return Averaged(
        *stem, *(Sum(channels) for _ in range(blocks)), pool, layer.Flatten(**M), layer.Linear(4 * channels, classes, **M)
    )


JELLY = "spikingjelly"
ATAN = "arctan surrogate"
for one in (
    Network(name="jelly-mlp-2", summary=f"2 dense layers of 96, IF, {ATAN}, linear read-out", build=mlp(2)),
    Network(name="jelly-mlp-5", summary=f"5 dense layers of 96, IF, {ATAN}, linear read-out", build=mlp(5)),
    Network(name="jelly-mlp-10", summary=f"10 dense layers of 96, IF, {ATAN}, linear read-out", build=mlp(10)),
    Network(name="jelly-lif-4", summary=f"4 dense layers of 96, LIF, tau 2, {ATAN}, linear read-out", build=mlp(4, _lif)),
    Network(name="jelly-one-step", summary=f"4 dense layers of 96, IF, {ATAN}, one step", build=mlp(4), steps=1, tasks=IMAGES),
    Network(
        name="jelly-mlp-norm",
        summary=f"3 dense layers of 96 with batch norm, IF, {ATAN}, spiking read-out, mean square of rates",
        build=mlp(3, norm=True, spiking=True),
        loss=of_rates,
    ),
    Network(
        name="jelly-csnn",
        summary=f"the network of arXiv 2411.18250 with 8 channels, without norm, {ATAN}, mean square of rates, SGD",
        build=csnn(norm=False),
        tasks=IMAGES,
        loss=of_rates,
        optimizer="sgd",
        lr=0.1,
    ),
    Network(
        name="jelly-csnn-norm",
        summary=f"the same with batch norm, {ATAN}, mean square of rates, SGD",
        build=csnn(norm=True),
        tasks=IMAGES,
        loss=of_rates,
        optimizer="sgd",
        lr=0.1,
    ),
    Network(
        name="jelly-conv-4",
        summary=f"4 convolutions of 8 channels, learnt leak, soft reset, {ATAN}, linear read-out",
        build=deep_convolution,
        tasks=IMAGES,
    ),
    Network(
        name="jelly-sew",
        summary=f"SEW, 2 blocks of 8 channels with batch norm, {ATAN}, linear read-out",
        build=sew,
        tasks=IMAGES,
    ),
):
    NETWORKS.register(Network(**{**vars(one), "package": JELLY}))
