"""A rigorous enclosure of E[g(X) g(X')] for |ρ| near 1, by validated integrals in two dimensions.

With X' = aX + b + sT, a = ρσ'/σ, b = μ' − aμ, s = √(1−ρ²) σ' and T standard normal, independent of X,

    E = ∫ φ(t) A(t) dt,    A(t) = ∫ g(x) g(ax + b + st) N(x; μ, v) dx.

A breakpoint of the second factor lies at (β − b − st)/a. Between the t at which one of them meets one of the first factor, the
order of all is fixed and A is analytic: its integral's ends move with t.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

import sympy as sp
from flint import acb, arb

from ...catalogue.piecewise import Piece, PiecewiseFunction
from ...expressions.lowering import ball
from ..enclosures.certify import expectation
from ..enclosures.tails import constant
from ..enclosures.validated_integral import evaluator
from .exact_law import ExactLaw
from .trapezoidal_enclosure import Env, bound_of, envelope_rate

ROUTE = "ball arithmetic: validated integrals in two dimensions + bounded tails"

WIDE, COARSE, FINE = 1e-3, 300, 4000
"""Evaluations that an inner integral may take: few where t is a wide ball, for its value is to be refined anyhow."""

_NEAR = 8
"""Standard deviations of T within which its bulk lies: the integrator would find them by bisection."""


@dataclass(frozen=True)
class _Piece:
    """One piece on the signed axis: its ends (None: infinite) and its value at a complex x."""

    lo: arb | None
    hi: arb | None
    plain: Callable[[acb, acb], acb]
    rigorous: Callable[[acb, acb], acb]
    side: int

    @classmethod
    def of(cls, piece: Piece, env: Env) -> _Piece:
        ends = [constant(piece.lo, env), None if piece.hi == sp.oo else constant(piece.hi, env)]
        lo, hi = ends if piece.side > 0 else [None if end is None else -end for end in reversed(ends)]
        plain, rigorous = (evaluator(piece.value, env, analytic=flag) for flag in (False, True))
        return cls(lo, hi, plain, rigorous, piece.side)

    def __call__(self, x: acb, analytic: bool) -> acb:
        u = x if self.side > 0 else -x
        return (self.rigorous if analytic else self.plain)(u, u)


def nested_enclosure(
    function: PiecewiseFunction, values: Mapping[sp.Symbol, Fraction], env: Env, law: ExactLaw, depth: int, goal: arb
) -> arb:
    """One attempt at the working precision, to an error of about `goal`; cut where the densities have fallen by e^{−depth}."""
    pieces = [_Piece.of(piece, env) for piece in [*reversed(function.side(-1)), *function.side(1)]]
    (mean, var), (other_mean, other_var) = ((ball(m), ball(v)) for m, v in law.laws)
    a = ball(law.rho) * (other_var / var).sqrt()
    b, s = other_mean - a * mean, (ball(1 - law.rho**2) * other_var).sqrt()
    reach, error = _cut(function, values, env, law, depth)
    low, high = mean - reach * var.sqrt(), mean + reach * var.sqrt()
    breaks = [piece.lo for piece in pieces if piece.lo is not None]
    norm = 1 / (2 * arb.pi() * var.sqrt())

    def ends(t: acb) -> tuple[list[acb], list[acb]]:
        return [acb(beta) for beta in breaks], [(beta - b - s * t) / a for beta in breaks]

    meetings = sorted(((bh - b - a * bg) / s).mid() for bg in breaks for bh in breaks) if s > 0 else []
    meetings += [((beta - b - a * end) / s).mid() for beta in breaks for end in (low, high)] if s > 0 else []
    cuts = sorted([-reach, *(t for t in meetings if -reach < t < reach), *map(arb, (-_NEAR, 0, _NEAR)), reach], key=float)
    total = arb(0)
    for left, right in itertools.pairwise(cuts):
        if not right > left:
            continue
        middle = (left + right) / 2
        order = _order(pieces, *ends(acb(middle)), low, high, a)

        def outer(t: acb, analytic: bool, order: list[_Part] = order) -> acb:
            own, moved = ends(t)
            limit = FINE if t.rad() < WIDE else COARSE
            inner = acb(0)
            for part in order:
                inner += part.integrate(own, moved, low, high, mean, var, (a, b + s * t), goal, limit)
            return inner * (-t * t / 2).exp()

        span = right - left
        found = acb.integral(
            lambda q, analytic, left=left, span=span, outer=outer: outer(left + span * q, analytic),
            0, 1, rel_tol=arb(0), abs_tol=goal, eval_limit=4000, use_heap=True,
        )  # fmt: skip
        total += (found * span).real
    return total * norm + arb(0, error.upper())


@dataclass(frozen=True)
class _Part:
    """∫ first(x) second(ax + b + st) over x from one end to the next; ends are (kind, index): "own", "moved", "low", "high"."""

    first: _Piece
    second: _Piece
    lo: tuple[str, int]
    hi: tuple[str, int]

    def integrate(
        self, own: list[acb], moved: list[acb], low: arb, high: arb, mean: arb, var: arb,
        affine: tuple[arb, acb], goal: arb, limit: int,
    ) -> acb:  # fmt: skip
        table = {"own": own, "moved": moved, "low": [acb(low)], "high": [acb(high)]}
        start, end = table[self.lo[0]][self.lo[1]], table[self.hi[0]][self.hi[1]]
        span, (a, shift) = end - start, affine

        def integrand(q: acb, analytic: bool) -> acb:
            x = start + span * q
            away = x - mean
            return self.first(x, analytic) * self.second(a * x + shift, analytic) * (-away * away / (2 * var)).exp()

        return acb.integral(integrand, 0, 1, rel_tol=arb(0), abs_tol=goal / 8, eval_limit=limit) * span


def _order(pieces: list[_Piece], own: list[acb], moved: list[acb], low: arb, high: arb, a: arb) -> list[_Part]:
    """The parts between `low` and `high`, from where the breakpoints lie at one t inside the cell."""
    marks = [(x.real, ("own", i)) for i, x in enumerate(own)] + [(x.real, ("moved", i)) for i, x in enumerate(moved)]
    inside = sorted(((x, mark) for x, mark in marks if low < x < high), key=lambda entry: float(entry[0].mid()))
    parts = []
    for (x0, lo), (x1, hi) in itertools.pairwise([(low, ("low", 0)), *inside, (high, ("high", 0))]):
        x = (x0 + x1).mid() / 2
        first = pieces[sum(1 for place in own if place.real.mid() < x)]
        passed = sum(1 for place in moved if place.real.mid() < x)
        second = pieces[passed if a > 0 else len(moved) - passed]
        parts.append(_Part(first, second, lo, hi))
    return parts


def _cut(
    function: PiecewiseFunction, values: Mapping[sp.Symbol, Fraction], env: Env, law: ExactLaw, depth: int
) -> tuple[arb, arb]:
    """Standard deviations of X and T at which both are cut, and a bound of what lies beyond: for |g| <= A, A² P(beyond); else
    E|g h 1| <= √E[g²] (E[h⁴] P(beyond))^{1/4}."""
    bound = bound_of(function, env, envelope_rate(law))
    bounded = bound.rate.is_zero()
    reach = (arb(2 * depth * (1 if bounded else 4)).sqrt()).mid()
    beyond = (reach / arb(2).sqrt()).erfc()
    if bounded:
        return reach, 2 * bound.scale**2 * beyond
    two, four = ([expectation(function.power(n), values, *pair, 6).ball().abs_upper() for pair in law.laws] for n in (2, 4))
    error = arb(0)
    for i in (0, 1):
        error += arb(two[i]).sqrt() * (arb(four[1 - i]) * beyond).sqrt().sqrt()
    return reach, error
