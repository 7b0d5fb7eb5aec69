"""One forward and one backward pass of the user's model, recorded.

The gradient at the model's output is random with zero mean, drawn independently for each output, and for each step if there
are several. The theory predicts the gradient for this readout; the user's own loss plays no part. On the user's own data the
gradient is the same for all samples, so that those of two samples can be compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import GradientEdge

from ikun_sym.errors import IkunError

from ...quiet import chatter_silenced
from ..libraries import LIBRARIES
from .layers import Layer
from .recorder import Recorder
from .source_line import of_traceback


@dataclass(frozen=True, kw_only=True)
class Run:
    """How a model is run: as `diagnose` says; `seed`: of torch's generator meanwhile; `data`: the input is the user's own."""

    steps: int | None = None
    step_by_step: bool = False
    seed: int = 0
    data: bool = False


ONE_CALL = Run()

Gradients = list[list[tuple[Tensor | None, Tensor | None]]]
"""[layer][step]: ∂L/∂spikes (from other layers only) and ∂L/∂H."""


def forward(model: nn.Module, example: Any, run: Run) -> tuple[Recorder, Any, Any]:
    """(recorder, output, node of the input). Errors: the model raises, or gives NaN."""
    for library in LIBRARIES:
        if library.loaded:
            library.fresh(model)
    for parameter in model.parameters():
        if parameter.is_floating_point():
            parameter.requires_grad_()
    arguments, keywords, source = _arguments(example)
    recorder = Recorder(model)
    with torch.enable_grad(), chatter_silenced(), recorder.listening(model):
        try:
            output = _call(model, arguments, keywords, run)
        except IkunError:
            raise
        except Exception as error:
            at = of_traceback(error.__traceback__)
            where = f", at {at}" if at else ""
            raise IkunError(
                f"{type(model).__name__} raised {type(error).__name__} on input of shape {_shape(example)}{where}: {error}"
            ) from error
    for tensor in _tensors(output):
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor.detach()).all()):
            kind = "NaN" if bool(tensor.detach().isnan().any()) else "infinity"
            raise IkunError(f"{type(model).__name__} gives {kind} on input of shape {_shape(example)}; fix that first")
    return recorder, output, source


def _call(model: nn.Module, arguments: tuple[Any, ...], keywords: dict[str, Any], run: Run) -> Any:
    if run.step_by_step:
        first, *others = arguments
        return [model(x, *others, **keywords) for x in first]
    if run.steps is None:
        return model(*arguments, **keywords)
    return [model(*arguments, **keywords) for _ in range(run.steps)]


def _arguments(example: Any) -> tuple[tuple[Any, ...], dict[str, Any], Any]:
    """Positional and keyword arguments, and the graph node of the first floating-point tensor among them, which is made part of
    the graph."""
    keywords = dict(example) if isinstance(example, dict) else {}
    arguments = () if isinstance(example, dict) else tuple(example) if isinstance(example, tuple | list) else (example,)
    source, made = None, []
    for argument in arguments:
        if source is None and isinstance(argument, Tensor) and argument.is_floating_point():
            argument = argument.detach().clone().requires_grad_() * 1
            source = argument.grad_fn
        made.append(argument)
    return tuple(made), keywords, source


def _shape(example: Any) -> str:
    shapes = [str(tuple(tensor.shape)) for tensor in _tensors(example)]
    return " and ".join(shapes) or "no tensor"


def _tensors(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, dict):
        return [tensor for inner in value.values() for tensor in _tensors(inner)]
    return [tensor for inner in value for tensor in _tensors(inner)] if isinstance(value, tuple | list) else []


def backward(layers: list[Layer], output: Any, run: Run = ONE_CALL) -> tuple[Gradients, bool]:
    """Gradients of every layer, from one backward pass that stops at the membranes, and whether all samples had the same
    readout. No parameter gradient is computed."""
    edges: list[GradientEdge] = []
    places: list[tuple[int, int, int]] = []
    sent_at: dict[Any, int] = {}
    for layer in layers:
        for step, call in enumerate(layer.calls):
            places.append((layer.index, step, 1))
            edges.append(GradientEdge(*call.trunk[0]))
            sent = call.spikes if call.sent is None else call.sent
            if sent.grad_fn is not None and sent.grad_fn not in sent_at:
                sent_at[sent.grad_fn] = len(edges)
                edges.append(GradientEdge(sent.grad_fn, sent.output_nr))
                places.append((layer.index, step, 0))
    loss, alike = _readout(layers, output, run)
    found = torch.autograd.grad(loss, edges, allow_unused=True)
    by_place = dict(zip(places, found, strict=True))
    result: Gradients = []
    for layer in layers:
        rows = []
        for step, call in enumerate(layer.calls):
            sent = call.spikes if call.sent is None else call.sent
            at_spikes = found[sent_at[sent.grad_fn]] if sent.grad_fn in sent_at else None
            if at_spikes is not None and call.step is not None:
                at_spikes = at_spikes[call.step]
            rows.append((at_spikes, by_place.get((layer.index, step, 1))))
        result.append(rows)
    return result, alike


def _readout(layers: list[Layer], output: Any, run: Run) -> tuple[Tensor, bool]:
    """Σ r · y, r ~ N(0, 1): y is the first output tensor with a gradient, at each step; else the last layer's spikes. On data r
    is one for all samples, if their axis is found, which is returned. The caller has seeded torch's generator."""
    per_step = output if isinstance(output, list) else [output]
    chosen = [next((t for t in _tensors(one) if t.requires_grad and t.is_floating_point()), None) for one in per_step]
    seen = [tensor for tensor in chosen if tensor is not None]
    if not seen:
        seen = [call.spikes if call.sent is None else call.sent for call in layers[-1].calls]
        seen = [tensor for tensor in dict.fromkeys(seen) if tensor.requires_grad]
    if not seen:
        raise IkunError("no gradient can enter: neither the output nor the last layer's spikes depend on anything trainable")
    axes = [_of_samples(tensor, layers[-1]) if run.data else None for tensor in seen]
    alike = all(axis is not None for axis in axes)
    drawn = [
        torch.randn_like(y if axis is None or not alike else y.narrow(axis, 0, 1)) for y, axis in zip(seen, axes, strict=True)
    ]
    return torch.stack([(r * y).sum() for r, y in zip(drawn, seen, strict=True)]).sum(), alike


def _of_samples(tensor: Tensor, layer: Layer) -> int | None:
    """The axis of samples: the first one, or the second behind that of the steps; None if neither is as long as the batch."""
    batch, shape = layer.calls[0].x.shape[0], tensor.shape
    if layer.calls[0].x.ndim < 2:
        return None
    if len(shape) > 2 and shape[:2] == (layer.steps, batch):
        return 1
    return next((axis for axis in (0, 1) if len(shape) > axis and shape[axis] == batch), None)
