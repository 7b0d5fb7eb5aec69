"""Finite width at one step: how far the gradient of one draw of the weights may lie from the infinitely wide prediction."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp

from ikun_sym import evaluate
from ikun_sym.gaussian.enclosures.certify import expectation
from ikun_sym.gaussian.moment import integrand
from ikun_sym.reading.surrogate_spec import resolve

from ..document import Document, Statement
from ..figure import Axis, Figure, Series
from ..reference import HANIN_NICA
from ..words import Density, tex
from .fluctuations import m2, moving, n, rate

z = sp.Symbol("z", real=True)
m4, variance, g = (
    sp.Symbol("m_4", positive=True),
    sp.Symbol(r"\sigma_W^2", positive=True),
    sp.Symbol("G", positive=True),
)
beta, error = sp.Symbol("beta", positive=True), sp.Symbol(r"\varepsilon", real=True)

FOURTH = sp.Integer(3)
"""E[Z⁴] of a standard normal, the second step of the document."""

BRACKET = FOURTH * m4 / m2**2 - 1
"""Width times the relative variance that one layer adds."""


def build() -> Document:
    document = Document(
        id="finite-width",
        title="Finite width: β = Σ (3 m₄/m₂² − 1)/n",
        summary="In a network of width n the squared norm of the gradient is random from draw to draw. One layer adds the "
        "relative variance (3 m₄/m₂² − 1)/n; over many layers its logarithm is close to normal with variance "
        "β, so that a typical "
        "draw is e^{−β/2} times the mean, and the mean of a few draws says little once β exceeds 3.",
    )
    fourth = _gaussian(document)
    layer = _layer(document, fourth)
    _depth(document, layer)
    _surrogates(document, layer)
    moving(document, rate(document))
    return document


def _gaussian(document: Document) -> Statement:
    document.section("gaussian", "Moments of Gaussian weights")
    document.assume("A standard normal variable's value", symbols=[z])
    steps: list[Statement] = []
    for power, follows in ((2, r"\mathbb{E}[Z^2] = 1"), (4, r"\mathbb{E}[Z^4] = 3\, \mathbb{E}[Z^2] = 3")):
        edge = z ** (power - 1)
        right = z**power * Density(z) - sp.diff(edge, z) * Density(z)
        left = rf"\frac{{d}}{{d z}} \left(-{tex(edge * Density(z))}\right)"
        steps.append(
            document.step(
                f"The moment of order {power}, by parts",
                sp.diff(-edge * Density(z), z),
                right,
                formula=rf"{left} = {tex(right)}, \quad {follows}",
                id=f"moment-{power}",
            )
        )
        steps += [
            document.limit("for this vanishes at both ends", edge * Density(z), z, end, 0, id=f"end-{power}-{name}")
            for end, name in ((sp.oo, "above"), (-sp.oo, "below"))
        ]
    return document.conclude("The fourth moment is 3", r"\mathbb{E}[Z^4] = 3", rests_on=steps, id="fourth")


def _layer(document: Document, fourth: Statement) -> Statement:
    document.section("layer", "One layer")
    document.assume(
        "Width, moments m₂ = E[f'²] and m₄ = E[f'⁴], weight variance, and the squared norm of the gradient above",
        symbols=(n, m2, m4, variance, g),
    )
    document.assume(
        "Gaussian weights of zero mean, independent of the gradient that comes from above and of the slopes "
        "f'(H) below; the slopes "
        "of a layer's neurons independent, as they are at infinite width."
    )
    document.define(
        "Given the gradient above, of squared norm G, the n neurons below get independent gradients",
        r"\delta_i = f'_i\, \sigma_W \sqrt{G}\, Z_i, \quad \left\|\delta\right\|^2 = \sigma_W^2\, G \sum_{i=1}^n f_i'^2 Z_i^2",
        id="gradients",
    )
    mean = document.step(
        "Its mean: n equal terms; χ at equal fans",
        variance * g * n * m2,
        n * variance * m2 * g,
        formula=rf"\mathbb{{E}}\left\|\delta\right\|^2 = {tex(n * variance * m2)}\, G = \chi\, G",
        id="mean",
    )
    second = (variance * g) ** 2 * (n * FOURTH * m4 + n * (n - 1) * m2**2)
    relative = document.step(
        "Its second moment: n terms with themselves, n(n − 1) with others. Relative to the squared mean, less 1",
        second / (variance * g * n * m2) ** 2 - 1,
        BRACKET / n,
        formula=r"\frac{\operatorname{Var} \left\|\delta\right\|^2}{\left(\mathbb{E}\left\|\delta\right\|^2\right)^2} = "
        rf"\frac{{n \cdot 3\, m_4 + n (n - 1)\, m_2^2}}{{n^2 m_2^2}} - 1 = \frac{{1}}{{n}} \left({tex(BRACKET)}\right)",
        id="relative",
    )
    sample = resolve("atan:alpha=2")
    width = 32
    moments = [_moment(sample, power) for power in (2, 4)]
    ratio = 1 + (3 * moments[1] / moments[0] ** 2 - 1) / width
    document.sampled(
        f"Layers of width {width}, arctan at θ = 0, Var(H) = 1: the mean of (‖δ‖²/mean)² over draws",
        r"1 + \frac{1}{n} \left(\frac{3 m_4}{m_2^2} - 1\right)",
        _Layers(width, moments[0]),
        ratio,
        n=40_000,
        seed=0,
        id="drawn",
    )
    return document.conclude(
        "One layer of width n multiplies the second moment of ‖δ‖², relative to the squared mean, by 1 + (3 m₄/m₂² − 1)/n.",
        rests_on=[fourth, mean, relative],
        id="one-layer",
    )


def _moment(bound: Any, power: int) -> float:
    return expectation(integrand(bound, "fprime", power), bound.environment, Fraction(0), Fraction(1)).value


@dataclass(frozen=True)
class _Layers:
    """(‖δ‖²/mean)² for random layers with the arctan surrogate at N(0, 1)."""

    width: int
    second_moment: float

    def __call__(self, generator: np.random.Generator, count: int) -> Any:
        h, weights = generator.standard_normal((2, count, self.width))
        slopes = 1 / (1 + (np.pi * h) ** 2)
        return ((slopes * weights) ** 2).sum(axis=1) ** 2 / (self.width * self.second_moment) ** 2


def _depth(document: Document, layer: Statement) -> None:
    document.section("depth", "Many layers")
    document.assume("The sum of relative variances, and a small deviation", symbols=(beta, error))
    document.define(
        "Layers are independent given the gradient above, so their factors multiply",
        r"\frac{\mathbb{E}\left\|\delta\right\|^4}{\left(\mathbb{E}\left\|\delta\right\|^2\right)^2} = "
        r"\prod_l \left(1 + \beta_l\right), \quad \beta_l = \frac{1}{n_l} \left(\frac{3 m_4}{m_2^2} - 1\right), \quad "
        r"\beta = \sum_l \beta_l",
        id="product",
    )
    series = document.step(
        "The logarithm of one layer's factor, to second order in its deviation: what is left out grows as the third",
        sp.diff(sp.log(1 + error) - (error - error**2 / 2), error),
        error**2 / (1 + error),
        formula=r"\frac{d}{d \varepsilon} \left(\log(1 + \varepsilon) - \varepsilon + \frac{\varepsilon^2}{2}\right) = "
        rf"{tex(error**2 / (1 + error))}, \quad \log(1 + \varepsilon) = {tex(error - error**2 / 2)} + O(\varepsilon^3)",
        id="logarithm",
    )
    document.conclude(
        "A layer adds to log‖δ‖² the mean log χ − β_l/2 and the variance β_l, to first order in 1/n",
        r"\mathbb{E} \log \frac{\left\|\delta^l\right\|^2}{\left\|\delta^{l+1}\right\|^2} \approx \log \chi - "
        r"\frac{\beta_l}{2}, \quad "
        r"\operatorname{Var} \log \frac{\left\|\delta^l\right\|^2}{\left\|\delta^{l+1}\right\|^2} \approx \beta_l",
        rests_on=[layer, series],
        id="increments",
    )
    exponent = (z - (-beta / 2)) ** 2 / (2 * beta)
    lognormal = document.step(
        "A normal logarithm of mean −β/2 and variance β keeps the mean of ‖δ‖² where it was: the density of "
        "e^{X} N(−β/2, β) is that "
        "of N(β/2, β)",
        sp.exp(z) * sp.exp(-exponent),
        sp.exp(-((z - beta / 2) ** 2) / (2 * beta)),
        formula=r"e^{x} \exp\left(-\frac{(x + \beta/2)^2}{2 \beta}\right) = \exp\left(-\frac{(x - \beta/2)^2}{2 \beta}\right)",
        id="lognormal",
    )
    spread = document.step(
        "and its second moment is e^β",
        sp.exp(2 * z) * sp.exp(-exponent),
        sp.exp(beta) * sp.exp(-((z - 3 * beta / 2) ** 2) / (2 * beta)),
        formula=r"e^{2 x} \exp\left(-\frac{(x + \beta/2)^2}{2 \beta}\right) = "
        r"e^{\beta} \exp\left(-\frac{(x - 3 \beta/2)^2}{2 \beta}\right)",
        id="spread",
    )
    document.value(
        "At β = 3 the mean of N draws has a relative standard error of this over √N",
        r"\sqrt{e^{\beta} - 1}",
        sp.sqrt(sp.exp(beta) - 1),
        at={beta: 3},
        claimed="4.37",
        id="error",
    )
    document.conclude(
        "A typical draw is e^{−β/2} times the mean. Beyond β of about 3 the mean is to be estimated as "
        "mean logarithm + β/2, not "
        "as the mean of draws.",
        rests_on=[lognormal, spread],
        id="typical",
    )
    document.not_shown(
        "That the logarithm is normal: the sum over layers is, in the limit of many layers, by the central limit theorem for "
        "independent increments; the error of the second order, and of finite depth, is not bounded here. "
        "Means of ratios carry a "
        "bias of order L/n."
    )
    document.not_shown(
        "Fluctuations of the forward pass, which change m₂ from layer to layer: what they add to β is in section moving, to "
        "first order in them."
    )


def _surrogates(document: Document, layer: Statement) -> None:
    document.section("surrogates", "The number for ReLU and for surrogates")
    half = sp.Rational(1, 2)
    document.step(
        "ReLU, whose derivative is 0 or 1 with equal chances: m₂ = m₄ = ½",
        BRACKET.subs({m2: half, m4: half}),
        sp.Integer(5),
        formula=r"\frac{3 m_4}{m_2^2} - 1 = 5 \quad \left(m_2 = m_4 = \frac{1}{2}\right)",
        id="relu",
    )
    document.cite(
        "which is the constant known for ReLU networks", HANIN_NICA, "main theorem, ReLU", r"\beta = \sum_l \frac{5}{n_l}"
    )
    linear = document.step(
        "The straight-through estimator, f' = 1: what the weights alone give",
        BRACKET.subs({m2: 1, m4: 1}),
        sp.Integer(2),
        formula=r"\frac{3 m_4}{m_2^2} - 1 = 2 \quad (f' = 1)",
        id="linear",
    )
    least = document.step(
        "No surrogate has less, for m₄ exceeds m₂² by the variance of f'²",
        BRACKET - 2,
        FOURTH * (m4 - m2**2) / m2**2,
        formula=r"\left(\frac{3 m_4}{m_2^2} - 1\right) - 2 = \frac{3\, (m_4 - m_2^2)}{m_2^2} = "
        r"\frac{3 \operatorname{Var}(f'^2)}{m_2^2} \geq 0",
        id="least",
    )
    document.figure(_figure())
    document.conclude(
        "The weights alone give 2, a surrogate adds three times the relative variance of f'²: the fewer neurons carry the "
        "gradient, the more it differs from draw to draw.",
        rests_on=[layer, linear, least],
        id="few",
    )


SHOWN = ("sigmoid", "atan", "triangular", "fast_sigmoid")
"""What the figure shows: four are told apart in a plot, all of them are not."""


def _figure() -> Figure:
    sigmas = np.logspace(-1, 1, 61)
    return Figure(
        id="brackets",
        title="3 m₄/m₂² − 1 at threshold 1, default parameters",
        alt="Curves of 3 m₄/m₂² − 1 against the standard deviation of the membrane potential from 0.1 to 10, one for each of "
        f"{', '.join(SHOWN)}.",
        series=tuple(_curve(name, sigmas) for name in SHOWN),
        x_axis=Axis(r"$\sigma_H$", log=True),
        y_axis=Axis(r"$3 m_4/m_2^2 - 1$", log=True),
    )


def _curve(name: str, sigmas: Any) -> Series:
    second, fourth = (np.asarray(evaluate(name, mean=-1.0, var=sigmas**2, power=power)) for power in (2, 4))
    return Series(name, tuple(map(float, sigmas)), tuple(map(float, 3 * fourth / second**2 - 1)))
