"""E[P(X) h(X)], X ~ N(m, v), for P of period T on the whole line and h(x) = (1 + e^{−λx})^{−q}, by Poisson's summation.

With F = h e^{−(x−m)²/2v} and ω = 2π/T, Σ_n F(r + nT) = Σ_j D_j e^{−ijωr}, T D_j = ∫ F(x) e^{ijωx} dx. For j > 0 the path is
moved up, past the poles z_l = iπ(2l + 1)/λ of F:

    T D_j = 2πi Σ_{l<L} Res(F e^{ijωz}, z_l) + rest,   |rest| <= e^{y²/2v − jωy} ∫F,   y = 2πL/λ,

for there 1 + e^{−λz} = 1 + e^{−λx}. Below the poles, at y = θ/λ with θ < π, |1 + e^{−λz}| >= (1 + e^{−λx}) cos(θ/2), so the
terms j > J hold no more than the geometric series of such rests with the factor cos(θ/2)^{−q}. What is left is D_0: the mean of
P over its period times ∫F, without any period. DLMF 1.8(iv).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import sympy as sp
from flint import acb, acb_poly, arb, ctx, fmpq

from ...catalogue.piecewise import PeriodicTail, Piece, PiecewiseFunction, R, U, two_sided
from ...expressions.algebraic_zero_test import independent, vanishes
from ...expressions.lowering import Balls, lower
from .tails import constant
from .validated_integral import Stretch

MEAN_OF_PERIOD = sp.Dummy("P", real=True)

ANGLE = math.pi * 0.9
"""θ at most: near π the bound below the poles is none."""

MOST = 1000
"""Residues, at most: beyond, a rest that decays within few periods is cheaper (`cell_sums`)."""


@dataclass(frozen=True)
class Wave:
    """P by the cells of the tail on `side`, h by its λ and q on that side."""

    part: PeriodicTail
    rate: sp.Expr
    order: int


@dataclass(frozen=True)
class Smooth:
    """The pieces of the mean of P times h, with the mean in `env`; the stretches for j > 0; a bound of what is left out."""

    pieces: tuple[Piece, ...]
    env: dict[sp.Symbol, object]
    beyond: arb
    stretches: list[Stretch]


@lru_cache(maxsize=128)
def wave(function: PiecewiseFunction) -> Wave | None:
    """None if the function is not of this class."""
    for side in (1, -1):
        part, other = function.tail(side), function.tail(-side)
        if function.pieces or part is None or other is None:
            return None
        ahead, behind = _factors(part), _factors(other)
        if ahead is None or behind is None or part.start != 0 or part.period != other.period:
            continue
        h = ahead[1]
        if not (isinstance(h, sp.Pow) and h.exp.is_Integer and h.exp < 0 and isinstance(h.base - 1, sp.exp)):
            continue
        rate = -sp.diff((h.base - 1).args[0], U)
        if rate.is_positive and h == (1 + sp.exp(-rate * U)) ** h.exp and _mirrored(h, behind[1]):
            flipped = [(sp.expand(part.period - end), value) for end, value in ahead[0]]
            values = [sp.expand(value.xreplace({R: part.period - R})) for _, value in reversed(flipped)]
            ends = [end for end, _ in reversed(flipped[:-1])] + [part.period]
            same = [sp.expand(end) for end, _ in behind[0]] == [sp.expand(end) for end in ends]
            if same and all(sp.expand(a - b) == 0 for a, (_, b) in zip(values, behind[0], strict=True)):
                cell = tuple(ahead[0])
                return Wave(PeriodicTail(side, part.start, part.period, cell), rate, -int(h.exp))
    return None


def _factors(part: PeriodicTail) -> tuple[list[tuple[sp.Expr, sp.Expr]], sp.Expr] | None:
    """The cell without the factor in u, and that factor, which is the same in all stretches."""
    cell, factors = [], set()
    for end, value in part.cell:
        outer, inner = value.as_independent(U, as_Add=False)
        cell.append((end, outer))
        factors |= {inner} if value != 0 else set()
    return (cell, factors.pop()) if len(factors) == 1 else None


def _mirrored(h: sp.Expr, behind: sp.Expr) -> bool:
    """Whether behind(u) = h(−u), as rational functions of e^{−λu}."""
    return bool(vanishes(independent(h.xreplace({U: -U}) - behind)))


def smooth(function: PiecewiseFunction, env: Mapping[sp.Symbol, object], mean: arb, var: arb) -> Smooth | None:
    """None if the function is not of this class, or σ is short against the period, or too many poles lie below the path."""
    found = wave(function)
    if found is None:
        return None
    part, side = found.part, found.part.side
    period, rate, m, q = constant(part.period, env), constant(found.rate, env), side * mean, found.order
    omega, goal = 2 * arb.pi() / period, arb(ctx.prec + 8) * arb(2).log()
    path = _path(omega, rate, var, goal, q)
    if path is None:
        return None
    poles, terms, left = path
    growth = (-m / (q * rate * var)).max(arb(0)).min(arb(1)) * q * rate  # h <= e^{growth x}, and the least such E
    total = (growth * m + growth**2 * var / 2).exp()
    kernel = Harmonics(_coefficients(m, var, rate, omega, q, poles, terms), omega)
    beyond, average, stretches, lo = arb(0), arb(0), [], arb(0)
    for end, value in part.cell:
        hi = constant(end, env)
        if value != 0:
            largest = acb(lower(value, Balls())({**env, R: acb(lo.union(hi))})).abs_upper()
            if not largest.is_finite():
                return None
            beyond += largest * (hi - lo) / period * left * total
            flat = Stretch.of(value, env, lambda r, analytic: acb(1), lo, hi)
            average += flat.integrate(rel_tol=arb(0), abs_tol=largest * arb(2) ** (-ctx.prec), eval_limit=20000) / period
            if terms:
                stretches.append(Stretch.of(value, env, kernel, lo, hi))
        lo = hi
    h = (1 + sp.exp(-found.rate * U)) ** -q
    behind = sp.exp(-q * found.rate * U) * h
    halves = (
        two_sided(MEAN_OF_PERIOD * h, MEAN_OF_PERIOD * behind)
        if side > 0
        else two_sided(MEAN_OF_PERIOD * behind, MEAN_OF_PERIOD * h)
    )
    return Smooth(halves.pieces, {**env, MEAN_OF_PERIOD: average}, beyond.upper(), stretches)


def _path(omega: arb, rate: arb, v: arb, goal: arb, q: int) -> tuple[int, int, arb] | None:
    """(L, J, what is left out beside ∫F, at most): the lowest path on which e^{y²/2v − ωy} is e^{−goal}."""
    reach = 1 - 2 * goal / (omega**2 * v)
    if not reach > 0:
        return None
    height = (omega * v * (1 - reach.sqrt())).upper()
    if rate * height < ANGLE:
        return 0, 0, _geometric(omega, rate * height, rate, v, q, 1)
    poles = (rate * height / (2 * arb.pi())).ceil().upper()
    terms = (goal * rate / (omega * ANGLE)).ceil().upper() + q
    if not poles * terms < MOST:
        return None
    y = 2 * arb.pi() * poles / rate
    if y > 2 * omega * v - height:
        return None
    step = (-omega * y).exp()
    left = 2 * (y**2 / (2 * v)).exp() * step / (1 - step)
    count = int(float(terms))
    return int(float(poles)), count, left + _geometric(omega, arb(ANGLE), rate, v, q, count + 1)


def _geometric(omega: arb, angle: arb, rate: arb, v: arb, q: int, first: int) -> arb:
    """Both signs of j, |j| >= first, on the path below the poles."""
    y = angle / rate
    step = (-omega * y).exp()
    return 2 * (angle / 2).cos() ** (-q) * (y**2 / (2 * v)).exp() * step**first / (1 - step)


def _coefficients(m: arb, v: arb, rate: arb, omega: arb, q: int, poles: int, terms: int) -> list[acb]:
    """D_j, j = 1 … terms: at z_l the residue is λ^{−q} [ζ^{q−1}] e^{ijωz − (z−m)²/2v} (λζ/(1 − e^{−λζ}))^q, z = z_l + ζ."""
    unit = acb_poly([_one_over(n) * rate**n for n in range(q)])
    shape = acb_poly([1])
    for _ in range(q):
        shape = acb_poly((shape * unit).coeffs()[:q])
    totals = [acb(0)] * terms
    for pole in range(poles):
        height = arb.pi() * (2 * pole + 1) / rate
        away = acb(-m, height)
        tilt = [acb(1), -away / v]  # of e^{−ζ(z_l − m)/v − ζ²/2v}
        for n in range(2, q):
            tilt.append((-away * tilt[n - 1] - tilt[n - 2]) / (v * n))
        series = (shape * acb_poly(tilt[:q])).coeffs()
        inner = acb_poly([series[q - 1 - n] / math.factorial(n) for n in range(q)])
        step, power = (-omega * height).exp(), (-away * away / (2 * v)).exp()
        for j in range(1, terms + 1):
            power *= step
            totals[j - 1] += power * inner(acb(0, j * omega))
    return [total * acb(0, 1) * omega * rate ** (-q) for total in totals]


def _one_over(n: int) -> fmpq:
    """Of ζⁿ in ζ/(1 − e^{−ζ})."""
    return fmpq(1, 2) if n == 1 else fmpq.bernoulli(n) / math.factorial(n)


class Harmonics:
    """Σ_{j>0} D_j e^{−ijωr} and its conjugate at real r."""

    def __init__(self, coefficients: list[acb], omega: arb) -> None:
        self.omega = omega
        self.above = acb_poly([acb(0), *coefficients])
        self.below = acb_poly([acb(0), *(c.conjugate() for c in coefficients)])

    def __call__(self, r: acb, analytic: bool = False) -> acb:
        wave = (acb(0, -1) * self.omega * r).exp()
        return self.above(wave) + self.below(1 / wave)
