"""The bias that rounding to bfloat16 leaves in the measured quantities, against float32 on the same weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..networks.architecture import Architecture
from ..networks.network import Draw, Network


@dataclass(frozen=True, kw_only=True)
class Bias:
    """E[bfloat16 / float32] − 1 over draws of the same weights, and its standard error."""

    observable: str
    relative_bias: float
    standard_error: float


def bias_of_bfloat16(draws: int = 16, width: int = 512, depth: int = 20, batch: int = 32, steps: int = 4) -> list[Bias]:
    """The bias of mean H², rate and backward factor, each averaged over the last half of the layers."""
    architecture = Architecture.of(width=width, depth=depth, steps=steps, leak=0.5, gain=10.0)
    networks = [Network(architecture, batch=batch, dtype=dtype) for dtype in ("bfloat16", "float32")]

    def values(draw: Draw) -> np.ndarray:
        late = slice(depth // 2, None)
        factor = np.exp(draw.log_gradient[:-1] - draw.log_gradient[1:])[late]
        return np.array([draw.var_h[late].mean(), draw.rate[late].mean(), factor.mean()])

    ratios = np.array([values(networks[0].draw(0, i)) / values(networks[1].draw(0, i)) - 1 for i in range(draws)])
    means, errors = ratios.mean(axis=0), ratios.std(axis=0, ddof=1) / draws**0.5
    return [
        Bias(observable=name, relative_bias=float(mean), standard_error=float(error))
        for name, mean, error in zip(("var_h", "rate", "backward_factor"), means, errors, strict=True)
    ]
