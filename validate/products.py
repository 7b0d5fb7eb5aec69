"""Matrix products, in the precision of their operands."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor


@cache
def _native_bfloat16() -> bool:
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def times(x: Tensor, matrix: Tensor, bias: Tensor | None = None) -> Tensor:
    """x @ matrix (+ bias) for x [T, B, n], as one product.

    A CPU without bfloat16 instructions multiplies bfloat16 one number at a time; there the operands are widened (exactly),
    multiplied in float32 and the result rounded, which is what the instructions do.
    """
    flat = x.reshape(-1, x.shape[-1])
    if x.dtype == torch.bfloat16 and x.device.type == "cpu" and not _native_bfloat16():
        flat, matrix = flat.float(), matrix.float()
        bias = None if bias is None else bias.float()
    product = flat @ matrix if bias is None else torch.addmm(bias, flat, matrix)
    return product.to(x.dtype).view(*x.shape[:-1], -1)
