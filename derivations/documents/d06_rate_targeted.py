"""Rate-targeted critical initialisation: the firing rate chosen, the weights from it, the surrogate's slope from both."""

from __future__ import annotations

from fractions import Fraction

import sympy as sp

from ikun_sym.catalogue.piecewise import U
from ikun_sym.catalogue.surrogate import Bound
from ikun_sym.catalogue.surrogates import SURROGATES
from ikun_sym.expressions.lowering import ball, precision
from ikun_sym.gaussian.enclosures.certify import Enclosure, expectation
from ikun_sym.gaussian.moment import integrand
from ikun_sym.schemes.rate_targeted import design

from ..checkers.box import OverBox
from ..checkers.inequality import Range
from ..checkers.methods import Manifest, Monotone, Pieces, Substituted
from ..document import Document
from ..statement import Statement
from ..words import Q, phi, tex
from .lemmas import a, below_half
from .slope_families import FAMILIES, SLOPE, fall, scaling

theta, k, p, ratio = sp.symbols("theta k p r", positive=True)
sigma = sp.Symbol("sigma_H", positive=True)
gain = sp.Symbol("K", positive=True)
x, y, z = sp.symbols("x y z", real=True)
b = sp.Symbol("b", positive=True)


def build() -> Document:
    document = Document(
        id="rate-targeted",
        title="Rate-targeted critical initialisation",
        summary="Choose a firing rate p above the lowest stable one and below ½. It fixes the membrane's standard deviation, "
        "the weights' scale, and, for a surrogate whose slope can be set, the slope at which the gradient keeps its size, "
        "where there is one.",
    )
    _weights(document)
    area = _unit_area(document)
    peak = _unit_peak(document)
    _families(document, area, peak)
    _straight_through(document)
    _example(document)
    return document


def _weights(document: Document) -> None:
    document.section("weights", "The weights from the rate")
    document.assume("Threshold, slope, rate, fan ratio r = fan_out/fan_in, σ_H, K", symbols=(theta, k, p, ratio, sigma, gain))
    document.assume("One time step, zero-mean weights, zero biases, wide layers: H ~ N(0, σ_H²); a = θ/σ_H", symbols=[a])
    document.define("a solves Q(a) = p, σ_H = θ/a, and K = fan_in · Var(W) is", r"K = \sigma_H^2/p")
    below_half(document)
    document.bound(
        "and the rate falls strictly with a: a is unique", sp.diff(Q(a), a), "<", 0, Manifest(phi(a)), id="rate-falls"
    )
    document.step(
        "The next layer's variance is the same",
        (gain * Q(theta / sigma)).subs(gain, sigma**2 / Q(a)).subs(sigma, theta / a),
        theta**2 / a**2,
        formula=r"K\, Q(\theta/\sigma_H) = \frac{\theta^2}{a^2} = \sigma_H^2",
        id="fixed-point",
    )
    document.define(
        "The gradient keeps its size where the slope k of the surrogate solves",
        r"r\, K\, \mathbb{E}\left[f_k'(H - \theta)^2\right] = 1",
    )


def _unit_area(document: Document) -> Statement:
    """f'_k(x) = k g(kx)."""
    document.section("unit-area", "Families of one area: f'_k(x) = k g(kx)")
    given = document.assume(
        "g is any function, not zero almost everywhere, with E[f'_k²] finite for every k; y = kx", symbols=(x, y, z, b)
    )
    arg = (y / k + theta) / sigma
    document.define(
        "Then E[f'_k(X)²] = ∫ g(y)² k w(y/k) dy, w the density of N(−θ, σ_H²)",
        rf"k\, w = \frac{{k}}{{\sigma_H}}\, \varphi(z), \quad z = {sp.latex(arg)}",
    )
    slope = document.step(
        "The weight of g(y)² changes with k by, up to a positive factor,",
        sp.diff(k * phi(arg), k),
        (1 + arg**2 - arg * theta / sigma) * phi(arg),
        formula=r"\frac{\partial}{\partial k}\, k\, \varphi(z) = (1 + z^2 - a z)\, \varphi(z)",
        because="y/k = σ_H z − θ",
        id="weight-slope",
    )
    square = (z - b / (1 + b)) ** 2 + (1 + 2 * b) / (1 + b) ** 2
    positive = document.bound(
        "which is positive at every z as long as a < 2",
        1 + z**2 - a * z,
        ">",
        0,
        Substituted(a, 2 * b / (1 + b), Range(b, 0, sp.oo), Manifest(square)),
        over={a: (0, 2)},
        id="weight-positive",
    )
    large = document.bound(
        "and a < 2 for every stable rate: beyond a = 6/5 the forward slope is above 1",
        a * phi(a) - 2 * Q(a),
        ">",
        0,
        Pieces(a, (sp.Integer(2),), (OverBox(), Monotone(a, "high", _falls()))),
        over={a: (sp.Rational(6, 5), sp.oo)},
        id="stable-rates",
    )
    zero = document.limit(
        "The weight tends to 0 with k, for y > 0 (and likewise for y < 0)",
        (k * phi(arg)).subs(y, b),
        k,
        0,
        0,
        id="weight-at-zero",
    )
    infinite = document.limit(
        "and grows beyond all bounds", (k * phi(arg)).subs(y, b), k, sp.oo, sp.oo, id="weight-at-infinity"
    )
    return document.conclude(
        "For every stable rate E[f'_k²] increases strictly from 0 to ∞ with k, by monotone convergence: there is exactly one "
        "slope, for any shape g.",
        rests_on=(given, slope, positive, large, zero, infinite),
        id="unit-area-unique",
    )


def _falls() -> Substituted:
    """E' = (3 − a²) φ < 0 beyond 2."""
    n = b
    return Substituted(a, 2 + n, Range(n, 0, sp.oo), Manifest((1 + 4 * n + n**2) * phi(2 + n)))


def _unit_peak(document: Document) -> Statement:
    """f'_k(x) = g(kx)."""
    document.section("unit-peak", "Families of one peak: f'_k(x) = g(kx)")
    given = document.assume("g >= 0 nowhere rises with |x|, tends to 1 at 0, and to 0 as |x| → ∞.", id="peak-shape")
    shape, fall = sp.symbols("g d", nonnegative=True)
    document.define("At x = y > 0 write g for g(kx) and −d for g'(kx), where there is a derivative", symbols=(shape, fall))
    distance = sp.Symbol("x", positive=True)
    document.assume("Likewise at −x; jumps go down", symbols=[distance], id="unit-peak-likewise-at-x")
    falling = document.bound(
        "d/dk of g(kx)² is 2 g g' x",
        2 * shape * (-fall) * distance,
        "<=",
        0,
        Manifest(2 * shape * fall * distance),
        id="peak-falls",
    )
    return document.conclude(
        "E[f'_k²] falls from 1 to 0 as k grows from 0 to ∞, by dominated convergence, and strictly: were it the same at k and "
        "at ck, c > 1, then g(x) = g(cx) = g(c²x) = … → 0 at almost every x, but g is near 1 near 0. So there is exactly one "
        "slope if r K > 1, and none else.",
        rests_on=(given, falling),
        id="unit-peak-unique",
    )


def _families(document: Document, area: Statement, peak: Statement) -> None:
    """Which registered surrogate belongs to which family, decided from its f'."""
    document.section("families", "Which surrogates these are")
    document.define(
        "k the slope (1/width where the parameter is a width), u = |x|; other parameters at their defaults", symbols=(SLOPE, U)
    )
    members: dict[int, list[str]] = {power: [] for power in FAMILIES}
    shown_of: dict[int, list[Statement]] = {power: [] for power in FAMILIES}
    other = []
    for surrogate in SURROGATES:
        found = scaling(surrogate)
        if found is None or (found.power == 0 and not found.from_one_to_zero):
            other.append(surrogate.name)
            continue
        members[found.power].append(surrogate.name)
        steps = shown_of[found.power]
        for number, (value, scaled) in enumerate(found.pieces, start=1):
            label = f"family-{surrogate.name}-{number}"
            shown = rf"f'_k = {tex(value)} = " + (r"k\, g(k u)" if found.power else "g(k u)")
            text = f"{surrogate.name} ({found.parameter}): {FAMILIES[found.power]}"
            steps.append(document.step(text, value, scaled, formula=shown, id=label))
            if found.power == 0:
                steps.append(
                    document.bound(
                        "which does not rise with u", -sp.diff(value, U), ">=", 0, Manifest(fall(value)), id=f"{label}-falls"
                    )
                )
        if found.power == 0:
            for end, claim in zip(("peak", "tail"), found.limits(), strict=True):
                text, id = f"{surrogate.name}: its {end}", f"family-{surrogate.name}-{end}"
                steps.append(document.limit(text, claim.expr, U, claim.point, claim.value, id=id))
    document.conclude(
        "One slope for every stable rate: " + ", ".join(members[1]), rests_on=(area, *shown_of[1]), id="area-members"
    )
    document.conclude(
        "One slope if r K > 1, else none: " + ", ".join(members[0]), rests_on=(peak, *shown_of[0]), id="peak-members"
    )
    document.not_shown(
        "Of these uniqueness is not shown: they scale in neither way, or do not fall on both sides from 1 to 0: "
        + ", ".join(other)
    )


def _straight_through(document: Document) -> None:
    document.section("straight-through", "Impossible for the straight-through surrogate")
    document.define("f' = 1 has no slope, so the gradient's factor is r K itself")
    factor = document.step(
        "With K from the rate", (sigma**2 / p).subs(sigma, theta / a), theta**2 / (a**2 * p), name=r"\chi/r = K"
    )
    root = document.solve(
        "K is least at a* (see the critical weight scale)",
        a * phi(a),
        2 * Q(a),
        a,
        (1, sp.Rational(3, 2)),
        name="a^*",
        id="critical",
    )
    least = document.value("At θ = 1 that is", "c^*", 1 / (a**2 * Q(a)), at={a: root}, claimed="6.0344", id="least-gain")
    document.conclude(
        "At θ = 1 and equal fans the gradient grows by at least 6.03 per layer at every rate: no rate can be chosen.",
        rests_on=(factor, root, least),
    )


def _example(document: Document) -> None:
    document.section("example", "Rate 0.2, sigmoid, θ = 1, equal fans")
    found = design(0.2, "sigmoid", 1.0)
    root = document.solve("a from the rate", Q(a), sp.Rational(1, 5), a, (sp.Rational(1, 2), 1), id="example-a")
    gain_value = document.value("The weights' scale", "K", 5 / a**2, at={a: root}, claimed="7.0589", id="example-gain")
    stable = document.value(
        "The forward slope", "s", a * phi(a) / (2 * Q(a)), at={a: root}, claimed="0.5891", id="example-forward"
    )
    bound = found.bound
    moment = moment_near(bound, Fraction(-1), root.enclosure)
    second = sp.Symbol("m_2", positive=True)
    document.define(f"The slope that `ikun design` gives is k = {found.slope:.10g}; m₂ = E[f'_k²], enclosed", symbols=[second])
    kept = document.value(
        "The gradient's factor with it is 1",
        r"K\, m_2",
        5 / a**2 * second,
        at={a: root, second: moment},
        claimed="1.0000000000",
        id="example-factor",
        digits=10,
    )
    document.conclude(
        "At k = 3.6456 rate and gradient are both kept, and the rate is stable.", rests_on=(gain_value, stable, kept)
    )
    document.not_shown("What a finite network does: the harness measures it.")


def moment_near(bound: Bound, mean: Fraction, distance: Enclosure | None) -> Enclosure:
    """E[f'²] at N(mean, 1/a²) for an enclosed a. v E[f'²] increases with v (see self-consistency), so the values at two
    rational variances on either side of 1/a² enclose it."""
    assert distance is not None
    square = integrand(bound, "fprime", 2)
    with precision(100):
        at = distance.ball()
        low, high = (Fraction(str((1 / at**2).str(25, radius=False))) * (1 + Fraction(side, 10**20)) for side in (-1, 1))
        assert ball(low) < 1 / at**2 < ball(high)
        below, above = (ball(v) * expectation(square, bound.environment, mean, v, 20).ball() for v in (low, high))
        return Enclosure.of((below / ball(high)).union(above / ball(low)), 18, "ball arithmetic: v E[f'²] increases with v")
