"""Where a layer's current comes from, read off the autograd graph: the weights, the layers below, and what is in between.

The walk starts at the node of H at the first step, goes towards the input, and stops at other layers' spikes. The graph holds
the path that the data took, so the names and the nesting of modules do not matter.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from torch import Tensor

Node = Any


@dataclass
class Way:
    """What a walk met. `weights`: parameters of two or more dimensions, nearest first; `others`: the rest (biases, batch
    norms); `layers`: indices of the layers whose spikes arrive; `operations`: names of the nodes, nearest first."""

    weights: list[Tensor] = field(default_factory=list)
    others: list[Tensor] = field(default_factory=list)
    layers: set[int] = field(default_factory=set)
    from_input: bool = False
    operations: list[str] = field(default_factory=list)

    def passes(self, *words: str) -> bool:
        return any(word in operation for operation in self.operations for word in words)


def membrane(x: Tensor) -> tuple[Node, int] | None:
    """The graph's edge at which ∂L/∂H arrives: x = H − θ is a subtraction, whose first operand is H."""
    node = x.grad_fn
    if node is None:
        return None
    if node.name().startswith("SubBackward") and node.next_functions[0][0] is not None:
        return node.next_functions[0]
    return node, x.output_nr


def walk(start: Node, stops: Mapping[Node, int], source: Node | None, marks: Mapping[Node, str] = MappingProxyType({})) -> Way:
    """Walk breadth first from `start`. `stops`: node of a layer's spikes to its index; `source`: the node of the model's input;
    `marks`: names for nodes whose own name says too little."""
    way, seen, queue = Way(), {start}, deque([start])
    while queue:
        node = queue.popleft()
        if node in stops:
            way.layers.add(stops[node])
            continue
        if node is source:
            way.from_input = True
            continue
        variable = getattr(node, "variable", None)
        if variable is not None:
            (way.weights if variable.ndim >= 2 else way.others).append(variable)
            continue
        way.operations.append(marks.get(node) or node.name())
        for following in _next(node):
            if following not in seen:
                seen.add(following)
                queue.append(following)
    return way


def _next(node: Node) -> Iterable[Node]:
    return (following for following, _ in node.next_functions if following is not None)
