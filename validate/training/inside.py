"""What happens inside a network while it learns, per layer, from one pass over a few training samples.

rate:       mean output
E_g2:       E[(A f')²] at the membranes: the paper takes it to be constant during training
grad_var:   Σ_t E[(∂L/∂I[t])²] of the training loss, relative to the last layer
overlap:    E[S S'] / E[S²] of two samples: 1 if they are told apart by nothing
gradient_correlation: Σ ∂L/∂I ∂L/∂I' / Σ (∂L/∂I)² of two samples, over neurons and steps: 0 if gradients share nothing
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from .outcome import short
from .spiking import SpikingLayer
from .spiking_reader import neurons_of

Loss = Callable[[Tensor], Tensor]

SAMPLES = 32

CURRENT = 2
"""Its place in what `_listening` notes, after membranes and spikes."""


@contextmanager
def _listening(layers: dict[str, SpikingLayer]) -> Iterator[dict[str, list[Any]]]:
    """Name to [membranes, spikes, currents] of the pass that is made meanwhile."""
    seen: dict[str, list[Any]] = {name: [None, None, None] for name in layers}
    handles = []

    def listen(name: str, layer: SpikingLayer) -> None:
        def currents(module: nn.Module, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
            # a copy with a gradient of its own, also where the current needs none, or is one step seen several times
            current = arguments[0] * 1.0
            if not current.requires_grad:
                current.requires_grad_()
            seen[name][CURRENT] = current
            return current, *arguments[1:]

        def watch(h: Tensor, s: Tensor) -> None:
            seen[name][:2] = h, s

        handles.append(layer.register_forward_pre_hook(currents))
        layer.watch = watch

    for name, layer in layers.items():
        listen(name, layer)
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()
        for layer in layers.values():
            layer.watch = None


def look(model: nn.Module, x: Tensor, loss: Loss) -> list[dict[str, Any]]:
    """One record a layer, in the order of the model; none for models without SpikingLayers. The model is left as it was: norms
    use the statistics of these samples, as in training, and keep none of them; nothing is dropped out."""
    layers = neurons_of(model)
    if not layers:
        return []
    modes = {module: module.training for module in model.modules()}
    kept = [(buffer, buffer.clone()) for buffer in model.buffers()]
    model.train()
    for module in modes:
        if "Dropout" in type(module).__name__:
            module.eval()
    try:
        with _listening(layers) as seen, torch.enable_grad():
            value = loss(model(x))
            currents = [seen[name][CURRENT] for name in layers]
            grads = torch.autograd.grad(value, currents, allow_unused=True)
    finally:
        for module, mode in modes.items():
            module.training = mode
        with torch.no_grad():
            for buffer, before in kept:
                buffer.copy_(before)
    found = [_numbers(name, layers[name], seen[name], grad) for name, grad in zip(layers, grads, strict=True)]
    last = next((one["grad_var"] for one in reversed(found) if one["grad_var"]), 0.0)
    for one in found:
        one["grad_var"] = one["grad_var"] / last if last else 0.0
    return [{name: short(v, 4) if isinstance(v, float) else v for name, v in one.items()} for one in found]


def _numbers(name: str, layer: SpikingLayer, seen: list[Any], grad: Tensor | None) -> dict[str, Any]:
    h, s = seen[:CURRENT]
    grad = torch.zeros_like(h) if grad is None else grad
    return {
        "layer": name,
        "rate": float(s.mean()),
        "E_g2": float(layer.gradient_at(h).square().mean()),
        "grad_var": float(grad.double().square().mean(dim=(1, *range(2, grad.ndim))).sum()),
        "overlap": _between(s),
        "gradient_correlation": _between(grad),
    }


def _between(x: Tensor) -> float:
    """Mean product of two different samples over the mean square, for x [T, B, …]; NaN if all is zero, or of one sample."""
    flat = x.transpose(0, 1).flatten(1).double()
    square, whole, n = float(flat.square().sum()), float(flat.sum(0).square().sum()), len(flat)
    return (whole - square) / (n - 1) / square if square and n > 1 else float("nan")
