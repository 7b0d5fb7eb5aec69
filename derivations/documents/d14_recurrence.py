"""Recurrent layers: the current's covariance row by row, what autapses do, and what depth and time do to the gradient."""

from __future__ import annotations

import sympy as sp

from ..checkers.methods import Manifest, Monotone
from ..document import Document
from ..statement import Statement
from .independent_weights import weighed

fed, seen = sp.symbols("x_t x_s", real=True), sp.symbols("S_1 S_2 S_3 S_4", real=True)
g1, g2, up = sp.symbols(r"\delta_1 \delta_2 G", real=True)
W, R = sp.Symbol("W", real=True), sp.symbols("R_1 R_2", real=True)
variance, own = sp.symbols(r"\sigma_W^2 \sigma_R^2", positive=True)
K, p, p1, m2, c, L, n = sp.symbols(r"K p p_1 m_2 c L n", positive=True)
Krec = sp.Symbol(r"K_{\mathrm{rec}}", nonnegative=True)
A, B, z, u = sp.symbols("a b z u", positive=True)
j = sp.Symbol("j", positive=True, integer=True)


def build() -> Document:
    document = Document(
        id="recurrence",
        title="Recurrent layers",
        summary="A wide recurrent layer is a Gaussian process that is built step by step from its own spikes. Activity "
        "through depth "
        "needs the feed-forward scale c* θ² whatever the recurrent weights; the gradient spreads over depth and time like a "
        "walk.",
    )
    document.section("forward", "Forward: one row after the other")
    document.assume("Inputs at two steps, own spikes before them, weights, gradients", symbols=(*fed, *seen, W, *R, g1, g2, up))
    document.assume(
        "I[t] = W x[t] + R S[t − 1], S[−1] = 0. Weights independent, mean 0, n wide, n → ∞; K = n σ_W², K_rec = n σ_R². One R "
        "serves every step, forward and backward: what it meets is taken as independent of it, as at infinite width.",
        symbols=(variance, own, K, Krec, p, p1, m2, c, L, n, A, B, z, u, j),
    )
    rows = _rows(document)
    _autapses(document)
    _silence(document, rows)
    _backward(document)
    return document


def _rows(document: Document) -> Statement:
    early = R[0] * seen[0] + R[1] * seen[1]
    late = R[0] * seen[2] + R[1] * seen[3]
    own_part = document.step(
        "The recurrent part of a product of currents at two steps",
        weighed(sp.expand(early * late), R, own),
        own * (seen[0] * seen[2] + seen[1] * seen[3]),
        name=r"\mathbb{E}_R[(R S)_t (R S)_s]",
        id="own-part",
    )
    fed_part = document.step(
        "and the part from below; W and R are independent, so nothing mixes",
        weighed(sp.expand(W * fed[0] * W * fed[1]), [W], variance),
        variance * fed[0] * fed[1],
        name=r"\mathbb{E}_W[W x_t\, W x_s]",
        id="fed-part",
    )
    return document.conclude(
        "The current's covariance has row t from spikes before t alone: it and the spikes' moments are found in turns.",
        r"C[t, s] = K\, \mathbb{E}[x[t] x[s]] + K_{\mathrm{rec}}\, \mathbb{E}[S[t-1] S[s-1]]",
        rests_on=(own_part, fed_part),
        id="rows",
    )


def _autapses(document: Document) -> None:
    document.section("autapses", "A neuron's weight to itself")
    with_self = document.step(
        "Without autapses a neuron sees n − 1 of its layer's n neurons: its own spike's share is missing",
        n * (Krec / n) * p - (n - 1) * (Krec / n) * p,
        Krec * p / n,
        id="missing",
    )
    none = document.limit("which vanishes with the width", c * p / n, n, sp.oo, 0, id="autapses-vanish")
    document.conclude(
        "Autapses change nothing at infinite width, forward or backward; at width n they are an effect of 1/n.",
        rests_on=(with_self, none),
        id="no-autapses",
    )


def _silence(document: Document, rows: Statement) -> None:
    document.section("activity", "Recurrence does not keep depth alive")
    first = document.step(
        "The first step has no spikes before it: its variance at a fixed point of the layers is a dense network's",
        K * p1 + Krec * 0,
        K * p1,
        name="q_1",
        id="first-step",
    )
    later = document.step(
        "A second step behind a silent first one is a first step",
        (K * p + Krec * p1).subs(p1, 0),
        K * p,
        name="q_2",
        id="second-step",
    )
    document.conclude(
        "So activity through depth needs K >= c* θ² (derivation critical-scale), whatever K_rec and the number of steps, and "
        "the first "
        "step's rate is the dense one. Behind an active step the variance is K p + K_rec p₁ and more: the mean rate fixes "
        "the sum.",
        rests_on=(rows, first, later),
        id="feed-forward-scale",
    )


def _backward(document: Document) -> None:
    document.section("backward", "The gradient over depth and time")
    spread = document.step(
        "A spike's gradient comes from above and through R from the next step, with new signs",
        weighed(sp.expand((up + R[0] * g1 + R[1] * g2) ** 2), R, own),
        up**2 + own * (g1**2 + g2**2),
        name=r"\mathbb{E}_R[\delta S[t]^2]",
        id="from-next",
    )
    document.define(
        "No leak, rates alike at all steps, a = K m₂, b = K_rec m₂ < 1, the loss at one step of the last layer (the gradient "
        "of a loss that is white over the steps is the sum over them): with j steps still to come, l layers below the loss",
        r"g_l(j) = a\, g_{l-1}(j) + b\, g_l(j - 1), \quad g_0(j) = 1/a \text{ at } j = 0",
    )
    function = A / (1 - B * z)
    walk = document.step(
        "The sums over the steps, weighted with powers of z, are multiplied by the same function from layer to layer",
        function - B * z * function,
        A,
        formula=r"g_l(z) = \sum_j g_l(j) z^j = \frac{a}{1 - b z}\, g_{l-1}(z)",
        id="walk",
    )
    long_run = document.step(
        "In the long run (z = 1) the factor is 1 exactly where feed-forward and recurrent shares add up to it",
        (function.subs(z, 1) - 1) * (1 - B),
        A + B - 1,
        formula=r"\frac{a}{1 - b} = 1 \iff (K + K_{\mathrm{rec}})\, m_2 = 1",
        id="shares",
    )
    one = document.step(
        "But of finitely many steps the last is reached by a path of l layers alone, and a path that waits once has l places "
        "to do so",
        sp.diff((1 - B * z) ** (-n), z).subs(z, 0),
        n * B,
        formula=r"g_l(0) = a^{l-1}, \quad g_l(1) = l\, b\, g_l(0)",
        id="waits",
    )
    document.conclude(
        "With (K + K_rec) m₂ = 1 and b > 0 the last steps' gradient vanishes as (1 − b)^l: over depths far beyond T/b "
        "nothing is left "
        "within T steps. With K m₂ = 1 it grows as l^(T−1). No fixed K_rec > 0 holds the gradient at every depth.",
        rests_on=(spread, walk, long_run, one),
        id="no-scale",
    )
    exp_bound = document.bound(
        "For 0 < u, 1 + u is less than its exponential",
        1 + u,
        "<",
        sp.exp(u),
        Monotone(u, "low", Monotone(u, "low", Manifest(sp.exp(u)))),
        id="exponential",
    )
    scaled = document.step(
        "K m₂ = 1 and K_rec = K c/(L + c): all paths together, over any number of steps, make",
        1 / (1 - c / (L + c)),
        1 + c / L,
        formula=r"\frac{1}{1 - b} = 1 + \frac{c}{L}, \quad b = \frac{c}{L + c}",
        id="scaled",
    )
    document.conclude(
        "per layer, and so less than e^c over L layers: recurrence that shrinks with depth, K_rec = K c/(L + c), keeps the "
        "gradient between 1 and e^c at any depth, with the feed-forward weights critical.",
        rests_on=(walk, exp_bound, scaled),
        id="recurrent-healthy",
    )
    document.not_shown("Leak, reset and rates that differ over the steps: the mean field carries them, step by step.")
