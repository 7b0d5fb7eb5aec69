"""The case of a surrogate's joint-solution function C, with every solution isolated."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from flint import arb

from ikun_sym.catalogue.surrogate import Bound
from ikun_sym.errors import IkunError
from ikun_sym.expressions.lowering import ball, precision
from ikun_sym.schemes.critical_scale import critical
from ikun_sym.schemes.joint import Balance, Isolated, isolated

from .claim import Finding, Refused, Standalone

CASES = {
    "none": "C > 1 everywhere: no solution, the gradient explodes at every forward-stationary weight scale",
    "unstable only": "the only solutions lie where the rate does not stay",
    "stable": "a solution on the stable branch",
    "far out": "the only stable solution has σ_H above ten thresholds: gradients vanish at every practical scale",
    "one-sided": "f' = 0 below the threshold, so C → 0 with q, and C passes 1 upwards",
    "no gradient": "f' = 0 almost everywhere: C = 0, no gradient flows back",
}

NARROW = 1e-3
"""Relative width in q to which solutions are isolated."""

FAR = 10
"""From this σ_H/θ on, a solution counts as far out."""

CHECKER = "monotone bounds of C in ball arithmetic, limits at 0 and ∞"


@dataclass(frozen=True)
class Where:
    """One solution: q lies between `low` and `high`. `stable`: on the stable branch (None: not decided)."""

    low: float
    high: float
    stable: bool | None


@lru_cache(maxsize=128)
def located(bound: Bound, threshold: Fraction) -> Isolated | None:
    """The isolated solutions; None if f' is 0 almost everywhere."""
    balance = Balance(bound, threshold, Fraction(1))
    if all(piece.is_zero for piece in balance.square.pieces) and not balance.square.tails:
        return None
    return isolated(balance, NARROW)


def solutions(found: Isolated, threshold: Fraction) -> list[Where]:
    with precision(90):
        edge = ball(threshold) / critical().a.ball()  # σ_H above it: stable
        where = []
        for low, high in found.roots:
            stable = True if arb(low).sqrt() > edge else False if arb(high).sqrt() < edge else None
            where.append(Where(low, high, stable))
    return where


def case_of(bound: Bound, threshold: Fraction) -> str:
    """The case. Refused if ball arithmetic does not decide it."""
    try:
        found = located(bound, threshold)
    except IkunError as reason:
        raise Refused(str(reason)) from None
    if found is None:
        return "no gradient"
    where = solutions(found, threshold)
    if found.touching or any(one.stable is None for one in where):
        raise Refused(f"{bound.spec}: ball arithmetic does not decide where C = 1")
    if found.small.limit == 0:
        return "one-sided"
    stable = [one for one in where if one.stable]
    if not where:
        return "none"
    if not stable:
        return "unstable only"
    # C is above 1 at both ends, so beside one stable solution there is an odd number of others: C < 1 from the edge to it
    return "far out" if len(stable) == 1 and stable[0].low > (FAR * threshold) ** 2 else "stable"


@dataclass(frozen=True)
class JointCase(Standalone):
    """C(q) = q E[f'(H − θ)²]/Q(θ/√q), H ~ N(0, q), is of this case."""

    surrogate: Bound
    threshold: Fraction
    case: str

    def check(self) -> Finding:
        case = case_of(self.surrogate, self.threshold)
        if case != self.case:
            raise Refused(f"the case is {case!r}, not {self.case!r}")
        found = located(self.surrogate, self.threshold)
        if found is None:
            return Finding("proved", "every piece of f' is 0")
        limit = "C → ∞ as q → 0" if found.small.limit else "C → 0 as q → 0"
        sign = "above" if found.small.limit else "below"
        details = [
            f"{limit}, and C is {sign} 1 for all q <= {found.small.below:.6g}",
            f"C is above 1 for all q >= {found.large:.6g}",
            "between them C = 1 is excluded outside "
            + (" and ".join(map(_interval, found.roots)) or "nothing: it is excluded"),
        ]
        return Finding("proved", CHECKER, tuple(details))


def _interval(ends: tuple[float, float]) -> str:
    return f"{ends[0]:.6g} < q < {ends[1]:.6g}"
