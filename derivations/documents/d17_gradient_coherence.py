"""Coherence: how well the gradients of two inputs agree from layer to layer, and what width and amplitude do to it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
import sympy as sp

from ikun_sym import evaluate
from ikun_sym.expressions.lowering import ball, precision
from ikun_sym.gaussian.enclosures.certify import Enclosure, expectation
from ikun_sym.gaussian.moment import float_function, integrand
from ikun_sym.gaussian.pairs.enclosure import pair_expectation
from ikun_sym.gaussian.pairs.exact_law import ExactLaw
from ikun_sym.gaussian.pairs.expected_product import expected_product
from ikun_sym.reading.surrogate_spec import resolve

from ..checkers.methods import Manifest, Monotone
from ..document import Document, Statement
from ..figure import Axis, Figure, Series
from ..reference import SHATTERED
from .independent_weights import weighed

W = sp.symbols("W_1 W_2", real=True)
f1, f2, d1, d2, e1, e2 = sp.symbols(r"f_1 f_2 \delta_1 \delta_2 \epsilon_1 \epsilon_2", real=True)
variance = sp.Symbol(r"\sigma_W^2", positive=True)
m2, m12, m4, K, A, y, alpha, spread = sp.symbols("m_2 m_{12} m_4 K A y alpha V", positive=True)
b1, b2, g = sp.symbols("b_1 b_2 g", nonnegative=True)

RATE = Fraction(1, 5)
VAR, CORRELATION = Fraction("1.411778722"), Fraction("0.360871326")
"""θ²/a² and ρ* at p = 0.2, θ = 1, to nine decimals."""

WIDTHS = ("3.6456", "2", "1", "0.5")


def build() -> Document:
    document = Document(
        id="gradient-coherence",
        title="Coherence of gradients",
        summary="From layer to layer the correlation of two inputs' gradients is multiplied by the coherence s_b = E[f'(H) "
        "f'(H')]/E[f'(H)²] at the fixed point of the overlap. Sharp surrogates make it small. Wide ones bring it to 1, and a "
        "constant factor, the amplitude, restores the gradient's size and leaves the coherence as it is.",
    )
    layer = _layer(document)
    _bounds(document, layer)
    _width(document, layer)
    _amplitude(document, layer)
    _table(document)
    return document


def _layer(document: Document) -> Statement:
    document.section("layer", "One layer, two inputs")
    document.assume(
        "Slopes f' of one neuron for two inputs, gradients of two neurons above for either input, weights of mean 0",
        symbols=(f1, f2, d1, d2, e1, e2, *W, variance),
    )
    document.assume("Moments, gain, amplitude, numbers used below", symbols=(m2, m12, m4, K, A, y, alpha, spread, b1, b2, g))
    document.assume(
        "Wide layers of one step; weights independent, and those of the backward pass taken as independent of the forward one."
    )
    first, second = f1 * (W[0] * d1 + W[1] * d2), f2 * (W[0] * e1 + W[1] * e2)
    mixed = document.step(
        "The product of the two inputs' gradients in the mean over the weights",
        weighed(sp.expand(first * second), W, variance),
        f1 * f2 * variance * (d1 * e1 + d2 * e2),
        formula=r"\mathbb{E}_W[\delta \epsilon] = f'(H) f'(H')\, \sigma_W^2 \sum_j \delta_j \epsilon_j",
        id="mixed",
    )
    own = document.step(
        "and the square of one",
        weighed(sp.expand(first**2), W, variance),
        f1**2 * variance * (d1**2 + d2**2),
        formula=r"\mathbb{E}_W[\delta^2] = f'(H)^2\, \sigma_W^2 \sum_j \delta_j^2",
        id="own",
    )
    share = document.step(
        "The correlation r of the gradients, with m₁₂ = E[f'(H) f'(H')] and m₂ = E[f'(H)²]; both inputs have one law",
        K * m12 * g / (K * m2),
        m12 / m2 * g,
        formula=r"r' = \frac{K m_{12}\, r}{K m_2} = s_b\, r, \quad s_b = \frac{m_{12}}{m_2}",
        id="correlation",
    )
    return document.conclude(
        "Where the overlap has settled a layer multiplies the correlation by s_b.",
        r"s_b = \frac{\mathbb{E}[f'(H) f'(H')]}{\mathbb{E}[f'(H)^2]}, \quad \xi_b = -\frac{1}{\log s_b}",
        rests_on=[mixed, own, share],
        id="coherence",
    )


def _bounds(document: Document, layer: Statement) -> None:
    document.section("bounds", "At most 1, at least what a mean slope keeps")
    square = document.step(
        "Both inputs have one law, so 2 (m₂ − m₁₂) is a mean square",
        f1**2 + f2**2 - 2 * f1 * f2,
        (f1 - f2) ** 2,
        formula=r"\mathbb{E}\left[(f'(H) - f'(H'))^2\right] = 2 (m_2 - m_{12}) \geq 0",
        id="square",
    )
    given = document.step(
        "For a correlation c ≥ 0, H = √c Z + √(1 − c) N and H' = √c Z + √(1 − c) N' in deviations: given Z the two slopes are "
        "independent and of one mean b(Z); so m₁₂ = E[b²], which exceeds (E b)² by a variance, here of two values",
        (b1**2 + b2**2) / 2 - ((b1 + b2) / 2) ** 2,
        ((b1 - b2) / 2) ** 2,
        formula=r"m_{12} = \mathbb{E}[b(Z)^2] \geq \mathbb{E}[b(Z)]^2 = \mathbb{E}[f'(H)]^2",
        id="given",
    )
    document.conclude(
        "The coherence lies between that of independent inputs and 1.",
        r"\frac{\mathbb{E}[f'(H)]^2}{\mathbb{E}[f'(H)^2]} \leq s_b \leq 1 \quad (c \geq 0)",
        rests_on=[layer, square, given],
        id="between",
    )
    document.cite("Gradients that do not agree from input to input are known as shattered", SHATTERED, "section 1")


def _width(document: Document, layer: Statement) -> None:
    document.section("width", "A wide surrogate is coherent")
    both = document.step(
        "Slopes relative to the peak, b = f'/f'(0), lie between 0 and 1, so that a product is at least the sum less 1",
        b1 * b2 - (b1 + b2 - 1),
        (1 - b1) * (1 - b2),
        id="product",
    )
    growing = Monotone(y, "low", Manifest(4 * y * sp.exp(2 * y)))
    hyperbolic = document.bound(
        "The hyperbolic tangent is below its argument",
        y * (sp.exp(2 * y) + 1), ">", sp.exp(2 * y) - 1, Monotone(y, "low", growing),
        formula=r"y > \tanh y = \frac{e^{2 y} - 1}{e^{2 y} + 1}", id="tanh",
    )  # fmt: skip
    peak = document.step(
        "The sigmoid's slope, α e^{−αx}/(1 + e^{−αx})², relative to its peak α/4; y = αx/2",
        4 * sp.exp(-2 * y) / (1 + sp.exp(-2 * y)) ** 2,
        1 - ((sp.exp(2 * y) - 1) / (sp.exp(2 * y) + 1)) ** 2,
        formula=r"\frac{f'(x)}{f'(0)} = 1 - \tanh^2 \frac{\alpha x}{2} \geq 1 - \frac{\alpha^2 x^2}{4}",
        id="sigmoid",
    )
    summed = document.step(
        "Two such, and m₂ ≤ f'(0)²; V = E[(H − θ)²] = θ² + σ_H²",
        1 - 2 * alpha**2 * spread / 4,
        1 - alpha**2 * spread / 2,
        name=r"s_b \geq 1 - 2 \frac{\alpha^2}{4} V",
        id="wide",
    )
    document.conclude(
        "The sigmoid's coherence tends to 1 as it widens, at any correlation and rate.",
        r"s_b \geq 1 - \frac{\alpha^2}{2} \left(\theta^2 + \sigma_H^2\right)",
        rests_on=[layer, both, hyperbolic, peak, summed],
        id="sigmoid-wide",
    )
    document.not_shown(
        "The same of every f'(x) = k^s g(kx) with g bounded, continuous at 0 and g(0) > 0, as k → 0: by bounded convergence "
        "m₁₂ and m₂, divided by f'(0)², both tend to 1.",
        id="any-wide",
    )


def _amplitude(document: Document, layer: Statement) -> None:
    document.section("amplitude", "Amplitude: the size without the shape")
    same = document.step("f' times A has the same coherence", A**2 * m12 / (A**2 * m2), m12 / m2, name="s_b", id="same")
    beta = document.step(
        "and the same relative variance at finite width (derivation finite-width)",
        3 * A**4 * m4 / (A**2 * m2) ** 2 - 1,
        3 * m4 / m2**2 - 1,
        id="beta",
    )
    size = document.step(
        "and this gradient size is kept from layer to layer", K * (1 / sp.sqrt(K * m2)) ** 2 * m2, 1,
        formula=r"A = \frac{1}{\sqrt{K m_2}} \;\Rightarrow\; A^2 K m_2 = 1", id="size",
    )  # fmt: skip
    document.conclude(
        "So width sets the coherence and the spread over draws, and amplitude the size: two constants for two demands. With "
        "amplitude 1 the size fixes the width.",
        rests_on=[layer, same, beta, size],
        id="free",
    )


@dataclass(frozen=True)
class Row:
    """The sigmoid of one width at VAR and CORRELATION."""

    alpha: str

    @property
    def bound(self) -> Any:
        return resolve(f"sigmoid:alpha={self.alpha}")

    def product(self) -> dict[str, float]:
        m_2, m_4 = (float(evaluate(self.bound, mean=-1.0, var=float(VAR), power=k)) for k in (2, 4))
        mixed = float(expected_product(self.bound, -1.0, float(VAR), float(CORRELATION)))
        return {"A": (float(VAR / RATE) * m_2) ** -0.5, "coherence": mixed / m_2, "beta": 3 * m_4 / m_2**2 - 1}


@lru_cache(maxsize=16)
def enclosed(row: Row) -> dict[str, Enclosure]:
    """What the table shows of it."""
    bound, law = row.bound, ExactLaw.of(-1, VAR, CORRELATION, None, None)
    second, fourth = (expectation(integrand(bound, "fprime", k), bound.environment, Fraction(-1), VAR) for k in (2, 4))
    function = float_function(bound)
    mixed = pair_expectation(function.function, function.values, law, 12)
    with precision(100):
        found = {
            "A": 1 / (ball(VAR / RATE) * second.ball()).sqrt(),
            "coherence": mixed.ball() / second.ball(),
            "beta": 3 * fourth.ball() / second.ball() ** 2 - 1,
        }
        return {name: Enclosure.of(value, 12, mixed.route) for name, value in found.items()}


NAMES = {"A": "A", "coherence": "s_b", "beta": r"3 \frac{m_4}{m_2^2} - 1"}


def _table(document: Document) -> None:
    document.section("table", "Sigmoids of one size")
    document.define(
        "p = 0.2, θ = 1, independent weights; variance and overlap of derivation information-depth, to nine decimals. The "
        "product's float64 agrees to ten",
        rf"\sigma_H^2 = {float(VAR)}, \quad \rho^* = {float(CORRELATION)}, \quad K = \sigma_H^2/p",
        id="setting",
    )
    for width in WIDTHS:
        row = Row(width)
        found, said = enclosed(row), row.product()
        for what, name in NAMES.items():
            document.value(
                f"α = {width}: {said[what]:.4g}", name, found[what], claimed=f"{said[what]:.10f}", id=f"{what}-{width}"
            )
    document.sampled(
        "Random pairs of membranes: E[f'(H) f'(H')] at α = 2",
        "m_{12}",
        _product_of_slopes,
        float(expected_product(Row("2").bound, -1.0, float(VAR), float(CORRELATION))),
        n=100_000,
        seed=0,
        id="drawn",
    )
    alphas = np.geomspace(0.2, 8, 17)
    curve = [float(expected_product(f"sigmoid:alpha={v!r}", -1.0, float(VAR), float(CORRELATION))) for v in map(float, alphas)]
    whole = [float(evaluate(f"sigmoid:alpha={v!r}", mean=-1.0, var=float(VAR), power=2)) for v in map(float, alphas)]
    document.figure(
        Figure(
            "coherence-over-width",
            "Coherence against the sigmoid's sharpness",
            "The coherence falls from nearly 1 at α = 0.2 to 0.45 at α = 3.65 and 0.2 at α = 8.",
            (Series("rate 0.2", tuple(map(float, alphas)), tuple(m / w for m, w in zip(curve, whole, strict=True))),),
            Axis(r"$\alpha$", log=True),
            Axis("coherence $s_b$"),
        )
    )


def _product_of_slopes(generator: np.random.Generator, n: int) -> Any:
    shared, first, second = generator.standard_normal((3, n))
    c, sigma = float(CORRELATION), float(VAR) ** 0.5
    h = sigma * (np.sqrt(c) * shared + np.sqrt(1 - c) * np.array([first, second])) - 1
    return np.prod(2 / (4 * np.cosh(h) ** 2), axis=0)
