"""Rigorous enclosures of M_p(s) = E[h(sZ)ᵖ] for all s in [0, ∞]: local models that an approximation is compared with.

With G(w) = h(w)ᵖ + h(−w)ᵖ and ℓ = G(∞), M = ℓ/2 + V/s, V(s) = ∫₀^∞ (G(w) − ℓ) φ(w/s) dw.

* Middle, s in [2ʲ, 2ʲ⁺¹]: V at K Chebyshev nodes, by Gauss–Legendre sums on the panels [2ⁱ, 2ⁱ⁺¹] of w. Their error
  follows from a bound of the integrand on a Bernstein ellipse. As s and w run through the same dyadic panels, the density
  at the nodes depends only on i − j: one table serves all functions and powers. Between the nodes: V is analytic for
  |arg s| < π/4, where |V(s)/s| <= (r/|s|) ∫ |G − ℓ| φ(w/r) dw/r, 1/r² = Re(1/s²); the interpolation error follows.
* s <= 2^FIRST: the Taylor polynomial of G at 0, by Cauchy's integral, with Cauchy's bound of the remainder.
* s >= S: |V − φ(0) ∫(G − ℓ)| <= φ(0) (W²/2S² ∫₀^W |G − ℓ| + ∫_W^∞ |G − ℓ|) for every W.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property, lru_cache

import sympy as sp
from flint import acb, arb, arb_mat, fmpq

from ...catalogue.piecewise import PiecewiseFunction, U
from ...errors import IkunError
from ...expressions.lowering import Balls, lower, precision
from ...gaussian.enclosures.tails import envelope

BITS = 110
NODES = 30
"""Gauss–Legendre nodes per panel: the error is of order 3.2^{−60}, about 1e-30, at most."""

POINTS = 44
"""Chebyshev nodes per panel of s."""

FIRST, LOWEST = -13, -19
"""Below s = 2^FIRST the Taylor polynomial is used. 2^LOWEST: end of the first panel of w."""

SECOND, LAST, HIGHEST = 34, 96, 101
"""The model for s → ∞ starts at 2^SECOND or later. 2^LAST, 2^HIGHEST: the largest s and w considered."""

TERMS = 10
NARROW = 4e-18
"""The model for s → ∞ starts as soon as its relative radius is below this."""

_RHO = arb("3.2")
_TAU = sp.Dummy("tau", positive=True)


class NotCoveredError(IkunError):
    """The moment cannot be approximated here; the message says why."""


def chebyshev_points(count: int) -> list[arb]:
    """Zeros of T_count in (−1, 1)."""
    return [(arb.pi() * fmpq(2 * k + 1, 2 * count)).cos() for k in range(count)]


def chebyshev_coefficients(values: list[arb]) -> list[arb]:
    """Chebyshev coefficients of the polynomial that interpolates values at `chebyshev_points`."""
    count = len(values)
    cosines = _cosines(count)
    found = [
        sum((v * cosines[(2 * k + 1) * n % (4 * count)] for k, v in enumerate(values)), arb(0)) * 2 / count
        for n in range(count)
    ]
    return [found[0] / 2, *found[1:]]


@lru_cache(maxsize=8)
def _cosines(count: int) -> list[arb]:
    with precision(BITS):
        return [(arb.pi() * fmpq(m, 2 * count)).cos() for m in range(4 * count)]


def ellipse(rho: arb, boxes: int = 96) -> list[acb]:
    """Boxes that cover the boundary of the Bernstein ellipse of [−1, 1]."""
    radius = arb.pi() / boxes
    found = []
    for k in range(boxes):
        angle = arb((arb.pi() * 2 * k / boxes).mid(), radius.upper())
        point = acb(angle.cos(), angle.sin()) * rho
        found.append((point + 1 / point) / 2)
    return found


@lru_cache(maxsize=1)
def _legendre() -> tuple[list[arb], list[arb]]:
    """Nodes and weights on [0, 1]."""
    with precision(BITS + 30):
        pairs = [arb.legendre_p_root(NODES, k, weight=True) for k in range(NODES)]
        return [(1 + x) / 2 for x, _ in pairs], [w / 2 for _, w in pairs]


@lru_cache(maxsize=1)
def _sigmas() -> list[arb]:
    """The K nodes of a panel of s, in units of its lower end."""
    with precision(BITS):
        return [(3 + t) / 2 for t in chebyshev_points(POINTS)]


@lru_cache(maxsize=256)
def _kernel(shift: int, first: bool) -> arb_mat:
    """φ(2^shift ξ/σ), a row for each σ, a column for each node: ξ in [1, 2], or in [0, 1] on the first panel."""
    with precision(BITS):
        scale = arb(2) ** shift
        nodes = [x if first else 1 + x for x in _legendre()[0]]
        norm = 1 / (2 * arb.pi()).sqrt()
        return arb_mat(POINTS, NODES, [norm * (-((scale * x / s) ** 2) / 2).exp() for s in _sigmas() for x in nodes])


def _cancelled(expr: sp.Expr) -> sp.Expr:
    """`expr` as one fraction, in e^{−u} if it has exponentials: terms that cancel at infinity must cancel before balls are
    used."""
    decay = sp.Dummy("E", positive=True)
    plain = expr.replace(lambda e: isinstance(e, sp.exp), lambda e: decay ** (-e.args[0] / U))
    if U in plain.free_symbols and plain.has(decay):
        return expr
    return (
        sp.factor(sp.cancel(sp.together(plain)))
        .replace(lambda e: e.is_Pow and e.base == decay, lambda e: sp.exp(-U * e.exp))
        .subs(decay, sp.exp(-U))
    )  # type: ignore[return-value]


@dataclass(frozen=True)
class Local:
    """The models of one unit function and power. `values[j]`: V at the nodes of panel j."""

    unit: PiecewiseFunction
    power: int

    @cached_property
    def level(self) -> sp.Expr:
        """ℓ = G(∞)."""
        limits = [sp.limit(p.value, U, sp.oo) ** self.power for p in self.unit.pieces if p.hi == sp.oo]
        total = sp.Add(*limits)
        if not total.is_Rational:
            raise NotCoveredError("f' has no rational limit at infinity")
        return total

    @property
    def half_level(self) -> arb:
        return arb(fmpq(int(self.level.p), 2 * int(self.level.q)))  # type: ignore[attr-defined]

    @cached_property
    def _pieces(self) -> list[tuple[bool, sp.Expr]]:
        """(whether it ends at 1, G − ℓ) for the one or two stretches of w."""
        stretches = []
        for outside in (False, True):
            total = -self.level
            for side in (1, -1):
                chain = self.unit.side(side)
                total = total + chain[-1 if outside else 0].value ** self.power
            total = _cancelled(total) if self.level else total
            stretches.append((not outside and any(p.hi == 1 for p in self.unit.pieces), total))
        return stretches if stretches[0][0] else stretches[1:]

    def _g(self, i: int) -> sp.Expr:
        """G − ℓ on [2ⁱ, 2ⁱ⁺¹]."""
        return self._pieces[0 if i < 0 else -1][1]

    @staticmethod
    def _at(expr: sp.Expr, w: arb | acb) -> acb:
        return acb(lower(expr, Balls(analytic=True))({U: w}))

    def _largest(self, i: int, rho: arb = _RHO) -> arb:
        """A bound of |G − ℓ| on the Bernstein ellipse of panel i, which also proves it analytic there."""
        middle, half = (arb(fmpq(1, 2)), arb(fmpq(1, 2))) if i == LOWEST - 1 else (arb(fmpq(3, 2)), arb(fmpq(1, 2)))
        scale = arb(2) ** (LOWEST if i == LOWEST - 1 else i)
        wide, high = half * (rho + 1 / rho) / 2, half * (rho - 1 / rho) / 2
        for cuts in (10, 24):
            worst = arb(0)
            for a, b in itertools.product(range(cuts), range(cuts // 2)):  # G is real on the axis: the upper half suffices
                near = (abs(2 * a + 1 - cuts) - 1, 2 * b)  # the corner next to the centre, in units of the semi-axes/cuts
                if near[0] ** 2 + near[1] ** 2 >= cuts**2:
                    continue
                x = middle + wide * arb(fmpq(2 * a + 1 - cuts, cuts)) + arb(0, (wide / cuts).upper())
                y = high * arb(fmpq(2 * b + 1, cuts)) + arb(0, (high / cuts).upper())
                worst = worst.max(abs(self._at(self._g(i), acb(x, y) * scale)).upper())
            if worst.is_finite():
                return worst
        raise NotCoveredError("f' is not seen to be analytic beside the real axis")

    @cached_property
    def _panels(self) -> list[tuple[int, list[arb], arb, arb]]:
        """(i, width · weights · (G − ℓ) at the nodes, bound of the error, bound of |G − ℓ|); i = LOWEST − 1: [0, 2^LOWEST]."""
        xs, weights = _legendre()
        found = []
        for i in range(LOWEST - 1, HIGHEST):
            first = i == LOWEST - 1
            scale = arb(2) ** (LOWEST if first else i)
            g = self._g(i)
            terms = [w * scale * self._at(g, (x if first else 1 + x) * scale).real for x, w in zip(xs, weights, strict=True)]
            sup = self._largest(i)
            # |φ| <= φ(0) on the ellipse, which lies in |arg w| < π/4; on the first panel |w/s| <= 2^{-5}
            error = scale / 2 * fmpq(64, 15) * sup * fmpq(41, 100) * _RHO ** (-2 * NODES) / (1 - _RHO**-2)
            found.append((i, terms, error, sup))
        return found

    @cached_property
    def supremum(self) -> arb:
        """A bound of |G − ℓ| over (0, ∞)."""
        beyond = envelope(self._g(HIGHEST), {}, arb(2) ** HIGHEST, arb(1)).widest()
        if beyond.linear > 0 or beyond.quadratic > 0:
            raise NotCoveredError("f' is not seen to be bounded")
        top = beyond.scale
        for _, _, _, sup in self._panels:
            top = top.max(sup)
        return top

    @cached_property
    def _last_tail(self) -> arb:
        """A bound of ∫ |G − ℓ| beyond 2^HIGHEST."""
        g, cut = self._g(HIGHEST), arb(2) ** HIGHEST
        if g == 0:
            return arb(0)
        if not g.has(sp.exp):
            inverted = sp.simplify(g.subs(U, 1 / _TAU) / _TAU**2)  # bounded near 0 where G − ℓ falls at least like w^{−2}
            ball = abs(acb(lower(inverted.subs(_TAU, U), Balls())({U: arb(0).union(1 / cut)})))
            if ball.is_finite():
                return (ball / cut).upper()
        bound = envelope(g, {}, cut, arb(1)).widest()
        rate = bound.linear + bound.quadratic * cut  # u² >= cut · u
        if not (rate < 0 and bound.quadratic <= 0):
            raise NotCoveredError("∫ (f'ᵖ − f'(∞)ᵖ) is not seen to be finite")
        return bound.scale * (rate * cut).exp() / -rate

    @cached_property
    def area(self) -> arb:
        """∫₀^∞ (G − ℓ)."""
        total = arb(0, self._last_tail)
        for _, terms, error, _ in self._panels:
            total += sum(terms, arb(0, error.upper()))
        return total

    @cached_property
    def absolute_area(self) -> arb:
        """A bound of ∫₀^∞ |G − ℓ|."""
        return self._absolute(HIGHEST)

    def _absolute(self, top: int) -> arb:
        """A bound of ∫ |G − ℓ| up to 2^top."""
        return sum((s * arb(2) ** (LOWEST if i < LOWEST else i) for i, _, _, s in self._panels if i < top), arb(0)) + (
            self._last_tail if top >= HIGHEST else 0
        )

    @cached_property
    def end(self) -> tuple[int, arb]:
        """(J, ball): V(s) lies in the ball for all s >= 2ᴶ."""
        limit = self.area / (2 * arb.pi()).sqrt()
        everything = self._absolute(HIGHEST)
        within = {top: self._absolute(top) for top in range(6, HIGHEST)}
        for j in range(SECOND, LAST):
            scale = arb(2) ** j
            # M = ℓ/2 + V/s: the radius of V counts relative to the larger of the two terms
            size = (abs(limit) + scale * self.half_level).lower()
            for top in range(6, min(j, HIGHEST - 1)):
                spread = arb(fmpq(2, 5)) * ((arb(2) ** top / scale) ** 2 / 2 * within[top] + everything - within[top])
                if spread < size * NARROW:
                    return j, limit + arb(0, spread.upper())
        raise NotCoveredError("f' decays too slowly for its limit at large variance to be enclosed")

    @cached_property
    def values(self) -> dict[int, list[arb]]:
        """V at the K nodes of each panel of s."""
        last, panels = self.end[0], self._panels
        count = last - FIRST
        totals = arb_mat(POINTS, count)
        by_index = {i: terms for i, terms, _, _ in panels}
        for j in range(count):
            totals_j = arb_mat(POINTS, 1)
            for i in range(LOWEST - 1, min(FIRST + j + 5, HIGHEST)):
                first = i < LOWEST
                shift = (LOWEST if first else i) - (FIRST + j)
                totals_j = totals_j + _kernel(shift, first) * arb_mat(NODES, 1, by_index[i])
            for k in range(POINTS):
                totals[k, j] = totals_j[k, 0]
        error = sum((e for _, _, e, _ in panels), arb(0))
        found = {}
        for j in range(count):
            # beyond w = 2^{FIRST + j + 5} >= 16 s: at most sup · s · Q(16), Q(16) < 1e-56
            lost = error + self.supremum * arb(2) ** (FIRST + j + 1) * arb("1e-56")
            found[FIRST + j] = [totals[k, j] + arb(0, lost.upper()) for k in range(POINTS)]
        return found

    @cached_property
    def taylor(self) -> tuple[list[arb], arb]:
        """(c_0 …, bound C): |M(s) − Σ c_n sⁿ| <= C for 0 <= s <= 2^FIRST."""
        g = self._pieces[0][1] + self.level
        for radius in (arb(fmpq(1, 2)), arb(fmpq(1, 8)), arb(fmpq(1, 32))):
            disc = abs(self._at(g, acb(arb(0, radius.upper()), arb(0, radius.upper()))))
            if disc.is_finite():
                break
        else:
            raise NotCoveredError("f' is not seen to be analytic at the threshold")
        bound, count, ratio = disc.upper(), 64, fmpq(1, 4)
        around = [acb.exp_pi_i(acb(arb(fmpq(2 * k, count)))) * radius * ratio for k in range(count)]
        values = [self._at(g, z) for z in around]
        s, coefficients = arb(2) ** FIRST, []
        rest = arb(0)
        for n in range(TERMS):
            mean = sum((v / z**n for v, z in zip(values, around, strict=True)), acb(0)).real / count
            alias = bound / radius**n * arb(ratio) ** count * 2
            moment = arb(2) ** fmpq(n, 2) * (arb(fmpq(n + 1, 2))).gamma() / (2 * arb.pi().sqrt())  # ∫₀^∞ uⁿ φ(u) du
            coefficients.append((mean + arb(0, alias.upper())) * moment)
            edge = radius / 2 / s  # beyond it the polynomial is not G: ∫_a^∞ uⁿ φ <= 2 a^{n−1} φ(a)
            rest += bound / radius**n * s**n * 2 * edge ** (n - 1) * (-(edge**2) / 2).exp()
        rest += 2 * bound * (s / radius) ** TERMS * arb(2) ** fmpq(TERMS, 2) * arb(fmpq(TERMS + 1, 2)).gamma()
        rest += (self.supremum + 2 * abs(self.half_level)) * 2 * (-((radius / 2 / s) ** 2) / 2).exp()
        return coefficients, rest
