"""E[g(X)] in ball arithmetic by antiderivatives, for g a sum of polynomials × exp(quadratic) × cos or sin on each piece.

With the density, P(x) e^{q(x)} becomes P(x) e^{Q(x)}, Q(x) = peak − (x − r)²/2w, and R e^Q + κ e^{peak} √(πw/2) erf z with
z = (x − r)/√(2w) is an antiderivative, where R' + Q'R + κ = P fixes R from the top. A term that goes on across a breakpoint,
0 included, is integrated over all of its stretch: E[cos kX] = e^{−k²v/2} cos kμ has its digits however small it is. Nothing is
approximated; what cancels between the ends costs working precision, never truth.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

import sympy as sp
from flint import acb, arb

from ...catalogue.piecewise import PiecewiseFunction
from ...expressions.lowering import Balls, lower
from ...expressions.vocabulary import erfcx
from ..rules.polynomial_exponential import Term, terms_of

ROUTE = "ball arithmetic: antiderivatives"

FAR = 8

Values = Mapping[sp.Symbol, object]
Interval = tuple[sp.Expr, sp.Expr]


@lru_cache(maxsize=256)
def stretches(function: PiecewiseFunction) -> tuple[tuple[Term, Interval], ...] | None:
    """The terms of a function of x, each with its interval of the signed axis; None if it is not of this class."""
    found: dict[Term, list[Interval]] = {}
    if function.tails:
        return None
    for piece in [*reversed(function.side(-1)), *function.side(1)]:
        terms = terms_of(piece.value) if not piece.is_zero else []
        if terms is None:
            return None
        lo, hi = (piece.lo, piece.hi) if piece.side > 0 else (-piece.hi, -piece.lo)
        for term in terms:
            intervals = found.setdefault(term if piece.side > 0 else term.mirrored, [])
            if intervals and intervals[-1][1] == lo:  # it goes on
                lo_before, _ = intervals.pop()
                intervals.append((lo_before, hi))
            else:
                intervals.append((lo, hi))
    return tuple((term, interval) for term, intervals in found.items() for interval in intervals)


def increments(function: PiecewiseFunction, env: Values, mean: arb, var: arb) -> arb | None:
    """E[function(X)] at the working precision; None if the function is not of this class, or not finite here."""
    found = stretches(function)
    if found is None:
        return None
    total = acb(0)
    for term, interval in found:
        law = Law.of(term, env, mean, var)
        if law is None:
            return None
        for part in law.between(*(_end(end, env) for end in interval)):
            total += part
    return total.real if total.is_finite() else None


def _end(end: sp.Expr, env: Values) -> arb | None:
    """None: infinite."""
    return None if end in (sp.oo, -sp.oo) else acb(lower(end, Balls())(env)).real


@dataclass(frozen=True)
class Law:
    """P e^Q over the density's norm: the coefficients of R, κ, and w, r, peak of Q."""

    rho: tuple[acb, ...]
    kappa: acb
    r: acb
    w: acb
    peak: acb
    var: arb
    decays: bool

    @classmethod
    def of(cls, term: Term, env: Values, m: arb, v: arb) -> Law | None:
        """None where 1 − 2av, for e^{ax²}, is not surely different from 0."""
        p = [_number(c, env) for c in term.coefficients]
        a, b, c = (_number(x, env) for x in (term.a, term.b, term.c))
        decay = 1 - 2 * a * v
        if decay.contains(0):
            return None
        w, r = v / decay, (m + b * v) / decay
        rho = [acb(0)] * (len(p) + 1)
        for i in range(len(p) - 1, 0, -1):
            rho[i - 1] = w * ((i + 1) * rho[i + 1] - p[i]) + r * rho[i]
        kappa = p[0] - rho[1] - r * rho[0] / w
        return cls(tuple(rho), kappa, r, w, c + (m * b + b * b * v / 2 + a * m * m) / decay, v, bool(decay.real > 0))

    def between(self, lo: arb | None, hi: arb | None) -> Iterator[acb]:
        """The parts of the integral; NaN where an end is infinite and the product does not decay."""
        if (lo is None or hi is None) and not self.decays:
            yield acb("nan")
            return
        root = (2 * self.w).sqrt()
        bulk = self.kappa * (self.w / self.var).sqrt() / 2
        for part in _error_function(self.peak, *(None if end is None else (end - self.r) / root for end in (lo, hi))):
            yield bulk * part
        for end, sign in ((hi, 1), (lo, -1)):
            if end is not None:
                yield sign * self._boundary(end)

    def _boundary(self, x: arb) -> acb:
        total = acb(0)
        for coefficient in reversed(self.rho):
            total = total * x + coefficient
        away = x - self.r
        return total * (self.peak - away * away / (2 * self.w)).exp() / (2 * arb.pi() * self.var).sqrt()


def _number(expr: sp.Expr, env: Values) -> acb:
    return acb(lower(expr, Balls())(env))


def _error_function(peak: acb, lo: acb | None, hi: acb | None) -> tuple[acb, ...]:
    """e^peak (erf(hi) − erf(lo)), by tails from the side on which both lie."""
    if lo is not None and lo.real > 0:
        return (_tail(peak, lo),) if hi is None else (_tail(peak, lo), -_tail(peak, hi))
    if hi is not None and hi.real < 0:
        return (_tail(peak, -hi),) if lo is None else (_tail(peak, -hi), -_tail(peak, -lo))
    tails = (_tail(peak, -lo) if lo is not None else None, _tail(peak, hi) if hi is not None else None)
    return (2 * peak.exp(), *(-tail for tail in tails if tail is not None))


def _tail(peak: acb, z: acb) -> acb:
    """e^peak erfc(z); far out as e^{peak − z²} erfcx(z), for both factors are beyond all bounds where their product is not."""
    return (peak - z * z).exp() * erfcx(z) if z.real > FAR else peak.exp() * z.erfc()
