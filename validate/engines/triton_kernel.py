"""The fused pass on CUDA: one Triton kernel forward and one backward per surrogate and neuron."""

# pyright: reportMissingImports=false
# triton comes with torch for CUDA only

from __future__ import annotations

import hashlib
import linecache
from functools import cache
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from ikun_sym.errors import IkunError

from .buffers import BUFFERS
from .contract import Response, Returned, membrane_dtype
from .products import times
from .statement import Statement
from .triton_source import explained, source

BLOCK = 1024
"""Neurons carried together at most: eight a thread."""


@cache
def missing() -> str:
    """Why kernels cannot be had here; empty where they can."""
    try:
        import triton  # noqa: F401
    except ImportError as absent:
        return f"{absent}; pip install triton"
    return ""


def interpreted() -> bool:
    """Whether kernels are run by Triton's interpreter, on the CPU: TRITON_INTERPRET=1 when it was imported. For tests."""
    if missing():
        return False
    import triton.language as tl
    from triton.runtime.interpreter import InterpretedFunction

    return isinstance(tl.cdiv, InterpretedFunction)


def build(statement: Statement, device: torch.device, asked: bool) -> Fused:
    """Error (IkunError): why there is no such pass for these neurons on this device. Triton's interpreter is used only where
    this engine was asked for by name."""
    if missing():
        raise IkunError(missing())
    if device.type != "cuda" and not (asked and interpreted()):
        raise IkunError("it needs a CUDA device")
    try:
        text, constants = source(statement)
    except (KeyError, IkunError) as error:
        raise IkunError(explained(error)) from None
    return Fused(text, constants, statement.adapts)


class Fused:
    """Tensors on one device, contiguous or not; `forward` works in place where it may. Nothing waits for the
    device."""

    def __init__(self, text: str, constants: list[float], adapts: bool) -> None:
        self._kernels, self._adapts = _functions(text), adapts
        self._values = constants
        self._constants: dict[torch.device, Tensor] = {}

    def _on(self, device: torch.device) -> Tensor:
        if device not in self._constants:
            self._constants[device] = torch.tensor(self._values, dtype=torch.float64, device=device)
        return self._constants[device]

    def currents(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return times(x, weight.T, bias)

    def forward(self, current: Tensor, keep: bool = False) -> Response:
        current = current.contiguous()
        wide = membrane_dtype(current.dtype)
        h = current if wide == current.dtype and not keep else BUFFERS.take(current.shape, wide, current.device)
        s = BUFFERS.take(current.shape, current.dtype, current.device)
        steps, samples, width = current.shape
        block, sums = _block(width), (_sums(current), _sums(current))
        arguments = current, h, s, *sums, self._on(current.device), steps, samples, width, samples * width
        self._launch(self._kernels.forward, sums[0], arguments, block)
        return Response(h, s, *(found.sum(dim=-1) for found in sums))

    def adjoint(self, h: Tensor, grad_s: Tensor, scale: float | Tensor) -> Returned:
        grad_s = grad_s.contiguous()
        grad_i, power = BUFFERS.take(grad_s.shape, grad_s.dtype, grad_s.device), _sums(h)
        factor = torch.as_tensor(scale, dtype=torch.float64, device=h.device)
        steps, samples, width = h.shape
        stride = samples * width
        trace = BUFFERS.take(h.shape, h.dtype, h.device) if self._adapts else h
        arrays = h, grad_s, grad_i, power, trace, factor, self._on(h.device)
        arguments = *arrays, steps, samples, width, stride, (steps - 1) * stride
        self._launch(self._kernels.adjoint, power, arguments, _block(width))
        if self._adapts:
            BUFFERS.give(trace)
        return Returned(power.sum(dim=-1), grad_i)

    @staticmethod
    def _launch(kernel: Any, sums: Tensor, arguments: tuple[Any, ...], block: int) -> None:
        """As many programs as there are sums at a step."""
        with torch.cuda.device_of(sums):
            kernel[(sums[0].numel(),)](*arguments, BLOCK=block, enable_fp_fusion=True)


def _block(width: int) -> int:
    """A power of two, as Triton wants it, that covers narrow layers whole."""
    return min(BLOCK, 1 << max(width - 1, 1).bit_length())


def _sums(like: Tensor) -> Tensor:
    steps, samples, width = like.shape
    return torch.empty(steps, samples, -(-width // _block(width)), dtype=torch.float64, device=like.device)


@cache
def _functions(text: str) -> Any:
    """What the text defines. It is this package's own, spelled from the vocabulary; Triton compiles functions from their
    source, which it asks `linecache` for."""
    name = f"<ikun kernel {hashlib.sha256(text.encode()).hexdigest()[:16]}>"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    module: dict[str, Any] = {"__name__": name}
    exec(compile(text, name, "exec"), module)
    return SimpleNamespace(**{key: value for key, value in module.items() if not key.startswith("__")})
