"""Where a layer's current comes from, read off the autograd graph: the weights, the layers below, and what is in between.

A walk starts at the node of H, goes towards the input, and stops at spikes. The graph holds the path that the data took, so the
names and the nesting of modules do not matter. On the way it may meet the layer's own past: without weights in between this is
the neuron's memory, through weights it is a recurrent connection.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from torch import Tensor

from .tape import Edge, Node, Product, Tape

SCALES = ("MulBackward", "DivBackward", "NegBackward")
"""Nodes that, with one input, only change the unit of a membrane."""

NORMS = {"BatchNorm": "batch norm", "batch_norm": "batch norm", "LayerNorm": "layer norm", "layer_norm": "layer norm",
         "GroupNorm": "group norm", "group_norm": "group norm", "instance_norm": "instance norm", "rms_norm": "rms norm",
         "RmsNorm": "rms norm", "RMSNorm": "rms norm", "of a norm": "a norm"}  # fmt: skip
"""Names of nodes and functions that normalise, in words."""

STATISTIC = "a mean of a norm"
"""What a mean is called that is subtracted or divided by: no pool."""


def trunk(x: Tensor, centred: bool) -> list[Edge]:
    """The graph's edges at which ∂L/∂H may arrive, nearest first: H is the first operand of the subtraction x = H − θ where the
    spike function steps at 0 (`centred`), else x itself; or the same before it was scaled."""
    edge: Edge = (x.grad_fn, x.output_nr)
    if x.grad_fn is None:
        return []
    if centred and edge[0].name().startswith("SubBackward") and edge[0].next_functions[0][0] is not None:
        edge = edge[0].next_functions[0]
    edges = [edge]
    while edge[0].name().startswith(SCALES):
        inside = [following for following in edge[0].next_functions if following[0] is not None]
        if len(inside) != 1 or hasattr(inside[0][0], "variable"):
            break
        edge = inside[0]
        edges.append(edge)
    return edges


@dataclass
class Way:
    """What a walk met. `products`: with weights, nearest first; `weights`: their parameters, or, where there are no products,
    all of two or more dimensions; `others`: the rest (biases, batch norms); `layers`: indices of the layers whose spikes
    arrive; `after`, `before`: names of the nodes between neuron and weights, and beyond; `past`: own earlier nodes reached
    without weights; `recurrent`: products that the layer's own spikes reach."""

    products: list[Product] = field(default_factory=list)
    weights: list[Tensor] = field(default_factory=list)
    others: list[Tensor] = field(default_factory=list)
    layers: set[int] = field(default_factory=set)
    from_input: bool = False
    after: list[str] = field(default_factory=list)
    before: list[str] = field(default_factory=list)
    past: set[Node] = field(default_factory=set)
    recurrent: list[Product] = field(default_factory=list)

    @property
    def norm(self) -> str:
        """What normalises between neuron and weights, in words; "" if nothing does."""
        return next((words for name, words in NORMS.items() if any(name in operation for operation in self.after)), "")

    @property
    def operations(self) -> list[str]:
        return self.after + self.before

    def passes(self, *words: str) -> bool:
        return any(word in operation for operation in self.operations for word in words)

    def add(self, other: Way) -> None:
        """What the walk from another step met, too."""
        self.products += [p for p in other.products if not any(p.same_weight(q) for q in self.products)]
        self.recurrent += [p for p in other.recurrent if not any(p.same_weight(q) for q in self.recurrent)]
        for mine, theirs in ((self.weights, other.weights), (self.others, other.others)):
            known = {id(one) for one in mine}
            mine += [one for one in theirs if id(one) not in known]
        for names, more in ((self.after, other.after), (self.before, other.before)):
            names += [name for name in more if name not in names]
        self.layers |= other.layers
        self.from_input |= other.from_input
        self.past |= other.past


@dataclass(frozen=True, kw_only=True)
class Map:
    """What a walk needs to know of the graph. `spikes`: node of a layer's spikes to its index; `source`: the node of the
    model's input."""

    tape: Tape
    spikes: Mapping[Node, int]
    source: Node | None

    def way(self, start: Node, own: Collection[Node] = ()) -> Way:
        """`own`: nodes of the layer's own membranes and spikes."""
        way = Way()
        near, leaves = self._walk(start, own, way, way.after)
        for product in near:
            inner = Way()
            far, beyond = self._beyond(product, own, inner)
            if inner.past:
                way.recurrent.append(product)
                continue
            way.products += [product, *far]
            way.layers |= inner.layers
            way.from_input |= inner.from_input
            way.before += inner.before
            way.others += beyond if product.bias is None else [product.bias, *beyond]
        made = [p for product in way.products for p in product.parameters]
        way.weights = list({id(p): p for p in made}.values()) or [p for p in leaves if p.ndim >= 2 and not way.recurrent]
        way.others += [p for p in leaves if p.ndim < 2]
        return way

    def _beyond(self, product: Product, own: Collection[Node], way: Way) -> tuple[list[Product], list[Tensor]]:
        """Further products and parameters between this one's input and spikes."""
        products: list[Product] = []
        leaves: list[Tensor] = []
        queue, seen = [product], {id(product)}
        while queue:
            node = queue.pop(0).input.grad_fn
            if node is None:
                continue
            near, more = self._walk(node, own, way, way.before)
            leaves += more
            for other in near:
                if id(other) not in seen:
                    seen.add(id(other))
                    products.append(other)
                    queue.append(other)
        return products, leaves

    def _walk(self, start: Node, own: Collection[Node], way: Way, names: list[str]) -> tuple[list[Product], list[Tensor]]:
        """Breadth first up to products, spikes, the input and the own past. Returns products and parameters; the rest is noted
        in `way`."""
        products: list[Product] = []
        leaves: list[Tensor] = []
        statistics: set[Node] = set()
        seen, queue = {start}, [start]
        for node in queue:
            if node in own and node is not start:
                way.past.add(node)
            elif node in self.spikes:
                way.layers.add(self.spikes[node])
            elif node is self.source:
                way.from_input = True
            elif (product := self.tape.products.get(node)) is not None:
                products.append(product)
            elif (variable := getattr(node, "variable", None)) is not None:
                leaves.append(variable)
            else:
                name = node.name()
                names.append(STATISTIC if node in statistics and name.startswith("Mean") else self.tape.marks.get(node) or name)
                centres, divides = name.startswith("Sub"), name.startswith(("Sqrt", "Rsqrt", "Pow"))
                for following in following_of(node):
                    if (
                        divides
                        or (centres and following.name().startswith("Mean"))
                        or (node in statistics and name.startswith(("Add", "Clamp")))
                    ):
                        statistics.add(following)
                    if following not in seen:
                        seen.add(following)
                        queue.append(following)
        return products, leaves

    def ends(self, node: Node) -> bool:
        """Whether a walk without weights stops here."""
        return node in self.spikes or node is self.source or node in self.tape.products or hasattr(node, "variable")


def following_of(node: Node) -> Iterator[Node]:
    return (following for following, _ in node.next_functions if following is not None)
