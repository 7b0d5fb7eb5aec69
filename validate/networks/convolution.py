"""A convolution over positions and its adjoint, in one and two dimensions; channels first, [T·B, channels, positions…].

The input is continued beyond its borders, by zeros or by itself around the circle, so that the output of stride 1 has the size
of the input; the adjoint adds what falls beyond a border back to where it came from.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.grad import conv1d_input, conv2d_input

CONVOLUTIONS: dict[int, tuple[Callable[..., Tensor], Callable[..., Tensor]]] = {
    1: (F.conv1d, conv1d_input),
    2: (F.conv2d, conv2d_input),
}
"""By the number of dimensions: the convolution, and its adjoint with respect to its input."""


@dataclass(frozen=True, kw_only=True)
class Convolution:
    """`kernel` taps in each of `dimensions`, the (kernel − 1)//2-th over the position itself."""

    dimensions: int
    kernel: int
    stride: int = 1
    groups: int = 1
    circular: bool = False

    @property
    def before(self) -> int:
        """How many positions it sees before the first."""
        return (self.kernel - 1) // 2

    def size(self, size: int) -> int:
        """Positions of the output along each dimension."""
        return -(-size // self.stride)

    def forward(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        convolve, _ = CONVOLUTIONS[self.dimensions]
        return convolve(self._continued(x), weight, bias, stride=self.stride, groups=self.groups)

    def backward(self, grad: Tensor, weight: Tensor, size: int) -> Tensor:
        """The gradient at the input, which has `size` positions along each dimension, from that at the output."""
        _, adjoint = CONVOLUTIONS[self.dimensions]
        channels = weight.shape[1] * self.groups
        wide = (len(grad), channels, *(size + self.kernel - 1,) * self.dimensions)
        found = adjoint(wide, weight, grad, stride=self.stride, groups=self.groups)
        for dim in range(2, found.dim()):
            found = self._folded(found, dim, size) if self.circular else found.narrow(dim, self.before, size)
        return found.contiguous()

    def _continued(self, x: Tensor) -> Tensor:
        after = self.kernel - 1 - self.before
        if not self.circular:
            return F.pad(x, (self.before, after) * self.dimensions)
        for dim in range(2, x.dim()):
            # a kernel may be wider than what it goes round
            around = torch.arange(-self.before, x.shape[dim] + after, device=x.device) % x.shape[dim]
            x = x.index_select(dim, around)
        return x

    def _folded(self, grad: Tensor, dim: int, size: int) -> Tensor:
        """Σ over all continued positions that are the same one; sums in a fixed order, which index_add has not on a GPU."""
        rounds = -(-grad.shape[dim] // size)
        missing = [0, 0] * (grad.dim() - dim - 1) + [0, rounds * size - grad.shape[dim]]
        turned = F.pad(grad, missing).unflatten(dim, (rounds, size)).sum(dim)
        return turned.roll(-self.before, dim)
