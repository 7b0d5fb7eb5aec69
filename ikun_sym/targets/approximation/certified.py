"""Polynomials for M_p(s) = E[h(sZ)ᵖ] on the whole of [0, ∞], with a certified bound of their error.

With y = c/(s + c) in [0, 1], M = y F(y) if h vanishes at infinity, else M = F(y). F is a few Chebyshev sums in y, fitted in
plain arithmetic. Then exactly the doubles that are emitted are compared with the rigorous `Local` models.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from flint import arb, fmpq

from ...catalogue.piecewise import PiecewiseFunction
from ...expressions.lowering import precision
from .local import BITS, FIRST, POINTS, Local, NotCoveredError, chebyshev_coefficients, chebyshev_points, ellipse

NEGLIGIBLE = 2e-17
SAMPLES = 72
ONE_PANEL, TERMS = 44, 24
"""Most terms of a sum: if one sum serves the whole range; of each sum, if there are several."""

ELLIPSES = ("4.1", "3.9", "3.7", "3.4")

GOAL = 2e-15
"""An approximation is used only if its certified error is below this."""


@dataclass(frozen=True)
class Panel:
    """Σ_n coefficients[n] T_n(t), t = (2y − low − high)/(high − low), for low <= y <= high."""

    low: float
    high: float
    coefficients: tuple[float, ...]


@dataclass(frozen=True)
class Certified:
    """M(s) = yʳ F(y), y = c/(s + c), r = 1 if `decays` else 0; |F − sum|/|F| <= `error` for all s in [0, ∞]. `panels` are
    ordered by decreasing y, that is, increasing s."""

    c: float
    decays: bool
    panels: tuple[Panel, ...]
    error: float

    def __call__(self, s: float) -> float:
        """M(s) in float64, as every target computes it."""
        y = self.c / (s + self.c)
        panel = next(panel for panel in self.panels if y >= panel.low)
        t = (2.0 * y - panel.low - panel.high) / (panel.high - panel.low)
        one = two = 0.0
        for coefficient in reversed(panel.coefficients[1:]):
            one, two = 2.0 * t * one - two + coefficient, one
        total = t * one - two + panel.coefficients[0]
        return y * total if self.decays else total


class _Fit:
    """F in plain arithmetic (balls whose radius is ignored)."""

    def __init__(self, local: Local) -> None:
        self.local = local
        self.decays = local.level == 0
        self.head, _ = local.taylor
        self.last, self.limit = local.end
        values = local.values
        self.models = {j: chebyshev_coefficients([v.mid() for v in row]) for j, row in values.items()}
        start = self.head[0].mid()
        c = abs(float(self.limit / start)) if self.decays else 1.0
        self.c = float(f"{c:.1e}") if c else 1.0

    def moment(self, s: arb) -> arb:
        """M(s)."""
        if s <= arb(2) ** FIRST:
            return sum((c.mid() * s**n for n, c in enumerate(self.head)), arb(0))
        j = FIRST
        while j < self.last and s > arb(2) ** (j + 1):
            j += 1
        if j >= self.last:
            return self.local.half_level + self.limit.mid() / s
        t = 2 * s / arb(2) ** j - 3
        return self.local.half_level + _clenshaw(self.models[j], t) / s

    def scaled(self, y: arb) -> arb:
        """F(y), y > 0."""
        s = self.c * (1 - y) / y
        return self.moment(s) / (y if self.decays else 1)

    def y(self, j: int) -> float:
        return self.c / (2.0**j + self.c)

    def panel(self, low: float, high: float, terms: int) -> Panel | None:
        """The panel with at most `terms` terms; None if they do not suffice."""
        middle, half = (arb(high) + arb(low)) / 2, (arb(high) - arb(low)) / 2
        values = [self.scaled(middle + half * t).mid() for t in chebyshev_points(SAMPLES)]
        found = [float(c) for c in chebyshev_coefficients(values)]
        size = max(abs(c) for c in found)
        kept = max((n for n, c in enumerate(found) if abs(c) > NEGLIGIBLE * size), default=0) + 1
        return Panel(low, high, tuple(found[:kept])) if kept <= terms else None

    def panels(self) -> tuple[Panel, ...]:
        whole = self.panel(0.0, 1.0, ONE_PANEL)
        if whole is not None:
            return (whole,)
        found: list[Panel] = []
        start, j = 1.0, FIRST
        while start > 0:
            end = self.panel(0.0, start, TERMS)
            if end is not None:
                return (*found, end)
            step, best = 1, None
            while j + step <= self.last and (made := self.panel(self.y(j + step), start, TERMS)) is not None:
                best, step = (made, j + step), step + 1
            if best is None:
                raise NotCoveredError("E[f'ᵖ] does not yield to short polynomials")
            found.append(best[0])
            start, j = best[0].low, best[1]
        return tuple(found)


def _clenshaw(coefficients: list[arb] | tuple[float, ...], t: Any) -> Any:
    one, two = 0 * t, 0 * t
    for c in reversed(coefficients[1:]):
        one, two = 2 * t * one - two + c, one
    return t * one - two + coefficients[0]


@lru_cache(maxsize=512)
def computed(unit: PiecewiseFunction, power: int) -> Certified:
    """The approximation, fitted and certified now (not from the store). Errors: `NotCoveredError`, with the reason."""
    with precision(BITS):
        fit = _Fit(Local(unit, power))
        panels = fit.panels()
        error = float(_certify(fit, panels).upper()) * (1 + 1e-15)
    if not error < GOAL:
        raise NotCoveredError(f"the certified error {error:.1e} is not below {GOAL:g}")
    return Certified(c=fit.c, decays=fit.decays, panels=panels, error=error)


def _certify(fit: _Fit, panels: tuple[Panel, ...]) -> arb:
    """A bound of the relative error on [0, ∞]."""
    worst = arb(0)
    for panel in panels:
        inside = [j for j in fit.models if fit.y(j) > panel.low and fit.y(j + 1) < panel.high]
        for j in inside:
            worst = worst.max(_middle(fit, panel, j))
    worst = worst.max(_head(fit, panels[0])).max(_tail(fit, panels[-1]))
    return worst


def _sum(panel: Panel, y: Any) -> Any:
    low, high = arb(panel.low), arb(panel.high)
    return _clenshaw(panel.coefficients, (2 * y - low - high) / (high - low))


def _middle(fit: _Fit, panel: Panel, j: int) -> arb:
    """Bound on s in [2ʲ, 2ʲ⁺¹], where P(y(s)) − F is analytic near the axis: by its interpolant at K nodes, plus Bernstein's
    bound 4 B ρ^{1−K}/(ρ − 1) of the remainder."""
    local, c, scale = fit.local, arb(fit.c), arb(2) ** j
    nodes = chebyshev_points(POINTS)
    gaps, sizes = [], []
    for t, v in zip(nodes, local.values[j], strict=True):
        s = scale * (3 + t) / 2
        y = c / (s + c)
        f = (local.half_level + v / s) / (y if fit.decays else 1)
        gaps.append(_sum(panel, y) - f)
        sizes.append(f)
    gap = sum((abs(x) for x in chebyshev_coefficients(gaps)), arb(0))
    terms = chebyshev_coefficients(sizes)
    least = abs(terms[0]) - sum((abs(x) for x in terms[1:]), arb(0))
    best = arb("inf")
    for text in ELLIPSES:
        rho = arb(text)
        bound_f, bound_p = _on_ellipse(fit, panel, rho, scale)
        factor = 4 * rho ** (1 - POINTS) / (rho - 1)
        total = (gap + factor * (bound_f + bound_p)) / (least - factor * bound_f)
        if least - factor * bound_f > 0 and total < best:
            best = total
    return best.upper()


def _on_ellipse(fit: _Fit, panel: Panel, rho: arb, scale: arb) -> tuple[arb, arb]:
    """Bounds of |F| and |P| on the Bernstein ellipse of a panel of s."""
    local, c = fit.local, arb(fit.c)
    bound_f, bound_p = arb(0), arb(0)
    for box in ellipse(rho):
        s = scale * (3 + box) / 2
        squared = (1 / (s * s)).real
        if not squared > 0:
            return arb("inf"), arb("inf")
        r = 1 / squared.sqrt()
        # |V(s)| <= ∫ |G − ℓ| φ(w/r) dw <= r sup/2, and <= φ(0) times the area
        v = (r * local.supremum / 2).min(arb(fmpq(2, 5)) * local.absolute_area)
        y = c / (s + c)
        f = local.half_level + v / abs(s)
        bound_f = bound_f.max((f / abs(y) if fit.decays else f).upper())
        bound_p = bound_p.max(abs(_sum(panel, y)).upper())
    return bound_f, bound_p


def _head(fit: _Fit, panel: Panel) -> arb:
    """Bound on s in [0, 2^FIRST]: the same with the Taylor polynomial in the place of M, which is analytic everywhere."""
    c, scale = arb(fit.c), arb(2) ** FIRST
    head, rest = fit.local.taylor

    def parts(t: Any) -> tuple[Any, Any]:
        s = scale * (1 + t) / 2
        y = c / (s + c)
        m = head[0] + sum((x * s**n for n, x in enumerate(head) if n), 0 * s)
        return _sum(panel, y), m / y if fit.decays else m

    pairs = [parts(t) for t in chebyshev_points(POINTS)]
    gap = sum((abs(x) for x in chebyshev_coefficients([p - f for p, f in pairs])), arb(0))
    least = abs(parts(arb(-1))[1]) - sum((abs(x) for x in chebyshev_coefficients([f for _, f in pairs])[1:]), arb(0)) * 2
    rho = arb(4)
    bound = arb(0)
    for box in ellipse(rho):
        p, f = parts(box)
        bound = bound.max((abs(p) + abs(f)).upper())
    extra = 4 * bound * rho ** (1 - POINTS) / (rho - 1) + 2 * rest / (c / (scale + c))
    return ((gap + extra) / (least - extra)).upper() if least - extra > 0 else arb("inf")


def _tail(fit: _Fit, panel: Panel) -> arb:
    """Bound on s >= 2ᴶ, y <= y_J, with V = V₀ ± its radius: F = ℓ/2 + V₀ yᵈ/(c (1 − y)) ± …, d = 0 if M decays, else 1. The
    difference D is at most |D(0)| + y_J sup |D'|."""
    c = arb(fit.c)
    top = c / (arb(2) ** fit.last + c)
    y, v = arb(0).union(top), fit.limit.mid()
    low, high = arb(panel.low), arb(panel.high)
    slope = _clenshaw(_derivative(panel.coefficients), (2 * y - low - high) / (high - low)) * 2 / (high - low)
    if fit.decays:
        at_zero, change, size = v / c, slope - v / (c * (1 - y) ** 2), abs(fit.limit).lower() / c
        spread = fit.limit.rad() / (c * (1 - top))
    else:
        at_zero, change, size = fit.local.half_level, slope - v / (c * (1 - y) ** 2), fit.local.half_level - abs(v) * top / c
        spread = fit.limit.rad() * top / (c * (1 - top))
    gap = abs(_sum(panel, arb(0)) - at_zero) + top * abs(change) + spread
    return (gap / (size - spread)).upper() if size - spread > 0 else arb("inf")


def _derivative(coefficients: tuple[float, ...]) -> list[arb]:
    """Chebyshev coefficients of the derivative."""
    found = [arb(0)] * (len(coefficients) + 1)
    for n in range(len(coefficients) - 1, 0, -1):
        found[n - 1] = (found[n + 1] if n + 1 < len(found) else arb(0)) + 2 * n * arb(coefficients[n])
    return [found[0] / 2, *found[1:]]
