"""The compiled pass: one C function forward and one backward per surrogate and neuron, and products of spikes."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import torch
from torch import Tensor

from ikun_sym.errors import IkunError

from . import spike_product
from .buffers import BUFFERS
from .c_library import library
from .c_source import BLOCK, source
from .contract import Response, Returned, membrane_dtype
from .machine import compiler
from .products import times
from .statement import Statement


def build(statement: Statement, device: torch.device, asked: bool) -> Compiled:
    """Error (IkunError): why there is no such pass for these neurons on this device."""
    if device.type != "cpu":
        raise IkunError("it needs a CPU")
    if missing := compiler().missing:
        raise IkunError(missing)
    try:
        text, constants = source(statement)
    except KeyError as unknown:
        raise IkunError(f"C has no {unknown.args[0]}") from None
    if library(text, torch.float32) is None:  # where the compiler works for one precision it works for all
        raise IkunError("the C compiler does not compile it")
    return Compiled(text, constants, statement.adapts)


class Compiled:
    """Tensors on the CPU, contiguous or not; `forward` works in place where it may."""

    def __init__(self, text: str, constants: list[float], adapts: bool) -> None:
        self.text, self.adapts = text, adapts
        self.constants = (ctypes.c_double * len(constants))(*constants)

    def _functions(self, dtype: torch.dtype) -> ctypes.CDLL:
        found = library(self.text, dtype)
        if found is None:
            raise IkunError(
                f"the C compiler compiles the layers, but not for {str(dtype).removeprefix('torch.')}; use backend eager"
            )
        return found

    def _call(self, function: Callable[..., object], arrays: list[Tensor], extra: list[object], shape: torch.Size) -> None:
        pointers = [ctypes.c_void_p(array.data_ptr()) for array in arrays]
        sizes = [ctypes.c_int64(size) for size in shape]
        function(*pointers, *extra, self.constants, *sizes, ctypes.c_int(torch.get_num_threads()))

    def currents(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        product = spike_product.times(x, weight, bias)
        return times(x, weight.T, bias) if product is None else product

    def forward(self, current: Tensor, keep: bool = False) -> Response:
        # a current that is the same at every step is read from one place
        once = keep and current.stride(0) == 0 and current[0].is_contiguous()
        current = current if once else current.contiguous()
        wide = membrane_dtype(current.dtype)
        h = current if wide == current.dtype and not keep else BUFFERS.take(current.shape, wide)
        s = BUFFERS.take(current.shape, current.dtype)
        power, activity = _sums(current), _sums(current)
        self._call(
            self._functions(current.dtype).forward,
            [current, h, s, power, activity],
            [ctypes.c_int64(current.stride(0))],
            current.shape,
        )
        return Response(h, s, power.sum(dim=-1), activity.sum(dim=-1))

    def adjoint(self, h: Tensor, grad_s: Tensor, scale: float | Tensor) -> Returned:
        grad_s = grad_s.contiguous()
        power, grad_i = _sums(h), BUFFERS.take(grad_s.shape, grad_s.dtype)
        trace = BUFFERS.take(h.shape, h.dtype) if self.adapts else h.new_empty(0)
        arrays = [h, grad_s, grad_i, power, trace]
        self._call(self._functions(grad_s.dtype).adjoint, arrays, [ctypes.c_double(float(scale))], h.shape)
        if self.adapts:
            BUFFERS.give(trace)
        return Returned(power.sum(dim=-1), grad_i)


def _sums(like: Tensor) -> Tensor:
    steps, samples, width = like.shape
    return torch.empty(steps, samples, -(-width // BLOCK), dtype=torch.float64)
