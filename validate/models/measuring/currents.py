"""The current of each step, where the neuron is no library's module: what enters the membrane beside its own past.

From H the graph is followed to where it leaves what depends on the neuron's own past. What arises there, of the membrane's
shape, is the current, whatever is between it and the weights: norms, pools, gains. At the first step there is no past; there
the current is what was made in the same way as at the second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .graph import Map
from .layers import Layer
from .tape import Edge, Node

MOST_PARTS = 4
"""Sums of more currents are not taken apart."""


@dataclass(eq=False)
class Entering:
    """Follows the paths from a layer's membranes. `own`: nodes of its membranes and spikes."""

    map: Map
    own: set[Node]

    def __post_init__(self) -> None:
        self._past: dict[Node, bool] = {}
        self._made: dict[Node, int] = {}

    def parts(self, root: Edge) -> list[Edge]:
        """Edges at which the paths from this membrane leave its own past; the membrane itself if it has none."""
        if not self.remembers(root[0]):
            return [root]
        found: dict[Edge, None] = {}
        seen, queue = {root[0]}, [root[0]]
        for node in queue:
            for edge in _edges(node):
                if edge[0] in self.own:
                    continue
                if not self.remembers(edge[0]):
                    found[edge] = None
                elif edge[0] not in seen:
                    seen.add(edge[0])
                    queue.append(edge[0])
        return list(found)

    def all_of(self, root: Edge) -> Iterator[Edge]:
        """Every edge from this membrane to weights, spikes and input, nearest first."""
        seen, queue = {root}, [root]
        for edge in queue:
            yield edge
            if not self.map.ends(edge[0]):
                for following in _edges(edge[0]):
                    if following not in seen and following[0] not in self.own:
                        seen.add(following)
                        queue.append(following)

    def remembers(self, root: Node) -> bool:
        """Whether the own past is reached from here without weights."""

        def combined(node: Node, inside: list[bool]) -> bool:
            return any(inside) or any(edge[0] in self.own for edge in _edges(node))

        return self._folded(root, self._past, combined, lambda node: False)

    def made(self, root: Node) -> int:
        """Equal where the same functions made it of the same weights."""

        def combined(node: Node, inside: list[int]) -> int:
            return hash((node.name(), *inside))

        return self._folded(root, self._made, combined, lambda node: hash(self._end(node)))

    def _folded(
        self, root: Node, known: dict[Node, Any], combined: Callable[[Node, list[Any]], Any], end: Callable[[Node], Any]
    ) -> Any:
        """Bottom up, without recursion: paths through time are long."""
        queue = [root]
        while queue:
            node = queue[-1]
            if node in known:
                queue.pop()
                continue
            if self.map.ends(node):
                known[node] = end(node)
                queue.pop()
                continue
            inside = [edge[0] for edge in _edges(node) if edge[0] not in self.own]
            missing = [following for following in inside if following not in known]
            if missing:
                queue += missing
                continue
            known[node] = combined(node, [known[following] for following in inside])
            queue.pop()
        return known[root]

    def _end(self, node: Node) -> Any:
        product = self.map.tape.products.get(node)
        if product is not None:
            return ("weights", *(id(p) for p in product.parameters))
        variable = getattr(node, "variable", None)
        return id(variable) if variable is not None else ("spikes", self.map.spikes.get(node, -1))


def currents_of(layer: Layer, found: Map) -> Iterator[list[Tensor]]:
    """Candidates for the currents of all steps, the likeliest first. None of them need be right: the reading is replayed."""
    own = {node for call in layer.calls for node in (call.trunk[0][0], *call.nodes)}
    entering = Entering(found, own)
    shape = layer.calls[0].x.shape
    steps = [_tensors(entering, entering.parts(call.trunk[0]), shape) for call in layer.calls]
    roots = [call.trunk[0] for call in layer.calls]
    if not any(entering.remembers(root[0]) for root in roots):
        yield from _alike(entering, roots, shape)
        return
    later = steps[1:]
    count = len(later[0]) if later else 0
    if not 0 < count <= MOST_PARTS or any(len(step) != count for step in later):
        return
    made = [entering.made(edge[0]) for edge, _ in later[0]]
    first = {entering.made(edge[0]): value for edge, value in _tensors(entering, entering.all_of(roots[0]), shape)}
    if all(key in first for key in made):
        yield from _summed(layer, [[first[key] for key in made], *([value for _, value in step] for step in later)])
        return
    if count == 1:
        for _, value in _tensors(entering, entering.all_of(roots[0]), shape):
            yield [value, *(step[0][1] for step in later)]


def _alike(entering: Entering, roots: list[Edge], shape: torch.Size) -> Iterator[list[Tensor]]:
    """Where no membrane is seen to remember: everything between it and the weights that was made alike at every step, from the
    weights on."""
    per_step = []
    for root in roots:
        found: dict[int, Tensor] = {}
        for edge, value in _tensors(entering, entering.all_of(root), shape):
            found.setdefault(entering.made(edge[0]), value)
        per_step.append(found)
    for key in reversed(per_step[-1]):
        if all(key in found for found in per_step):
            yield [found[key] for found in per_step]


def _tensors(entering: Entering, edges: Iterable[Edge], shape: torch.Size) -> list[tuple[Edge, Tensor]]:
    """Those of the membrane's shape."""
    found = ((edge, entering.map.tape.values.get(edge)) for edge in edges)
    return [(edge, value) for edge, value in found if value is not None and value.shape == shape]


def _summed(layer: Layer, steps: list[list[Tensor]]) -> Iterator[list[Tensor]]:
    """One current a step: the only part, or the sum of all with the factors with which they enter the first membrane."""
    if len(steps[0]) == 1:
        yield [step[0] for step in steps]
        return
    parts = torch.stack(
        [part.detach().double().flatten() for part in steps[0]] + [torch.ones(steps[0][0].numel()).double()], dim=1
    )
    x = layer.calls[0].x.detach().double().flatten()
    factors = torch.linalg.lstsq(parts, x[:, None]).solution[:-1, 0]
    yield [sum((part * float(f) for part, f in zip(step, factors, strict=True)), torch.zeros_like(step[0])) for step in steps]


def _edges(node: Node) -> Iterator[Edge]:
    return ((following, place) for following, place in node.next_functions if following is not None)
