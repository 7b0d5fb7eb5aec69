"""Products with spikes: a sum of the columns whose input fired, without a multiplication.

A dense product of [rows, fan_in] spikes at rate p with the weights multiplies (1 − p) of its operands by zero, and so does the
weights' gradient, Σ over rows of what came back times the spikes.
"""

from __future__ import annotations

import ctypes

import torch
from torch import Tensor

from .buffers import BUFFERS
from .c_library import library
from .machine import native_bfloat16
from .spike_source import LONGEST, SHORTEST, SOURCE

DENSE = 0.4
"""Above this share of spikes the dense product is as fast."""


def packed(x: Tensor) -> Tensor | None:
    """The spikes x, a byte each. None, and dense products do: x is not 0 and 1 alone, or too dense; the CPU has instructions
    for bfloat16, which are faster still; no C compiler is there. It depends on x alone, so the same draw is the same again.
    """
    if x.device.type != "cpu" or (x.dtype == torch.bfloat16 and native_bfloat16()):
        return None
    functions = library(SOURCE, x.dtype)
    if functions is None:
        return None
    x = x.contiguous()
    spikes = BUFFERS.take(x.shape, torch.uint8)
    functions.pack.restype = ctypes.c_int64
    found = functions.pack(*_pointers(x, spikes), ctypes.c_int64(x.numel()), _threads())
    if 0 <= found <= DENSE * x.numel():
        return spikes
    BUFFERS.give(spikes)
    return None


def product(spikes: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """spikes @ weight.T (+ bias) for packed spikes [T, B, fan_in] and weight [fan_out, fan_in]; bfloat16 is summed in float32
    and rounded once."""
    into = BUFFERS.take((*spikes.shape[:-1], len(weight)), weight.dtype)
    weight, bias = weight.contiguous(), None if bias is None else bias.contiguous()
    return _run("spike_product", spikes, (weight, bias), into, spikes.shape[-1])


def outer(spikes: Tensor, grad: Tensor) -> Tensor:
    """Σ_{t, b} grad[t, b, :] spikes[t, b, :]ᵀ, [fan_out, fan_in], for grad [T, B, fan_out]."""
    into = BUFFERS.take((grad.shape[-1], spikes.shape[-1]), grad.dtype)
    return _run("spike_outer", spikes, (grad.contiguous(),), into, grad.numel() // grad.shape[-1])


def times(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor | None:
    """x @ weight.T (+ bias). None where x is not `packed`, and the caller takes the dense product."""
    spikes = packed(x)
    if spikes is None:
        return None
    found = product(spikes, weight, bias)
    BUFFERS.give(spikes)
    return found


def _run(name: str, spikes: Tensor, operands: tuple[Tensor | None, ...], into: Tensor, inputs: int) -> Tensor:
    """`inputs`: how many are numbered in each list, of spikes.numel()/inputs lists."""
    functions = library(SOURCE, into.dtype)
    assert functions is not None, "spikes have been packed"
    fan_in, fan_out = spikes.shape[-1], into.shape[-1] if name == "spike_product" else into.shape[0]
    rows, lists = spikes.numel() // fan_in, spikes.numel() // inputs
    numbers = BUFFERS.take((lists * (inputs + LONGEST),), torch.uint8)
    counts = BUFFERS.take((lists * (inputs // SHORTEST + 1),), torch.uint8)
    sizes = [ctypes.c_int64(size) for size in (rows, fan_in, fan_out)]
    failed = getattr(functions, name)(*_pointers(spikes, *operands, into, numbers, counts), *sizes, _threads())
    BUFFERS.give(numbers, counts)
    if failed:
        raise MemoryError("no memory for a product of spikes")
    return into


def _pointers(*arrays: Tensor | None) -> list[ctypes.c_void_p]:
    return [ctypes.c_void_p(None if array is None else array.data_ptr()) for array in arrays]


def _threads() -> ctypes.c_int:
    return ctypes.c_int(torch.get_num_threads())
