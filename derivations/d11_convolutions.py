"""Convolutions of many channels: positions go their own ways; borders, strides, and the weights that zero padding needs."""

from __future__ import annotations

import numpy as np
import sympy as sp
from scipy.special import ndtr

from .checkers.box import OverBox
from .checkers.brink import Brink
from .checkers.methods import Manifest
from .document import Document
from .lemmas import a
from .statement import Statement
from .weighing import weighed
from .words import Q, phi

K, q, theta, variance = sp.symbols(r"K q theta \sigma_W^2", positive=True)
share = sp.Symbol("s", positive=True)
k, stride, n = sp.symbols("k m n", positive=True, integer=True)
X = sp.symbols("S_1:5", real=True)
G = sp.symbols(r"\delta_1:4", real=True)
W = sp.symbols("W_1:4", real=True)
g = sp.Symbol("G", nonnegative=True)

excess = a * phi(a) - (a**2 + sp.Rational(1, 2)) * Q(a)
"""M(a): zero where activity and silence balance."""

energy = phi(a) / a - Q(a)
"""∫₀^r q ds, in units of θ², r = Q(a)."""


def build() -> Document:
    document = Document(
        id="convolutions",
        title="Convolutions: positions, borders and strides",
        summary="With many channels a convolution's covariances close at each position. Circular padding is a dense network; "
        "zero padding takes input from the border, and activity then needs a larger weight scale than c* θ², however large "
        "the map.",
    )
    _recursion(document)
    _counts(document)
    bounds = _scale(document)
    _balance(document, bounds)
    return document


def _recursion(document: Document) -> None:
    document.section("recursion", "Each position on its own")
    document.assume("A kernel of three taps, spikes of one channel at four positions, gradients at three", symbols=(*W, *X, *G))
    document.assume(
        "Weights independent over channels and taps, mean 0, variance σ_W²; fan-in C k, C channels per group, C → ∞, so that "
        "currents are Gaussian and averages over channels expectations; K = C k σ_W².",
        symbols=(variance, K, q, theta, a),
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
        "the "
        "products S(x)[t] S(x)[s] in place of squares.",
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


def _scale(document: Document) -> tuple[Statement, ...]:
    document.section("scale", "Zero padding: between two multiples of c*")
    rises = document.bound(
        "More variance, more spikes: the recursion keeps the order of q at every position",
        sp.diff(Q(theta / sp.sqrt(q)), q),
        ">",
        0,
        Manifest(theta * phi(theta / sp.sqrt(q)) / (2 * q ** sp.Rational(3, 2))),
        id="monotone",
    )
    document.assume("s: the smallest share of taps that is inside, ((k + 1)/(2k))^d in a corner", symbols=[share])
    least = document.conclude(
        "At the position of the largest q of a fixed point, q <= K p(q): so K >= q/p(q) >= c* θ² (derivation critical-scale, "
        "unique-minimum). Zero padding never needs less than circular padding.",
        rests_on=[rises],
        id="at-least",
    )
    start = document.step(
        "Let q be a fixed point of gain sK. Every position has at least the share s, so a layer takes q everywhere to at least",
        share * K * Q(theta / sp.sqrt(q)).subs(q, theta**2 / a**2).subs(Q(a), theta**2 / (a**2 * share * K)),
        theta**2 / a**2,
        id="sub-solution",
    )
    most = document.conclude(
        "so that from there on q only rises, bounded by K/2, to a fixed point with activity. It exists if s K >= c* θ²: "
        "the critical scale lies between c* θ² and c* θ² (2k/(k + 1))^d, for every size.",
        r"c^* \theta^2 \leq K_c \leq \left(\frac{2k}{k+1}\right)^d c^* \theta^2",
        rests_on=(rises, start),
        id="between",
    )
    return least, most


def _balance(document: Document, bounds: tuple[Statement, ...]) -> None:
    document.section("balance", "Large maps: silence comes in from the border")
    document.define(
        "Fixed points are the stationary points of an energy of the rates r(x), q(r) the variance at which a neuron fires at "
        "the rate r, J the mean over the taps",
        r"\mathcal{E} = \sum_x \int_0^{r(x)} q(s)\, ds - \frac{K}{2} \sum_{x, y} r(x) J_{x y} r(y), \quad "
        r"\frac{\partial \mathcal{E}}{\partial r(x)} = q(r(x)) - K \sum_y J_{x y} r(y)",
    )
    inner = document.step(
        "With q = θ²/a², r = Q(a): the integral has a closed form, for its derivative in a is that of ∫ q dr",
        sp.diff(energy, a),
        -phi(a) / a**2,
        formula=r"\int_0^{Q(a)} q\, ds = \theta^2 \left(\frac{\varphi(a)}{a} - Q(a)\right)",
        id="energy",
    )
    far = document.limit("and it vanishes with the rate", energy, a, sp.oo, 0, id="energy-silent")
    equal = document.step(
        "In a homogeneous state of gain K = θ²/(a² Q(a)) the energy per position is",
        energy - Q(a) ** 2 / (2 * a**2 * Q(a)),
        excess / a**2,
        formula=r"\frac{\mathcal{E}}{\theta^2} = \frac{\varphi(a)}{a} - Q(a) - \frac{Q(a)}{2 a^2} = \frac{M(a)}{a^2}, \quad "
        r"M(a) = a\, \varphi(a) - \left(a^2 + \tfrac{1}{2}\right) Q(a)",
        id="energy-active",
    )
    root = document.solve(
        "It is the energy of silence, 0, at one place of the bracket",
        a * phi(a),
        (a**2 + sp.Rational(1, 2)) * Q(a),
        a,
        (sp.Rational(1, 2), sp.Rational(11, 10)),
        digits=25,
        name="a_0",
        id="balance-a",
    )
    below = document.bound(
        "Before it the active state has the lower energy",
        excess,
        "<",
        0,
        OverBox(),
        over={a: (sp.Rational(1, 4), sp.Rational(9, 10))},
        id="active-lower",
    )
    above = document.bound(
        "behind it silence has, up to where the active state ends, a* = 1.19",
        excess,
        ">",
        0,
        OverBox(),
        over={a: (sp.Rational(19, 20), sp.Rational(6, 5))},
        id="silence-lower",
    )
    rate = document.value(
        "The rate there", "p_0 = Q(a_0)", Q(a), at={a: root}, digits=20, claimed="0.177387", id="balance-rate"
    )
    scale = document.value(
        "and the gain in units of θ²",
        "c_0 = c(a_0)",
        1 / (a**2 * Q(a)),
        at={a: root},
        digits=20,
        claimed="6.58337",
        id="balance-c",
    )
    balance = document.conclude(
        "Homogeneous activity and silence have one energy at K = c₀ θ² = 6.583 θ², where the rate is p₀ = 0.1774: at less, "
        "silence "
        "has the lower one, although activity is a stable fixed point down to c* θ² = 6.034 θ².",
        rests_on=(inner, far, equal, root, below, above, rate, scale),
        id="balance",
    )
    seen = [
        document.claimed(
            f"Iterated, {taps} taps over one axis of {size} positions, zeros outside: the least K/θ² at which activity lasts",
            Brink(lambda gain, size=size, taps=taps: lasts(gain, size, taps), value, 0.01),
            rf"K_c/\theta^2 = {value:g} \pm 0.01",
            id=f"least-{taps}-{size}",
        )
        for taps, size, value in ((3, 3, 7.588), (3, 4, 7.053), (3, 6, 6.678), (3, 16, 6.576), (5, 16, 6.5895), (5, 32, 6.583))
    ]
    document.not_shown(
        "Zeros outside are silence at the border. That it comes in, layer by layer, where it has the lower energy, and that "
        "c₀ θ² "
        "is so the critical scale of large maps, is not proved for a lattice of positions: the least gains found agree with "
        "c₀ to "
        "0.12 % (three taps) and 0.01 % (five).",
        id="front",
    )
    document.conclude(
        "A dense network's weights are too small under zero padding where their rate lies below about p₀, and in small maps "
        "above "
        "it too. `--scheme critical` solves for the gain at which the mean over the last size's positions is the rate.",
        rests_on=(*bounds, balance, *seen),
        id="small-maps",
    )


def lasts(gain: float, size: int, taps: int) -> bool:
    """Whether activity in a row of positions of this gain (θ = 1), all active at first, lasts 3000 layers."""
    mean: np.ndarray = sum(np.eye(size, k=tap) for tap in range(-(taps // 2), taps // 2 + 1)) / taps
    q = np.full(size, gain / 2)
    for _ in range(3000):
        before, q = q, gain * mean @ ndtr(-1 / np.sqrt(np.maximum(q, 1e-9)))
        if q.max() < 0.1:
            return False
        if np.abs(q - before).max() < 1e-12:
            break
    return True
