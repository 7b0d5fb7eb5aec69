"""Where signal and gradient are stable at once: the joint-solution function C, its limits, and every library's default."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cache

import numpy as np
import sympy as sp

from ikun_sym.catalogue.surrogate import Bound, Equivalent
from ikun_sym.catalogue.surrogates import SURROGATES
from ikun_sym.gaussian.moment import float_function
from ikun_sym.mean_field.normal_law import upper_tail
from ikun_sym.reading.surrogate_spec import resolve

from ..checkers.box import OverBox
from ..checkers.inequality import Range
from ..checkers.joint_case import CASES, JointCase, case_of, located, solutions
from ..checkers.methods import Combined, Manifest, Monotone, Substituted
from ..document import Document
from ..figure import Axis, Figure, Series
from ..piecewise_tex import cases
from ..reference import GORDON, SAMPFORD
from ..statement import Statement
from ..words import Q, anchor, phi
from .lemmas import a, below_half, mills

THRESHOLD = Fraction(1)
DEVIATIONS = np.geomspace(0.15, 30, 41)

s, theta, d1, d2, moment = sp.symbols("s theta d_1 d_2 N", positive=True)
n, gap = sp.symbols("n d", positive=True)
hazard = phi(a) / Q(a)
root = sp.sqrt(a**2 + 8)

Group = tuple[str, ...]
"""Functions of libraries, as SPECs, that have the same f' at their defaults."""


def parts() -> list[Group]:
    """The general part, and one for each f' that some library has as a default."""
    return [(), *groups()]


def build(part: Group | None = None) -> Document:
    document = Document(
        id="joint",
        title="Where signal and gradient are stable at once",
        summary="With the surrogate given, weights have one number to choose. C(q) is the backward factor at the weight scale "
        "whose stationary variance is q; a joint solution has C(q) = 1. Whether there is one is decided by the limits of C "
        "and by isolating every solution in ball arithmetic, for the default of every library function, at threshold 1.",
    )
    if not part:
        _function(document)
        _far(document)
        _near(document)
        _cases(document)
    for group in groups() if part is None else (part,) if part else ():
        _default(document, group)
    return document


@cache
def groups() -> tuple[Group, ...]:
    found: dict[str, list[str]] = {}
    for surrogate in SURROGATES:
        for equivalent in surrogate.equivalents:
            spec = _spec(equivalent)
            found.setdefault(repr(_numbers(resolve(spec))), []).append(spec)
    return tuple(map(tuple, found.values()))


def _spec(equivalent: Equivalent) -> str:
    """At its defaults; 1 where the library has none."""
    needed = ",".join(f"{param.name}=1" for param in equivalent.params if param.default is None)
    return equivalent.name + (f":{needed}" if needed else "")


def _numbers(bound: Bound):
    values = {symbol: sp.Rational(v) for symbol, v in bound.environment.items()}
    return bound.surrogate.derivative.substitute(values)


def _function(document: Document) -> None:
    document.section("function", "The function C")
    document.assume(
        "One time step, zero-mean weights, zero biases, wide layers, equal fans; θ the threshold, a = θ/√q, N = q E[f'²]",
        symbols=(theta, a, s, d1, d2, moment, n, gap),
    )
    document.define(
        "At the gain K = q/Q(θ/√q) the variance q is stationary; the backward factor there is",
        r"C(q) = K\, \mathbb{E}[f'(H - \theta)^2] = \frac{q\, \mathbb{E}[f'(H - \theta)^2]}{Q(\theta/\sqrt{q})}, "
        r"\quad H \sim \mathcal{N}(0, q)",
    )
    z = sp.Symbol("z", real=True)
    document.define(
        "In N = ∫ f'(u)² s φ(z) du, s = √q and z = (u + θ)/s, the weight rises with s",
        r"\frac{\partial}{\partial s}\, s\, \varphi(z) = (1 + z^2)\, \varphi(z)",
        symbols=[z],
    )
    rises = document.bound(
        "so N increases with q", (1 + z**2) * phi(z), ">", 0, Manifest((1 + z**2) * phi(z)), id="numerator-rises"
    )
    falls = document.bound(
        "and Q(θ/s) increases with s",
        sp.diff(Q(theta / s), s),
        ">",
        0,
        Manifest(theta / s**2 * phi(theta / s)),
        id="rate-rises",
    )
    document.conclude(
        "On an interval [q₁, q₂], N(q₁)/Q(θ/√q₂) <= C <= N(q₂)/Q(θ/√q₁): two numbers in ball arithmetic that decide an "
        "interval, or send it to be halved.",
        rests_on=(rises, falls),
        id="bounds",
    )


def _far(document: Document) -> None:
    document.section("far", "C grows beyond all bounds for q → ∞")
    half = below_half(document)
    twice = document.bound(
        "C is more than 2 N", moment / Q(a), ">", 2 * moment, Combined(((half.claim, 2 * moment / Q(a)),)), id="twice"
    )
    y = sp.Symbol("y", positive=True)
    document.define("y = |u + θ|", symbols=[y])
    grows = document.limit(
        "and the weight of f'(u)² in N grows beyond all bounds at every u", s * phi(y / s), s, sp.oo, sp.oo, id="weight-grows"
    )
    document.conclude(
        "C → ∞ as q → ∞ unless f' is 0 almost everywhere; once 2 N > 1, C > 1 for all larger q.",
        rests_on=(twice, grows),
        id="far-limit",
    )


def _near(document: Document) -> None:
    document.section("near", "C for q → 0")
    below = mills(document)
    document.cite("It is known", GORDON, "Mills' ratio lies below 1/a")
    above = document.bound(
        "The hazard rate h = φ/Q is above a", hazard, ">", a, Combined(((below.claim, a / Q(a)),)), id="hazard-above"
    )
    document.step("its derivative", sp.diff(hazard, a), hazard * (hazard - a), name="h'(a)", id="hazard-slope")
    slope = document.step(
        "a h(a) rises",
        sp.diff(a * hazard, a),
        hazard * (1 + a * (hazard - a)),
        formula=r"(a h)' = h \left(1 + a (h - a)\right)",
        id="rises",
    )
    curve = document.step(
        "and its second derivative is positive if (h − a)(2h − a) > 1",
        sp.diff(a * hazard, a, 2),
        hazard * (2 * (hazard - a) + a * ((hazard - a) * (2 * hazard - a) - 1)),
        formula=r"(a h)'' = h \left(2 (h - a) + a \left((h - a)(2 h - a) - 1\right)\right)",
        id="curvature",
    )
    sharper, beyond, within = _convexity(document)
    convex = document.conclude(
        "So a h(a) increases and is convex.", rests_on=(above, slope, curve, sharper, beyond, within), id="convex"
    )
    _lower_bound(document, convex)
    _one_sided(document)


def _convexity(document: Document) -> tuple[Statement, Statement, Statement]:
    """(φ − aQ)(2φ − aQ) > Q²: by a sharper bound of Q for a > 1, by ball arithmetic below."""
    excess = 2 * a**3 + 12 * a
    form = 128 * phi(a) / (root * (3 * a + root) ** 2 * ((2 * a**2 + 4) * root + excess))
    sharper = document.bound(
        "A sharper bound than Mills': again the difference falls to 0",
        Q(a),
        "<",
        4 * phi(a) / (3 * a + root),
        Monotone(a, "high", Manifest(form)),
        id="sampford",
    )
    document.cite("It is known too", SAMPFORD, "upper bound of Mills' ratio")
    document.define("Write d > 0 for the distance of Q/φ from that bound")
    tail = phi(a) * (4 / (3 * a + root) - gap)
    square = phi(1 + n) ** 2 * (gap * sp.sqrt((1 + n) ** 2 + 8) + (n**2 + 2 * n) * gap**2)
    beyond = document.bound(
        "Beyond a = 1",
        (phi(a) - a * tail) * (2 * phi(a) - a * tail),
        ">",
        tail**2,
        Substituted(a, 1 + n, Range(n, 0, sp.oo), Manifest(square)),
        over={a: (1, sp.oo)},
        formula=r"(\varphi - a Q)(2 \varphi - a Q) - Q^2 = \varphi^2 \left(d \sqrt{a^2 + 8} + (a^2 - 1) d^2\right) > 0",
        id="beyond-one",
    )
    within = document.bound(
        "and up to there by ball arithmetic",
        (phi(a) - a * Q(a)) * (2 * phi(a) - a * Q(a)),
        ">",
        Q(a) ** 2,
        OverBox(),
        over={a: (0, 1)},
        id="up-to-one",
    )
    return sharper, beyond, within


def _lower_bound(document: Document, convex: Statement) -> None:
    """f' ≠ 0 on (−θ + d₁, −θ + d₂)."""
    document.define(
        "If f'² >= m on −θ + d₁ < x < −θ + d₂, 0 <= d₁ < d₂ <= θ, then E[f'²] >= m (Q(d₁/s) − Q(d₂/s)). Write t = 1/s",
    )
    t = sp.Symbol("t", positive=True)
    document.define("t = 1/√q", symbols=[t])
    ratio = Q(d1 * t) / (t**2 * Q(theta * t))

    def rate(at: sp.Expr) -> sp.Expr:
        return at * phi(at) / Q(at)

    rises = document.step(
        "The logarithmic slope of q Q(d₁/s)/Q(θ/s) in t",
        t * sp.diff(ratio, t) / ratio,
        rate(theta * t) - rate(d1 * t) - 2,
        formula=r"\frac{d \log}{d \log t} \frac{Q(d_1 t)}{t^2 Q(\theta t)} = a h(a) - a_1 h(a_1) - 2, "
        r"\quad a = \theta t, \; a_1 = d_1 t",
        id="lower-slope",
    )
    other = Q(d2 * t) / Q(d1 * t)
    falls = document.step(
        "and that of Q(d₂/s)/Q(d₁/s), negative since a h(a) rises",
        t * sp.diff(other, t) / other,
        rate(d1 * t) - rate(d2 * t),
        formula=r"\frac{d \log}{d \log t} \frac{Q(d_2 t)}{Q(d_1 t)} = a_1 h(a_1) - a_2 h(a_2), \quad a_i = d_i t",
        id="share-falls",
    )
    document.conclude(
        "As a h(a) is convex, the first slope stays positive for all smaller q once it is: a lower bound of C above 1 at one "
        "such q holds below it too, and C → ∞. So C → ∞ as q → 0 whenever f' ≠ 0 somewhere in (−θ, 0).",
        rests_on=(rises, falls, convex),
        id="near-limit",
    )
    document.not_shown("The same for f' ≠ 0 in (−2θ, −θ) only; no library's default is of that kind.")


def _one_sided(document: Document) -> None:
    top = sp.Symbol("M", positive=True)
    q = sp.Symbol("q", positive=True)
    document.define(
        "If f' = 0 on (−2θ, 0) and f'² <= M, then E[f'²] <= 2 M Q(a), for X is there with probability 2 Q(a) at most",
        symbols=(top, q),
    )
    bound = document.step(
        "so C is at most",
        q * 2 * top * Q(a) / Q(a),
        2 * top * q,
        name="C(q)",
        formula=r"C(q) \leq \frac{q \cdot 2 M\, Q(a)}{Q(a)} = 2 M q",
        id="one-sided-bound",
    )
    falls = document.limit("which vanishes with q", 2 * top * q, q, 0, 0, id="one-sided-limit")
    document.conclude(
        "For such a one-sided f', C → 0 as q → 0, and since C → ∞ as q → ∞ there is a solution.",
        rests_on=(bound, falls),
        id="one-sided",
    )


def _cases(document: Document) -> None:
    document.section("cases", "What can happen")
    for case, meaning in CASES.items():
        document.define(f"{case}: {meaning}", id=f"case-{anchor(case)}")
    document.not_shown(
        "That an interval in which C passes 1 holds one solution only: it holds an odd number of them, within its width."
    )


def _default(document: Document, group: Group) -> None:
    spec, id = group[0], anchor(group[0])
    bound = resolve(spec)
    document.section(id, spec)
    same = f"; the same f' at their defaults: {', '.join(group[1:])}" if group[1:] else ""
    document.define(f"{bound.surrogate.summary}, at {bound.spec}{same}", cases(_numbers(bound)), id=f"{id}-derivative")
    case = case_of(bound, THRESHOLD)
    document.claimed(f"At θ = 1: {case}. {CASES[case]}", JointCase(bound, THRESHOLD, case), *_shown(bound), id=f"{id}-case")
    drawn = _figure(bound, id)
    if drawn is not None:
        document.figure(drawn)


def _shown(bound: Bound) -> tuple[str, ...]:
    """Each solution: σ_H, the rate, the weights' scale and the branch."""
    found = located(bound, THRESHOLD)
    lines = []
    for one in solutions(found, THRESHOLD) if found else []:
        low, high = math.sqrt(one.low), math.sqrt(one.high)
        rates = [float(upper_tail(float(THRESHOLD) / sigma)) for sigma in (low, high)]
        gains = sorted(q / rate for q, rate in zip((one.low, one.high), rates, strict=True))
        branch = r"\text{stable}" if one.stable else r"\text{unstable}"
        lines.append(
            rf"{low:.5g} < \sigma_H < {high:.5g}, \quad {rates[0]:.4g} < p < {rates[1]:.4g}, "
            rf"\quad K \approx {gains[0]:.4g}, \quad {branch}"
        )
    return tuple(lines)


def _figure(bound: Bound, id: str) -> Figure | None:
    """C against σ_H; None for a periodic tail, which takes minutes in float64, and where C is 0."""
    if bound.surrogate.derivative.tails:
        return None
    moments = float_function(bound, "fprime", 2).expectation(-float(THRESHOLD), DEVIATIONS**2, settle=False)
    values = DEVIATIONS**2 * moments / upper_tail(float(THRESHOLD) / DEVIATIONS)
    drawn = tuple(float(value) if 1e-6 < value < 1e6 else math.nan for value in values)
    if not any(map(math.isfinite, drawn)):
        return None
    one = Series("1", (float(DEVIATIONS[0]), float(DEVIATIONS[-1])), (1.0, 1.0))
    least = min(value for value in drawn if math.isfinite(value))
    return Figure(
        id=f"{id}-figure",
        title="The backward factor C at the forward-stationary scale, against σ_H, at θ = 1",
        alt=f"C for {bound.spec}, deviations from 0.15 to 30; its least value drawn is {least:.3g}; a line marks C = 1.",
        series=(Series("C", tuple(map(float, DEVIATIONS)), drawn), one),
        x_axis=Axis(r"$\sigma_H$", log=True),
        y_axis=Axis("$C$", log=True),
    )
