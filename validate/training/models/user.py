"""A user's own model, MODULE:FACTORY: taken as it is, its libraries' states cleared before each pass."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from ikun_sym.errors import IkunError

from ...models.commands import load
from ...models.libraries import LIBRARIES


def user_model(factory: str, classes: int) -> nn.Module:
    """The model that FACTORY returns; it maps [T, B, …] to [B, classes], or to [T, B, classes], which is averaged over the
    steps. Its parameters keep their names. Errors: one line for each way to fail, at once or in the first pass."""
    model = load(factory)

    def fresh(module: nn.Module, inputs: Any) -> None:
        for library in LIBRARIES:
            if library.loaded:
                library.fresh(module)

    def answered(module: nn.Module, inputs: Any, output: Any) -> Tensor:
        found = output.mean(0) if isinstance(output, Tensor) and output.dim() == 3 else output
        if not isinstance(found, Tensor) or found.shape != (inputs[0].shape[1], classes):
            got = list(found.shape) if isinstance(found, Tensor) else type(found).__name__
            raise IkunError(f"{factory} answered {got}; it must map [T, B, …] to [B, {classes}] or [T, B, {classes}]")
        return found

    model.register_forward_pre_hook(fresh)
    model.register_forward_hook(answered)
    return model
