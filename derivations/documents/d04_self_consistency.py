"""Theorem 1 is an equation for the membrane's variance: it has exactly one solution, unless f' grows like e^{x²}."""

from __future__ import annotations

from fractions import Fraction

import sympy as sp

from ikun_sym.expressions.symbols import MEAN, VAR
from ikun_sym.gaussian.closed_form import form_of
from ikun_sym.gaussian.enclosures.certify import expectation
from ikun_sym.gaussian.moment import integrand
from ikun_sym.reading.surrogate_spec import resolve

from ..checkers.methods import Manifest
from ..document import Document
from ..reference import IKUN
from ..words import Q, phi
from .lemmas import a

u = sp.Symbol("u", real=True)
theta = sp.Symbol("theta", nonnegative=True)
s = sp.Symbol("s", positive=True)
y = sp.Symbol("y", positive=True)
alpha = sp.Symbol("alpha", positive=True)
z = (u + theta) / s


def build() -> Document:
    document = Document(
        id="self-consistency",
        title="Theorem 1 has exactly one self-consistent solution",
        summary="The weights of Theorem 1 depend on E[f'(H)²], which depends on Var(H), which depends on the weights. With "
        "second moments this is one equation for v = Var(H). It has exactly one solution for every α > 0, whatever the "
        "surrogate, as long as the moment is finite for every v.",
        references=(str(IKUN),),
    )
    _equation(document)
    _straight_through(document)
    _growth(document)
    _forward(document)
    return document


def _equation(document: Document) -> None:
    document.section("solution", "Existence and uniqueness")
    document.assume(
        "Threshold θ, s = √v the standard deviation of H, x = u the surrogate's argument", symbols=(theta, s, u, y, alpha)
    )
    given = document.assume("f' is not zero almost everywhere, and E[f'(H − θ)²] is finite for every v.")
    document.define(
        "With σ_X² = E[X²], stationary means",
        r"v\, \mathbb{E}\left[f'(\sqrt{v} Z - \theta)^2\right] = \alpha, \quad "
        r"\text{left side} = \int f'(u)^2\, s\, \varphi\left(z\right) du, \quad z = \frac{u + \theta}{s}",
        id="equation",
    )
    grows = document.step(
        "The integrand's derivative in s",
        sp.diff(s * phi(z), s),
        (1 + z**2) * phi(z),
        formula=r"\frac{\partial}{\partial s}\, s\, \varphi(z) = (1 + z^2)\, \varphi(z)",
        id="derivative",
    )
    positive = document.bound(
        "is positive at every u: the left side increases strictly",
        sp.diff(s * phi(z), s),
        ">",
        0,
        Manifest((1 + z**2) * phi(z)),
        formula=r"(1 + z^2)\, \varphi(z) > 0",
        id="increasing",
    )
    small = document.limit("it falls to 0 with s, for y = |u + θ| > 0", s * phi(y / s), s, 0, 0, id="at-zero")
    large = document.limit("and grows beyond all bounds", s * phi(y / s), s, sp.oo, sp.oo, id="at-infinity")
    document.conclude(
        "The left side increases strictly and continuously from 0 to ∞: its integrand does, pointwise, and monotone "
        "convergence carries that to the integral. So for every α > 0 there is exactly one v.",
        rests_on=(grows, positive, small, large, given),
        id="exactly-one",
    )
    document.not_shown("The theorem of monotone convergence is used, not proved.")


def _straight_through(document: Document) -> None:
    document.section("straight-through", "The straight-through surrogate")
    bound = resolve("linear")
    form = form_of(integrand(bound, "fprime", 2), bound.environment)
    (slope,) = (param.symbol for param in bound.surrogate.params)
    document.assume("The surrogate f'(x) = slope", symbols=(slope, MEAN, VAR))
    certified = document.certified("Its moment does not depend on v", rf"m_2 = {form.latex}", form.certificate)
    assert form.expr is not None
    solved = document.step(
        "so v = α/slope², and v = α for slope 1",
        (VAR * form.expr).subs(VAR, alpha / slope**2),
        alpha,
        name=r"v\, m_2",
        id="v-is-alpha",
    )
    document.conclude("Straight-through: v = α.", rests_on=(certified, solved))


def _growth(document: Document) -> None:
    document.section("growth", "Where f' grows too fast there may be no solution")
    grows = sp.exp(u**2 / 2) / (1 + u**2)
    density = sp.exp(-(u**2) / 2) / sp.sqrt(2 * sp.pi)
    document.define("f'(x)² = e^{x²/2}/(1 + x²), θ = 0: the moment is finite for v <= 1 and infinite beyond")
    primitive = document.step(
        "At v = 1 the integrand has an elementary antiderivative",
        sp.Derivative(sp.atan(u) / sp.sqrt(2 * sp.pi), u),
        grows * density,
        id="antiderivative",
    )
    high = document.limit("whose limits give", sp.atan(u), u, sp.oo, sp.pi / 2)
    low = document.limit("at the two ends", sp.atan(u), u, -sp.oo, -sp.pi / 2)
    largest = document.value(
        "the largest value of the left side before it is infinite",
        "",
        sp.sqrt(sp.pi / 2),
        claimed="1.2533",
    )
    document.conclude(
        "For α above √(π/2) this surrogate has no self-consistent solution: the condition that the moment be finite for "
        "every v is needed. A derivative that is negative, unbounded or zero near the threshold does no harm.",
        rests_on=(primitive, high, low, largest),
    )


def _forward(document: Document) -> None:
    document.section("forward", "The solution may be one at which the rate does not stay")
    document.assume("a = θ/√v, at θ = 1", symbols=[a])
    critical = document.solve(
        "Below the variance v* = θ²/a*² the spikes' map is unstable (see the critical weight scale)",
        a * phi(a),
        2 * Q(a),
        a,
        (1, sp.Rational(3, 2)),
        name="a^*",
        id="critical",
    )
    bound = resolve("atan:alpha=2")
    square = integrand(bound, "fprime", 2)
    form = form_of(square, bound.environment)
    assert form.expr is not None
    numbers = {symbol: sp.Rational(value) for symbol, value in bound.environment.items()}
    at_one = form.expr.subs({MEAN: -sp.S.One, **numbers})
    document.certified("E[f'²] of the arctan surrogate", rf"m_2 = {form.latex}", form.certificate)
    edge = document.value(
        "The α whose solution is v*, for arctan with α = 2 at θ = 1",
        r"v^* m_2(v^*)",
        (VAR * at_one).subs(VAR, 1 / a**2),
        at={a: critical},
        claimed="0.0835",
        id="edge",
    )
    document.value(
        "m₂ at v = 7/10, by integration and not by the form",
        "m_2",
        expectation(square, bound.environment, Fraction(-1), Fraction(7, 10)),
    )
    document.conclude(
        "With α below 0.0835 Theorem 1's solution for this surrogate exists and is unique, but the rate does not stay "
        "there: from a little below activity dies, from a little above it climbs to the other fixed point of these weights. "
        "Existence of a solution is not stability of the network.",
        rests_on=(critical, edge),
    )
