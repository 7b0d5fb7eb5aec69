"""Copying weights at one step by ball arithmetic: the table's rows, and half moments of the sigmoid."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from flint import acb, arb

from ikun_sym.expressions.lowering import precision
from ikun_sym.gaussian.enclosures.certify import Enclosure

from .overlap_balls import BITS, DIGITS, quantile, tail

ROUTE = "ball arithmetic: validated integrals, sign change across the fixed point"
RATE = "0.2"
FAR = 12
"""Standard deviations of the normal law that are integrated; f' is at most its peak on the rest."""


def orthant(h: arb, k: arb, correlation: arb) -> arb:
    """P(X >= h, Y >= k): Q(h) Q(k) + (1/2π) ∫_0^{arcsin c} exp(−(h² − 2hk sin θ + k²)/(2 cos² θ)) dθ."""
    angle = acb(correlation.asin())

    def integrand(q: acb, analytic: bool) -> acb:
        sine, cosine = (angle * q).sin(), (angle * q).cos()
        return (-(h * h - 2 * h * k * sine + k * k) / (2 * cosine**2)).exp()

    return tail(h) * tail(k) + (angle * acb.integral(integrand, 0, 1)).real / (2 * arb.pi())


def density(h: arb, k: arb, c: arb) -> arb:
    return (-(h * h - 2 * c * h * k + k * k) / (2 * (1 - c * c))).exp() / (2 * arb.pi() * (1 - c * c).sqrt())


def normal(a: arb) -> arb:
    return (-a * a / 2).exp() / (2 * arb.pi()).sqrt()


@dataclass(frozen=True)
class Scales:
    """θ = 1 and the rate RATE, at which c makes it a fixed point. `sigma`: standard deviation of the independent part."""

    sigma: str

    def numbers(self) -> tuple[arb, arb, arb, arb]:
        """p, c, a₁, a₀."""
        p, sigma = arb(RATE), arb(self.sigma)
        a1 = quantile(1 - (1 - p) * tail(1 / sigma) / p)
        return p, 1 - sigma * a1, a1, 1 / sigma


@lru_cache(maxsize=16)
def row(scales: Scales) -> dict[str, Enclosure]:
    """c, K, ρ*, s, ξ, and the slope of the rate's own map."""
    with precision(BITS):
        p, c, a1, a0 = scales.numbers()
        gain = arb(scales.sigma) ** 2 / p

        def fires(overlap: arb) -> tuple[arb, arb, arb]:
            return orthant(a1, a1, overlap), orthant(a1, a0, overlap), orthant(a0, a0, overlap)

        def image(overlap: arb) -> arb:
            both, one, none = fires(overlap)
            q = p * overlap
            return (q * both + 2 * (p - q) * one + (1 - 2 * p + q) * none) / p

        low, high = arb(RATE), arb("0.5")
        assert image(low) > low
        assert image(high) < high
        for _ in range(60):
            middle = arb(((low + high) / 2).mid())
            above = image(middle)
            low, high = (middle, high) if above > middle else (low, middle) if above < middle else (low, high)
        rho = low.union(high)
        both, one, none = fires(rho)
        q = p * rho
        corners = q * density(a1, a1, rho) + 2 * (p - q) * density(a1, a0, rho) + (1 - 2 * p + q) * density(a0, a0, rho)
        slope = both - 2 * one + none + corners / p
        own = tail(a1) - tail(a0) + (p * normal(a1) * a1 + (1 - p) * normal(a0) * a0) / (2 * p)
        found = {"c": c, "K": gain, "overlap": rho, "slope": slope, "depth": -1 / slope.log(), "rate-slope": own}
        return {name: Enclosure.of(value, DIGITS, ROUTE) for name, value in found.items()}


@lru_cache(maxsize=16)
def growth(scales: Scales, alpha: str) -> Enclosure:
    """χ: the leading eigenvalue of T, of the sigmoid of this α."""
    with precision(BITS):
        p, c, _, _ = scales.numbers()
        sigma, slope = arb(scales.sigma), arb(alpha)
        gain = sigma**2 / p

        def half(mean: arb, fired: bool) -> arb:
            """E[f'(X)² 1{X >= 0 or < 0}], X ~ N(mean, σ²)."""

            def integrand(t: acb, analytic: bool) -> acb:
                bell = slope / (2 * (slope * t / 2).cosh()) ** 2
                return bell**2 * (-(((t - mean) / sigma) ** 2) / 2).exp()

            end = FAR * sigma + abs(mean)
            part = acb.integral(integrand, 0 if fired else -end, end if fired else 0).real / (sigma * (2 * arb.pi()).sqrt())
            return part + arb(0, ((slope / 4) ** 2 * tail(arb(FAR))).upper())

        moments = [[half(mean - 1, fired) for fired in (False, True)] for mean in (arb(0), c)]
        share = [1 - p, p]
        mixed = [sum((share[r] * moments[r][u] for r in range(2)), arb(0)) for u in range(2)]
        t00, t01, t10, t11 = (c**2 * moments[s][u] + gain * mixed[u] for s in range(2) for u in range(2))
        found = (t00 + t11 + ((t00 - t11) ** 2 + 4 * t01 * t10).sqrt()) / 2
        return Enclosure.of(found, 12, ROUTE)
