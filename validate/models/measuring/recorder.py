"""Record a forward pass: arguments x = H − θ and spikes of every spike function, inputs of every neuron and of every weight.

Library neurons are found before the run and tapped by their reader. In plain torch, a neuron is the module that calls an
`autograd.Function` which turns a tensor into zeros and ones of the same shape; or its parent, if the module does nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from ..libraries import Library, Tapped
from ..libraries.reader import library_of

OWN = __name__.partition(".")[0] + "."
"""Begins the names of this package's modules."""


@dataclass(eq=False)
class Call:
    """One step of one neuron layer. `x`: argument of the spike function. `sent`: the spikes as other layers see them, without
    the layer's own reset. `current`: the input. The tensors keep the graph alive until the run is evaluated."""

    x: Tensor
    spikes: Tensor
    sent: Tensor | None = None
    step: int | None = None
    current: Tensor | None = None


@dataclass(eq=False)
class Recorded:
    """A neuron layer: module, its reader (None: plain torch), its spike function and calls in order."""

    module: nn.Module
    library: Library | None
    spike: Callable[[Tensor], Tensor] | None = None
    calls: list[Call] = field(default_factory=list)


@dataclass(eq=False)
class _Frame:
    module: nn.Module
    argument: Tensor | None
    first: int = 0  # number of calls recorded for the module before this one


class Recorder:
    """Use as `with recorder.listening(model): model(x)`. `records` are in the order of the first spike."""

    def __init__(self) -> None:
        self.records: dict[nn.Module, Recorded] = {}
        self.inputs: dict[int, list[Tensor]] = {}
        """`inputs` and `outputs`: id of a weight to the inputs (outputs) of the module that owns it, call by call."""
        self.outputs: dict[int, list[Tensor]] = {}
        self.order: list[Call] = []
        """All calls in the order in which they came."""
        self.marks: dict[Any, str] = {}
        """Names for graph nodes that do not show what they are: dropout appears there as a mere product."""
        self._stack: list[_Frame] = []
        self._muted = 0

    @contextmanager
    def listening(self, model: nn.Module) -> Iterator[Recorder]:
        owned = {module: library_of(module) for module in dict.fromkeys(model.modules())}
        with ExitStack() as stack:
            for module, library in owned.items():
                if library is not None:
                    record = Recorded(module, library, spike=library.spike_function(module))
                    self.records[module] = record
                    stack.enter_context(contextmanager(library.tap)(self._tapped(record)))
            stack.enter_context(self._plain_functions())
            before = nn.modules.module.register_module_forward_pre_hook(self._enter)
            after = nn.modules.module.register_module_forward_hook(self._leave, always_call=False)
            stack.callback(before.remove)
            stack.callback(after.remove)
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
            self._add(record, Call(x, spikes))
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
        weight = getattr(module, "weight", None)
        if isinstance(weight, Tensor) and weight.ndim >= 2 and argument is not None:
            self.inputs.setdefault(id(weight), []).append(argument.detach())

    def _leave(self, module: nn.Module, arguments: tuple[Any, ...], output: Any) -> Any:
        while self._stack and self._stack[-1].module is not module:
            self._stack.pop()  # modules inside that raised, and whose error was caught
        if not self._stack:
            return None
        frame, record = self._stack.pop(), self.records.get(module)
        weight = getattr(module, "weight", None)
        if isinstance(weight, Tensor) and weight.ndim >= 2 and isinstance(output, Tensor):
            self.outputs.setdefault(id(weight), []).append(output.detach())
        if "Dropout" in type(module).__name__ and module.training and isinstance(output, Tensor) and output.grad_fn is not None:
            self.marks[output.grad_fn] = "Dropout"
        if record is None or not (new := record.calls[frame.first :]):
            return None
        self._currents(frame.argument, new)
        return self._sent(output, new)

    @staticmethod
    def _currents(argument: Tensor | None, calls: list[Call]) -> None:
        if argument is None:
            return
        if len(calls) == 1 and argument.shape == calls[0].x.shape:
            calls[0].current = argument
        elif argument.ndim and argument.shape[0] == len(calls) and argument.shape[1:] == calls[0].x.shape:
            for call, current in zip(calls, argument.detach(), strict=True):
                call.current = current

    @staticmethod
    def _sent(output: Any, calls: list[Call]) -> Any:
        """The output, its spikes behind a separate graph node: the gradient there comes from the layers above only."""
        first = output[0] if isinstance(output, tuple) and output else output
        if not (isinstance(first, Tensor) and first.requires_grad):
            return None
        whole, shape = len(calls) == 1 and first.shape == calls[0].x.shape, (len(calls), *calls[0].x.shape)
        if not whole and tuple(first.shape) != shape:
            return None
        alias = first.view_as(first)
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
        rest = [other.detach() if isinstance(other, Tensor) else other for other in others]
        record = self.records.setdefault(frame.module, Recorded(frame.module, None))
        if record.spike is None:
            record.spike = lambda u: cls.apply(u, *rest, **keywords)
        self._add(record, Call(x, output))

    def _add(self, record: Recorded, call: Call) -> None:
        record.calls.append(call)
        self.order.append(call)


def is_spike(x: Any, output: Any) -> bool:
    """Whether `output` is zeros and ones of the shape of `x`."""
    if not (isinstance(x, Tensor) and isinstance(output, Tensor) and x.shape == output.shape and x.is_floating_point()):
        return False
    flat = output.detach()
    return bool(((flat == 0) | (flat == 1)).all())
