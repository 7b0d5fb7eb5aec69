"""What sets the size of a layer's current: its weights; behind a norm, which cancels their size, the norm's own weight."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .measuring.measure import Measured


@dataclass(frozen=True, kw_only=True, eq=False)
class Knob:
    """`weight`: the parameter, None if there is none to turn. `bias`: what goes with it. `name`: in the model. `norm`: whether
    it is a norm's."""

    weight: Tensor | None
    bias: Tensor | None = None
    name: str = ""
    norm: bool = False

    @property
    def size(self) -> float:
        """Root mean square."""
        return 1.0 if self.weight is None else float(self.weight.detach().double().square().mean().sqrt())

    @torch.no_grad()
    def scale(self, factor: float) -> None:
        assert self.weight is not None
        self.weight.mul_(factor)

    @torch.no_grad()
    def set(self, size: float) -> None:
        """A norm's weight to this, its bias to 0."""
        assert self.weight is not None
        self.weight.fill_(size)
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
        return Knob(weight=layer.weight, name=layer.weight_name)
    named = {id(p): name for name, p in model.named_parameters()}
    own = {
        id(p) for module in (layer.owner, layer.record.module) if module is not None for p in module.parameters(recurse=False)
    }
    found = [p for p in layer.way.others if id(p) in named and id(p) not in own]
    scales = [p for p in found if named[id(p)].endswith("weight")] or [p for p in found if bool(p.detach().any())]
    if not scales:
        return Knob(weight=None, norm=True)
    scale = scales[0]
    owner, _, _ = named[id(scale)].rpartition(".")
    beside = [p for p in found if p is not scale and named[id(p)].rpartition(".")[0] == owner and p.shape == scale.shape]
    return Knob(weight=scale, bias=beside[0] if beside else None, name=named[id(scale)], norm=True)
