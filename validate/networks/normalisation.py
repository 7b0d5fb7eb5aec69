"""Normalisation of currents by the statistics of the batch at hand, as in training, and its adjoint.

    y = a (x − μ)/√(σ² + ε),  ∂L/∂x = a/√(σ² + ε) · (g − mean(g) − ŷ mean(g ŷ)),  ŷ = (x − μ)/√(σ² + ε),

with mean μ and variance σ² (by n, not n − 1) of a channel over samples and positions. Batch norm takes each step by itself,
a = 1 (Ioffe & Szegedy 2015, arXiv:1502.03167); the threshold-dependent one all steps together, a = θ (Zheng et al. 2021,
arXiv:2011.05280).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor

EPSILON = 1e-5
"""PyTorch's."""

Return = Callable[[Tensor], Tensor]


EACH_STEP, ALL_STEPS = (1, 3), (0, 1, 3)
"""Axes of [T, B, channels, positions] over which a channel's statistics are taken."""


def nothing(x: Tensor, threshold: float) -> tuple[Tensor, Return]:
    return x, lambda grad: grad


def batch(x: Tensor, threshold: float) -> tuple[Tensor, Return]:
    return normalised(x, EACH_STEP, 1.0)


def threshold_dependent(x: Tensor, threshold: float) -> tuple[Tensor, Return]:
    return normalised(x, ALL_STEPS, threshold)


def normalised(x: Tensor, over: tuple[int, ...], scale: float) -> tuple[Tensor, Return]:
    """y, and the way back from ∂L/∂y to ∂L/∂x."""
    # in float64: the squares of a long batch are no place for rounding
    wide = x.double()
    centred = wide - wide.mean(over, keepdim=True)
    deviation = (centred.square().mean(over, keepdim=True) + EPSILON).sqrt()
    normal = centred / deviation

    def back(grad: Tensor) -> Tensor:
        g = grad.double()
        g = g - g.mean(over, keepdim=True) - normal * (g * normal).mean(over, keepdim=True)
        return (g * (scale / deviation)).to(grad.dtype)

    return (scale * normal).to(x.dtype), back


NORMS: Mapping[str, Callable[[Tensor, float], tuple[Tensor, Return]]] = {
    "none": nothing,
    "batch": batch,
    "tdbn": threshold_dependent,
}
"""By the catalogue's word: from the currents [T, B, channels, positions] and the threshold, y and the way back."""
