"""Pools: what they send on, where their gradient goes, and when activity lasts through them."""

from __future__ import annotations

import sympy as sp

from ..document import Document
from ..statement import Statement
from ..words import Q
from .lemmas import a

S = sp.symbols("S_1:5", real=True)
p, pair = sp.symbols("p p_2", positive=True)
w = sp.Symbol("w", positive=True, integer=True)
apart = sp.Symbol("e", nonnegative=True)
K, q, theta, delta = sp.symbols(r"K q theta \delta", positive=True)


def build() -> Document:
    document = Document(
        id="pooling",
        title="Pools of spikes",
        summary="An average pool lowers the second moment that the next layer lives on, and the gradient with it; a max pool "
        "raises the rate and hands its gradient to one position. Both need what two positions fire together.",
    )
    document.section("assumptions", "Windows of spikes")
    document.assume("Four spikes of a window, 0 or 1; w positions in a window", symbols=(*S, w))
    document.assume(
        "All positions of a window fire at the rate p, any two of them together with probability p₂, of a bivariate normal "
        "law: an orthant (derivation lif-over-time, one-integral), which grows with the correlation of their currents.",
        symbols=(p, pair, apart, K, q, theta, delta, a),
    )
    average = _average(document)
    _maximum(document)
    _survival(document, average)
    return document


def _average(document: Document) -> Statement:
    document.section("average", "Average pools")
    mean = sum(S) / 4
    square = sp.expand(mean**2)
    document.step(
        "The mean's square holds each spike with itself and each pair",
        square,
        (sum(s**2 for s in S) + 2 * sum(S[i] * S[j] for i in range(4) for j in range(i))) / 16,
        name="X^2",
        id="square",
    )
    moment = document.step(
        "so that, spikes being their own squares, with w of the one and w (w − 1) of the other,",
        (w * p + w * (w - 1) * pair) / w**2,
        (p + (w - 1) * pair) / w,
        name=r"\mathbb{E}[X^2]",
        id="second-moment",
    )
    low = document.step(
        "It falls short of the rate by the share of pairs that do not fire together, e = p − p₂",
        p - (p + (w - 1) * (p - apart)) / w,
        (1 - 1 / w) * apart,
        name=r"p - \mathbb{E}[X^2]",
        id="less",
    )
    back = document.step(
        "Backward each position gets δX/w; the gradient's square, summed over a window, is a share 1/w of δX²",
        sum((delta / 4) ** 2 for _ in S),
        delta**2 / 4,
        name=r"\sum_i \delta S_i^2",
        id="average-gradient",
    )
    return document.conclude(
        "An average pool of w multiplies E[δS²] of every neuron by 1/w², and E[X²] lies between p/w (positions that exclude "
        "each other) and p (positions that agree).",
        rests_on=(moment, low, back),
        id="average-pool",
    )


def _maximum(document: Document) -> None:
    document.section("maximum", "Max pools")
    none = sp.prod([1 - s for s in S])
    document.define(
        "X = 1 if any fired. PyTorch's gradient goes to the first of the largest: to the first that fired, and to the first of "
        "the window where none did",
        r"\delta S_i = \left(S_i \prod_{j < i} (1 - S_j) + [i = 1] \prod_j (1 - S_j)\right) \delta X",
    )
    chosen = [S[i] * sp.prod([1 - s for s in S[:i]]) for i in range(4)]
    whole = document.step(
        "Exactly one position gets it, whatever fired",
        sum(chosen) + none,
        sp.S.One,
        id="one-gets-it",
    )
    rate = document.step(
        "and what is sent on is what fired first, if any did",
        1 - none,
        sum(chosen),
        name="X",
        id="any",
    )
    independent = document.step(
        "With two independent positions the rate is",
        1 - (1 - p) ** 2,
        p + p * (1 - p),
        name=r"\mathbb{P}(X = 1)",
        id="independent",
    )
    document.conclude(
        "A max pool keeps E[δX²]: the sum over the window of E[δS_i²] is E[δX²]. Unlike an average it tells the gradient "
        "what fired: "
        "E[δH_i²] = E[f'(x_i)² m_i] E[δX²] with m_i the bracket above, and m_i f'(x_i) are large together at the threshold. "
        "Both are sampled over positions and steps, with standard errors.",
        rests_on=(whole, rate, independent),
        id="max-pool",
    )


def _survival(document: Document, average: Statement) -> None:
    document.section("survival", "Activity behind a pool")
    given = document.assume(
        "A layer before the pool at its stationary state, q = K p; then the layer behind the pool has K E[X²]."
    )
    after = document.step(
        "Behind an average pool",
        (K * (p + (w - 1) * pair) / w).subs(K, q / p),
        q * (1 + (w - 1) * pair / p) / w,
        name="q'",
        id="behind",
    )
    repaired = document.step(
        "A gain larger by p/E[X²] into that one layer, and it is where it was",
        K * p / ((p + (w - 1) * pair) / w) * ((p + (w - 1) * pair) / w),
        K * p,
        id="repaired",
    )
    document.conclude(
        "Activity lasts if q' lies above the unstable fixed point of q = K Q(θ/√q) (derivation critical-scale): then later "
        "layers return to the same stable state, and the scale of a network with finitely many pools is that of its last, "
        "plain layers. Else it falls silent, unless the gain into the layer behind the pool makes up for it.",
        rests_on=(given, average, after, repaired),
        id="lasts-if",
    )
    lost = document.value(
        "At the rate ½ of a Poisson input, positions independent, a 2 × 2 window: E[X²], of ½ before",
        r"\frac{p + 3 p^2}{4}",
        (p + 3 * p**2) / 4,
        at={p: sp.Rational(1, 2)},
        claimed="0.3125",
        id="poisson",
    )
    gain = sp.Rational(7059, 1000)
    after_one = Q(1 / sp.sqrt(K * (p + 3 * p**2) / 4))
    small = document.value(
        "At K = 7.059, the stable rate 0.2, independent positions: the rate of the next layer",
        r"Q\left(1/\sqrt{K (p + 3 p^2)/4}\right)",
        after_one,
        at={K: gain, p: sp.Rational(1, 5)},
        claimed="0.09164",
        id="after-one",
    )
    smaller = document.value(
        "and behind a second pool, in the layer after that",
        r"Q\left(1/\sqrt{K (p + 3 p^2)/4}\right)",
        after_one,
        at={K: gain, p: sp.Rational(9164, 100000)},
        claimed="0.01382",
        id="after-two",
    )
    edge = document.solve(
        "The unstable fixed point of this gain is where",
        1 / (a**2 * Q(a)),
        gain,
        a,
        (sp.Rational(7, 5), sp.Rational(9, 5)),
        name="a_u",
        id="unstable-a",
    )
    bound = document.value("with the rate", "Q(a_u)", Q(a), at={a: edge}, claimed="0.0562", id="unstable-rate")
    document.conclude(
        "One 2 × 2 average of independent positions leaves 0.092, above the unstable 0.056: activity returns. Two in layers "
        "that follow each other leave 0.014: it falls silent. Neighbours' currents are correlated in deeper layers, which "
        "helps.",
        rests_on=(lost, small, smaller, edge, bound),
        id="two-pools",
    )
    document.not_shown("Closed forms of max pools over more than two correlated positions.")
