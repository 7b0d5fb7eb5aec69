"""Theorem 1 of IKUN at one time step and infinite width: what its weights do to the signal and to the gradient."""

from __future__ import annotations

import sympy as sp

from ..checkers.methods import Combined, Manifest
from ..document import Document
from ..reference import IKUN
from ..words import Q, tex
from .lemmas import a, below_half

alpha = sp.Symbol("alpha", positive=True)
m2 = sp.Symbol("m_2", positive=True)
sigma_x2 = sp.Symbol(r"\sigma_X^2", positive=True)
sigma_w2 = sp.Symbol(r"\sigma_W^2", positive=True)
fan_in, fan_out = (sp.Symbol(rf"n_{{\mathrm{{{name}}}}}", positive=True) for name in ("in", "out"))
p = sp.Symbol("p", positive=True)
rest = sp.Symbol("r", positive=True)
"""1 − p, where its sign matters."""


def build() -> Document:
    document = Document(
        id="theorem-1",
        title="Theorem 1: the gradient is stable iff α = σ_X² · fan_in/fan_out",
        summary="The weight variance of Theorem 1 makes the backward factor per layer a ratio that does not contain the "
        "surrogate any more. It is 1 for one value of α only, which for equal fans is at most ½. Forward, the spikes' second "
        "moment decides, not their variance, and the surrogate plays no part but through the weights' scale.",
        references=(str(IKUN),),
    )
    _statement(document)
    _forward(document)
    _backward(document)
    return document


def _statement(document: Document) -> None:
    document.section("statement", "What the theorem says")
    document.assume(
        "Fans, α, the variance σ_X², the moment m₂, the firing rate p", symbols=(fan_in, fan_out, alpha, sigma_x2, m2, p)
    )
    document.assume("Weights are independent with mean 0, biases are 0, one time step; layers are wide, so H is Gaussian.")
    document.cite(
        "Surrogate-stable variance initialisation: with these weights the variance of the forward signal and of the "
        "backward gradient is claimed to be stable across layers, for sigmoid, tanh, linear and other surrogates",
        IKUN,
        "Theorem 1",
        rf"\sigma_W^2 = {tex(weights())}, \quad m_2 = \mathbb{{E}}\left[f'(H)^2\right]",
        id="claim",
    )
    document.not_shown(
        "Which of two readings is meant: σ_X² may be the variance of the layer's input X or its second moment. For spikes "
        "they differ, p(1 − p) and p; both are followed here. The value of α is left open too; α = 1 is the reading in "
        "which the weights depend on nothing else."
    )


def weights() -> sp.Expr:
    """Var(W) as Theorem 1 states it."""
    return alpha / (fan_in * sigma_x2 * m2)


def _forward(document: Document) -> None:
    document.section("forward", "Forward: the second moment enters")
    mean, var, mean_w = sp.Symbol("m", real=True), sp.Symbol("s", nonnegative=True), sp.Symbol(r"\mu_W", real=True)
    document.define(
        "m and s are mean and variance of one input X, μ_W and σ_W² those of one weight W",
        symbols=(mean, var, mean_w, sigma_w2),
    )
    second_w, second_x = sigma_w2 + mean_w**2, var + mean**2
    product = document.step(
        "The variance of W X, W and X independent, from the second moments",
        second_w * second_x - (mean_w * mean) ** 2,
        sigma_w2 * second_x + mean_w**2 * var,
        formula=rf"\mathrm{{Var}}(W X) = {tex(second_w)}\,({tex(second_x)}) - {tex(mean_w**2 * mean**2)} "
        rf"= {tex(sigma_w2 * second_x + mean_w**2 * var)}",
        because="E[W²X²] = E[W²] E[X²]",
        id="product",
    )
    zero_mean = document.step(
        "With zero-mean weights the input's mean counts as much as its spread: what enters is E[X²]",
        (sigma_w2 * second_x + mean_w**2 * var).subs(mean_w, 0),
        sigma_w2 * second_x,
        name=r"\mathrm{Var}(W X)\big|_{\mu_W = 0}",
        id="zero-mean",
    )
    spikes = document.step(
        "For spikes the second moment is the rate, not p(1 − p)",
        p * (1 - p) + p**2,
        p,
        name=r"\mathbb{E}[S^2] = \mathrm{Var}\, S + (\mathbb{E} S)^2",
        id="spikes",
    )
    centred = _row_centred(document)
    _stationary(document)
    document.conclude(
        "Var(H) of the next layer is fan_in · σ_W² · p for independent zero-mean weights. The variance p(1 − p) enters only "
        "if every row of the weight matrix is centred. The surrogate f' acts on the spikes only through the weights' scale.",
        rests_on=(product, zero_mean, spikes, centred),
        id="forward-conclusion",
    )


def _row_centred(document: Document):
    """Var(Σ W_j x_j) when the weights of a row sum to 0: covariance −σ²/(n − 1) between any two of them."""
    n = sp.Symbol("n", integer=True, positive=True)
    first, second = sp.Symbol("S_1", real=True), sp.Symbol("S_2", nonnegative=True)
    document.define(
        "A row of n weights that sum to 0, n >= 2 and all alike, has Cov(W_i, W_j) = −σ_W²/(n − 1) for i ≠ j (their sum has "
        "variance 0). For fixed inputs x write S₁ = Σ x_j and S₂ = Σ x_j²",
        symbols=(n, first, second),
    )
    zero_sum = document.step(
        "the covariance that makes the variance of the row's sum 0",
        n * sigma_w2 + n * (n - 1) * (-sigma_w2 / (n - 1)),
        sp.S.Zero,
        name=r"n \sigma_W^2 - n (n - 1)\, \frac{\sigma_W^2}{n - 1}",
        id="row-sum",
    )
    document.step(
        "With row-centred weights the inputs' empirical variance enters, (S₂ − S₁²/n)/n, times n²/(n − 1)",
        sigma_w2 * (second - (first**2 - second) / (n - 1)),
        sigma_w2 * n**2 / (n - 1) * (second - first**2 / n) / n,
        because="Σ_{i≠j} x_i x_j = S₁² − S₂",
        id="row-centred",
    )
    return document.conclude(
        "with row-centred weights it is the variance of the inputs that counts", rests_on=(zero_sum, document.statements[-1])
    )


def _stationary(document: Document) -> None:
    gain = fan_in * weights()
    document.step(
        "With σ_X² the second moment, Var(H) of the next layer contains no spikes any more: it is stationary where v m₂(v) = α",
        (gain * p).subs(sigma_x2, p),
        alpha / m2,
        name=r"n_{\mathrm{in}} \sigma_W^2\, p",
        id="second-moment-reading",
    )
    document.step(
        "With σ_X² = p(1 − p) it is larger by 1/(1 − p)",
        (gain * p).subs(sigma_x2, p * (1 - p)),
        alpha / (m2 * (1 - p)),
        name=r"n_{\mathrm{in}} \sigma_W^2\, p",
        id="variance-reading",
    )


def _backward(document: Document) -> None:
    document.section("backward", "Backward: the surrogate cancels")
    given = document.assume(
        "The gradient that arrives at W is independent of W and of the H below it (wide layers), and the readout's gradient "
        "has zero mean over neurons. A loss such as the sum of all spikes has not."
    )
    chi = fan_out * weights() * m2
    document.define("One layer multiplies the gradient's second moment by", r"\chi = n_{\mathrm{out}}\, \sigma_W^2\, m_2")
    cancels = document.step(
        "With Theorem 1's weights the surrogate cancels",
        chi,
        fan_out / fan_in * alpha / sigma_x2,
        name=r"\chi = n_{\mathrm{out}}\, \sigma_W^2\, m_2",
        id="cancels",
    )
    matched = sigma_x2 * fan_in / fan_out
    is_one = document.step(
        "so χ = 1 at the matched α",
        chi.subs(alpha, matched),
        sp.S.One,
        formula=rf"\chi = 1 \quad \text{{at}} \quad \alpha = {tex(matched)}",
        id="matched",
    )
    only = document.bound(
        "and, χ rising with α, at no other",
        sp.diff(chi, alpha),
        ">",
        0,
        Manifest(fan_out / (fan_in * sigma_x2)),
        formula=rf"\frac{{\partial \chi}}{{\partial \alpha}} = {tex(fan_out / (fan_in * sigma_x2))} > 0",
        id="only",
    )
    fourfold, twofold = _alpha_one(document)
    over = [
        document.value(
            f"From layer 50 back to layer 1 that is at least {least} to the 49th", "", sp.Integer(least) ** 49, claimed=claimed
        )
        for least, claimed in ((4, "3.2e29"), (2, "5.6e14"))
    ]
    document.conclude(
        "The gradient is stable if and only if α = σ_X² · fan_in/fan_out. Var(W) is then 1/(fan_out m₂): σ_X² drops out.",
        rests_on=(given, cancels, is_one, only),
        id="iff",
    )
    document.conclude(
        "With α = 1 and equal fans the gradient grows by a factor of at least 4 per layer if σ_X² is the variance of the "
        "spikes, and by more than 2 if it is their second moment.",
        rests_on=(given, cancels, fourfold, twofold, *over),
        id="alpha-one",
    )
    document.not_shown(
        "Batch normalisation, convolutions, several time steps, and the fluctuations of narrow layers; the last two have "
        "derivations of their own."
    )


def _alpha_one(document: Document):
    document.assume("r = 1 − p, the share of silent neurons, is positive; a = θ/σ_H is positive", symbols=(rest, a))
    fourfold = document.bound(
        "α = 1, equal fans, σ_X² = p(1 − p): χ = 1/(p r) with p + r = 1, at least 4, and 4 only at p = ½",
        (p + rest) ** 2 / (p * rest),
        ">=",
        4,
        Manifest((p - rest) ** 2 / (p * rest), equality=p - rest),
        formula=r"\chi = \frac{1}{p\, r} = \frac{(p + r)^2}{p\, r} \geq 4, \quad p + r = 1",
        id="fourfold",
    )
    half = below_half(document)
    twofold = document.bound(
        "α = 1, equal fans, σ_X² = p = Q(a): χ = 1/p, more than 2",
        1 / Q(a),
        ">",
        2,
        Combined(((half.claim, 2 / Q(a)),)),
        formula=r"\chi = \frac{1}{Q(a)} > 2, \quad a = \theta/\sigma_H > 0",
        id="twofold",
    )
    return fourfold, twofold
