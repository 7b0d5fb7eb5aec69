"""Matrix products, in the precision of their operands."""

from __future__ import annotations

import torch
from torch import Tensor

from .buffers import BUFFERS
from .machine import native_bfloat16


def times(x: Tensor, matrix: Tensor, bias: Tensor | None = None) -> Tensor:
    """x @ matrix (+ bias) for x [T, B, n], as one product.

    A CPU without bfloat16 instructions multiplies bfloat16 one number at a time; there the operands are widened (exactly),
    multiplied in float32 and the result rounded, which is what the instructions do.
    """
    product = BUFFERS.take((*x.shape[:-1], matrix.shape[-1]), x.dtype, x.device)
    if x.dtype == torch.bfloat16 and x.device.type == "cpu" and not native_bfloat16():
        # as it lies in memory, so that copies are not transpositions
        straight = matrix if matrix.is_contiguous() else matrix.T
        wide = [_widened(x), _widened(straight)]
        into = BUFFERS.take(product.shape, torch.float32)
        _product(wide[0], wide[1] if straight is matrix else wide[1].T, None if bias is None else bias.float(), into)
        product.copy_(into)
        BUFFERS.give(*wide, into)
    else:
        _product(x, matrix, bias, product)
    return product


def _product(x: Tensor, matrix: Tensor, bias: Tensor | None, into: Tensor) -> None:
    flat, out = x.reshape(-1, x.shape[-1]), into.view(-1, into.shape[-1])
    if bias is None:
        torch.mm(flat, matrix, out=out)
    else:
        torch.addmm(bias, flat, matrix, out=out)


def _widened(array: Tensor) -> Tensor:
    return BUFFERS.take(array.shape, torch.float32).copy_(array)
