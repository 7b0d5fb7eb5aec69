"""Theorem 1 of IKUN at one time step and infinite width: what its weights do to the gradient, and to whom."""

from __future__ import annotations

import sympy as sp

from .document import Document
from .reference import IKUN

alpha, m2, sigma_x2, p = sp.symbols("alpha m_2 sigma_X2 p", positive=True)
fan_in, fan_out = sp.symbols("n_in n_out", positive=True)
LATEX = {sigma_x2: r"\sigma_X^2", fan_in: r"n_{\mathrm{in}}", fan_out: r"n_{\mathrm{out}}", m2: "m_2"}


def tex(expr: sp.Expr) -> str:
    return sp.latex(expr, symbol_names=LATEX)


def build() -> Document:
    document = Document(
        id="theorem-1",
        title="Theorem 1: the gradient is stable iff α = σ_X² · fan_in/fan_out",
        summary="The weight variance of Theorem 1 makes the backward factor per layer a ratio that does not contain the "
        "surrogate any more. It is 1 for one value of α only, and that value is not 1.",
        references=(str(IKUN),),
    )
    _backward(document)
    _self_consistency(document)
    return document


def _backward(document: Document) -> None:
    document.section("backward", "The backward factor")
    document.assume("Fans, Theorem 1's constants, and the firing rate", symbols=(fan_in, fan_out, alpha, sigma_x2, m2, p))
    document.assume(
        "Weights independent, zero mean; the layer wide enough that the gradient arriving at W is independent of it."
    )
    document.assume("A readout whose gradient has zero mean over neurons. A loss such as the sum of all spikes has not.")
    document.define("Theorem 1's weights, with m₂ = E[f'(H)²]", rf"\sigma_W^2 = {tex(alpha / (fan_in * sigma_x2 * m2))}")
    weights = alpha / (fan_in * sigma_x2 * m2)
    chi = fan_out * weights * m2
    document.define("One layer multiplies the gradient's second moment by", r"\chi = n_{\mathrm{out}}\, \sigma_W^2\, m_2")
    cancels = document.step(
        "With Theorem 1's weights the surrogate cancels",
        chi,
        fan_out / fan_in * alpha / sigma_x2,
        formula=rf"\chi = {tex(fan_out / fan_in * alpha / sigma_x2)}",
    )
    matched = sigma_x2 * fan_in / fan_out
    is_one = document.step(
        "so χ = 1 at the matched α, and, χ being proportional to α, nowhere else",
        chi.subs(alpha, matched),
        sp.S.One,
        formula=rf"\chi = 1 \iff \alpha = {tex(matched)}",
    )
    gap = (1 - 2 * p) ** 2 / (p * (1 - p))
    fourfold = document.step(
        "For α = 1, fan_in = fan_out and σ_X² = p(1 − p), the variance of spikes of rate p, χ is at least 4",
        1 / (p * (1 - p)) - 4,
        gap,
        formula=rf"\chi - 4 = \frac{{1}}{{p (1 - p)}} - 4 = {tex(gap)} \geq 0",
    )
    document.conclude(
        "With α = 1 the gradient grows at least fourfold per layer (twofold or more with the second moment p). With the "
        "matched α the weights are 1/(fan_out m₂): σ_X² drops out.",
        rests_on=(cancels, is_one, fourfold),
    )


def _self_consistency(document: Document) -> None:
    document.section("self-consistency", "The self-consistent solution exists and is unique")
    u, theta, s = sp.Symbol("u", real=True), sp.Symbol("theta", nonnegative=True), sp.Symbol("s", positive=True)
    z = (u + theta) / s
    density = sp.exp(-(z**2) / 2) / sp.sqrt(2 * sp.pi)
    document.define(
        "m₂ depends on v = Var(H), and v on the weights. With second moments Theorem 1 is an equation for v = s²",
        r"v\, \mathbb{E}\left[f'(\sqrt{v} Z - \theta)^2\right] = \alpha, \quad "
        r"\text{left side} = \int f'(u)^2\, s\, \varphi\left(\frac{u + \theta}{s}\right) du",
    )
    document.assume("Threshold, standard deviation of H, and the surrogate's argument", symbols=(theta, s, u))
    grows = document.step(
        "The integrand grows with s at every u",
        sp.diff(s * density, s),
        (1 + z**2) * density,
        formula=r"\frac{\partial}{\partial s}\, s\, \varphi(z) = (1 + z^2)\, \varphi(z) > 0, \quad z = \frac{u + \theta}{s}",
    )
    given = document.assume("f' is not zero almost everywhere and m₂ is finite for every v.")
    document.conclude(
        "The left side increases strictly and continuously from 0 to ∞ (its integrand does, pointwise, from 0 to ∞): "
        "for every α > 0 there is exactly one v.",
        rests_on=(grows, given),
    )
    document.not_shown("That the spiking network is stable at this v: below a critical weight scale its activity dies.")
