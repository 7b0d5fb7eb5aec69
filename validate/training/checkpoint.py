"""The state of a training run at the end of an epoch, written completely or not at all; and the weights a user keeps."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ikun_sym.errors import IkunError


def write_bytes(path: Path, content: bytes) -> None:
    """Completely or not at all."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content)
        part.replace(path)
    except OSError as error:
        raise IkunError(f"cannot write {str(path)!r}: {error.strerror or error}") from None


def keep(path: Path, state: dict[str, Any]) -> None:
    buffer = io.BytesIO()
    torch.save(state, buffer)
    write_bytes(path, buffer.getvalue())


def recall(path: Path | None) -> dict[str, Any] | None:
    """None: there is none, or it cannot be read; then the run begins again."""
    if path is None or not path.is_file():
        return None
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception:  # whatever a damaged file makes torch raise
        return None


def save_weights(path: Path, weights: dict[str, torch.Tensor], described: dict[str, Any]) -> None:
    """As safetensors. `described`: what the weights belong to; kept in the file."""
    safetensors = _safetensors()
    flat = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
    write_bytes(path, safetensors.save(flat, {"ikun": json.dumps(described, ensure_ascii=False)}))


def load_weights(path: str | Path, model: nn.Module | None = None) -> tuple[nn.Module, dict[str, Any]]:
    """(model, described): the model with the weights of a file that `ikun train --save` wrote, and what they belong to: the
    trial's words, the shape of an input, classes, the epoch, its validation accuracy.

    model: one to load them into, in place; None: it is built again, its neurons' surrogates included. It takes [T, B, …].
    Errors (IkunError): no such file; not safetensors; not of this product; another model's weights.
    """
    safetensors, where = _safetensors(), str(path)
    try:
        content = Path(path).read_bytes()
        weights = safetensors.load(content)
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        described = json.loads(header["__metadata__"]["ikun"])
    except OSError as error:
        raise IkunError(f"cannot read {where!r}: {error.strerror or error}") from None
    except Exception as error:
        raise IkunError(f"{where!r} is no file of weights that ikun train --save wrote ({type(error).__name__})") from None
    if model is None:
        model = _built(described)
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise IkunError(f"{where!r} does not fit {type(model).__name__}: {' '.join(str(error).split())}") from None
    return model, described


def _built(described: dict[str, Any]) -> nn.Module:
    from .models import build_model
    from .recipe import LOSSES
    from .spiking_reader import neurons_of, set_neuron
    from .trial import Trial

    trial = Trial.of(**described["trial"])
    readout = LOSSES[trial.recipe.loss].readout
    model = build_model(trial.model, described["shape"], described["classes"], trial.neuron, readout=readout)
    for layer, surrogate in zip(neurons_of(model).values(), described["surrogates"], strict=True):
        set_neuron(layer, surrogate=surrogate)
    return model


def _safetensors() -> Any:
    try:
        import safetensors.torch
    except ModuleNotFoundError as absent:
        raise IkunError(f"files of weights need safetensors ({absent}): pip install 'ikun[train]'") from None
    return safetensors.torch
