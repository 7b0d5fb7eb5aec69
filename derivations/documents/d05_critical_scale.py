"""Below a critical weight scale a deep spiking network falls silent; the lowest stable firing rate."""

from __future__ import annotations

import sympy as sp

from ..checkers.box import OverBox
from ..checkers.inequality import Range
from ..checkers.methods import Combined, Manifest, Monotone, Pieces, Substituted
from ..document import Document
from ..statement import Statement
from ..words import Q, phi
from .lemmas import a

gain, theta, q = sp.symbols("K theta q", positive=True)
n = sp.Symbol("n", positive=True)

scale = 1 / (a**2 * Q(a))
"""c(a) = K/θ² at the fixed point with threshold a standard deviations away."""

excess = a * phi(a) - 2 * Q(a)
"""E(a): c' has its sign, and the forward slope is below 1 where it is negative."""

BRACKET = (sp.S.One, sp.Rational(3, 2))


def build() -> Document:
    document = Document(
        id="critical-scale",
        title="Below a critical weight scale activity dies",
        summary="One time step, zero biases, zero-mean weights, threshold θ > 0. A layer keeps firing only if "
        "fan_in · Var(W) is at least c* θ², c* = 6.0344…; at that scale the rate is p* = 0.11690…, and no lower one but 0 is "
        "stable.",
    )
    _equation(document)
    minimum = _minimum(document)
    stable = _stability(document, minimum)
    _constants(document, minimum, stable)
    return document


def _equation(document: Document) -> None:
    document.section("fixed-points", "Fixed points of the firing rate")
    document.assume(
        "K = fan_in · Var(W), the threshold, a = θ/σ_H, q = Var(H), n = a − 2 where a is above 2",
        symbols=(gain, theta, a, q, n),
    )
    document.assume("Layers are wide, so that H ~ N(0, q); weights have mean 0; biases are 0.")
    document.define("One layer maps the variance q to", r"q \mapsto K\, Q\left(\theta/\sqrt{q}\right)")
    document.step(
        "At a fixed point with a = θ/√q the gain is θ² c(a)",
        (q / Q(theta / sp.sqrt(q))).subs(q, theta**2 / a**2),
        theta**2 * scale,
        formula=r"K = \frac{q}{Q(\theta/\sqrt{q})} = \theta^2 c(a), \quad c(a) = \frac{1}{a^2 Q(a)}",
        id="gain-of-a",
    )


def _minimum(document: Document) -> Statement:
    document.section("minimum", "c has exactly one minimum")
    document.step(
        "The sign of c' is that of E(a) = a φ(a) − 2 Q(a)",
        sp.diff(scale, a),
        excess / (a**3 * Q(a) ** 2),
        formula=r"c'(a) = \frac{E(a)}{a^3 Q(a)^2}, \quad E(a) = a\, \varphi(a) - 2\, Q(a)",
        id="slope-of-c",
    )
    rising = document.step(
        "E rises up to √3 and falls from there", sp.diff(excess, a), (3 - a**2) * phi(a), name="E'(a)", id="slope-of-e"
    )
    root = document.solve(
        "E has one zero in the bracket", a * phi(a), 2 * Q(a), a, BRACKET, digits=30, name="a^*", id="critical-a"
    )
    below = document.bound(
        "Before the bracket E is negative", excess, "<", 0, OverBox(), over={a: (0, BRACKET[0])}, id="before"
    )
    falls = Substituted(a, 2 + n, Range(n, 0, sp.oo), Manifest((1 + 4 * n + n**2) * phi(2 + n)))
    above = document.bound(
        "Beyond it E is positive: on (3/2, 2) by ball arithmetic, and from there on since it falls to 0",
        excess,
        ">",
        0,
        Pieces(a, (sp.Integer(2),), (OverBox(), Monotone(a, "high", falls))),
        over={a: (BRACKET[1], sp.oo)},
        id="beyond",
    )
    low = document.limit("c grows beyond all bounds for a → 0", scale, a, 0, sp.oo, name="c(a)", id="c-at-zero")
    high = document.limit("and for a → ∞", scale, a, sp.oo, sp.oo, name="c(a)", id="c-at-infinity")
    return document.conclude(
        "E is negative before a* and positive after it, so c falls, then rises: a* is its only minimum. Activity needs "
        "K >= c* θ²; for K > c* θ² there are exactly two fixed points with activity, one on each side of a*.",
        rests_on=(document.sections[-1].statements[0], rising, root, below, above, low, high),
        id="unique-minimum",
    )


def _stability(document: Document, minimum: Statement) -> Statement:
    document.section("stability", "Which fixed points are stable")
    image = gain * Q(theta / sp.sqrt(q))
    slope = document.step(
        "The map's logarithmic slope at a fixed point",
        (q * sp.diff(image, q) / image).subs(q, theta**2 / a**2),
        a * phi(a) / (2 * Q(a)),
        name=r"\frac{d \log q'}{d \log q}",
        id="forward-slope",
    )
    sign = document.step(
        "is below 1 exactly where E is negative",
        a * phi(a) / (2 * Q(a)) - 1,
        excess / (2 * Q(a)),
        name="s(a) - 1",
        id="slope-sign",
    )
    silence = document.limit(
        "Near silence the map's own slope vanishes, for every weight scale", image / q, q, 0, 0, id="silence"
    )
    return document.conclude(
        "The fixed point on a < a*, with the higher rate, is stable; the one on a > a* is not. Silence, q = 0, is always "
        "locally stable: near p* a finite network is bistable and dies by chance.",
        rests_on=(slope, sign, minimum, silence),
        id="stable-branch",
    )


def _constants(document: Document, minimum: Statement, stable: Statement) -> None:
    document.section("constants", "The constants, and the usual weight scales")
    root = next(s for s in document.statements if s.id == "critical-a")
    rate = document.value(
        "The lowest stable firing rate", "p^* = Q(a^*)", Q(a), at={a: root}, digits=30, claimed="0.11690508", id="critical-rate"
    )
    least = document.value(
        "The least weight scale in units of θ²",
        "c^* = c(a^*)",
        scale,
        at={a: root},
        digits=30,
        claimed="6.0344",
        id="critical-c",
    )
    above = next(s for s in document.statements if s.id == "beyond")
    # 1/6 − a² Q has derivative a E: beyond 3 it rises
    rises = Monotone(a, "low", Combined(((above.claim, a),)))
    six = document.bound(
        "Without any constant: c is above 6 everywhere",
        a**2 * Q(a),
        "<",
        sp.Rational(1, 6),
        Pieces(a, (sp.Integer(3),), (OverBox(), rises)),
        over={a: (0, sp.oo)},
        formula=r"a^2 Q(a) < \frac{1}{6}, \quad 0 < a < \infty",
        id="above-six",
    )
    document.conclude(
        "With zero biases and θ = 1, Kaiming's K = 2, Xavier's K = 1 (equal fans) and PyTorch's weight scale K = 1/3 all lie "
        "below c* = 6.03: deep spiking networks so initialised fall silent. (PyTorch's default bias is not zero.)",
        rests_on=(minimum, six, least),
        id="usual-scales",
    )
    document.conclude(
        "No rate between 0 and p* = 0.1169 is stable, whatever the threshold and the weights' scale.",
        rests_on=(stable, rate),
        id="lowest-rate",
    )
    document.not_shown(
        "How long a finite network survives near p*, and what biases, several time steps or non-Gaussian membranes change."
    )
