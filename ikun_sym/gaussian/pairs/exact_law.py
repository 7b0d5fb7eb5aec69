"""The law of a pair as exact numbers: what a moment is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from flint import arb

from ...errors import DomainError
from ...exact import Number, exact
from ...expressions.lowering import ball
from ...told import Told


@dataclass(frozen=True, kw_only=True)
class ExactLaw(Told):
    """(X, X') bivariate normal: means, variances, correlation."""

    mean: Fraction
    var: Fraction
    rho: Fraction
    other_mean: Fraction
    other_var: Fraction

    @classmethod
    def of(cls, mean: Number, var: Number, rho: Number, other_mean: Number | None, other_var: Number | None) -> ExactLaw:
        """X' is as X where nothing else is said. Errors: a variance that is not positive, a correlation beyond ±1."""
        m, v, r = exact(mean, "mean"), exact(var, "var"), exact(rho, "rho")
        n = m if other_mean is None else exact(other_mean, "other_mean")
        w = v if other_var is None else exact(other_var, "other_var")
        for name, value in (("var", v), ("other_var", w)):
            if value <= 0:
                raise DomainError(name, value, "a positive number", "it is a variance, not a standard deviation")
        if not -1 <= r <= 1:
            raise DomainError("rho", rho, "a number from -1 to 1", "it is a correlation, not a covariance")
        return cls(mean=m, var=v, rho=r, other_mean=n, other_var=w)

    @property
    def alike(self) -> bool:
        """Whether X and X' have one law."""
        return self.mean == self.other_mean and self.var == self.other_var

    @property
    def laws(self) -> tuple[tuple[Fraction, Fraction], tuple[Fraction, Fraction]]:
        """Mean and variance of X, and of X'."""
        return (self.mean, self.var), (self.other_mean, self.other_var)

    def shared(self, other: bool) -> tuple[arb, arb, arb]:
        """Mean, √|ρ| σ (signed for X') and (1 − |ρ|) v at the working precision."""
        mean, var = self.laws[other]
        size = abs(self.rho)
        scale = (ball(size) * ball(var)).sqrt()
        return ball(mean), -scale if other and self.rho < 0 else scale, ball(1 - size) * ball(var)
