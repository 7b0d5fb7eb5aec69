"""The read-out without spikes: the last linear layer or convolution, whose output becomes the model's answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from .measuring.measure import Measured
from .measuring.recorded_run import Run, forward
from .measuring.restored import untouched

Product = nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d


@dataclass(frozen=True, kw_only=True, eq=False)
class Answers:
    """`width`: numbers in an answer, 0 if the output is no tensor. `size`: their root mean square. `module`: the read-out, None
    if the last product feeds spikes; `name`: of it in the model."""

    width: int = 0
    size: float = 0.0
    module: Any = None
    name: str = ""

    @torch.no_grad()
    def scale(self, factor: float) -> None:
        """Multiplies the answers, if what follows is linear."""
        self.module.weight.mul_(factor)
        if self.module.bias is not None:
            self.module.bias.mul_(factor)


def answers_of(model: nn.Module, example: Any, measured: Sequence[Measured], run: Run) -> Answers:
    """The model is left as it was."""
    called: list[nn.Module] = []
    names = {module: name for name, module in model.named_modules() if isinstance(module, Product)}
    hooks = [module.register_forward_hook(lambda module, *_: called.append(module)) for module in names]
    try:
        with untouched(model, run.seed):
            output = forward(model, example, run)[1]
    finally:
        for hook in hooks:
            hook.remove()
    while isinstance(output, list | tuple) and output:
        output = output[0]
    if not isinstance(output, Tensor) or not output.ndim:
        return Answers()
    found = Answers(width=int(output.shape[-1]), size=float(output.detach().double().square().mean().sqrt()))
    last: Any = called[-1] if called else None
    feeding = {id(p) for one in measured for p in (one.layer.weight, *(product.weight for product in one.layer.products))}
    if last is None or id(last.weight) in feeding or len(last.weight) != found.width:
        return found
    return Answers(width=found.width, size=found.size, module=last, name=names[last])
