"""Lets `diagnose` and `initialise_` read models made of `SpikingLayer`: the same neuron, unrolled step by step for that."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from ikun_sym.for_torch.init import spike_function

from ..engines.population import Population
from ..models.libraries.reader import LIBRARIES, Library, Reading, Tapped, library_of
from .sloped import sloped
from .spiking import SpikingLayer

if TYPE_CHECKING:
    from ..models.libraries.reader import Spike


class OwnLayers(Library):
    name = "ikun"
    package = "ikun_validate.training.spiking"

    def owns(self, module: nn.Module) -> bool:
        return isinstance(module, SpikingLayer)

    def makes(self, surrogate: str) -> bool:
        return True

    def read(self, module: Any) -> Reading:
        words = module.neuron.to_dict()
        return Reading.of(words.pop("threshold"), declared=(words.pop("surrogate"),), **words)

    def spike_function(self, module: Any) -> Spike:
        return spike_function(module.population.neuron.surrogate)

    def tap(self, tapped: Tapped) -> Iterator[None]:
        module: Any = tapped.module
        original = self.spike_function(module)
        vars(module)["forward"] = lambda current: unrolled(module, current, lambda x: tapped.spike(original, x))
        try:
            yield
        finally:
            del vars(module)["forward"]

    def set_surrogate(self, module: Any, spec: str) -> str:
        set_neuron(module, surrogate=spec)
        return ""


def set_neuron(layer: SpikingLayer, *, surrogate: str) -> None:
    """Give this layer, and no other, another surrogate."""
    layer.neuron = sloped(layer.neuron, surrogate, None)
    layer.population = Population(neuron=layer.neuron, backend=layer.population.backend)


def unrolled(layer: SpikingLayer, current: Tensor, spike: Callable[[Tensor], Tensor]) -> Tensor:
    """The layer's spikes [T, B, …] by torch's own differentiation of each step, `spike(x)` for its spike function."""
    eager = layer.population.stepwise
    step, spikes = eager.statement, list[Tensor]()
    v = c = torch.zeros_like(current[0])
    a = v if eager.adapts else None
    for i in current:
        if layer.recurrent is not None and spikes:
            i = i + spikes[-1] @ layer.recurrent.T
        c = step["current"](c=c, i=i) if eager.memory else i
        second = {} if a is None else {"a": a}
        h = step["charge"](v=v, c=c, **second)
        fired = spike(h - (eager.threshold if a is None else step["fires_at"](a=a)))
        v = step["after"](h=h, s=fired.detach() if eager.detach else fired, **second)
        if a is not None:
            a = step["adapt"](a=a, h=h, s=fired)
        spikes.append(fired)
    return torch.stack(spikes)


LIBRARIES.register(OwnLayers())


def neurons_of(model: nn.Module) -> dict[str, SpikingLayer]:
    """The model's SpikingLayers by name, in its order."""
    return {name: module for name, module in model.named_modules() if isinstance(module, SpikingLayer)}


def spiking_modules(model: nn.Module) -> list[nn.Module]:
    """The modules whose output is spikes: of any library that is known."""
    return [module for module in model.modules() if library_of(module) is not None]
