"""LIF layers over several steps: the covariance of the currents forward, the adjoint backward, with every reset."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sympy as sp
from flint import acb, arb

from ikun_sym.catalogue import resets as catalogue
from ikun_sym.catalogue.resets import RESETS, Reset
from ikun_sym.exact import exact
from ikun_sym.expressions.lowering import precision
from ikun_sym.gaussian.enclosures.certify import Enclosure
from ikun_sym.mean_field.neuron_sample import Dynamics
from ikun_sym.mean_field.orthant import two_steps
from ikun_sym.reading.neuron import Neuron

from ..document import Document, Statement
from ..words import Q, phi, tex

kappa, theta = sp.Symbol("kappa", nonnegative=True), sp.Symbol("theta", nonnegative=True)
i1, i2, i3 = sp.symbols("I_1 I_2 I_3", real=True)
H1, s1, s2 = sp.symbols("H_1 S_1 S_2", real=True)
g1, g2, g3 = (sp.Symbol(rf"\delta S_{t}", real=True) for t in (1, 2, 3))
rho, h, k, z = sp.symbols("rho h k z", real=True)


def _stated(reset: Reset) -> Reset:
    """With its parameters at their defaults."""
    numbers = dict(reset.bind().values)
    values: Any = {param.symbol: sp.Rational(numbers[param.name]) for param in reset.params}
    return replace(reset, charge=reset.charge.subs(values), after=reset.after.subs(values), params=())


STATED = tuple(_stated(reset) for reset in RESETS if reset.adapt is None)
"""Every reset without a second state."""


class Spike(sp.Function):
    """f(x), the function whose derivative the surrogate is: what the backward pass takes a spike for."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return Slope(self.args[0])  # type: ignore[return-value]

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return rf"f{'' if exp is None else f'^{{{exp}}}'}\left({printer._print(self.args[0])}\right)"


class Slope(sp.Function):
    """f'(x), the surrogate."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return rf"f'{'' if exp is None else f'^{{{exp}}}'}\left({printer._print(self.args[0])}\right)"


def charge(neuron: Reset, v: sp.Expr, i: sp.Expr) -> sp.Expr:
    """The catalogue's statement, in this document's letters."""
    return _own(neuron.charge).subs({catalogue.v: v, catalogue.i: i}, simultaneous=True)


def reset(neuron: Reset, h: sp.Expr, s: sp.Expr) -> sp.Expr:
    return _own(neuron.after).subs({catalogue.h: h, catalogue.s: s}, simultaneous=True)


def _own(expr: sp.Expr) -> sp.Expr:
    return expr.subs({catalogue.leak: kappa, catalogue.threshold: theta}, simultaneous=True)  # type: ignore[return-value]


@dataclass(frozen=True)
class Setting:
    """The numbers at which closed forms are evaluated: Poisson input of rate ½ to a layer of this gain."""

    leak: str = "0.8"
    threshold: str = "1"
    gain: str = "6.6"

    @property
    def diagonal(self) -> sp.Expr:
        """K[t, t] = K r."""
        return _rational(self.gain) / 2

    @property
    def off(self) -> sp.Expr:
        """K[t, s] = K r²: the steps of a Poisson input are independent."""
        return _rational(self.gain) / 4


SETTING = Setting()


def _rational(text: str) -> Any:
    value = exact(text)
    return sp.Rational(value)


def build() -> Document:
    document = Document(
        id="lif-over-time",
        title="LIF over time: forward covariance and adjoint",
        summary="In a wide layer the input currents of a neuron are a Gaussian process in time. One neuron's recursion carries "
        "their covariance from layer to layer; its derivative carries the gradients' covariance back. Both are derived here "
        "from the very expressions that the networks run, for every reset, with and without detach.",
    )
    document.section("neurons", "The neurons")
    document.assume(
        "Leak, threshold, input currents of three steps, a membrane potential, spikes, and gradients of the spikes",
        symbols=(kappa, theta, i1, i2, i3, H1, s1, s2, g1, g2, g3),
    )
    v, i, hh, s = catalogue.v, catalogue.i, catalogue.h, catalogue.s
    for neuron in STATED:
        rules = f"h = {tex(charge(neuron, v, i))}, \\quad v = {tex(reset(neuron, hh, s))}"
        document.define(f"{neuron.name}: {neuron.summary}", rules, id=f"neuron-{neuron.name}")
    document.define(
        "One step: h = charge(v, i), the neuron fires if h ≥ θ, v = reset(h, S). It starts at v = 0", r"S = 1[h \geq \theta]"
    )
    _forward(document)
    _orthants(document)
    _numbers(document)
    _adjoint(document)
    _covariance(document)
    return document


def _forward(document: Document) -> None:
    document.section("forward", "Forward: covariance of the currents, and two steps")
    document.assume(
        "Weights independent, zero mean, variance σ_W², and independent of what the layer below does; a layer so wide that "
        "averages over its neurons are expectations, and sums over them Gaussian."
    )
    a, b, c, d = (sp.Symbol(rf"S_{j}[{step}]", real=True) for step in "ts" for j in (1, 2))
    weights = sp.symbols("W_1 W_2", real=True)
    variance = sp.Symbol(r"\sigma_W^2", positive=True)
    document.assume("Two inputs at two steps, and the weights' variance", symbols=(a, b, c, d, variance))
    product = sp.Poly((weights[0] * a + weights[1] * b) * (weights[0] * c + weights[1] * d), *weights)
    means: dict[Any, sp.Expr] = {(2, 0): variance, (0, 2): variance, (1, 1): sp.S.Zero}  # E[w₁²], E[w₂²], E[w₁w₂]
    document.step(
        "In the mean over the weights the cross terms of two inputs vanish; likewise of any number",
        sp.Add(*(coefficient * means[powers] for powers, coefficient in product.terms())),
        variance * (a * c + b * d),
        formula=r"\mathbb{E}\left[(W_1 S_1[t] + W_2 S_2[t]) (W_1 S_1[s] + W_2 S_2[s])\right] = "
        r"\sigma_W^2 \left(S_1[t]\, S_1[s] + S_2[t]\, S_2[s]\right)",
        id="cross-terms",
    )
    document.define(
        "So the currents of a neuron are a centred Gaussian process in time. Only second moments of the spikes enter",
        r"\operatorname{Cov}(I^{l+1}[t], I^{l+1}[s]) = K\, \mathbb{E}\left[S^l[t]\, S^l[s]\right], \quad "
        r"K = n_{\mathrm{in}} \sigma_W^2",
        id="map",
    )
    for neuron in STATED:
        _two_steps(document, neuron)


def second_potential(neuron: Reset, spike: int) -> tuple[sp.Expr, sp.Expr, sp.Expr]:
    """H₂ given the first step's spike, and what it is affine with: H₂ = I₂ + slope I₁ − shift."""
    second = charge(neuron, reset(neuron, charge(neuron, sp.S.Zero, i1), sp.Integer(spike)), i2)
    return second, sp.diff(second, i1), -second.subs({i1: 0, i2: 0})


def _two_steps(document: Document, neuron: Reset) -> None:
    """The second step fires on an affine function of the two currents, whichever the first did."""
    lines, events = [], []
    for spike, comparison in ((1, r"\geq"), (0, "<")):
        second, slope, shift = second_potential(neuron, spike)
        made = document.step(
            f"{neuron.name}: the second membrane potential where the first step {'fired' if spike else 'did not fire'}",
            second,
            i2 + slope * i1 - shift,
            formula=rf"H_2 = {tex(i2 + slope * i1 - shift)} \quad (I_1 {comparison} \theta)",
            id=f"second-{neuron.name}-{spike}",
        )
        lines.append(made)
        events.append(rf"I_1 {comparison} \theta,\; {tex(i2 + slope * i1)} \geq {tex(theta + shift)}")
    document.conclude(
        f"{neuron.name}: two steps are two orthants of a bivariate normal law",
        rf"\mathbb{{E}}[S_1 S_2] = \mathbb{{P}}\left({events[0]}\right), \quad "
        rf"\mathbb{{E}}[S_2] = \mathbb{{E}}[S_1 S_2] + \mathbb{{P}}\left({events[1]}\right)",
        rests_on=lines,
        id=f"two-steps-{neuron.name}",
    )


def _orthants(document: Document) -> None:
    document.section("orthants", "Orthants of the bivariate normal law")
    document.assume("Two bounds, a point, and a correlation below 1 in size", symbols=(h, k, z, rho))
    document.define(
        "Given the first of two standard normal variables of correlation ρ, the second is N(ρz, 1 − ρ²)",
        r"L(h, k, \rho) = \int_h^\infty \varphi(z)\, Q\left(\frac{k - \rho z}{\sqrt{1 - \rho^2}}\right) dz",
        id="orthant",
    )
    wide = sp.sqrt(1 - rho**2)

    def density(x: sp.Expr) -> sp.Expr:
        return sp.exp(-(x**2 - 2 * rho * x * k + k**2) / (2 * (1 - rho**2))) / (2 * sp.pi * wide)

    plackett = document.step(
        "Its integrand's derivative in ρ is a derivative in z, of the joint density φ₂",
        sp.diff(phi(z) * Q((k - rho * z) / wide), rho),
        -sp.diff(density(z), z),
        formula=r"\frac{\partial}{\partial \rho}\, \varphi(z)\, Q\left(\frac{k - \rho z}{\sqrt{1 - \rho^2}}\right) = "
        rf"- \frac{{\partial}}{{\partial z}}\, \varphi_2(z, k; \rho), \quad \varphi_2(z, k; \rho) = {tex(density(z))}",
        id="plackett",
    )
    document.conclude(
        "so that the derivative of the orthant is the density at its corner, and the orthant one integral of it",
        r"\frac{\partial L}{\partial \rho} = \varphi_2(h, k; \rho), \quad L(h, k, \rho) = Q(h)\, Q(k) + "
        r"\int_0^\rho \varphi_2(h, k; r)\, dr",
        rests_on=[plackett],
        id="one-integral",
    )
    corner = density(z).subs({z: 0, k: 0})
    arcsine = document.step(
        "At threshold 0 it is elementary",
        sp.diff(sp.asin(rho) / (2 * sp.pi), rho),
        corner,
        formula=rf"\frac{{d}}{{d \rho}} \frac{{\arcsin \rho}}{{2 \pi}} = {tex(corner)} = \varphi_2(0, 0; \rho), \quad "
        r"L(0, 0, \rho) = \frac{1}{4} + \frac{\arcsin \rho}{2 \pi}",
        id="arcsine",
    )
    document.conclude(
        "Elsewhere it is a number with an enclosure: the integrand is analytic for |ρ| < 1.",
        rests_on=[plackett, arcsine],
        id="evaluated",
    )


def _numbers(document: Document) -> None:
    document.section("numbers", "The closed forms against the code and against chance")
    document.define(
        f"A first layer of gain K = {SETTING.gain}, leak κ = {SETTING.leak}, threshold θ = {SETTING.threshold}, under Poisson "
        "input of rate ½",
        rf"K[t, t] = {tex(SETTING.diagonal)}, \quad K[1, 2] = {tex(SETTING.off)}",
    )
    drive = np.array([[SETTING.diagonal, SETTING.off], [SETTING.off, SETTING.diagonal]], dtype=float)
    for neuron in STATED:
        one = Neuron(reset=neuron.bind(), leak=float(SETTING.leak), threshold=float(SETTING.threshold))
        dynamics = Dynamics(one, np.zeros_like)
        runs = two_steps(dynamics, drive).second
        both, second = second_moments(neuron)
        document.value(
            f"{neuron.name}: both steps fire; the code that predicts networks says the same to 12 digits",
            r"\mathbb{E}[S_1 S_2]",
            both,
            claimed=f"{runs[0, 1]:.12f}",
            id=f"both-{neuron.name}",
        )
        document.value(
            f"{neuron.name}: the second step fires", r"\mathbb{E}[S_2]", second, claimed=f"{runs[1, 1]:.12f}",
            id=f"second-rate-{neuron.name}",
        )  # fmt: skip
        document.sampled(
            f"{neuron.name}: the neuron itself, run on random currents of that covariance, fires in the second step as often",
            r"\mathbb{E}[S_2]",
            _Fires(dynamics, tuple(map(tuple, drive))),
            second.value,
            n=200_000,
            seed=0,
            id=f"sampled-{neuron.name}",
        )


@dataclass(frozen=True)
class _Fires:
    """Whether the second step fires, for random currents."""

    dynamics: Dynamics
    drive: tuple[tuple[float, ...], ...]

    def __call__(self, generator: np.random.Generator, n: int) -> Any:
        currents = np.linalg.cholesky(np.array(self.drive)) @ generator.standard_normal((2, n))
        return self.dynamics.fire(currents).s[1]


def second_moments(neuron: Reset) -> tuple[Enclosure, Enclosure]:
    """E[S₁S₂] and E[S₂] at SETTING, from the events of `_two_steps`, by ball arithmetic."""
    values: Any = {kappa: _rational(SETTING.leak), theta: _rational(SETTING.threshold)}
    with precision(120):
        bound, both, alone = _ball(values[theta]), arb(0), arb(0)
        for spike in (1, 0):
            _, slope, shift = (part.subs(values) for part in second_potential(neuron, spike))
            mixed = SETTING.off + slope * SETTING.diagonal
            variance = SETTING.diagonal + 2 * slope * SETTING.off + slope**2 * SETTING.diagonal
            first, level = bound / _ball(SETTING.diagonal).sqrt(), _ball(values[theta] + shift) / _ball(variance).sqrt()
            part = orthant(first, level, _ball(mixed) / (_ball(SETTING.diagonal) * _ball(variance)).sqrt())
            both, alone = (part, alone) if spike else (both, _tail(level) - part)
        route = "ball arithmetic: validated integral of the density over the correlation"
        return Enclosure.of(both, 18, route), Enclosure.of(both + alone, 18, route)


def _ball(number: Any) -> arb:
    return arb(int(number.p)) / arb(int(number.q))


def _tail(x: arb) -> arb:
    return (x / arb(2).sqrt()).erfc() / 2


def orthant(x: arb, y: arb, correlation: arb) -> arb:
    """P(X >= x, Y >= y), rigorously: Q(x) Q(y) + ∫₀^ρ φ₂(x, y; r) dr, for |ρ| < 1."""

    def density(t: acb, analytic: bool) -> acb:
        r, rest = correlation * t, 1 - (correlation * t) ** 2
        root = rest.sqrt(analytic=analytic)
        return correlation * (-(x * x - 2 * r * x * y + y * y) / (2 * rest)).exp() / (2 * arb.pi() * root)

    integral = acb.integral(density, 0, 1, abs_tol=arb(2) ** -100)
    return _tail(x) * _tail(y) + integral.real


def _adjoint(document: Document) -> None:
    document.section("adjoint", "Backward: the adjoint of one neuron")
    document.define(
        "Backward a spike counts as f(h − θ), whose derivative is the surrogate; where f itself is left, networks put the "
        "spike S that was. What reaches h[t] comes from its own spike and, through the membrane, from the next step",
        r"\delta H[t] = f'(H[t] - \theta)\, \delta S[t] + \tau[t]\, \delta H[t+1], \quad "
        r"\tau = \frac{\partial\, \mathrm{charge}}{\partial v} \left(\frac{\partial\, \mathrm{reset}}{\partial h} + "
        r"\frac{\partial\, \mathrm{reset}}{\partial S}\, f'\right)",
        id="recursion",
    )
    document.define("With the reset detached, the spike in it is a constant: its term in τ is dropped", id="detach")
    for neuron in STATED:
        made = [_through(document, neuron, detach) for detach in (False, True)]
        chains = [_three_steps(document, neuron, detach) for detach in (False, True)]
        document.conclude(
            f"{neuron.name}: the recursion is the chain rule. A further step enters through the last one's h "
            f"alone, in the same "
            "way, so it holds for any number of steps.",
            rests_on=[*made, *chains],
            id=f"chain-{neuron.name}",
        )


def through(neuron: Reset, h: sp.Expr, s: sp.Expr, detach: bool) -> sp.Expr:
    """τ at membrane potential h and spike s, by the partial derivatives of the statement."""
    hh, ss = catalogue.h, catalogue.s
    inside = sp.diff(_own(neuron.after), hh)
    if not detach:
        inside += sp.diff(_own(neuron.after), ss) * Slope(h - theta)
    return sp.diff(_own(neuron.charge), catalogue.v) * inside.subs({hh: h, ss: s}, simultaneous=True)


def _through(document: Document, neuron: Reset, detach: bool) -> Statement:
    spike: Any = s1 if detach else Spike(H1 - theta)
    factor = through(neuron, H1, spike, detach)
    outer = sp.diff(_own(neuron.charge), catalogue.v)
    inner = tex(sp.expand(factor / outer))
    shown = tex(factor) if 1 in (outer, factor / outer) else rf"{tex(outer)} \left({inner}\right)"
    return document.step(
        f"{neuron.name}{', detached' if detach else ''}: the next membrane potential's derivative in this one",
        sp.diff(charge(neuron, reset(neuron, H1, spike), i2), H1),
        factor,
        formula=rf"\tau = \frac{{\partial H_2}}{{\partial H_1}} = {shown}",
        id=f"through-{neuron.name}{'-detached' if detach else ''}",
    )


def _three_steps(document: Document, neuron: Reset, detach: bool) -> Statement:
    """Any loss of the spikes, to first order Σ_t δS[t] S[t]: its derivative in H₁ against the recursion from the end."""
    spikes: list[sp.Expr] = [s1, s2] if detach else []
    potentials: list[sp.Expr] = [H1]
    for current in (i2, i3):
        at = len(potentials) - 1
        spike: Any = spikes[at] if detach else Spike(potentials[at] - theta)
        potentials.append(charge(neuron, reset(neuron, potentials[at], spike), current))
    loss = sum(g * Spike(p - theta) for g, p in zip((g1, g2, g3), potentials, strict=True))
    adjoint: sp.Expr = sp.S.Zero
    for at in (2, 1, 0):
        spike = spikes[at] if detach and at < 2 else Spike(potentials[at] - theta)
        carried = through(neuron, potentials[at], spike, detach) * adjoint if at < 2 else 0
        adjoint = Slope(potentials[at] - theta) * (g1, g2, g3)[at] + carried
    return document.step(
        f"{neuron.name}{', detached' if detach else ''}: three steps, from the last to the first",
        sp.diff(loss, H1),
        adjoint,
        formula=r"\frac{\partial}{\partial H_1} \sum_{t=1}^3 \delta S_t\, f(H_t - \theta) = "
        r"f'_1\, \delta S_1 + \tau_1 \left(f'_2\, \delta S_2 + \tau_2\, f'_3\, \delta S_3\right)",
        id=f"three-{neuron.name}{'-detached' if detach else ''}",
    )


def _covariance(document: Document) -> None:
    document.section("covariance", "Backward: covariance of the gradients")
    # in braces, for TeX takes no exponent after a prime with an index
    f1, f2, tau = sp.Symbol("{f'_1}", real=True), sp.Symbol("{f'_2}", real=True), sp.Symbol("tau_1", real=True)
    g11, g12, g22 = sp.symbols("G_11 G_12 G_22", real=True)
    document.assume(
        "What arrives at the spikes, δS[·], is a centred Gaussian process in time of covariance G, "
        "independent of the neuron's own "
        "trajectory: a readout of zero mean over neurons, and weights that forward and backward pass may "
        "treat as different ones."
    )
    document.assume("Slopes, τ and entries of G", symbols=(f1, f2, tau, g11, g12, g22))
    document.define(
        "Given the trajectory the adjoint is linear: δH = A δS with A upper triangular",
        r"A[t, t] = f'[t], \quad A[t, s] = \tau[t]\, A[t+1, s] \quad (s > t)",
        id="matrix",
    )
    matrix, g = sp.Matrix([[f1, tau * f2], [0, f2]]), sp.Matrix([[g11, g12], [g12, g22]])
    carried = matrix * g * matrix.T
    entries = [
        document.step(
            text,
            carried[row, column],
            right,
            formula=rf"(A\, G\, A^\top)_{{{row + 1}{column + 1}}} = {tex(right)}",
            id=f"entry-{row + 1}{column + 1}",
        )
        for text, row, column, right in (
            ("Two steps: the last", 1, 1, f2**2 * g22),
            ("between them", 0, 1, f1 * f2 * g12 + tau * f2**2 * g22),
            (
                "and the first, which also hears of the second",
                0,
                0,
                f1**2 * g11 + 2 * f1 * f2 * tau * g12 + tau**2 * f2**2 * g22,
            ),
        )
    ]
    document.conclude(
        "A layer carries the covariance by the mean over trajectories, and the weights scale it",
        r"G^{l} = K_{\mathrm{out}}\, \mathbb{E}\left[A\, G^{l+1} A^\top\right], \quad K_{\mathrm{out}} = "
        r"n_{\mathrm{out}} \sigma_W^2",
        rests_on=entries,
        id="backward",
    )
    document.step(
        "At one step this is Theorem 1's recursion",
        (sp.Matrix([[f1]]) * sp.Matrix([[g11]]) * sp.Matrix([[f1]]))[0, 0],
        f1**2 * g11,
        formula=r"T = 1: \quad G^{l} = n_{\mathrm{out}}\, \sigma_W^2\, \mathbb{E}\left[f'^2\right] G^{l+1}",
        id="one-step",
    )
    document.define(
        "A loss that draws one gradient for each step starts with G = 1; one of the rate, with the same "
        "gradient at every step, "
        "starts with G[t, s] = 1 for all t, s."
    )
    document.not_shown(
        "That the independence holds in a trained or a narrow network. It fails for a loss such as the sum "
        "of all spikes, whose "
        "gradient has a mean: then the terms E[∂δ[t]/∂I[s]] S[s] are missing."
    )
    document.not_shown(
        "Closed forms for three steps or more: from the second step on H is not Gaussian, for the reset cuts "
        "its law. There the "
        "expectations over one neuron's trajectory are sampled."
    )
