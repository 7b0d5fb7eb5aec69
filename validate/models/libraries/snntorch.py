"""snnTorch 1.0: sub-classes of SpikingNeuron.

`spike_grad` is called twice a step, first for the reset that the last membrane asks for and then to fire: only the second is
the spike. By default the threshold is subtracted one step late, unleaked, and always without gradient.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any

from torch import nn

from ikun_sym.catalogue.resets import WITHOUT
from ikun_sym.reading.surrogate_spec import resolve

from .reader import LIBRARIES, Library, Reading, Tapped, number

if TYPE_CHECKING:
    from .reader import Spike

RESETS = {
    # (reset_mechanism, reset_delay): (reset, detach). A membrane set to zero a step late is one that was set in time.
    ("subtract", True): ("delayed", True),
    ("subtract", False): (None, False),
    ("zero", True): ("hard", True),
    ("zero", False): ("hard", False),
    ("none", True): (WITHOUT, True),
    ("none", False): (WITHOUT, True),
}


class SnnTorch(Library):
    name = "snntorch"
    package = "snntorch"

    def owns(self, module: nn.Module) -> bool:
        return isinstance(module, import_module("snntorch._neurons.neurons").SpikingNeuron)

    def read(self, module: Any) -> Reading:
        threshold, declared = number(module.threshold), self._declared(module.spike_grad)
        kind = type(module).__name__
        delayed = bool(getattr(module, "reset_delay", True))
        reset, detach = RESETS[module.reset_mechanism, delayed]
        synaptic = {"Leaky": lambda: 0.0, "Synaptic": lambda: min(max(number(module.alpha), 0.0), 1.0)}
        if kind not in synaptic or getattr(module, "state_quant", False) or module.inhibition:
            why = f"the dynamics of {kind} with these settings are not in the catalogue"
            return Reading(threshold=threshold, neuron=None, declared=declared, why=why)
        if (module.reset_mechanism, delayed) == ("subtract", False) and kind == "Leaky":
            why = "with reset_delay=False a membrane above twice the threshold loses it again at the next step"
            return Reading(threshold=threshold, neuron=None, declared=declared, why=why)
        return Reading.of(
            threshold,
            reset=reset,
            leak=min(max(number(module.beta), 0.0), 1.0),
            synaptic_leak=synaptic[kind](),
            detach=detach,
            declared=declared,
            note="its spikes are multiplied by graded_spikes_factor" if number(module.graded_spikes_factor) != 1 else "",
        )

    @staticmethod
    def _declared(function: Any) -> tuple[str, ...]:
        """The closure's maker and the numbers that it holds."""
        code = getattr(function, "__code__", None)
        if code is None:
            return ()
        name = function.__qualname__.split(".")[0]
        cells = zip(code.co_freevars, function.__closure__ or (), strict=True)
        values = {key: cell.cell_contents for key, cell in cells if isinstance(cell.cell_contents, int | float)}
        text = ",".join(f"{key}={value!r}" for key, value in values.items())
        return (f"snntorch.{name}" + (f":{text}" if text else ""),)

    def spike_function(self, module: Any) -> Spike:
        return module.spike_grad

    def tap(self, tapped: Tapped) -> Iterator[None]:
        module: Any = tapped.module
        original, reset = module.spike_grad, module.mem_reset

        def quietly(mem: Any) -> Any:
            with tapped.quiet():
                return reset(mem)

        kept = {key: vars(module).get(key) for key in ("spike_grad", "mem_reset") if key in vars(module)}
        held = module._modules.pop("spike_grad", None)  # a surrogate may be a module
        vars(module)["spike_grad"] = lambda x: tapped.spike(original, x)
        vars(module)["mem_reset"] = quietly
        try:
            yield
        finally:
            for key in ("spike_grad", "mem_reset"):
                vars(module).pop(key, None)
            vars(module).update(kept)
            if held is not None:
                module._modules["spike_grad"] = held

    def fresh(self, model: nn.Module) -> None:
        for module in model.modules():
            if self.owns(module):
                for key in ("mem", "syn", "syn_exc", "syn_inh"):
                    held = module._buffers  # pyright: ignore[reportPrivateUsage]  # no public way keeps whether a buffer is saved
                    state = held.get(key)
                    if state is not None:
                        held[key] = state.new_zeros(0)

    def set_surrogate(self, module: Any, spec: str) -> str:
        bound = resolve(spec)
        name = bound.surrogate.name.removeprefix("snntorch.")
        made = getattr(import_module("snntorch.surrogate"), name, None)
        if made is None:
            return f"{spec} is no surrogate of snntorch"
        module.spike_grad = made(**{key: float(value) for key, value in bound.values})
        return ""


LIBRARIES.register(SnnTorch())
