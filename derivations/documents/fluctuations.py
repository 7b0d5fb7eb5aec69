"""The last two sections of derivation finite-width: how the firing rate fluctuates, and what that does to the gradient."""

from __future__ import annotations

import sympy as sp

from ..document import Document, Statement
from ..words import Density, UpperTail

n, m2 = sp.Symbol("n", integer=True, positive=True), sp.Symbol("m_2", positive=True)
p, theta, K = sp.Symbol("p", positive=True), sp.Symbol("theta", positive=True), sp.Symbol("K", positive=True)
response, after = sp.Symbol("D", real=True), sp.Symbol("J", integer=True, positive=True)
spike, square = sp.Symbol("S", nonnegative=True), sp.Symbol("y", nonnegative=True)
slope, drift = sp.Symbol("s", positive=True), sp.Symbol(r"\operatorname{Var}(\hat{p}_l)", positive=True)


def rate(document: Document) -> Statement:
    document.section("rate", "The firing rate from layer to layer")
    document.assume(
        "Rate, threshold, gain, slope of the forward map, variance of a layer's rate", symbols=(p, theta, K, slope, drift)
    )
    a = theta / sp.sqrt(K * p)
    found = document.step(
        "The forward map's slope at its fixed point p, a = θ/√(Kp)",
        sp.diff(UpperTail(a), p),
        a * Density(a) / (2 * p),
        formula=r"s = \frac{d}{d p}\, Q\left(\frac{\theta}{\sqrt{K p}}\right) = \frac{a\, \varphi(a)}{2 p}",
        id="slope",
    )
    document.define(
        "Given the layer below, a layer's spikes are independent: its rate is a binomial mean. Near the "
        "fixed point, to first order",
        r"\hat{p}_{l+1} - p = s\, (\hat{p}_l - p) + \xi_l, \quad \operatorname{Var} \xi_l = \frac{p (1 - p)}{n}",
        id="linearised",
    )
    noise = p * (1 - p) / n
    stationary = noise / (1 - slope**2)
    fixed = document.step(
        "The variance that a layer hands on unchanged",
        slope**2 * stationary + noise,
        stationary,
        formula=r"s^2\, \sigma^2 + \frac{p (1 - p)}{n} = \sigma^2, \quad \sigma^2 = \frac{p (1 - p)}{n\, (1 - s^2)}",
        id="stationary",
    )
    approach = document.step(
        "is approached by the factor s² a layer",
        slope**2 * drift + noise - stationary,
        slope**2 * (drift - stationary),
        formula=r"\operatorname{Var}(\hat{p}_{l+1}) - \sigma^2 = s^2 \left(\operatorname{Var}(\hat{p}_l) - \sigma^2\right)",
        id="approach",
    )
    relative = document.step(
        "Relative to the rate",
        stationary / p**2,
        (1 - p) / (p * n) / (1 - slope**2),
        formula=r"\frac{\operatorname{sd}(\hat{p})}{p} = \sqrt{\frac{1 - p}{p\, n} \cdot \frac{1}{1 - s^2}}",
        id="relative-rate",
    )
    document.conclude(
        "For s < 1 the rate fluctuates about its fixed point by a few per cent at width 1000. As s → 1, at "
        "the lowest stable rate, the "
        "fluctuations grow without bound in this order, and layers die by chance.",
        rests_on=[found, fixed, approach, relative],
    )
    document.not_shown(
        "Terms beyond the first order, which matter where s is near 1; there the exact chain of spike counts is to be used."
    )
    return found


def moving(document: Document, found: Statement) -> None:
    """`ikun_sym.mean_field.finite_width.moving_log_gradient_variance`, of one layer."""
    document.section("moving", "The moving rate in the gradient")
    document.assume(
        "A stationary network. D = d log m₂/d log Var(H); J layers after this one; a neuron's spike, and y = f'² of it",
        symbols=(response, after, spike, square),
    )
    document.define(
        "The next layer's Var(H) = K p̂ moves with the rate, by the relative deviation η of this layer's spike count, and that "
        "of the j-th layer after it by s^(j−1) of η. Its log m₂ moves by D times as much, and all together by",
        r"C_J\, \eta, \quad \eta = \frac{1}{n} \sum_i \left(\frac{S_i}{p} - 1\right), \quad "
        r"C_J = D \left(1 + s + \dots + s^{J-1}\right)",
        id="moved",
    )
    total = response * (1 - slope**after) / (1 - slope)
    closed = document.step(
        "One layer more adds D and passes what there was by s: the sum is geometric",
        response + slope * total,
        total.subs(after, after + 1),
        formula=r"D + s\, C_J = C_{J+1}, \quad C_J = D\, \frac{1 - s^J}{1 - s}",
        id="geometric",
    )
    together = document.step(
        "The layer's own share is the mean of f'²Z²/m₂ − 1 over its neurons; its covariance with η is that of one neuron's "
        "terms over n. Z comes from above, independent of f' and S, and E[Z²] = 1; E[y] = m₂ and E[S] = p leave E[yS]",
        sp.expand((square / m2 - 1) * (spike / p - 1)),
        square * spike / (m2 * p) - square / m2 - spike / p + 1,
        formula=r"n \operatorname{Cov} = \frac{\mathbb{E}[f'^2 S]}{m_2\, p} - 1",
        id="together",
    )
    counted = document.step(
        "A spike is its own square, so that η has this variance times n",
        sp.expand((spike / p - 1) ** 2).xreplace({spike**2: p, spike: p}),
        (1 - p) / p,
        formula=r"n \operatorname{Var}(\eta) = \frac{1 - p}{p}",
        id="counted",
    )
    document.conclude(
        "So a layer adds to the variance of log‖δ‖²",
        r"\frac{1}{n} \left(\frac{3 m_4}{m_2^2} - 1 + 2 C \left(\frac{\mathbb{E}[f'^2 S]}{m_2\, p} - 1\right) + "
        r"C^2\, \frac{1 - p}{p}\right), \quad C = C_J",
        rests_on=[found, closed, together, counted],
        id="moving-rate",
    )
    document.not_shown(
        "Terms beyond the first order in η, and a state that is not stationary. Claims finite-width.moving-rate and "
        "finite-width.moving-rate.left-out measure both sums."
    )
