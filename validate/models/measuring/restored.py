"""Restore a model after a measurement: attributes, buffers, states, gradients, hooks, mode, random state.

Containers are copied with their contents, and tensors by value. So nothing that a forward pass does survives, even if it
raises. State that a model keeps outside its modules is not restored.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

CONTAINERS = (dict, list, set)


@dataclass
class Kept:
    """A tensor and its saved value."""

    tensor: Tensor
    value: Tensor
    requires_grad: bool
    grad: Tensor | None

    @classmethod
    def of(cls, tensor: Tensor) -> Kept:
        grad = tensor.grad if tensor.is_leaf else None
        return cls(tensor, tensor.detach().clone(), tensor.requires_grad, grad)

    def give_back(self) -> None:
        # Version counters cannot be trusted here: batch norm changes its statistics without raising them. Writing through
        # `data` keeps the counter, so that a graph of the user's that holds this tensor stays valid.
        if not _identical(self.tensor.detach(), self.value):
            self.tensor.data.copy_(self.value)
        if self.tensor.is_leaf:
            self.tensor.requires_grad_(self.requires_grad)
            self.tensor.grad = self.grad


def _identical(a: Tensor, b: Tensor) -> bool:
    return torch.equal(a, b) or (a.shape == b.shape and bool(((a == b) | ((a != a) & (b != b))).all()))


def _tensors(value: Any, depth: int = 3) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif depth and isinstance(value, dict):
        for inner in value.values():
            yield from _tensors(inner, depth - 1)
    elif depth and isinstance(value, list | tuple | set):
        for inner in value:
            yield from _tensors(inner, depth - 1)


def _copied(container: Any) -> Any:
    """The container's contents, copied recursively."""
    if isinstance(container, dict):
        return {key: _copied(value) if isinstance(value, CONTAINERS) else value for key, value in container.items()}
    return [_copied(value) if isinstance(value, CONTAINERS) else value for value in container]


def _refill(container: Any, contents: Any) -> None:
    """Put the old contents back into the same object; inner containers likewise."""
    for now, before in _pairs(container, contents):
        _refill(now, before)
    if isinstance(container, dict):
        kept = {key: container.get(key, value) if isinstance(value, dict | list) else value for key, value in contents.items()}
        container.clear()
        container.update(kept)
    elif isinstance(container, set):
        container.clear()
        container.update(contents)
    else:
        container[:] = contents


def _pairs(container: Any, contents: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(container, dict):
        for key, before in contents.items():
            now = container.get(key)
            if isinstance(now, CONTAINERS) and isinstance(before, dict | list):
                yield now, before


class Snapshot:
    def __init__(self, model: nn.Module) -> None:
        self.modules = list(dict.fromkeys(model.modules()))
        self.attributes: list[tuple[dict[str, Any], dict[str, Any], list[tuple[Any, Any]]]] = []
        seen: dict[int, Kept] = {}
        for module in self.modules:
            held = vars(module)
            containers = [(value, _copied(value)) for value in held.values() if isinstance(value, CONTAINERS)]
            self.attributes.append((held, dict(held), containers))
            for tensor in _tensors(held):
                if id(tensor) not in seen:
                    seen[id(tensor)] = Kept.of(tensor)
        self.tensors = list(seen.values())

    def give_back(self) -> None:
        for held, before, containers in self.attributes:
            held.clear()
            held.update(before)
            for container, contents in containers:
                _refill(container, contents)
        for kept in self.tensors:
            kept.give_back()


@contextmanager
def untouched(model: nn.Module, seed: int | None = None) -> Iterator[None]:
    """Restore `model` and the random generators on exit, whatever happens inside. `seed`: seed of torch's generator inside.
    Gradients are on inside, though the caller may have switched them off."""
    devices = {tensor.device.index for tensor in model.parameters() if tensor.is_cuda}
    numbers, states = np.random.get_state(), random.getstate()
    known = [device for device in devices if device is not None]
    with torch.inference_mode(False), torch.enable_grad(), torch.random.fork_rng(devices=known):
        snapshot = Snapshot(model)
        try:
            if seed is not None:
                torch.manual_seed(seed)
            yield
        finally:
            snapshot.give_back()
            np.random.set_state(numbers)
            random.setstate(states)
