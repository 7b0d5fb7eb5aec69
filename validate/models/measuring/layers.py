"""The layers of a recorded run, in the order in which they first spike, each with what feeds it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from ikun_sym.errors import IkunError
from ikun_sym.schemes.fan import Fan

from .counts import counted
from .graph import Map, Way
from .recorder import Call, Recorded, Recorder
from .sequences import are_spikes, nodes_of, sequences_of
from .spike_function import Spike
from .tape import Product

POOLS = ("AvgPool", "MaxPool", "MeanBackward", "AdaptiveAvg", "AdaptiveMax", "pool")

LOOK = 3
"""So many first steps are walked: at the very first, the layers below may not have spiked."""

BatchNorm = nn.modules.batchnorm._BatchNorm  # pyright: ignore[reportPrivateUsage]  # the base of all has no public name


@dataclass(eq=False)
class Layer:
    """`index` from 0. `weight` [out, in, …], `owner`: the single weight that feeds the layer, and its module; None if there is
    none, or more than one without spikes in between, or if it is computed (weight norm, a mask), which `computed` then says.
    Where the user keeps it [in, out] it is a view of the parameter, so that what is written to it arrives. `between`: what
    changes the current or the spikes on the way, in words. `products`: with that weight, one a step, or the same for all steps.
    `bias`: the parameter that is added to their output. `height`: of one spike. `unlike`: why its spikes are not 0 and 1, once
    a step; "" if they are. `through`: whether the next membrane's gradient reaches these spikes, `raised`: whether that of the
    next threshold does (None: not known). `writer`: see `write`. `zeros`: names of the weights on the way, of products or of
    norms, that are all zero. `counts` [T, …]: spikes that are sent, whatever their sign and height."""

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
    computed: str = ""
    products: list[Product] = field(default_factory=list)
    bias: Tensor | None = None
    height: float = 1.0
    unlike: str = ""
    through: bool | None = None
    raised: bool | None = None
    writer: Callable[[Tensor], object] | None = None
    counts: Tensor = field(default_factory=lambda: torch.zeros(0))

    @property
    def steps(self) -> int:
        return len(self.calls)

    @property
    def neuron(self) -> str:
        return type(self.record.module).__name__

    @property
    def line(self) -> str:
        return self.calls[0].line

    @property
    def spike(self) -> Spike:
        """Its spike function, stepping at 0 and of height 1."""
        function = self.calls[0].spike or self.record.spike
        assert function is not None
        return function if self.height == 1 else lambda u: function(u) / self.height

    @property
    def values(self) -> Tensor | None:
        """The weights as they are used, also where they are computed and cannot be written."""
        return self.weight if self.weight is not None or not self.products else self.products[0].weight

    @property
    def fan(self) -> Fan | None:
        weight = self.values
        return None if weight is None else fan_of(weight, self.products[0].options if self.products else self.owner)

    def write(self, values: Tensor) -> str:
        """Give the layer these weights [out, in, …]. Returns "" or the reason why not."""
        if self.writer is None:
            return self.computed or "no single weight feeds it"
        with torch.no_grad():
            self.writer(values)
        return ""

    @property
    def pooled(self) -> bool:
        """Whether there is a pool on the way, and not only a mean that a norm subtracts."""
        return self.way.passes(*(word for word in POOLS if word != "MeanBackward"))

    def free(self) -> None:
        """Let go of the graph."""
        self.calls = [Call(call.x.detach(), call.spikes.detach(), spike=call.spike, line=call.line) for call in self.calls]
        self.record.calls = self.calls
        self.record.membranes.clear()
        self.way.past.clear()
        for product in {id(p): p for p in (*self.products, *self.way.products, *self.way.recurrent)}.values():
            product.input = product.input.detach()


def fan_of(weight: Tensor, made_by: nn.Module | dict[str, Any] | None) -> Fan:
    """fan_in = weights per output. Mean fan_out = weights per input channel / volume of the stride, without borders. PyTorch's
    own fan_out ignores groups and stride. `made_by`: a module, or the options of a convolution."""
    options = made_by if isinstance(made_by, dict) else {
        name: getattr(made_by, name, default) for name, default in (("groups", 1), ("stride", 1), ("transposed", False))
    }  # fmt: skip
    kernel = math.prod(weight.shape[2:])
    groups, stride = options.get("groups", 1), options.get("stride", 1)
    volume = math.prod(stride) if isinstance(stride, tuple | list) else stride ** max(weight.ndim - 2, 0)
    if options.get("transposed", False):
        return Fan(max(1, round(weight.shape[0] // groups * kernel / volume)), weight.shape[1] * kernel)
    return Fan(weight.shape[1] * kernel, weight.shape[0] / groups * kernel / volume)


def layers_of(model: nn.Module, recorder: Recorder, source: Any) -> tuple[list[Layer], Map]:
    """The layers in the order of their first spike, and the graph's map. Errors: no spiking neuron, or a forward pass without a
    graph."""
    if not recorder.records:
        raise IkunError(
            f"{type(model).__name__} has no spiking neuron that fires in its forward pass; known: neurons of SpikingJelly, "
            "snnTorch and Norse, and torch.autograd.Functions that give zeros and ones, or multiples of one number"
        )
    names = {
        module: name or type(module).__name__ for module, name in ((m, n) for n, m in reversed(list(model.named_modules())))
    }
    spikes: dict[Any, int] = {}
    found = Map(tape=recorder.tape, spikes=spikes, source=source)
    layers = [
        Layer(0, names[record.module], record, calls)
        for record, calls in sequences_of(recorder, found, spikes)
        if are_spikes(calls, record)
    ]
    if not layers:
        lines = ", ".join(sorted({call.line for call in recorder.order if call.line}))
        raise IkunError(
            f"no spike of {type(model).__name__} depends on its weights or input in the autograd graph; the forward pass must "
            f"not run under torch.no_grad, nor detach what reaches the spike function{f' at {lines}' if lines else ''}"
        )
    spikes.clear()
    for index, layer in enumerate(layers):
        layer.index = index
        spikes |= dict.fromkeys((node for call in layer.calls for node in nodes_of(call)), index)
    owned = {id(p): m for m in model.modules() for p in m.parameters(recurse=False)}
    named = {id(p): name for name, p in model.named_parameters()}
    for layer in layers:
        layer.counts, layer.height, layer.unlike = counted(layer.calls)
        _find_feed(layer, found, owned, named, model)
    return layers, found


def _find_feed(layer: Layer, found: Map, owned: dict[int, nn.Module], named: dict[int, str], model: nn.Module) -> None:
    own = {node for call in layer.calls for node, _ in call.trunk[:1]} | {
        node for call in layer.calls for node in nodes_of(call)
    }
    sent = {node for call in layer.calls for node in call.nodes}
    ways = [found.way(call.trunk[0][0], own) for call in layer.calls[:LOOK]]
    layer.way = way = ways[0]
    for later in ways[1:]:
        way.add(later)
    again = {id(p.parameters[0]) for p in way.recurrent if p.parameters}
    way.products = [p for p in way.products if not (p.parameters and id(p.parameters[0]) in again)]
    way.weights = [w for w in way.weights if id(w) not in again]
    way.layers.discard(layer.index)
    layer.recurrent = bool(way.recurrent)
    by_step = _by_step(way.products, layer.steps, found)
    way.products = by_step[:1] or way.products
    layer.through = bool(way.past & sent) if layer.steps > 1 and way.past else None
    if layer.steps > 1 and (node := layer.calls[1].argument.grad_fn) is not None:
        layer.raised = bool(found.way(node, own).past & sent)
    _weight(layer, owned, named, model)
    every = [p for p in (*way.weights, *way.others) if named.get(id(p), "").endswith("weight")]
    layer.zeros = [named[id(p)] for p in every if not bool(p.detach().any())]
    norms = {owned[id(p)] for p in way.others if id(p) in owned}
    norms = [m for m in norms if isinstance(m, BatchNorm)]
    layer.norm = norms[0] if len(norms) == 1 else None
    layer.between = _between(layer, bool(norms))
    if layer.products:
        first = layer.products[0]
        layer.products = by_step or [_product(found.way(call.trunk[0][0], own), first) or first for call in layer.calls]


def _by_step(products: list[Product], steps: int, found: Map) -> list[Product]:
    """Products that were made one by one, a step each, and then put together: no step shows which of them is its own. [] if
    these are no such ones."""
    if not 1 < len(products) == steps or not all(p.same_weight(products[0]) for p in products):
        return []
    for product in products:
        node = product.input.grad_fn
        if node is not None and any(p.same_weight(product) for p in found.way(node).products):
            return []  # one behind the other
    return sorted(products, key=list(found.tape.products.values()).index)


def _product(way: Way, like: Product) -> Product | None:
    return next((p for p in way.products if p.same_weight(like)), None)


def _weight(layer: Layer, owned: dict[int, nn.Module], named: dict[int, str], model: nn.Module) -> None:
    way = layer.way
    if len(way.products) == 1:
        product = way.products[0]
        layer.products, layer.bias = [product], product.bias
        main = product.parameter if product.parameter is not None else product.parameters[0]
        layer.weight_name, layer.owner = named.get(id(main), ""), owned.get(id(main))
        if product.parameter is None:
            of = " and ".join(named.get(id(p), "?") for p in product.parameters)
            layer.computed = f"its weights are computed from {of}"
            layer.writer = _of_parametrization(layer.weight_name, product, model)
        else:
            kept = tuple(product.weight.shape) == tuple(main.shape) and product.weight.stride() == main.stride()
            layer.weight = main if kept else product.weight
            layer.writer = layer.weight.detach().copy_
    elif not way.products and len(weights := [w for w in way.weights if id(w) in named]) == 1:
        layer.weight, layer.weight_name = weights[0], named[id(weights[0])]
        layer.writer = weights[0].detach().copy_
        layer.owner = owned.get(id(weights[0]))
        layer.bias = getattr(layer.owner, "bias", None)
    if layer.weight_name and layer.record.library is None and layer.owner is not layer.record.module:
        layer.name = layer.name if layer.calls[0].sent is not None else f"after {_owner_name(layer)}"


def _of_parametrization(name: str, product: Product, model: nn.Module) -> Callable[[Tensor], object] | None:
    """How to set a weight that torch's parametrizations compute and can take apart again (weight norm); None if they cannot."""
    path, found, rest = name.partition("parametrizations.")
    if not found:
        return None
    owner, tensor = model.get_submodule(path.rstrip(".")), rest.partition(".")[0]
    if not all(hasattr(one, "right_inverse") for one in getattr(owner.parametrizations, tensor)):
        return None
    turned = getattr(owner, tensor).shape != product.weight.shape
    return lambda values: setattr(owner, tensor, values.mT if turned else values)


def _owner_name(layer: Layer) -> str:
    """fcs.0 for fcs.0.weight; ws.1 for a parameter in a list."""
    owner, _, last = layer.weight_name.replace(".parametrizations.", ".").rpartition(".")
    if layer.computed:
        owner = owner.rpartition(".")[0]
    return f"{owner}.{last}" if last.isdigit() else owner or last


def _between(layer: Layer, normed: bool) -> list[str]:
    found = []
    way = layer.way
    weights = len(way.products) or len(way.weights)
    if normed or way.norm:
        found.append("batch norm" if normed else way.norm)
    if way.passes(*POOLS):
        found.append("pooling")
    if way.passes("dropout", "Dropout"):
        found.append("dropout")
    if weights > 1:
        found.append(f"{weights} weights")
    if len(way.layers) + way.from_input > 1:
        found.append("several sources")
    if layer.recurrent:
        found.append("recurrent weights")
    return found
