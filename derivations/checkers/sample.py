"""A mean estimated from random draws; marked as evidence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .claim import Finding, Refused, Standalone

ALLOWED = 5.0
"""Allowed distance from the claimed value in standard errors: a true claim is refused for one seed in 1.7 million."""

SHARP = 0.1
"""Largest standard error, relative to the claimed value: a larger one would accept nearly anything."""


@dataclass(frozen=True)
class Sample(Standalone):
    """The mean of `draw(generator, n)`, n independent draws, against the claimed value."""

    draw: Callable[[np.random.Generator, int], NDArray[np.float64]]
    claimed: float
    n: int
    seed: int

    def check(self) -> Finding:
        values = np.asarray(self.draw(np.random.default_rng(self.seed), self.n), dtype=float)
        if values.shape != (self.n,) or not np.isfinite(values).all():
            raise Refused(f"{self.n} finite draws were asked for, {values.shape} came")
        mean, error = float(values.mean()), float(values.std(ddof=1) / np.sqrt(self.n))
        if error > SHARP * abs(self.claimed):
            raise Refused(f"the standard error {error:.2g} is too large to tell {self.claimed:.6g}; take more draws")
        distance = abs(mean - self.claimed)
        if distance > ALLOWED * error + 1e-12 * abs(self.claimed):
            raise Refused(f"the mean of {self.n} draws is {mean:.6g} ± {error:.2g}, not {self.claimed:.6g}")
        return Finding(
            "sampled",
            "random draws",
            (f"n = {self.n}, seed {self.seed}: mean {mean:.6g}, standard error {error:.2g}; claimed {self.claimed:.6g}",),
        )
