"""E[G(C) H(C)] by Gauss–Legendre on panels that crowd where g breaks: for |ρ| near 1, and at ±1, where G is g itself.

G varies on the scale √((1−|ρ|)/|ρ|) near the places c at which the mean of Y is a breakpoint of g, else on the scale of g. A
panel is accepted when its halves give the same, for φGH, φG and φH alike; ∫ φG = E[g(X)] is known by another route, and a
panel that overlooked a needle of g does not give it.
"""

from __future__ import annotations

import math

import numpy as np

from ..evaluate import FloatFunction
from .pair_law import Floats, PairLaw, convolved

AGREEMENT = 1e-13
"""Between a panel and its halves, relative to the whole: the halves are better by many digits."""

KNOWN = 1e-12
"""To which the sums must give E[g(X)] and E[g(X')], relative to E[|g|]-like sums."""

GRADES = 4.0 ** -np.arange(0, 26)
"""Distances from a breakpoint at which panels end: down to 1e-15 of a standard deviation."""

HALVINGS, MOST = 40, 40_000
"""Of a panel; and panels of one point."""

REACHES = (10.0, 38.5)
"""|c| up to which panels go, tried in turn; beyond the second, φ is below the smallest float."""

NEGLECT = 1e-18
"""What the outermost panels may be of the whole."""

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)


def panels(function: FloatFunction, law: PairLaw) -> Floats:
    """E[g(X) g(X')] for g = `function`; NaN where the panels do not settle."""
    value = np.full(len(law), np.nan)
    known = [function.expectation(*law.whole(other)) for other in (False, True)]
    for i in range(len(law)):
        one = law.at(np.array([i]))
        for reach in REACHES:
            found = _adaptive(function, one, _ends(function, one, reach))
            if found is not None:
                sums, sizes = found
                if all(abs(sums[1 + j] - known[j][i]) <= KNOWN * sizes[1 + j] for j in range(2)):
                    value[i] = sums[0]
                break
    return value


def _adaptive(function: FloatFunction, law: PairLaw, ends: Floats) -> tuple[Floats, Floats] | None:
    """The integrals of φGH, φG, φH, and those of their magnitudes; None if not all panels settle, or if the outermost count."""
    lo, hi = ends[:-1], ends[1:]
    whole, size = _integrals(function, law, lo, hi)
    sums, sizes, spent = np.zeros(3), size.sum(axis=1), len(lo)
    if not (size[:, [0, -1]] <= NEGLECT * sizes[:, None]).all():
        return None
    for _ in range(HALVINGS):
        middle = 0.5 * (lo + hi)
        (left, _), (right, _) = (_integrals(function, law, *part) for part in ((lo, middle), (middle, hi)))
        good = (np.abs(left + right - whole) <= AGREEMENT * sizes[:, None]).all(axis=0)
        sums = sums + (left + right)[:, good].sum(axis=1)
        if good.all():
            return sums, sizes
        bad, spent = ~good, spent + 2 * int((~good).sum())
        if spent > MOST or not np.isfinite(whole).all():
            return None
        lo, hi = np.concatenate([lo[bad], middle[bad]]), np.concatenate([middle[bad], hi[bad]])
        whole = np.concatenate([left[:, bad], right[:, bad]], axis=1)
    return None


def _integrals(function: FloatFunction, law: PairLaw, lo: Floats, hi: Floats) -> tuple[Floats, Floats]:
    """Of φGH, φG, φH over each panel, and of their magnitudes: arrays [3, panels]."""
    half = 0.5 * (hi - lo)
    c = (0.5 * (lo + hi) + half * _NODES[:, None]).ravel()
    g, h = (
        convolved(function, mean + scale * c, np.broadcast_to(var, c.shape)) for mean, scale, var in map(law.own, (False, True))
    )
    density = np.exp(-0.5 * c * c) / math.sqrt(2 * math.pi)
    with np.errstate(all="ignore"):
        terms = np.array([density * g * h, density * g, density * h]).reshape(3, len(_NODES), -1) * _WEIGHTS[:, None] * half
    return terms.sum(axis=1), np.abs(terms).sum(axis=1)


def _ends(function: FloatFunction, law: PairLaw, reach: float) -> Floats:
    """Panels' ends, crowded around the places where the mean of Y or Y' is a breakpoint."""
    smooth = math.sqrt((1 - abs(law.rho[0])) / abs(law.rho[0]))
    grades = np.append(GRADES[smooth / 4 < GRADES], 0.0)
    found = [np.arange(-reach, reach + 0.5)]
    for other in (False, True):
        mean, scale, _ = law.own(other)
        places = np.unique([(b - mean[0]) / scale[0] for b in breakpoints(function, abs(mean[0]) + reach * abs(scale[0]))])
        found += [places + sign * grade for grade in grades for sign in (-1, 1)]
    ends = np.unique(np.concatenate(found))
    ends = ends[np.abs(ends) <= reach]
    kept = np.append(True, np.diff(ends) > 1e-16)
    return ends[kept]


def breakpoints(function: FloatFunction, reach: float) -> Floats:
    """0 and the ends of the pieces, on the signed axis; of a periodic tail those up to `reach`, if they are not too many."""
    places = {0.0}
    for piece, _, hi, _ in function.pieces:
        if math.isfinite(hi):
            places.add(piece.side * hi)
    for tail in function.tails:
        period, start = tail.period, tail.start.high
        cells = min(max(0, math.ceil((reach - start) / period)), MOST // 100)
        for n in range(cells + 1):
            places |= {tail.side * (start + n * period + end) for before, after, _ in tail.stretches for end in (before, after)}
    return np.array(sorted(places))
