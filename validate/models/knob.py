"""What sets the size of a layer's current: its weights; behind a norm, which cancels their size, the norm's own weight."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .measuring.measure import Measured


@dataclass(kw_only=True, eq=False)
class Knob:
    """`values`: of the weights or of the norm's weight, None if there is none; `write` sets them. `bias`: of the norm. `name`:
    in the model. `norm`: whether it is a norm's."""

    values: Tensor | None
    write: Callable[[Tensor], object] | None
    bias: Tensor | None = None
    name: str = ""
    norm: bool = False

    @property
    def there(self) -> bool:
        """Whether it can be turned."""
        return self.values is not None and self.write is not None

    @property
    def size(self) -> float:
        """Root mean square."""
        return 1.0 if self.values is None else float(self.values.detach().double().square().mean().sqrt())

    @torch.no_grad()
    def give(self, values: Tensor) -> None:
        assert self.write is not None
        self.write(values)
        self.values = values

    @torch.no_grad()
    def scale(self, factor: float) -> None:
        """All that sets the current, the biases too: the current is multiplied by `factor`."""
        assert self.values is not None
        self.give(self.values.detach() * factor)
        if self.bias is not None:
            self.bias.mul_(factor)

    def state(self) -> tuple[Tensor, Tensor | None]:
        assert self.values is not None
        return self.values.detach().clone(), None if self.bias is None else self.bias.detach().clone()

    @torch.no_grad()
    def restore(self, state: tuple[Tensor, Tensor | None]) -> None:
        """As it was when `state` was taken."""
        values, bias = state
        self.give(values)
        if self.bias is not None and bias is not None:
            self.bias.copy_(bias)

    @torch.no_grad()
    def set(self, size: float) -> None:
        """A norm's weight to this, its bias to 0."""
        assert self.values is not None
        self.give(torch.full_like(self.values, size))
        if self.bias is not None:
            self.bias.zero_()


def cancels(one: Measured) -> bool:
    """Whether a norm cancels the size of the weights: not a batch norm in evaluation, which is a constant factor."""
    norm = one.layer.norm
    if norm is not None and not norm.training and norm.running_var is not None:
        return False
    return one.scale_free or norm is not None


def knob_of(model: nn.Module, one: Measured) -> Knob:
    layer = one.layer
    if not cancels(one):
        bias = layer.bias if isinstance(layer.bias, nn.Parameter) else None
        return Knob(values=layer.values, write=layer.write if layer.writer else None, bias=bias, name=layer.weight_name)
    named = {id(p): name for name, p in model.named_parameters()}
    own = {id(p) for m in (layer.owner, layer.record.module) if m is not None for p in m.parameters(recurse=False)}
    found = [p for p in layer.way.others if id(p) in named and id(p) not in own]
    scales = [p for p in found if named[id(p)].endswith("weight")] or [p for p in found if bool(p.detach().any())]
    if not scales:
        return Knob(values=None, write=None, norm=True)
    scale = scales[0]
    owner, _, _ = named[id(scale)].rpartition(".")
    beside = [p for p in found if p is not scale and named[id(p)].rpartition(".")[0] == owner and p.shape == scale.shape]
    bias = beside[0] if beside else None
    return Knob(values=scale, write=scale.detach().copy_, bias=bias, name=named[id(scale)], norm=True)
