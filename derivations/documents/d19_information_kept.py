"""What keeps information: shortcuts, whose differences never shrink; and time, whose map is triangular."""

from __future__ import annotations

import sympy as sp

from ..checkers.methods import Manifest
from ..document import Document, Statement
from .independent_weights import weighed

x1, x2, s1, s2, t1, t2 = sp.symbols("x y S_1 S_2 S'_1 S'_2", real=True)
W = sp.symbols("W_1 W_2", real=True)
variance = sp.Symbol(r"\sigma_W^2", positive=True)
K, p, q, L, n = sp.symbols("K p q L n", positive=True)
l = sp.Symbol("l", positive=True)
m, D, gap, slope = sp.symbols("M D Delta s", nonnegative=True)
lam = sp.Symbol("lambda", real=True)
b = sp.Symbol("b", positive=True)


def build() -> Document:
    document = Document(
        id="information-kept",
        title="What keeps information: shortcuts and time",
        summary="Through a shortcut the mean squared difference of two inputs never shrinks, so that it is lost as a power of "
        "the depth at most, and not at all with scales that fall with depth. Over several steps the map of the "
        "cross-covariance is triangular: its eigenvalues are those of single steps, and no more steps make the largest smaller "
        "than at one step.",
    )
    document.section("setting", "Setting")
    document.assume(
        "Two inputs' shortcuts and spikes, weights of mean 0; gain, rate, second moment, depth, differences, slopes",
        symbols=(x1, x2, s1, s2, t1, t2, *W, variance, K, p, q, L, n, l, m, D, gap, slope, lam, b),
    )
    document.assume("Wide layers; the weights of every block are new; both inputs fire at the same rate in each block.")
    _membrane(document)
    _sew(document)
    _time(document)
    return document


def _membrane(document: Document) -> None:
    document.section("membrane", "Membrane shortcuts: x' = x + W S(x)")
    inside = x1 + W[0] * s1 + W[1] * s2 - (x2 + W[0] * t1 + W[1] * t2)
    adds = document.step(
        "The squared difference of two inputs, in the mean over a block's new weights",
        weighed(sp.expand(inside**2), W, variance),
        (x1 - x2) ** 2 + variance * ((s1 - t1) ** 2 + (s2 - t2) ** 2),
        formula=r"D' = D + K (p - \mathbb{E}[S S']), \quad D = \frac{1}{2} \mathbb{E}\left[(x - y)^2\right]",
        id="adds",
    )
    never = document.bound(
        "Here Δ = p − E[S S'] = E[(S − S')²]/2 is not negative: a difference never shrinks",
        D + K * gap, ">=", D, Manifest(K * gap), id="never",
    )  # fmt: skip
    half = document.step(
        "while the second moment q, from K p, gains at most K/2 per block: fewer than half of the neurons fire",
        K * p + l * K / 2,
        K * p * (1 + l / (2 * p)),
        name="q_l",
        id="moment",
    )
    document.conclude(
        "With one scale in all blocks the relative difference 1 − r = D/q falls no faster than 1/l: as a power, where a plain "
        "network loses it exponentially.",
        r"1 - r_l \geq \frac{1 - r_0}{1 + l/(2 p)}",
        rests_on=[adds, never, half],
        id="constant",
    )
    scaled = document.step(
        "With K/L in each of L blocks the second moment stays bounded",
        K * p + L * (K / L) / 2,
        K * p * (1 + 1 / (2 * p)),
        name="q_L",
        id="scaled-moment",
    )
    part = document.value(
        "of which the share below is kept at p = 1/5", r"\frac{1}{1 + 1/(2 p)}", 1 / (1 + 1 / (2 * p)),
        at={p: sp.Rational(1, 5)}, claimed="0.285714", id="share",
    )  # fmt: skip
    document.conclude(
        "Scaled with depth, membrane shortcuts keep a fixed share of every relative difference, at any depth.",
        r"1 - r_L \geq \frac{1 - r_0}{1 + 1/(2 p)}",
        rests_on=[adds, never, scaled, part],
        id="kept",
    )
    _slopes(document)


def _slopes(document: Document) -> None:
    derivative = document.step(
        "The map of the correlation itself: r' = (q r + K p M(r))/(q + K p), s = M'(r) the slope of a plain layer",
        (q + K * p * slope) / (q + K * p) - q / (q + K * p),
        K * p * slope / (q + K * p),
        formula=r"\frac{d r'}{d r} = \frac{q + K p\, s}{q + K p} \geq \frac{q}{q + K p} = \frac{q_l}{q_{l+1}}",
        id="map-slope",
    )
    one = document.limit(
        "With one scale the rate tends to one half and q grows as K l/2: the slope tends to 1",
        (K * l / 2) / (K * l / 2 + K / 2), l, sp.oo, 1, name=r"\frac{q_l}{q_{l+1}}", id="slope-one",
    )  # fmt: skip
    document.conclude(
        "The slopes of the blocks multiply to at least q₀/q_L, for the product telescopes.",
        r"\prod_{l < L} \frac{d r_{l+1}}{d r_l} \geq \frac{q_0}{q_L}",
        rests_on=[derivative, one],
        id="product",
    )


def _sew(document: Document) -> None:
    document.section("sew", "SEW ADD: x' = x + S(W x)")
    square = document.step(
        "The squared difference. Spikes and shortcut are independent, so the mixed term is twice E[x − y] E[S − S'], and the "
        "second factor is 0 where both inputs fire at one rate",
        (x1 + s1 - x2 - t1) ** 2,
        (x1 - x2) ** 2 + (s1 - t1) ** 2 + 2 * (x1 - x2) * (s1 - t1),
        formula=r"D' = D + p - \mathbb{E}[S S']",
        id="square",
    )
    never = document.bound("It never shrinks either", D + gap, ">=", D, Manifest(gap), id="sew-never")
    mean = document.bound(
        "The shortcut holds the spikes of its input and of l blocks, so x is at most l + 1; its second moment grows as l²",
        (1 + l) ** 2, ">", l**2, Manifest(1 + 2 * l), formula=r"\mathbb{E}[x^2] \leq (l + 1)^2", id="sew-moment",
    )  # fmt: skip
    document.conclude(
        "The difference relative to the second moment, which is what the next currents see, falls no faster than as a power.",
        r"\frac{D_l}{\mathbb{E}[x_l^2]} \geq \frac{D_0}{(l + 1)^2}",
        rests_on=[square, never, mean],
        id="sew-kept",
    )
    document.not_shown("Inputs that fire at different rates: the mixed term is then a product of two differences of means.")


def _time(document: Document) -> None:
    document.section("time", "Several steps: a triangular map")
    document.define(
        "Two inputs over T steps. What a layer keeps of their cross-covariance V[t, s] = E[S_a[t] S_b[s]] is a map Φ of V, at "
        "fixed laws of either input",
        r"C[t, s] = K\, V[t, s], \quad V'[t, s] = \Phi(C)[t, s] = \mathbb{E}\left[S_a[t]\, S_b[s]\right]",
        id="cross-covariance",
    )
    causal = document.assume(
        "A spike depends on currents up to its own step alone: S_a[t] on I_a[1], …, I_a[t]. So Φ[t, s] depends on C[u, v] with "
        "u ≤ t and v ≤ s only.",
        id="causal",
    )
    entries = [[sp.Symbol(f"j_{{{row}{column}}}", real=True) for column in range(4)] for row in range(4)]
    pairs = [(0, 0), (0, 1), (1, 0), (1, 1)]
    known = [[all(v <= u for u, v in zip(pairs[r], pairs[k], strict=True)) for k in range(4)] for r in range(4)]
    matrix = sp.Matrix(4, 4, lambda r, k: entries[r][k] if known[r][k] else 0)
    document.assume(
        "Entries of the derivative at T = 2, those that causality leaves", symbols=sorted(matrix.free_symbols, key=str)
    )
    triangular = document.step(
        "In the order (1, 1), (1, 2), (2, 1), (2, 2) the derivative is triangular, and its characteristic polynomial a product",
        (matrix - lam * sp.eye(4)).det(method="berkowitz"),
        sp.Mul(*(entries[k][k] - lam for k in range(4))),
        formula=r"\det(\Phi' - \lambda) = \prod_{t, s} \left(\frac{\partial \Phi[t, s]}{\partial V[t, s]} - \lambda\right)",
        id="triangular",
    )
    document.conclude(
        "Likewise for any T: any order of the pairs that respects u ≤ t, v ≤ s makes Φ' triangular. Its eigenvalues are its "
        "diagonal, and that of (1, 1) is the slope of one step, for a layer's first step knows no other. So the spectral "
        "radius is never below the slope s of one step.",
        r"\frac{\partial \Phi[t, s]}{\partial V[t, s]} = K\, \mathbb{E}\left[\delta(H_a[t] - \theta)\, \delta(H_b[s] - "
        r"\theta)\right], \quad \operatorname{radius}(\Phi') \geq s",
        rests_on=[causal, triangular],
        id="radius",
    )
    document.conclude(
        "Without memory, at leak 0, every step is a first step: Φ' is diagonal, and where the input's law is the same at every "
        "step the radius is exactly s, whatever T.",
        r"\kappa = 0: \quad \operatorname{radius}(\Phi') = s",
        rests_on=[causal, triangular],
        id="no-memory",
    )
    document.not_shown(
        "That the radius is s with memory too. The entries of later steps have no closed form here; the command ikun meanfield "
        "samples them.",
        id="with-memory",
    )
    _transient(document, triangular)


def _transient(document: Document, triangular: Statement) -> None:
    block = sp.Matrix([[lam, 0], [b, lam]])
    power = sp.Matrix([[lam * m, 0], [n * b * m, lam * m]])  # m is λ^{n−1}: the zero test takes no symbolic powers
    walk = document.step(
        "What looks slower over the first layers is transient. Two steps of one slope λ, the first feeding the second by b: "
        "the entry after n layers is followed by that after n + 1",
        (block * power)[1, 0],
        (n + 1) * b * lam * m,
        formula=r"\left(\begin{matrix} \lambda & 0 \\ b & \lambda \end{matrix}\right)^n = \left(\begin{matrix} \lambda^n & 0 "
        r"\\ n\, b\, \lambda^{n - 1} & \lambda^n \end{matrix}\right)",
        id="jordan",
    )
    ratio = document.limit(
        "Relative to n layers, n + 1 leave λ (n + 1)/n, which is above λ and tends to it",
        (n + 1) / n, n, sp.oo, 1, id="ratio",
    )  # fmt: skip
    document.conclude(
        "With more steps higher powers of n stand before λ^n: over the first layers a difference shrinks less than by the "
        "radius, far down by it. Factors read off a few layers are those of the transient.",
        rests_on=[triangular, walk, ratio],
        id="transient",
    )
