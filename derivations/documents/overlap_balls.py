"""The overlap of two inputs in one layer by ball arithmetic, in the coordinates a = θ/σ_H and x = √((1 − c)/(1 + c)).

p − Φ₂(a, a; c) = (1/π) e^{−a²/2} J(a, x),   J(a, x) = ∫_0^x e^{−a²u²/2}/(1 + u²) du,   s = ½ x e^{−a²x²/2}/J(a, x).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from flint import acb, arb

from ikun_sym.expressions.lowering import precision
from ikun_sym.gaussian.enclosures.certify import Enclosure

ROUTE = "ball arithmetic: validated integral, sign change across the fixed point"
BITS = 120
DIGITS = 18
HALVINGS = 90


def tail(x: arb) -> arb:
    return (x / arb(2).sqrt()).erfc() / 2


def quantile(p: arb) -> arb:
    """a with Q(a) = p."""
    return arb(2).sqrt() * (2 * p).erfcinv()


def unshared(a: arb, x: arb) -> arb:
    """J(a, x)."""

    def integrand(t: acb, analytic: bool) -> acb:
        u2 = (x * t) ** 2
        return (-(a**2) * u2 / 2).exp() / (1 + u2)

    return x * acb.integral(integrand, 0, 1).real


def fixed_point(low: arb, high: arb, excess: Callable[[arb], arb]) -> arb:
    """Between two numbers at which `excess` is above and below 0; it falls."""
    assert excess(low) > 0 > excess(high)
    for _ in range(HALVINGS):
        middle = arb(((low + high) / 2).mid())
        at = excess(middle)
        if not (at > 0 or at < 0):
            break
        low, high = (middle, high) if at > 0 else (low, middle)
    return low.union(high)


@dataclass(frozen=True)
class Settled:
    """Independent weights without bias at the rate `p`: the fixed point ρ* < 1, unique since the map is convex."""

    p: str

    @cached_property
    def balls(self) -> dict[str, arb]:
        with precision(BITS):
            p = arb(self.p)
            a = quantile(p)

            def excess(x: arb) -> arb:
                """(1 − M)/(1 − c) − 1, which falls in x: a convex map's mean slope from c to 1."""
                return (-(a**2) / 2).exp() * unshared(a, x) * (1 + x**2) / (2 * arb.pi() * p * x**2) - 1

            x = fixed_point(arb("0.01"), arb(1), excess)
            slope = x * (-((a * x) ** 2) / 2).exp() / (2 * unshared(a, x))
            return {"overlap": (1 - x**2) / (1 + x**2), "slope": slope, "depth": -1 / slope.log()}

    def __getitem__(self, what: str) -> Enclosure:
        return Enclosure.of(self.balls[what], DIGITS, ROUTE)
