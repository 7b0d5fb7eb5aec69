"""What a periodic tail holds of E[g(X)], X ~ N(mean, var), as integrals over one cell: the density, and the values where they
depend on u too, summed over the cells.

All cells at once where the values depend on r alone and σ is not short against the period (`euler_maclaurin`); else over the
cells within reach, what lies in the others being bounded (`cells`). A value that tends to one of r alone is that limit and a
rest that decays, of which few cells are within reach.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache

import sympy as sp
from flint import acb, acb_poly, arb

from ...catalogue.piecewise import PeriodicTail, R, U
from ...expressions.lowering import Balls, lower
from .cells import cells, rest
from .euler_maclaurin import kernel
from .tails import constant
from .validated_integral import Gaussian, Stretch, evaluator, split

Values = Mapping[sp.Symbol, object]
Found = tuple[arb, list[Stretch]]
"""A bound of what is left out, and the stretches of the rest."""


def tail_stretches(part: PeriodicTail, env: Values, m: arb, v: arb, depth: Fraction) -> Found:
    split_off = limit(part)
    if split_off and (found := all_cells(split_off[0], env, m, v)):
        outside, stretches = cells_within_reach(split_off[1], env, m, v, depth)
        return found[0] + outside, found[1] + stretches
    return all_cells(part, env, m, v) or cells_within_reach(part, env, m, v, depth)


@lru_cache(maxsize=128)
def limit(part: PeriodicTail) -> tuple[PeriodicTail, PeriodicTail] | None:
    """The tail's values for u → ∞, and what decays beside them; None where u stands elsewhere than in e^{−cu}, c > 0."""
    ends, limits, rests = [], [], []
    for end, value in part.cell:
        powers = {e: sp.Dummy(positive=True) for e in value.atoms(sp.exp) if e.has(U)}
        hidden = value.xreplace(powers)
        if hidden.has(U) or not all((-sp.diff(e.args[0], U)).is_positive for e in powers):
            return None
        last = hidden.xreplace(dict.fromkeys(powers.values(), sp.S.Zero))
        above, below = sp.fraction(sp.together(hidden - last))  # type: ignore[operator]
        ends.append(end)
        limits.append(last)
        rests.append((sp.expand(above) / below).xreplace({symbol: e for e, symbol in powers.items()}))
    if not any(limits) or any(last.has(sp.nan, sp.zoo) for last in limits):
        return None
    first, second = (replace(part, cell=tuple(zip(ends, values, strict=True))) for values in (limits, rests))
    return (first, second) if any(rests) else None


def _stretches(part: PeriodicTail, env: Values) -> Iterator[tuple[sp.Expr, arb, arb]]:
    """(value, ends) of one cell, where the value is not 0."""
    lo = arb(0)
    for end, value in part.cell:
        hi = constant(end, env)
        if value != 0:
            yield value, lo, hi
        lo = hi


def all_cells(part: PeriodicTail, env: Values, m: arb, v: arb) -> Found | None:
    """None where the values depend on u too, or where σ is short against the period."""
    if any(U in value.free_symbols for _, value in part.cell):
        return None
    density = kernel(constant(part.start, env), constant(part.period, env), m, v)
    if density is None:
        return None
    beyond, found = arb(0), []
    for value, lo, hi in _stretches(part, env):
        largest = acb(lower(value, Balls())({**env, R: acb(lo.union(hi))})).abs_upper()
        if not largest.is_finite():
            return None
        beyond += largest * (hi - lo) * density.rest
        found.append(Stretch.of(value, env, density, lo, hi))
    return beyond / (2 * arb.pi() * v).sqrt(), found


def cells_within_reach(part: PeriodicTail, env: Values, m: arb, v: arb, depth: Fraction) -> Found:
    kept, found = cells(part, env, m, v, depth), []
    start, period = constant(part.start, env), constant(part.period, env)
    origins = [start + n * period for n in kept]
    for value, lo, hi in _stretches(part, env):
        if U not in value.free_symbols:
            groups = [(origins, Densities(origins, period, m, v))]
        else:  # what is sharp is so near the start: the first cell has its own subdivision
            outer, inner = value.as_independent(U, as_Add=False)
            value = outer
            groups = [(some, Products(inner, env, some, Gaussian(m, v))) for some in (origins[:1], origins[1:]) if some]
        for some, summed in groups:
            bulks = [(m - origin, v) for origin in some] if len(some) <= 2 else []
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
