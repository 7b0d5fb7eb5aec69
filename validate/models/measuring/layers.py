"""The layers of a recorded run, in the order in which they first spike, each with what feeds it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from ikun_sym.errors import IkunError
from ikun_sym.schemes.fan import Fan

from .graph import Way, membrane, walk
from .recorder import Call, Recorded, Recorder

POOLS = ("AvgPool", "MaxPool", "MeanBackward", "AdaptiveAvg", "AdaptiveMax")

BatchNorm = nn.modules.batchnorm._BatchNorm  # pyright: ignore[reportPrivateUsage]  # the base of all has no public name


@dataclass(eq=False)
class Layer:
    """`index` from 0. `weight`, `owner`: the single weight that feeds the layer, and its module; None if there is none, or more
    than one without spikes in between. `between`: what changes the current or the spikes on the way, in words."""

    index: int
    name: str
    record: Recorded
    calls: list[Call]
    way: Way = field(default_factory=Way)
    recurrent: bool = False
    weight: Tensor | None = None
    weight_name: str = ""
    owner: nn.Module | None = None
    norm: BatchNorm | None = None
    between: list[str] = field(default_factory=list)
    zeros: list[str] = field(default_factory=list)

    @property
    def steps(self) -> int:
        return len(self.calls)

    @property
    def neuron(self) -> str:
        return type(self.record.module).__name__

    @property
    def fan(self) -> Fan | None:
        return None if self.weight is None else fan_of(self.weight, self.owner)


def fan_of(weight: Tensor, owner: nn.Module | None) -> Fan:
    """fan_in = weights per output. Mean fan_out = weights per input channel / volume of the stride, without borders. PyTorch's
    own fan_out ignores groups and stride."""
    kernel = math.prod(weight.shape[2:])
    groups, stride = getattr(owner, "groups", 1), getattr(owner, "stride", 1)
    volume = math.prod(stride) if isinstance(stride, tuple) else stride ** max(weight.ndim - 2, 0)
    if getattr(owner, "transposed", False):
        return Fan(max(1, round(weight.shape[0] // groups * kernel / volume)), weight.shape[1] * kernel)
    return Fan(weight.shape[1] * kernel, weight.shape[0] / groups * kernel / volume)


def layers_of(model: nn.Module, recorder: Recorder, source: Any) -> list[Layer]:
    """The layers in the order of their first spike. Errors: no spiking neuron, or a forward pass without a graph."""
    if not recorder.records:
        raise IkunError(
            f"{type(model).__name__} has no spiking neuron that fires in its forward pass; known: neurons of SpikingJelly, "
            "snnTorch and Norse, and torch.autograd.Functions that give zeros and ones"
        )
    owners = {id(p): (name, m) for name, m in model.named_modules() for p in m.parameters(recurse=False)}
    named = {id(p): name for name, p in model.named_parameters()}
    names = {module: name or type(module).__name__ for name, module in reversed(list(model.named_modules()))}
    layers = [Layer(0, names[r.module], r, calls) for r in recorder.records.values() for calls in _split(r, recorder)]
    order = {id(call): place for place, call in enumerate(recorder.order)}
    layers.sort(key=lambda layer: order[id(layer.calls[0])])
    stops = {}
    for index, layer in enumerate(layers):
        layer.index = index
        for call in layer.calls:
            sent = call.spikes if call.sent is None else call.sent
            if sent.grad_fn is not None:
                stops[sent.grad_fn] = index
    for layer in layers:
        _find_feed(layer, stops, source, owners, named, recorder.marks)
    return layers


def _split(record: Recorded, recorder: Recorder) -> list[list[Call]]:
    """One module's calls, grouped into layers. In plain torch one module may serve several layers; the weights that feed the
    calls tell them apart."""
    if record.library is not None:
        return [record.calls]
    stops = {c.spikes.grad_fn: 0 for r in recorder.records.values() for c in r.calls if c.spikes.grad_fn is not None}
    groups: dict[Any, list[Call]] = {}
    for call in record.calls:
        edge = membrane(call.x)
        weights = walk(edge[0], stops, None).weights if edge else []
        groups.setdefault((id(weights[0]) if weights else None, tuple(call.x.shape)), []).append(call)
    return list(groups.values())


def _find_feed(
    layer: Layer,
    stops: dict[Any, int],
    source: Any,
    owners: dict[int, tuple[str, nn.Module]],
    named: dict[int, str],
    marks: dict[Any, str],
) -> None:
    edge = membrane(layer.calls[0].x)
    if edge is None:
        raise IkunError(f"layer {layer.name}: its membrane has no graph; the forward pass must not run under torch.no_grad")
    layer.way = way = walk(edge[0], stops, source, marks)
    own = {id(p) for p in layer.record.module.parameters(recurse=False)}
    weights = [w for w in way.weights if id(w) in named and id(w) not in own]
    if layer.steps > 1 and (later := membrane(layer.calls[1].x)) is not None:
        again = walk(later[0], stops, source)
        known = {id(w) for w in way.weights}
        layer.recurrent = any(id(w) in named and id(w) not in known for w in again.weights) or (
            layer.calls[0].sent is not None and layer.index in again.layers
        )
    if len(weights) == 1:
        layer.weight = weights[0]
        layer.weight_name = named.get(id(weights[0]), "")
        _, layer.owner = owners.get(id(weights[0]), ("", None))
        if layer.record.library is None and layer.owner is not None and layer.owner is not layer.record.module:
            layer.name = layer.name if layer.calls[0].sent is not None else f"after {layer.weight_name.rpartition('.')[0]}"
    every = [p for p in (*way.weights, *way.others) if named.get(id(p), "").endswith("weight")]
    layer.zeros = [named[id(p)] for p in every if not bool(p.detach().any())]
    norms = {owners[id(p)][1] for p in way.others if id(p) in owners}
    norms = [m for m in norms if isinstance(m, BatchNorm)]
    layer.norm = norms[0] if len(norms) == 1 else None
    layer.between = _between(layer, weights, bool(norms))


def _between(layer: Layer, weights: list[Tensor], normed: bool) -> list[str]:
    found = []
    way = layer.way
    if normed or way.passes("BatchNorm"):
        found.append("batch norm")
    if way.passes(*POOLS):
        found.append("pooling")
    if way.passes("Dropout"):
        found.append("dropout")
    if len(weights) > 1:
        found.append(f"{len(weights)} weights")
    if len(way.layers) + way.from_input > 1:
        found.append("several sources")
    if layer.recurrent:
        found.append("recurrent weights")
    return found
