"""SpikingJelly 2.0: anything with a `surrogate_function` of the library's base class, single- and multi-step.

With one of seven fused surrogates and float32 input the production neurons bypass the surrogate module; a module of another
class in its place sends them down the reference path, whose spikes are the same. Default surrogates are shared between all
neurons of a class: they are never edited, only replaced.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

from torch import Tensor, nn

from ikun_sym.reading.surrogate_spec import resolve

from .reader import LIBRARIES, Library, Reading, Tapped, number

if TYPE_CHECKING:
    from .reader import Spike

BASE = "spikingjelly.activation_based"


class Stand(nn.Module):
    """In the place of the surrogate. The original is kept in a list, so that it does not count as a sub-module."""

    def __init__(self, original: Any, spike: Callable[[Spike, Tensor], Tensor]) -> None:
        super().__init__()
        self.kept, self.spike = [original], spike

    def forward(self, x: Tensor) -> Tensor:
        return self.spike(self.kept[0], x)


class SpikingJelly(Library):
    name = "spikingjelly"
    package = f"{BASE}.surrogate"

    # class name: (leak, decay_input) from its attributes; sub-classes are looked up by their method resolution order
    CHARGES: ClassVar[dict[str, Callable[[Any], tuple[float, bool]]]] = {
        "SimpleIFNode": lambda m: (1.0, False),
        "IFNode": lambda m: (1.0, False),
        "SimpleLIFNode": lambda m: (1 - 1 / m.tau, bool(m.decay_input)),
        "LIFNode": lambda m: (1 - 1 / m.tau, bool(m.decay_input)),
        "ParametricLIFNode": lambda m: (1 - float(m.w.detach().sigmoid()), bool(m.decay_input)),
    }

    # neurons that refuse another surrogate than their own class: the class whose reference path does the same, and what they do
    COUNTING: ClassVar[dict[str, tuple[str, str]]] = {"ILIFNode": ("LIFNode", "it sends round(H/θ) spikes at once")}

    @classmethod
    def _counting(cls, module: Any) -> tuple[str, str] | None:
        return next((cls.COUNTING[c.__name__] for c in type(module).__mro__ if c.__name__ in cls.COUNTING), None)

    def owns(self, module: nn.Module) -> bool:
        base = import_module(self.package).SurrogateFunctionBase
        return isinstance(getattr(module, "surrogate_function", None), base)

    def read(self, module: Any) -> Reading:
        threshold, v_reset = number(module.v_threshold), module.v_reset
        declared = self._declared(module.surrogate_function)
        if (counting := self._counting(module)) is not None:
            return Reading(threshold=threshold, neuron=None, declared=declared, why=counting[1])
        charge = next((self.CHARGES[c.__name__] for c in type(module).__mro__ if c.__name__ in self.CHARGES), None)
        if charge is None:
            why = f"the dynamics of {type(module).__name__} are not in the catalogue"
            return Reading(threshold=threshold, neuron=None, declared=declared, why=why)
        leak, decay_input = charge(module)
        # v_reset is the membrane's rest as well: it starts, leaks and returns there
        rest = 0.0 if v_reset is None else float(v_reset)
        return Reading.of(
            threshold - rest,
            rest=rest,
            reset="soft" if v_reset is None else "hard",
            leak=leak,
            decay_input=decay_input,
            detach=bool(module.detach_reset),
            declared=declared,
        )

    @staticmethod
    def _declared(surrogate: Any) -> tuple[str, ...]:
        values = {name: value for name, value in surrogate._sg_params.items() if isinstance(value, int | float)}
        text = ",".join(f"{name}={value!r}" for name, value in values.items())
        return (f"spikingjelly.{type(surrogate).__name__}" + (f":{text}" if text else ""),)

    def spike_function(self, module: Any) -> Spike:
        function = module.surrogate_function
        return function if self._counting(module) is None else lambda x: function(x / module.v_threshold + 1)

    def tap(self, tapped: Tapped) -> Iterator[None]:
        module: Any = tapped.module
        original, kind, counting = module.surrogate_function, type(module), self._counting(module)
        function = self.spike_function(module)
        if counting is not None:
            module.__class__ = getattr(import_module(f"{BASE}.neuron"), counting[0])
        module.surrogate_function = Stand(function, tapped.spike)
        try:
            yield
        finally:
            module.surrogate_function, module.__class__ = original, kind

    def fresh(self, model: nn.Module) -> None:
        base = import_module(f"{BASE}.base")
        for module in model.modules():
            if isinstance(module, base.MemoryModule):
                module.reset()  # type: ignore[operator]  # of MemoryModule, which is imported by name

    def set_surrogate(self, module: Any, spec: str) -> str:
        bound = resolve(spec)
        name = bound.surrogate.name.removeprefix("spikingjelly.")
        made = getattr(import_module(self.package), name, None)
        if not (isinstance(made, type) and issubclass(made, import_module(self.package).SurrogateFunctionBase)):
            return f"{spec} is no surrogate of spikingjelly"
        keywords = {key: float(value) for key, value in bound.values}
        unknown = set(keywords) - set(inspect.signature(made.__init__).parameters)
        if unknown:
            return f"spikingjelly's {name} takes no {', '.join(sorted(unknown))}"
        module.surrogate_function = made(**keywords, spiking=module.surrogate_function.spiking)
        return ""


LIBRARIES.register(SpikingJelly())
