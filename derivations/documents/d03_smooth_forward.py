"""If the forward pass used the smooth surrogate: what the Gaussian Poincaré and Cacoullos inequalities say, and what not."""

from __future__ import annotations

from fractions import Fraction

import sympy as sp

from ikun_sym.expressions.symbols import MEAN, VAR
from ikun_sym.gaussian.enclosures.certify import expectation
from ikun_sym.gaussian.moment import integrand
from ikun_sym.reading.surrogate_spec import resolve

from ..checkers.methods import Manifest, Monotone, Scaled
from ..document import Document
from ..reference import CACOULLOS, CHERNOFF, DLMF, IKUN
from ..statement import Statement

x, t = sp.symbols("x t", real=True)
f = sp.Function("f", real=True)(x)
weight = sp.exp(-((x - MEAN) ** 2) / (2 * VAR)) / sp.sqrt(2 * sp.pi * VAR)


def build() -> Document:
    document = Document(
        id="smooth-forward",
        title="The smooth forward pass: two true inequalities that do not bound the signal",
        summary="Theorem 1's forward half is exact for a linear f of mean 0. For a network that sends the smooth f(H − θ) "
        "instead of spikes, Var f is between v (E f')² and v E[f'²]. But the recursion carries the second moment E[f²], to "
        "which the mean adds its square, and that v E[f'²] does not bound.",
        references=(str(IKUN),),
    )
    lower = _cacoullos(document)
    upper = _poincare(document)
    _exponential(document)
    _second_moment(document, lower, upper)
    return document


def _cacoullos(document: Document) -> Statement:
    document.section("cacoullos", "The lower bound")
    given = document.assume("X ~ N(μ, v); f has a derivative, and E[f'(X)²] is finite", symbols=(x, MEAN, VAR))
    stein = document.step(
        "Stein's identity: v f' w − (x − μ) f w is a derivative, w the density, so E[(X − μ) f] = v E[f']",
        sp.Derivative(VAR * f * weight, x),
        (VAR * sp.diff(f, x) - (x - MEAN) * f) * weight,
        formula=r"\frac{d}{dx}\, v f(x) w(x) = \left(v f'(x) - (x - \mu) f(x)\right) w(x)",
        because="f w vanishes at both ends: |f(x) − f(μ)|² <= E[f'²] |∫ dx/w| from μ to x, by Cauchy and Schwarz",
        id="stein",
    )
    spread, slope, covariance = sp.symbols("V D C", real=True)
    document.define(
        "V = Var f, D = E[f'], C = Cov(f, X), which is v D by Stein's identity", symbols=(spread, slope, covariance)
    )
    residual = spread - 2 * slope * covariance + slope**2 * VAR
    distance = document.step(
        "The mean square distance of f from the line E f + D (x − μ)",
        residual.subs(covariance, VAR * slope),
        spread - VAR * slope**2,
        name=r"V - 2 D C + D^2 v",
        because="the square multiplied out; C = v D",
        id="distance",
    )
    document.cite("The lower bound", CACOULLOS, "for the normal law", id="cacoullos-1982")
    return document.conclude(
        "A mean square is not negative, so v (E f')² <= Var f, with equality if and only if f is a straight line.",
        r"v\, \mathbb{E}[f']^2 \leq \mathrm{Var} f",
        rests_on=(given, stein, distance),
        id="lower",
    )


def _poincare(document: Document) -> Statement:
    document.section("poincare", "The upper bound")
    s = sp.Symbol("s", real=True)
    document.define(
        "In units of √v, let h_k be the normalised Hermite polynomials: e^{tx − t²/2} = Σ h_k(x) t^k/√k!", symbols=(t, s)
    )

    def generating(a: sp.Expr) -> sp.Expr:
        return sp.exp(a * x - a**2 / 2)

    normal = sp.exp(-(x**2) / 2) / sp.sqrt(2 * sp.pi)
    derivative = document.step(
        "Differentiated in x: h_k' = √k h_{k−1}", sp.Derivative(generating(t), x), t * generating(t), id="derivative"
    )
    orthogonal = document.step(
        "The product of two of them is e^{st} times a normal density around s + t: so E[h_j h_k] = 1 if j = k, else 0",
        generating(s) * generating(t) * normal,
        sp.exp(s * t) * normal.subs(x, x - s - t),
        id="orthonormal",
    )
    completeness = document.cite("These polynomials are complete in L² of the normal law", DLMF, "§18.2 and §18.3")
    k, c = sp.Symbol("k", integer=True, nonnegative=True), sp.Symbol("c", real=True)
    document.define(
        "With f = Σ c_k h_k, f' has the coefficients √(k + 1) c_{k+1} (by Stein's identity for f h_k), so that V = Σ_{k>=1} "
        "c_k² and v E[f'²] = Σ_{k>=1} k c_k². Their difference, with k = 1 + j, is the sum of",
        symbols=(k, c),
    )
    each = document.bound(
        "(j + 1) c² >= c²: equality where j c² = 0, so c_k = 0 for all k >= 2",
        (1 + k) * c**2,
        ">=",
        c**2,
        Manifest(k * c**2),
        id="each-term",
    )
    document.cite("The upper bound", CHERNOFF, "by Hermite polynomials", id="chernoff-1981")
    return document.conclude(
        "Var f <= v E[f'²], with equality if and only if f is a straight line.",
        r"\mathrm{Var} f \leq v\, \mathbb{E}[f'^2]",
        rests_on=(derivative, orthogonal, completeness, each),
        id="upper",
    )


def _exponential(document: Document) -> None:
    """f = e^{bx}: y = b² v; Var f = e^{y}(e^{y} − 1), v (E f')² = y e^{y}, v E[f'²] = y e^{2y}, all times e^{2bμ}."""
    document.section("exponential", "Both bounds on an example: f(x) = e^{bx}")
    y = sp.Symbol("y", positive=True)
    slope = sp.Symbol("b", real=True)
    document.define("y = b² v", symbols=(y, slope))
    document.step(
        "e^{bx} times the density is the density around μ + b v, so E e^{bX} = e^{bμ + b² v/2}",
        sp.exp(slope * x) * weight,
        sp.exp(slope * MEAN + slope**2 * VAR / 2) * weight.subs(x, x - slope * VAR),
        id="tilted",
    )
    variance = sp.exp(2 * y) - sp.exp(y)
    document.bound(
        "v (E f')² < Var f",
        variance,
        ">",
        y * sp.exp(y),
        # divided by e^y: e^y − 1 − y, whose derivative is e^y − 1, whose derivative is e^y
        Scaled(sp.exp(-y), Monotone(y, "low", Monotone(y, "low", Manifest(sp.exp(y))))),
        id="exponential-lower",
    )
    document.bound(
        "Var f < v E[f'²]",
        variance,
        "<",
        y * sp.exp(2 * y),
        Scaled(sp.exp(-y), Monotone(y, "low", Manifest(y * sp.exp(y)))),
        id="exponential-upper",
    )


def _second_moment(document: Document, lower: Statement, upper: Statement) -> None:
    document.section("second-moment", "What the recursion carries is E[f²]")
    mean, spread = sp.symbols("m V", real=True)
    adds = document.define(
        "m = E f, V = Var f; the second moment is", r"\mathbb{E}[f^2] = V + m^{2}", symbols=(mean, spread), id="second"
    )
    bound = resolve("sigmoid:alpha=4")
    var = Fraction(1, 20)
    second = expectation(integrand(bound, "f", 2), bound.environment, Fraction(0), var)
    squared_slope = expectation(integrand(bound, "fprime", 2), bound.environment, Fraction(0), var)
    slope = expectation(integrand(bound, "fprime", 1), bound.environment, Fraction(0), var)
    first = expectation(integrand(bound, "f", 1), bound.environment, Fraction(0), var)
    document.define("The sigmoid with α = 4 at μ = 0 and v = 0.05", r"f(x) = \frac{1}{1 + e^{-4x}}, \quad f(-\infty) = 0")
    carried = document.value("The recursion carries", r"\mathbb{E}[f^2]", second, claimed="0.287", id="carried")
    named = {sp.Symbol("E_1", real=True): slope, sp.Symbol("E_2", real=True): squared_slope}
    one, two = named
    document.define("E₁ = E f' and E₂ = E[f'²] there, enclosed", symbols=(one, two, MEAN, VAR))
    at = {VAR: sp.Rational(1, 20), **named}
    above = document.value(
        "while the upper bound of the variance is", r"v\, \mathbb{E}[f'^2]", VAR * two, at=at, claimed="0.038", id="above"
    )
    below = document.value("and the lower one", r"v\, \mathbb{E}[f']^2", VAR * one**2, at=at, claimed="0.036", id="below")
    variance = document.value(
        "between which the variance lies",
        r"\mathrm{Var} f",
        spread - mean**2,
        at={spread: second, mean: first},
        claimed="0.037",
        id="variance",
    )
    document.value(
        "The second moment exceeds the bound",
        r"\frac{\mathbb{E}[f^2]}{v\, \mathbb{E}[f'^2]}",
        spread / (VAR * two),
        at={spread: second, **at},
        claimed="7.6",
    )
    document.conclude(
        "v E[f'²] bounds the variance of f, not the second moment that the next layer's Var(H) is made of: here it is too "
        "small by a factor of 7.6. It bounds what is carried where (E f)² <= v E[f'²] − Var f: always where E f = 0, such as "
        "for odd f with μ = 0. Where the mean does not enter, with row-centred weights, it is the variance that is carried.",
        rests_on=(adds, lower, upper, carried, above, below, variance),
        id="no-bound",
    )
    document.not_shown("That E f is not 0 for every other surrogate: it is not for any f that is 0 at −∞ and increases.")
