"""Residual blocks of spiking neurons: what grows with depth, how fast, and the scales that hold it."""

from __future__ import annotations

import sympy as sp

from ..checkers.methods import Manifest, Monotone
from ..document import Document
from ..reference import DLMF
from ..statement import Statement
from ..words import Q, phi
from .independent_weights import weighed

x, s, d1, d2, y1, y2 = sp.symbols(r"x S \delta_1 \delta_2 y_1 y_2", real=True)
V = sp.symbols("W_1 W_2", real=True)
variance = sp.Symbol(r"\sigma_W^2", positive=True)
K, p, m, M, q, theta, sigma, m2, I2 = sp.symbols(r"K p m M q theta \sigma_H m_2 I_2", positive=True)
l, L = sp.symbols("l L", positive=True)
n, u = sp.symbols("n u", positive=True)
a = sp.Symbol("a", positive=True)


def build() -> Document:
    document = Document(
        id="residual-blocks",
        title="Residual blocks: SEW ADD and membrane shortcuts",
        summary="With one weight scale in all blocks the rate tends to ½ and the gradient grows: as a power of the depth for "
        "SEW ADD, "
        "as the exponential of its root for membrane shortcuts. Scaled with depth, both hold rate and gradient at any depth.",
    )
    document.section("blocks", "The blocks")
    document.assume(
        "Inputs, spikes, gradients, weights of mean 0 and variance σ_W²", symbols=(x, s, d1, d2, y1, y2, *V, variance)
    )
    document.assume(
        "Wide layers; one time step; K = fan_in σ_W² = fan_out σ_W². A block's weights are new, so that its spikes are "
        "independent of the shortcut, neuron by neuron.",
        symbols=(K, p, m, M, q, theta, sigma, m2, I2, l, L, n, u, a),
    )
    exp_bound = document.bound(
        "Used below: 1 + u is less than its exponential",
        1 + u,
        "<",
        sp.exp(u),
        Monotone(u, "low", Monotone(u, "low", Manifest(sp.exp(u)))),
        id="exponential",
    )
    _sew(document)
    _sew_depth(document, exp_bound)
    _sew_stability(document)
    _shortcut(document, exp_bound)
    return document


def _sew(document: Document) -> None:
    document.section("sew", "SEW ADD with one scale: x' = x + S(Wx)")
    forward = document.step(
        "The square of what a block sends on; m = E[x], p = E[S] = E[S²], and x and S are independent",
        sp.expand((x + s) ** 2),
        x**2 + 2 * x * s + s**2,
        formula=r"m' = m + p, \quad M' = M + 2 m p + p, \quad q = K M",
        id="sew-forward",
    )
    backward = sp.expand((d1 + V[0] * y1 + V[1] * y2) ** 2)
    back = document.step(
        "Backward the shortcut adds to what comes through the weights, y = f' δx', E[y²] = m₂ E[δx'²]",
        weighed(backward, V, variance),
        d1**2 + variance * (y1**2 + y2**2),
        formula=r"\mathbb{E}[\delta x^2] = \mathbb{E}[\delta x'^2] (1 + K m_2)",
        id="sew-backward",
    )
    half = document.limit("As q grows the rate tends to ½", Q(theta / sp.sqrt(q)), q, sp.oo, sp.Rational(1, 2), id="rate-half")
    document.conclude(
        "so that m_l grows as l/2, M_l as l²/4 and Var(H) as K l²/4.",
        rests_on=(forward, half),
        id="sew-grows",
    )
    example = sp.exp(-(theta**2) / (1 + 2 * q)) / sp.sqrt(1 + 2 * q)
    tail = document.limit(
        "The surrogate's moment falls as q^{-1/2}: for f'(x) = exp(−x²/2) it is exp(−θ²/(1 + 2q))/√(1 + 2q), and √q times it "
        "tends to I₂/√(2π), I₂ = ∫ f'² = √π",
        sp.sqrt(q) * example,
        q,
        sp.oo,
        sp.sqrt(sp.pi) / sp.sqrt(2 * sp.pi),
        id="moment-falls",
    )
    every = document.not_shown(
        "That √q m₂ tends to I₂/√(2π) for every f' of finite I₂: the density tends to that of its middle, by dominated "
        "convergence. Nor that what m_l and M_l differ from l/2 and l²/4 by, log l/l of them, leaves the power as it is.",
        id="moment-of-any",
    )
    factor = document.step(
        "With q = K l²/4 a block multiplies the gradient by 1 + c/l",
        K * I2 / sp.sqrt(2 * sp.pi * (K * l**2 / 4)),
        I2 * sp.sqrt(2 * K / sp.pi) / l,
        name="K m_2",
        id="sew-factor",
    )
    power = document.step(
        "as the power c of l does",
        sp.diff(l ** (I2 * sp.sqrt(2 * K / sp.pi)), l) / l ** (I2 * sp.sqrt(2 * K / sp.pi)),
        I2 * sp.sqrt(2 * K / sp.pi) / l,
        formula=r"\frac{1}{l^c} \frac{d}{d l}\, l^c = \frac{c}{l}, \quad c = I_2 \sqrt{2 K/\pi}",
        id="sew-power",
    )
    product = document.cite(
        "and so does the product of the blocks",
        DLMF,
        "5.11.12",
        r"\prod_{l \leq L} \left(1 + \frac{c}{l}\right) = \frac{\Gamma(L + 1 + c)}{\Gamma(1 + c)\, \Gamma(L + 1)} "
        r"\sim \frac{L^c}{\Gamma(1 + c)}",
        id="sew-product",
    )
    document.conclude(
        "No constant scale holds a rate below ½ in SEW ADD blocks; the shortcut's gradient δ grows as a power of the depth, "
        "not exponentially; that of the membrane, f' δ, by one power more, for m₂ falls as 1/l.",
        r"\frac{\log \left(\mathbb{E}[\delta_1^2]/\mathbb{E}[\delta_L^2]\right)}{\log L} \to I_2 \sqrt{2K/\pi}",
        rests_on=(back, half, tail, every, factor, power, product),
        id="sew-constant",
    )


def _sew_depth(document: Document, exp_bound: Statement) -> None:
    document.section("sew-depth", "SEW ADD, scaled with depth")
    mean, second = m + n * p, M + n * (2 * p * m + p) + n * (n - 1) * p**2
    moment = document.step(
        "If each block fires at the rate p, n blocks later the shortcut's second moment is M_n; one block more:",
        second + 2 * mean * p + p,
        second.subs(n, n + 1),
        formula=r"M_n = M + n (2 p m + p) + n (n - 1) p^2, \quad M_{n+1} = M_n + 2 (m + n p) p + p",
        id="moment-of-depth",
    )
    held = document.step(
        "Weights of K p/M_n hold Var(H) at K p, the dense network's value at the rate p: the rate is p in every block",
        (K * p / second) * second,
        K * p,
        name=r"\operatorname{Var}(H)",
        id="held",
    )
    critical = document.step(
        "With the critical slope, K m₂ = 1, a block multiplies the gradient by 1 + p/M_n, whatever the surrogate",
        (K * p / M * m2).subs(m2, 1 / K),
        p / M,
        name="K_l m_2",
        id="sew-depth-factor",
    )
    rate = sp.Rational(1, 5)
    telescope = document.step(
        "At the rate 1/5, input included, M_n = (n + 1)(n + 5)/25, l = n + 1: the factors' excess telescopes",
        rate / (second.subs({M: rate, m: rate, p: rate}).subs(n, l - 1)),
        sp.Rational(5, 4) * (1 / l - 1 / (l + 4)),
        name="p/M_{l-1}",
        id="telescopes",
    )
    total = document.step(
        "and from block 2 on it adds up to less than",
        sp.Rational(5, 4) * sum(sp.Rational(1, j) for j in range(2, 6)),
        sp.Rational(77, 48),
        name=r"\sum_{l \geq 2} p/M_{l-1}",
        id="sum",
    )
    bound = document.value(
        "The gradient's bound at any depth", r"e^{77/48}", sp.exp(sp.Rational(77, 48)), claimed="4.974", id="five"
    )
    document.conclude(
        "Scaled with depth, a SEW network fires at its rate in every block and its gradient grows by a factor below 5 (at p "
        "= 1/5) "
        "from what the last block sends on to what the first does, at any depth. For other rates the sum of p/M_n converges as "
        "well, for M_n grows as n² p².",
        rests_on=(exp_bound, moment, held, critical, telescope, total, bound),
        id="sew-healthy",
    )


def _sew_stability(document: Document) -> None:
    document.section("sew-stability", "What becomes of a deviation")
    document.define(
        "The gains are set beforehand, for the rate p. If the mean of the shortcut is n u instead, many blocks down, Var(H) is "
        "K p (u/p)² and the next block's rate is",
        r"r(u) = Q\left(\theta/\sqrt{K u^2/p}\right), \quad n \frac{d u}{d n} = r(u) - u",
    )
    rate = Q(theta / sp.sqrt(K * u**2 / p))
    slope = document.step(
        "Its logarithmic slope is twice the forward slope s of a dense network at the same variance, q = θ²/a²",
        (u * sp.diff(rate, u) / rate).subs(u, sp.sqrt(p / K) * theta / a),
        a * phi(a) / Q(a),
        name=r"\frac{d \log r}{d \log u}",
        id="deviation-slope",
    )
    power = document.step(
        "so that a small deviation of u goes as the power 2s − 1 of the number of blocks",
        n * sp.diff(n ** (2 * m - 1), n),
        (2 * m - 1) * n ** (2 * m - 1),
        formula=r"n \frac{d}{d n} n^{2 s - 1} = (2 s - 1)\, n^{2 s - 1}",
        id="deviation-power",
    )
    root = document.solve(
        "It neither grows nor shrinks where s = 1/2",
        a * phi(a),
        Q(a),
        a,
        (sp.Rational(1, 2), sp.Integer(1)),
        name="a_1",
        id="neutral-a",
    )
    neutral = document.value("at the rate", "p_1 = Q(a_1)", Q(a), at={a: root}, claimed="0.226088", id="neutral-rate")
    document.conclude(
        "SEW blocks scaled with depth return to their rate from above p₁ = 0.2261; below it deviations grow, as a small "
        "power of the depth (l^0.18 at 0.2). At one step they start at 0; what a finite width, or several steps, add to them "
        "stays.",
        rests_on=(slope, power, root, neutral),
        id="sew-returns",
    )


def _shortcut(document: Document, exp_bound: Statement) -> None:
    document.section("shortcut", "Membrane shortcuts: x' = x + W S(x)")
    forward, backward = _shortcut_layer(document)
    _shortcut_constant(document, forward, backward)
    _shortcut_depth(document, exp_bound, forward, backward)
    document.not_shown(
        "Several time steps: the recursions hold for each pair of steps (lif-over-time); rates then differ over steps."
    )


def _shortcut_layer(document: Document) -> tuple[Statement, Statement]:
    forward = document.step(
        "The current's square: new weights of mean 0 add a variance, no product",
        weighed(sp.expand((x + V[0] * y1 + V[1] * y2) ** 2), V, variance),
        x**2 + variance * (y1**2 + y2**2),
        formula=r"q' = q + K p(q)",
        id="ms-forward",
    )
    backward = document.step(
        "Backward likewise, δx = δx' + f' Wᵀ δx'",
        weighed(sp.expand((d1 + y1 * (V[0] * d1 + V[1] * d2)) ** 2), V, variance),
        d1**2 + y1**2 * variance * (d1**2 + d2**2),
        formula=r"\mathbb{E}[\delta x^2] = \mathbb{E}[\delta x'^2] (1 + K m_2(q))",
        id="ms-backward",
    )
    return forward, backward


def _shortcut_constant(document: Document, forward: Statement, backward: Statement) -> None:
    """One scale in all blocks."""
    factor = document.step(
        "One scale: the rate tends to ½ (rate-half), q grows as K l/2, and so",
        K * I2 / sp.sqrt(2 * sp.pi * (K * l / 2)),
        I2 * sp.sqrt(K / (sp.pi * l)),
        name="K m_2",
        id="ms-factor",
    )
    root = document.step(
        "which is the derivative of",
        sp.diff(2 * I2 * sp.sqrt(K * l / sp.pi), l),
        I2 * sp.sqrt(K / (sp.pi * l)),
        formula=r"\frac{d}{d l}\, 2 I_2 \sqrt{K l/\pi} = I_2 \sqrt{\frac{K}{\pi l}}",
        id="ms-root",
    )
    summed = document.not_shown(
        "That the logarithm of the product is asymptotically this antiderivative: a falling function's sum differs from its "
        "integral by its first term at most, and log(1 + x) from x by x²/2, the rate from ½ by a multiple of 1/√l, which "
        "change the sum by multiples of log L.",
        id="ms-sum",
    )
    document.conclude(
        "The gradient grows as the exponential of the root of the depth.",
        r"\log \mathbb{E}[\delta_1^2]/\mathbb{E}[\delta_L^2] \sim 2 I_2 \sqrt{K L/\pi}",
        rests_on=(forward, backward, factor, root, summed),
        id="ms-constant",
    )


def _shortcut_depth(document: Document, exp_bound: Statement, forward: Statement, backward: Statement) -> None:
    """K/L in each block."""
    grows = document.step(
        "Scaled with depth, K p/E[x²] into the first layer and K/L into each later one: fewer than half of the neurons fire, "
        "so that after L blocks q is at most",
        K * p + L * (K / L) * sp.Rational(1, 2),
        K * p * (1 + 1 / (2 * p)),
        id="ms-variance",
    )
    at_most = document.step(
        "The gradient is at most (1 + K m₂/L)^L < exp(K m₂), m₂ its largest value on the way. With the critical slope K m₂ = "
        "1 at "
        "q = K p, and where m₂ falls from there,",
        sp.exp((K * m2).subs(m2, 1 / K)),
        sp.E,
        id="ms-gradient",
    )
    flat = document.step(
        "In any case the density of H is nowhere above 1/√(2πq), so that m₂ is at most I₂/√(2π K p) and",
        K * I2 / sp.sqrt(2 * sp.pi * K * p),
        I2 * sp.sqrt(K / (2 * sp.pi * p)),
        name="K m_2",
        id="ms-any",
    )
    rate = document.value(
        "At p = 0.2 the threshold falls from 0.8416 to at least 0.8416/√3.5 deviations: the rate stays below",
        r"Q\left(\frac{Q^{-1}(0.2)}{\sqrt{1 + 1/(2 p)}}\right)",
        Q(sp.Rational(8416, 10000) / sp.sqrt(sp.Rational(7, 2))),
        claimed="0.3264",
        id="ms-rate",
    )
    document.conclude(
        "Scaled with depth, membrane shortcuts fire between p and p' (0.327 at p = 0.2) and their gradient grows by a "
        "bounded factor, "
        "at most e with the critical slope where m₂ falls with q, at any depth.",
        rests_on=(exp_bound, forward, backward, grows, at_most, flat, rate),
        id="ms-healthy",
    )
