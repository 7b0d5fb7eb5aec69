"""What a periodic tail holds of E[g(X)], X ~ N(mean, var), as integrals over one cell: the density, and the values where they
depend on u too, summed over the cells within reach. What lies in the others is bounded (`cells`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

import sympy as sp
from flint import acb, acb_poly, arb

from ...catalogue.piecewise import PeriodicTail, U
from .cells import cells, rest
from .tails import constant
from .validated_integral import Gaussian, Stretch, evaluator, split

Values = Mapping[sp.Symbol, object]

FEW = 2
"""Cells whose density is so narrow that each is cut near its bulk: a mean on an end has one on either side."""


def _stretches(part: PeriodicTail, env: Values) -> Iterator[tuple[sp.Expr, arb, arb]]:
    """(value, ends) of one cell, where the value is not 0."""
    lo = arb(0)
    for end, value in part.cell:
        hi = constant(end, env)
        if value != 0:
            yield value, lo, hi
        lo = hi


def tail_stretches(part: PeriodicTail, env: Values, m: arb, v: arb, depth: Fraction) -> tuple[arb, list[Stretch]]:
    """A bound of what is left out, and the stretches of the rest."""
    kept, found = cells(part, env, m, v, depth), []
    start, period = constant(part.start, env), constant(part.period, env)
    origins = [start + n * period for n in kept]
    for value, lo, hi in _stretches(part, env):
        if U in value.free_symbols:  # what is sharp is so near the start: the first cell has its own subdivision
            value, inner = value.as_independent(U, as_Add=False)
            groups = [(some, Products(inner, env, some, Gaussian(m, v))) for some in (origins[:1], origins[1:]) if some]
        elif len(origins) <= FEW:
            groups = [([origin], Gaussian(m - origin, v)) for origin in origins]
        else:
            groups = [(origins, Densities(origins, period, m, v))]
        for some, summed in groups:
            bulks = [(m - origin, v) for origin in some] if len(some) <= FEW else []
            found += [Stretch.of(value, env, summed, a, b) for a, b in split(lo, hi, *bulks)]
    return rest(part, env, kept, m, v), found


class Densities:
    """Σ e^{−(o + r − m)²/2v} over equidistant origins o: with o = c + jT a polynomial in E^{±1}, E = e^{−Tr/v}, times
    e^{−(c + r − m)²/2v}."""

    def __init__(self, origins: Sequence[arb], period: arb, m: arb, v: arb) -> None:
        middle = min(range(len(origins)), key=lambda j: abs(origins[j] - m).mid())
        centre = origins[middle]
        weights = [((centre - origin) * (centre + origin - 2 * m) / (2 * v)).exp() for origin in origins]
        self.density, self.rate = Gaussian(m - centre, v), -period / v
        self.beyond, self.before = acb_poly(weights[middle:]), acb_poly([arb(0), *reversed(weights[:middle])])
        self.both = middle > 0

    def __call__(self, r: acb, analytic: bool = False) -> acb:
        step = (r * self.rate).exp()
        total = self.beyond(step) + self.before(1 / step) if self.both else self.beyond(step)
        return total * self.density(r)


class Products:
    """Σ value(o + r, r) density(o + r) over origins o."""

    def __init__(self, value: sp.Expr, env: Values, origins: Sequence[arb], density: Gaussian) -> None:
        self.origins, self.density = origins, density
        self.plain, self.rigorous = (evaluator(value, env, analytic=analytic) for analytic in (False, True))

    def __call__(self, r: acb, analytic: bool = False) -> acb:
        value = self.rigorous if analytic else self.plain
        return sum((value(origin + r, r) * self.density(origin + r) for origin in self.origins), acb(0))
