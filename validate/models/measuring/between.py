"""What lies between spikes, weights and neuron, in numbers: what the weights receive, and what becomes of what they give."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.graph import GradientEdge

from .graph import Map
from .layers import Layer
from .tape import Edge, Node, Product

SAME = 1e-5
"""Relative rounding in which a constant factor is a constant."""

CANCELS, PASSES = 0.1, 0.9
"""Share of a current that may change with the size of the weights where a norm cancels it: its eps lets a little through; and
much where little arrives, at what is a norm by its name."""

ROUNDING = 100.0
"""What differs between samples by less than ten units in the last place does not differ."""

ENOUGH = 2**16
"""So many numbers show whether a factor is one number."""

PIECES = ("SelectBackward", "UnbindBackward", "SplitBackward")
MOVES = ("PermuteBackward", "TransposeBackward")


@dataclass(eq=False)
class Between:
    """`input`, `output`: of the weights, by step [T, …], None if it cannot be told which part belongs to which step. `factor`:
    the current is this times `output`, up to a constant; None where it is no such number. `height`: √(E[x²]/E[s²]) of the
    weights' input x and the spikes s below: the height of a spike where it is sent; 1 where there is no such number.
    `scale_free`: the current does not change with the size of the weights, as behind a norm. `constant` [n, …]: current −
    factor · output, one for each neuron."""

    input: Tensor | None = None
    output: Tensor | None = None
    factor: float | None = None
    height: float = 1.0
    scale_free: bool = False
    constant: Tensor | None = None


def between(layer: Layer, layers: list[Layer], currents: list[Tensor] | None, found: Map) -> Between:
    """`currents`: of every step, at the neuron. The graph must still be there."""
    if not layer.products:
        return Between()
    received, given = _by_step(layer, currents, found)
    result = Between(input=received, output=given)
    result.height = _height(layer, layers, received)
    if currents is None:
        return result
    normed = layer.norm is not None and (layer.norm.training or not layer.norm.track_running_stats)
    if normed or (layer.way.norm and not any(bool(current.detach().any()) for current in currents)):
        result.scale_free = True  # by its name; elsewhere it is measured
    elif given is not None and given[0].shape == currents[0].shape:
        result.factor, result.constant = _factor(given, currents)
        if result.factor is None and not bool((given - given[:, :1]).any()):
            result.factor = _slope(currents[0], layer.products[0])
    if result.factor is None and not result.scale_free and (layer.way.norm or not layer.recurrent):
        # beside strong recurrent currents these weights would seem not to count
        largest = max(range(len(currents)), key=lambda step: float(currents[step].detach().square().sum()))
        share = _scaling(currents[largest], layer.products[largest])
        result.scale_free = share is not None and share < (PASSES if layer.way.norm else CANCELS)
    return result


def _by_step(layer: Layer, currents: list[Tensor] | None, found: Map) -> tuple[Tensor | None, Tensor | None]:
    products = list({id(p): p for p in layer.products}.values())
    inputs, outputs = [p.input.detach() for p in products], [p.output for p in products]
    if len(products) == layer.steps:
        x, y = _stacked(inputs), _stacked(outputs)
    elif len(products) != 1 or currents is None or (lead := _lead(layer, currents[0], products[0], found)) is None:
        return None, None
    else:
        x, y = _moved(inputs[0], lead), _moved(outputs[0], lead)
    if y is not None and currents is not None and y[0].numel() == currents[0].numel():
        y = y.reshape(layer.steps, *currents[0].shape)
    return x, y


def _stacked(tensors: list[Tensor]) -> Tensor | None:
    return torch.stack(tensors) if len({tensor.shape for tensor in tensors}) == 1 else None


def _moved(tensor: Tensor, lead: tuple[int, ...]) -> Tensor | None:
    """Time, the last axis of `lead`, first; the axes of `lead` may be one."""
    if tensor.shape[: len(lead)] == lead:
        return tensor.movedim(len(lead) - 1, 0)
    if len(lead) == 1 and tensor.shape[0] % lead[0] == 0:
        return tensor.reshape(lead[0], -1, *tensor.shape[1:])
    if tensor.shape[0] == math.prod(lead):
        return tensor.reshape(*lead, *tensor.shape[1:]).movedim(len(lead) - 1, 0)
    return None


def _lead(layer: Layer, current: Tensor, product: Product, found: Map) -> tuple[int, ...] | None:
    """Sizes of the product's first axes, up to and with that of time; None if the graph does not tell."""
    if current.grad_fn is None:
        return None
    path = _path((current.grad_fn, current.output_nr), product.edge[0])
    axis: int | None = None
    sizes: tuple[int, ...] = ()
    for node, _ in path:
        name = node.name()
        inside = node.next_functions[0] if node.next_functions else (None, 0)
        value = found.tape.values.get(inside)
        if name.startswith(PIECES):
            if axis is not None:
                return None
            axis = _dimension(node)
            if axis < 0 and value is None:
                return None
            axis, sizes = axis % (value.ndim if value is not None else axis + 1), () if value is None else tuple(value.shape)
        elif name.startswith(MOVES) and axis is not None:
            if value is None:
                return None
            axis, sizes = _axis_before(node, axis, value.ndim), tuple(value.shape)
    if axis is None:
        return None
    if axis == 0:
        return (layer.steps,)
    return sizes[: axis + 1] if len(sizes) > axis and sizes[axis] == layer.steps else None


def _dimension(node: Any) -> int:
    """Saved as an unsigned number."""
    axis = int(node._saved_dim)
    return axis - 2**64 if axis >= 2**63 else axis


def _axis_before(node: Any, axis: int, count: int) -> int:
    if node.name().startswith("Permute"):
        dims = [(d - 2**64 if d >= 2**63 else d) % count for d in node._saved_dims]
        return dims[axis]
    one, other = ((d - 2**64 if d >= 2**63 else d) % count for d in (node._saved_dim0, node._saved_dim1))
    return {one: other, other: one}.get(axis, axis)


def _path(start: Edge, end: Node) -> list[Edge]:
    """The shortest path in the graph, without its end; [] if there is none."""
    before: dict[Node, tuple[Node, Edge] | None] = {start[0]: None}
    queue = [start]
    for edge in queue:
        if edge[0] is end:
            break
        for following in edge[0].next_functions:
            if following[0] is not None and following[0] not in before:
                before[following[0]] = (edge[0], edge)
                queue.append(following)
    if end not in before:
        return []
    path: list[Edge] = []
    step = before[end]
    while step is not None:
        path.append(step[1])
        step = before[step[0]]
    return path[::-1]


def _height(layer: Layer, layers: list[Layer], received: Tensor | None) -> float:
    way = layer.way
    if received is None or way.from_input or len(way.layers) != 1 or len(way.products) != 1:
        return 1.0
    values = _some(received.flatten()).abs()
    largest = float(values.max())
    if not largest or not bool(((values == 0) | (values >= largest * (1 - SAME))).all()):
        return 1.0
    if "dropout" not in layer.between:
        return float(f"{largest:.6g}")
    (below,) = way.layers
    sent = float(layers[below].counts.double().square().mean())
    return math.sqrt(float(received.double().square().mean()) / sent) if sent else 1.0


def _factor(given: Tensor, currents: list[Tensor]) -> tuple[float | None, Tensor | None]:
    """(factor, constant) if currents = factor · given + a constant of each neuron, exactly, as far as some neurons show."""
    samples = (0, 1) if given.ndim > 2 else (0,)
    y = _few(given, len(samples)).double()
    i = torch.stack([_few(current.detach(), len(samples) - 1, given.numel()) for current in currents]).double()
    if torch.equal(y, i):
        return 1.0, None
    spread, rest = y - y.mean(dim=samples, keepdim=True), i - i.mean(dim=samples, keepdim=True)
    square = float(spread.square().sum())
    if not square > 0:
        return None, None
    factor = float((spread * rest).sum()) / square
    room = max(SAME, 4 * torch.finfo(given.dtype).eps)
    largest = max(float(i.abs().max()), abs(factor) * float(y.abs().max()))
    if float((rest - factor * spread).abs().max()) > room * largest:
        return None, None
    if float((i - factor * y).mean(dim=samples).abs().max()) <= room * largest:
        return float(f"{factor:.6g}"), None
    whole = torch.stack([current.detach() for current in currents])
    return float(f"{factor:.6g}"), (whole - factor * given).double().mean(dim=samples)


def _slope(current: Tensor, product: Product) -> float | None:
    """The factor where nothing arrives that would show it: ∂Σi/∂y, if it is the same everywhere; 0 behind a norm. One product
    may hold the currents of all steps, of which one is asked."""
    gradient = _gradient(current, product, torch.ones_like(current))
    if gradient is None:
        return None
    if gradient.shape != current.shape:
        gradient = gradient[gradient != 0]
    if gradient.numel() != current.numel():
        return None
    least, most = map(float, torch.aminmax(gradient))
    return float(f"{most:.6g}") if least > 0 and most - least <= SAME * most else None


def _gradient(current: Tensor, product: Product, direction: Tensor) -> Tensor | None:
    """Of ⟨direction, current⟩ in the output of the weights."""
    if current.grad_fn is None:
        return None
    edge = GradientEdge(*product.edge)
    try:
        return torch.autograd.grad(current, [edge], direction, retain_graph=True, allow_unused=True)[0]
    except RuntimeError:
        return None


def _few(tensor: Tensor, samples: int, count: int = 0) -> Tensor:
    """Some of its neurons; `samples`: number of axes that are none; `count`: of the whole, whose part this is."""
    flat = tensor.flatten(samples) if tensor.ndim > samples + 1 else tensor
    return flat[..., :: max(1, (count or flat.numel()) // ENOUGH) | 1]


def _some(flat: Tensor) -> Tensor:
    return flat[:: max(1, len(flat) // ENOUGH) | 1]


def _scaling(current: Tensor, product: Product) -> float | None:
    """Σ y ∂⟨r, i⟩/∂y over ⟨r, i⟩, y the weights' output and r the current relative to its mean over the samples: 1 where the
    current is linear in the weights, 0 where it does not change with their size; None where nothing arrives but the same for
    all samples, as from biases alone."""
    centred = current.detach()
    if len(centred) > 1:
        centred = centred - centred.mean(dim=0, keepdim=True)
    size = float(centred.double().square().sum())
    if not size > ROUNDING * torch.finfo(current.dtype).eps ** 2 * float(current.detach().double().square().sum()):
        return None
    gradient = _gradient(current, product, centred)
    return None if gradient is None else float((gradient.double() * product.output.double()).sum()) / size


def padding_share(options: dict[str, Any], size: torch.Size, kernel: torch.Size) -> float:
    """Mean share of a convolution's taps that fall on its input of this size, not on its zero padding."""
    if options.get("transposed") or isinstance(options.get("padding", ""), str):
        return 1.0
    share = 1.0
    for axis, (n, k) in enumerate(zip(size, kernel, strict=True)):
        stride, padding, dilation = (_at(options[name], axis) for name in ("stride", "padding", "dilation"))
        starts = np.arange(-padding, n + padding - dilation * (k - 1), stride)
        taps = starts[:, None] + dilation * np.arange(k)[None, :]
        share *= float(((taps >= 0) & (taps < n)).mean())
    return share


def _at(value: Any, axis: int) -> int:
    return int(value if isinstance(value, int) else value[axis if len(value) > 1 else 0])
