"""Convolutions of many channels: positions go their own ways; borders, strides, groups."""

from __future__ import annotations

import sympy as sp

from ..document import Document
from ..words import Q
from .independent_weights import weighed

K, q, theta, variance = sp.symbols(r"K q theta \sigma_W^2", positive=True)
k, stride, n = sp.symbols("k m n", positive=True, integer=True)
X = sp.symbols("S_1:5", real=True)
G = sp.symbols(r"\delta_1:4", real=True)
W = sp.symbols("W_1:4", real=True)
g = sp.Symbol("G", nonnegative=True)


def build() -> Document:
    document = Document(
        id="convolutions",
        title="Convolutions: positions, borders and strides",
        summary="With many channels a convolution's covariances close at each position. Circular padding is a dense network; "
        "zero padding takes input from the border, a stride a share of the gradient.",
    )
    _recursion(document)
    _counts(document)
    return document


def _recursion(document: Document) -> None:
    document.section("recursion", "Each position on its own")
    document.assume("A kernel of three taps, spikes of one channel at four positions, gradients at three", symbols=(*W, *X, *G))
    document.assume(
        "Weights independent over channels and taps, mean 0, variance σ_W²; fan-in C k, C channels per group, C → ∞, so that "
        "currents are Gaussian and averages over channels expectations; K = C k σ_W². On d axes k^d stands for k.",
        symbols=(variance, K, q, theta),
    )
    here = sum(w * s for w, s in zip(W, X[:3], strict=True))
    there = sum(w * s for w, s in zip(W, X[1:], strict=True))
    one = document.step(
        "The current's variance at a position has the spikes that its taps see, each alone",
        weighed(sp.expand(here * here), W, variance),
        variance * (X[0] ** 2 + X[1] ** 2 + X[2] ** 2),
        name=r"\mathbb{E}_W[I(x)^2]",
        id="one-position",
    )
    two = document.step(
        "Two positions share what the same tap sees at both, so that only pools need it",
        weighed(sp.expand(here * there), W, variance),
        variance * (X[0] * X[1] + X[1] * X[2] + X[2] * X[3]),
        name=r"\mathbb{E}_W[I(x) I(x+1)]",
        id="two-positions",
    )
    back = sum(w * d for w, d in zip(W, G, strict=True))
    below = document.step(
        "Backward, an input gets the gradients of the positions whose taps see it, each alone",
        weighed(sp.expand(back * back), W, variance),
        variance * (G[0] ** 2 + G[1] ** 2 + G[2] ** 2),
        name=r"\mathbb{E}_W[\delta S(y)^2]",
        id="backward",
    )
    document.conclude(
        "Summed over the channels: q(x) = (K/k) Σ p(q(x + τ)) over the taps τ inside, and E[δS(y)²] = (K_out/k) Σ E[δI(x)²] "
        "over the positions x that see y. Groups only have fewer channels. Over time both hold for each pair of steps, with "
        "the products S(x)[t] S(x)[s] in place of squares.",
        r"q^{l+1}(x) = \frac{K}{k} \sum_{\tau} p\left(q^l(x + \tau)\right)",
        rests_on=(one, two, below),
        id="closed",
    )


def _counts(document: Document) -> None:
    document.section("counts", "How many taps there are")
    document.assume("Taps per axis k (odd), stride m, positions per axis n", symbols=(k, stride, n, g))
    circular = document.step(
        "Circular padding, all positions alike: the recursion of a dense network",
        K / k * (k * Q(theta / sp.sqrt(q))),
        K * Q(theta / sp.sqrt(q)),
        name="q'",
        id="circular",
    )
    document.step(
        "Zero padding: at an edge (k − 1)/2 taps see nothing, so the share of the variance is",
        (k - (k - 1) / 2) / k,
        (k + 1) / (2 * k),
        id="edge-share",
    )
    document.value("3 × 3, homogeneous input: at an edge", r"\frac{k+1}{2k}", (k + 1) / (2 * k), at={k: 3}, digits=8, id="edge")
    document.value(
        "in a corner, 4/9",
        r"\left(\frac{k+1}{2k}\right)^2",
        ((k + 1) / (2 * k)) ** 2,
        at={k: 3},
        claimed="0.444444",
        id="corner",
    )
    fan = document.step(
        "Stride m, circular: n/m outputs of k taps among n inputs, so an input feeds k/m neurons per channel, on average",
        (n / stride) * k / n,
        k / stride,
        id="fan-out",
    )
    document.step(
        "Not each as many: three taps, stride 2, every second input is seen by one neuron, the others by two",
        (sp.Integer(1) + 2) / 2,
        sp.Rational(3, 2),
        id="uneven",
    )
    total = document.step(
        "The gradient's total over positions does not know it: K/k times k taps of every output",
        sum(K / 3 * d**2 for d in G for _ in range(3)),
        K * (G[0] ** 2 + G[1] ** 2 + G[2] ** 2),
        id="total",
    )
    document.conclude(
        "So K_out = K (channels out/in)/m per axis. PyTorch's fan-out, out · k^d, ignores groups and stride. The rate-targeted "
        "weights and slope of a dense network are those of circular padding.",
        rests_on=(circular, fan, total),
        id="dense-equivalent",
    )
    document.not_shown(
        "How fast channels become many: one kernel serves all positions of a channel, so that draws differ by the number of "
        "channels. Strides that do not divide the positions."
    )
