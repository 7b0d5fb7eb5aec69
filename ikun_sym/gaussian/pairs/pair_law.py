"""The law of a pair in float64: broadcast, checked, and split into what both variables share and what each has alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import IkunError
from ..evaluate import FloatFunction

SETTLED = 100
"""Nodes that ball arithmetic may settle where no fast rule vouches: far out, where values are below 1e-290."""

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True)
class PairLaw:
    """Means, variances and correlations of (X, X'): arrays of one dimension."""

    mean: Floats
    var: Floats
    rho: Floats
    other_mean: Floats
    other_var: Floats

    @classmethod
    def of(
        cls, mean: ArrayLike, var: ArrayLike, rho: ArrayLike, other_mean: ArrayLike | None, other_var: ArrayLike | None
    ) -> tuple[PairLaw, tuple[int, ...]]:
        """The law, flat, and the shape of the answer. X' is as X where nothing else is said."""
        given = (mean, var, rho, mean if other_mean is None else other_mean, var if other_var is None else other_var)
        try:
            arrays = np.broadcast_arrays(*(np.asarray(part, dtype=float) for part in given))
        except (TypeError, ValueError) as error:
            raise IkunError(f"expected_product needs real numbers or arrays whose shapes broadcast: {error}") from None
        law = cls(*(np.ascontiguousarray(part).ravel() for part in arrays))
        if not (np.isfinite(law.mean).all() and np.isfinite(law.other_mean).all()):
            raise IkunError("expected_product needs finite means")
        if not all((np.isfinite(part) & (part > 0)).all() for part in (law.var, law.other_var)):
            raise IkunError("expected_product needs finite variances > 0; for variance 0 multiply by the value at the mean")
        if not (np.abs(law.rho) <= 1).all():
            raise IkunError("rho is a correlation: allowed are numbers from -1 to 1")
        return law, arrays[0].shape

    def __len__(self) -> int:
        return len(self.rho)

    def at(self, index: Indices) -> PairLaw:
        return PairLaw(self.mean[index], self.var[index], self.rho[index], self.other_mean[index], self.other_var[index])

    @property
    def alike(self) -> bool:
        """Whether X and X' have one law and move together: then H is G."""
        same = np.array_equal(self.mean, self.other_mean) and np.array_equal(self.var, self.other_var)
        return bool(same and (self.rho >= 0).all())

    @property
    def steepness(self) -> Floats:
        """κ = (1 + |ρ|)/(1 − |ρ|): φ G H grows by no more than e^{κy²/2} at a height y above the real axis."""
        size = np.abs(self.rho)
        with np.errstate(divide="ignore"):
            return (1 + size) / (1 - size)

    def own(self, other: bool) -> tuple[Floats, Floats, Floats]:
        """Mean, √|ρ| σ with its sign, and (1 − |ρ|) v of X, or of X'."""
        size = np.abs(self.rho)
        if other:
            return self.other_mean, np.copysign(np.sqrt(size * self.other_var), self.rho), (1 - size) * self.other_var
        return self.mean, np.sqrt(size * self.var), (1 - size) * self.var

    def whole(self, other: bool) -> tuple[Floats, Floats]:
        """Mean and variance of X, or of X'."""
        return (self.other_mean, self.other_var) if other else (self.mean, self.var)


def convolved(function: FloatFunction, mean: Floats, var: Floats) -> Floats:
    """E[g(Y)], Y ~ N(mean, var), at many means; g itself where var = 0. NaN where neither fast rules nor patience serve."""
    with np.errstate(all="ignore"):
        if not var.any():
            return function(mean)
        value = function.expectation(mean, var, settle=False)
    left = np.flatnonzero(np.isnan(value))
    if 0 < len(left) <= SETTLED:
        value[left] = function.expectation(mean[left], var[left])
    return value
