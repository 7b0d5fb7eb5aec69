"""The surrogate as it really acts: f'(x) measured as a vector–Jacobian product, not taken from the library's documentation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

Floats = NDArray[np.float64]

REACH, NEEDLE = 8.0, 0.002


@lru_cache(maxsize=4)
def grid(count: int = 300) -> Floats:
    """Points on both sides, evenly spaced in asinh: dense enough for a needle of width 1/500, and out to ±8. 0 is left out:
    libraries differ in convention there."""
    outer = np.arcsinh(REACH / NEEDLE)
    half = NEEDLE * np.sinh((np.arange(count // 2) + 0.5) * outer / (count // 2))
    # an irrational stretch keeps breakpoints such as ½, 1, 2 off the grid
    half = half * (1 + 1e-3 * np.sqrt(2))
    points = np.concatenate([-half[::-1], half])
    points.flags.writeable = False  # the cached array is shared
    return points


@dataclass(frozen=True, eq=False)
class Probe:
    """`gradient(x)`: f' at x, in float64 where the function allows it."""

    function: Callable[[Tensor], Tensor]

    def gradient(self, x: ArrayLike) -> Floats:
        return self._gradients(x, 1)[0]

    def _gradients(self, x: ArrayLike, times: int) -> list[Floats]:
        """The same of so many backward passes."""
        points = np.asarray(x, dtype=float)
        for dtype in (torch.float64, torch.float32):
            try:
                return [g.double().numpy() for g in self._passes(torch.tensor(points, dtype=dtype), times)]
            except (RuntimeError, TypeError):
                continue
        return [np.full(points.shape, np.nan)] * times

    def of(self, x: Tensor) -> Tensor:
        """f' at the points of a tensor, in its own precision."""
        return self._passes(x, 1)[0]

    def _passes(self, x: Tensor, times: int) -> list[Tensor]:
        with torch.enable_grad():
            u = x.detach().requires_grad_()
            out = self.function(u)
            if not out.requires_grad:
                return [torch.zeros_like(u)] * times
            ones, found = torch.ones_like(out), []
            for left in range(times, 0, -1):
                (gradient,) = torch.autograd.grad(out, u, ones, retain_graph=left > 1, allow_unused=True)
                found.append(torch.zeros_like(u) if gradient is None else gradient.detach())
        return found

    @cached_property
    def _twice(self) -> list[Floats]:
        return self._gradients(grid(), 2)

    @property
    def values(self) -> Floats:
        return self._twice[0]

    @cached_property
    def random(self) -> bool:
        """Whether a second backward pass gives other values."""
        return not np.array_equal(*self._twice, equal_nan=True)

    @property
    def defects(self) -> list[str]:
        """What is wrong with this function as a gradient, if anything."""
        found = []
        if self.random:
            found.append("its gradient is random: it differs from one backward pass to the next")
        if np.isnan(self.values).any():
            bad = grid()[np.isnan(self.values)]
            found.append(f"its gradient is NaN for x from {bad.min():.3g} to {bad.max():.3g}")
        elif not self.values.any():
            found.append("its gradient is zero everywhere")
        return found
