"""Record a forward pass: arguments x = H − θ and spikes of every spike function, inputs of every neuron, products with weights.

Library neurons are found before the run and tapped by their reader. In plain torch, a neuron is the module that calls an
`autograd.Function` which turns a tensor into zeros and ones of the same shape, or into multiples of one number; or its parent,
if the module does nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from ..libraries import Library, Tapped
from ..libraries.reader import library_of
from .graph import trunk
from .source_line import here
from .spike_function import Spike, Stepped, in_levels, stepped
from .tape import Edge, Node, Tape

OWN = __name__.partition(".")[0] + "."
"""Begins the names of this package's modules."""


@dataclass(eq=False)
class Call:
    """One step of one neuron layer. `x`: argument of the spike function, relative to where it steps. `sent`: the spikes as
    other layers see them, without the layer's own reset. `current`: the neuron's input. `raw`: the argument as it was;
    `centred`: whether the function steps at 0. `line`: of the user's code. `trunk`: where H may be in the graph. `others`:
    further calls on the same membrane (spikes of the other sign). `nodes`: of all its spikes. The tensors keep the graph alive
    until the run is evaluated."""

    x: Tensor
    spikes: Tensor
    sent: Tensor | None = None
    step: int | None = None
    current: Tensor | None = None
    raw: Tensor | None = None
    centred: bool = True
    spike: Spike | None = None
    line: str = ""
    trunk: list[Edge] = field(default_factory=list)
    others: list[Call] = field(default_factory=list)
    nodes: set[Node] = field(default_factory=set)

    @property
    def argument(self) -> Tensor:
        """The tensor that is in the graph."""
        return self.x if self.raw is None else self.raw

    @property
    def counts(self) -> Tensor:
        """How many spikes, with their sign where one call gives both."""
        if not self.others:
            return self.spikes.detach()
        return torch.stack([call.spikes.detach().abs() for call in (self, *self.others)]).sum(dim=0)


@dataclass(eq=False)
class Recorded:
    """A neuron layer: module, its reader (None: plain torch), its spike function and calls in order. `plain`: what it does is
    known by its declaration, and its weights are elsewhere."""

    module: nn.Module
    library: Library | None
    spike: Spike | None = None
    plain: bool = False
    calls: list[Call] = field(default_factory=list)
    membranes: dict[Edge, Call] = field(default_factory=dict)


@dataclass(eq=False)
class _Frame:
    module: nn.Module
    argument: Tensor | None
    first: int = 0  # number of calls recorded for the module before this one


class Recorder:
    """Use as `with recorder.listening(model): model(x)`. `records` are in the order of the first spike."""

    def __init__(self, model: nn.Module) -> None:
        self.records: dict[nn.Module, Recorded] = {}
        self.order: list[Call] = []
        """All calls in the order in which they came."""
        self._spikes: set[Node] = set()
        self.tape = Tape(model.parameters(), self._spikes, self._running)
        self._functions: dict[Any, Stepped] = {}
        self._stack: list[_Frame] = []
        self._muted = 0

    def _running(self) -> frozenset[int]:
        return frozenset(id(frame.module) for frame in self._stack)

    @contextmanager
    def listening(self, model: nn.Module) -> Iterator[Recorder]:
        owned = {module: library_of(module) for module in dict.fromkeys(model.modules())}
        with ExitStack() as stack:
            for module, library in owned.items():
                if library is not None:
                    record = Recorded(module, library, library.spike_function(module), _is_declared(module, library))
                    self.records[module] = record
                    stack.enter_context(contextmanager(library.tap)(self._tapped(record)))
            stack.enter_context(self._plain_functions())
            before = nn.modules.module.register_module_forward_pre_hook(self._enter)
            after = nn.modules.module.register_module_forward_hook(self._leave, always_call=False)
            stack.callback(before.remove)
            stack.callback(after.remove)
            stack.enter_context(self.tape)
            yield self
        self.records = {module: record for module, record in self.records.items() if record.calls}

    def _tapped(self, record: Recorded) -> Tapped:
        def spike(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
            if self._muted:
                return function(x)
            with self._quiet():
                spikes = function(x)
            if x.requires_grad and not spikes.requires_grad:
                # no gradient of its own: keep the path to the layer below in the graph, with gradient zero
                spikes = spikes + 0 * x
            self._add(record, Call(x, spikes, line=here()))
            return spikes

        def running() -> bool:
            return any(frame.module is record.module for frame in self._stack)

        return Tapped(record.module, spike, self._quiet, {"running": running})

    @contextmanager
    def _quiet(self) -> Iterator[None]:
        self._muted += 1
        try:
            yield
        finally:
            self._muted -= 1

    def _enter(self, module: nn.Module, arguments: tuple[Any, ...]) -> None:
        argument = arguments[0] if arguments and isinstance(arguments[0], Tensor) else None
        known = self.records.get(module)
        self._stack.append(_Frame(module, argument, len(known.calls) if known else 0))
        self.tape.deaf = self.tape.deaf or (known is not None and known.plain)

    def _leave(self, module: nn.Module, arguments: tuple[Any, ...], output: Any) -> Any:
        while self._stack and self._stack[-1].module is not module:
            self._stack.pop()  # modules inside that raised, and whose error was caught
        if not self._stack:
            return None
        frame, record = self._stack.pop(), self.records.get(module)
        if record is not None and record.plain:
            self.tape.deaf = False
        if "Dropout" in type(module).__name__ and module.training and isinstance(output, Tensor) and output.grad_fn is not None:
            self.tape.marks[output.grad_fn] = "dropout"
        if record is None or not (new := record.calls[frame.first :]):
            return None
        if record.library is not None and frame.argument is not None and frame.argument.shape == new[0].x.shape:
            # one step: what else the neuron asks its spike function is no membrane
            del record.calls[frame.first + 1 :]
            new = new[:1]
        self._currents(frame.argument, new)
        return self._sent(output, new)

    @staticmethod
    def _currents(argument: Tensor | None, calls: list[Call]) -> None:
        if argument is None:
            return
        if len(calls) == 1 and argument.shape == calls[0].x.shape:
            calls[0].current = argument
        elif argument.ndim and argument.shape[0] == len(calls) and argument.shape[1:] == calls[0].x.shape:
            for call, current in zip(calls, argument.unbind(0), strict=True):
                call.current = current

    def _sent(self, output: Any, calls: list[Call]) -> Any:
        """The output, its spikes behind a separate graph node: the gradient there comes from the layers above only."""
        first = output[0] if isinstance(output, tuple) and output else output
        if not (isinstance(first, Tensor) and first.requires_grad):
            return None
        whole, shape = len(calls) == 1 and first.shape == calls[0].x.shape, (len(calls), *calls[0].x.shape)
        if not whole and tuple(first.shape) != shape:
            return None
        alias = first.view_as(first)
        self._spikes.add(alias.grad_fn)
        for step, call in enumerate(calls):
            call.sent, call.step = alias, None if whole else step
        if first is output:
            return alias
        # a named tuple takes its values one by one
        return type(output)(alias, *output[1:]) if hasattr(output, "_fields") else (alias, *output[1:])

    @contextmanager
    def _plain_functions(self) -> Iterator[None]:
        """Intercept every call of an `autograd.Function` during the run. Users keep `Spike.apply` in a variable, so that method
        itself cannot be replaced. But at each call it looks up its parent's `apply` by name, and that one is replaced here."""
        parent: Any = torch.autograd.Function.__mro__[1]

        def apply(cls: Any, *arguments: Any, **keywords: Any) -> Any:
            output = super(parent, cls).apply(*arguments, **keywords)
            if isinstance(output, Tensor):
                self.tape.add(output)
            mine = cls.__module__.startswith(OWN)  # its neurons have a reader; what else gives zeros here is no neuron
            if not (self._muted or mine) and self._stack and arguments and is_spike(arguments[0], output):
                self._plain_spike(cls, arguments, keywords, output)
            return output

        parent.apply = classmethod(apply)
        try:
            yield
        finally:
            del parent.apply

    def _plain_spike(self, cls: Any, arguments: tuple[Any, ...], keywords: dict[str, Any], output: Tensor) -> None:
        if any((known := self.records.get(frame.module)) is not None and known.library is not None for frame in self._stack):
            return  # inside a library's neuron: its own tap sees the spike
        x, *others = arguments
        frame = self._stack[-1]
        if frame.argument is x and len(self._stack) > 1:
            frame = self._stack[-2]  # a module that is only the spike function
        record = self.records.setdefault(frame.module, Recorded(frame.module, None))
        with self._quiet():
            found = self._stepped(cls, x, tuple(others), keywords, output)
        record.spike = record.spike or found.function
        relative = x if found.centred else x.detach() - found.at
        self._add(record, Call(relative, output, raw=x, centred=found.centred, spike=found.function, line=here()))

    def _stepped(self, cls: Any, x: Tensor, others: tuple[Any, ...], keywords: dict[str, Any], output: Tensor) -> Stepped:
        """What is known of this function with these arguments; found out once."""
        if any(isinstance(other, Tensor) and other.numel() > 1 for other in others):
            return stepped(cls.apply, x, others, keywords, output)
        numbers = tuple(float(other.detach()) if isinstance(other, Tensor) else other for other in others)
        key = (cls, *map(repr, numbers), repr(keywords))
        if key not in self._functions:
            self._functions[key] = stepped(cls.apply, x, others, keywords, output)
        return self._functions[key]

    def _add(self, record: Recorded, call: Call) -> None:
        """Append the call; or, if it asks about a membrane that has been asked about before, to that other call."""
        if call.spikes.grad_fn is not None:
            self._spikes.add(call.spikes.grad_fn)
            call.nodes.add(call.spikes.grad_fn)
        call.trunk = trunk(call.argument, call.centred)
        common = next((edge for edge in call.trunk if edge in record.membranes), None)
        if common is None:
            record.membranes |= dict.fromkeys(call.trunk, call)
            record.calls.append(call)
            self.order.append(call)
            return
        known = record.membranes[common]
        known.nodes |= call.nodes
        known.trunk = known.trunk[known.trunk.index(common) :]
        if not any(torch.equal(one.spikes, call.spikes) for one in (known, *known.others)):
            known.others.append(call)


def _is_declared(module: nn.Module, library: Library) -> bool:
    if any(parameter.ndim >= 2 for parameter in module.parameters()):
        return False
    with suppress(AttributeError, KeyError, TypeError, ValueError, RuntimeError):
        return library.read(module).neuron is not None
    return False


def is_spike(x: Any, output: Any) -> bool:
    """Whether `output` has the shape of `x` and holds zeros and ones, or multiples of one number."""
    if not (isinstance(x, Tensor) and isinstance(output, Tensor) and x.shape == output.shape and x.is_floating_point()):
        return False
    return not isinstance(x, nn.Parameter) and in_levels(output)
