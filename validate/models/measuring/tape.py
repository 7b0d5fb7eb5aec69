"""What the functions of torch that a forward pass calls give, and which of them are products with weights.

The autograd graph holds the path that the data took, but not the values on it. The tape keeps the values, by the edge of the
graph at which they arise, and reads each product with weights: which argument is the weight, and in which order it is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.overrides import TorchFunctionMode

Node = Any
Edge = tuple[Node, int]

MARKED = ("dropout", "pool", "norm")
"""Functions whose nodes in the graph are ordinary sums and products."""


@dataclass(eq=False)
class Product:
    """One product of data with weights. `weight` [out, in, …]: its values as they are used, a view of `parameter`'s memory
    where it can be written in place. `parameters`: all that the weight is made of. `options`: of a convolution. `inside`: ids
    of the modules that run."""

    weight: Tensor
    parameters: tuple[Tensor, ...]
    input: Tensor
    output: Tensor
    bias: Tensor | None
    options: dict[str, Any]
    inside: frozenset[int] = frozenset()

    @property
    def parameter(self) -> Tensor | None:
        """The parameter that holds the weights themselves; None where they are computed (weight norm, a mask)."""
        if len(self.parameters) != 1:
            return None
        (only,) = self.parameters
        same = only.data_ptr() == self.weight.data_ptr() and only.numel() == self.weight.numel()
        return only if same else None

    def same_weight(self, other: Product) -> bool:
        return [*map(id, self.parameters)] == [*map(id, other.parameters)]


Read = Callable[[tuple[Any, ...], dict[str, Any], Callable[[Any], bool]], tuple[Tensor, Tensor, Tensor | None, dict[str, Any]]]
"""(arguments, keywords, whether a tensor is made of parameters) to (weight [out, in, …], input, bias, options). Errors: any."""


def _argument(args: tuple[Any, ...], keywords: dict[str, Any], place: int, name: str, default: Any = None) -> Any:
    return args[place] if len(args) > place else keywords.get(name, default)


def _linear(args: Any, keywords: Any, made: Any) -> Any:
    weight = _argument(args, keywords, 1, "weight")
    return weight, _argument(args, keywords, 0, "input"), _argument(args, keywords, 2, "bias"), {}


def _convolution(transposed: bool) -> Read:
    names = (
        ("stride", "padding", "output_padding", "groups", "dilation")
        if transposed
        else ("stride", "padding", "dilation", "groups")
    )
    default = {"stride": 1, "padding": 0, "output_padding": 0, "groups": 1, "dilation": 1}

    def read(args: Any, keywords: Any, made: Any) -> Any:
        options = {name: _argument(args, keywords, 3 + i, name, default[name]) for i, name in enumerate(names)}
        return *_linear(args, keywords, made)[:3], {"transposed": transposed, **options}

    return read


def _matmul(args: Any, keywords: Any, made: Any) -> Any:
    """x W, W kept [in, out]; or W x."""
    left, right = args[0], _argument(args, keywords, 1, "other", keywords.get("mat2", keywords.get("input")))
    if made(right):
        return right.mT, left, None, {}
    return left, right, None, {"last": True}


def _reversed(args: Any, keywords: Any, made: Any) -> Any:
    return _matmul((args[1], args[0]), {}, made)


def _addmm(args: Any, keywords: Any, made: Any) -> Any:
    weight, x, _, options = _matmul(args[1:3], {}, made)
    return weight, x, args[0], options


def _einsum(args: Any, keywords: Any, made: Any) -> Any:
    """The weight's index that the result has not is the one that is summed."""
    equation, *tensors = args
    left, right = tensors[0] if isinstance(tensors[0], list | tuple) else tensors
    sources, _, result = equation.replace(" ", "").partition("->")
    first, second = sources.split(",")
    weight, x, letters = (right, left, second) if made(right) else (left, right, first)
    summed = [letter not in result for letter in letters]
    if len(letters) != 2 or sum(summed) != 1:
        raise ValueError(equation)
    return (weight if summed[1] else weight.mT), x, None, {"last": not result.endswith(letters[summed.index(False)])}


def _tensordot(args: Any, keywords: Any, made: Any) -> Any:
    if _argument(args, keywords, 2, "dims", 2) != 1:
        raise ValueError("dims")
    return _matmul(args, keywords, made)


READERS: dict[str, Read] = {
    "linear": _linear,
    **{f"conv{n}d": _convolution(False) for n in (1, 2, 3)},
    **{f"conv_transpose{n}d": _convolution(True) for n in (1, 2, 3)},
    **dict.fromkeys(("matmul", "mm", "__matmul__"), _matmul),
    "__rmatmul__": _reversed,
    "addmm": _addmm,
    "einsum": _einsum,
    "tensordot": _tensordot,
}
"""The name of a function that multiplies by weights, and how its arguments are read."""

IN_PLACE = ("__setitem__", "__iadd__", "__isub__", "__imul__", "__itruediv__")


class Tape(TorchFunctionMode):
    """`values`: what arose at an edge. `products`: by the node of their output. `marks`: names for nodes that do not show what
    they are. `stops`: nodes behind which there is data, not weights."""

    def __init__(self, parameters: Iterable[Tensor], stops: set[Node], running: Callable[[], frozenset[int]]) -> None:
        super().__init__()
        self.values: dict[Edge, Tensor] = {}
        self.products: dict[Node, Product] = {}
        self.marks: dict[Node, str] = {}
        self._parameters = {id(p): p for p in parameters}
        self._stops, self._running = stops, running

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name, keywords = getattr(func, "__name__", ""), kwargs or {}
        if name in IN_PLACE or (name.endswith("_") and not name.endswith("__")):
            self._keep(args)
        out = func(*args, **keywords)
        if isinstance(out, Tensor):
            self.add(out, name)
            if name in READERS and out.grad_fn is not None:
                self._product(name, args, keywords, out)
        elif isinstance(out, tuple | list):
            for one in out:
                if isinstance(one, Tensor):
                    self.add(one, name)
        return out

    def add(self, out: Tensor, name: str = "") -> None:
        node = out.grad_fn
        if node is None:
            return
        self.values[node, out.output_nr] = out
        if any(word in name for word in MARKED):
            self.marks[node] = name

    def _keep(self, args: tuple[Any, ...]) -> None:
        """Copy a value that is about to change in place."""
        if args and isinstance(args[0], Tensor) and (node := args[0].grad_fn) is not None:
            edge = (node, args[0].output_nr)
            if edge in self.values:
                self.values[edge] = args[0].detach().clone()

    def _product(self, name: str, args: tuple[Any, ...], keywords: dict[str, Any], out: Tensor) -> None:
        try:
            weight, x, bias, options = READERS[name](args, keywords, self._is_weight)
        except (ValueError, TypeError, IndexError, AttributeError):
            return
        if isinstance(weight, Tensor) and isinstance(x, Tensor) and weight.ndim >= 2 and self._is_weight(weight):
            made_of = tuple(self._made_of(weight) or ())
            self.products[out.grad_fn] = Product(weight.detach(), made_of, x, out, bias, options, self._running())

    def _is_weight(self, tensor: Any) -> bool:
        return isinstance(tensor, Tensor) and tensor.ndim >= 2 and bool(self._made_of(tensor))

    def _made_of(self, tensor: Tensor) -> list[Tensor] | None:
        """The model's parameters that this is made of; None where data are in it."""
        if id(tensor) in self._parameters:
            return [tensor]
        if tensor.grad_fn is None:
            return None
        found: dict[int, Tensor] = {}
        seen, queue = {tensor.grad_fn}, [tensor.grad_fn]
        while queue:
            node = queue.pop()
            if node in self.products or node in self._stops:
                return None
            variable = getattr(node, "variable", None)
            if variable is not None:
                found[id(variable)] = variable
            for following, _ in node.next_functions:
                if following is not None and following not in seen:
                    seen.add(following)
                    queue.append(following)
        return [p for key, p in found.items() if key in self._parameters]
