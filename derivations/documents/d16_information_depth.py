"""Information depth at one step: the overlap of two inputs, where it settles, and bounds on its slope."""

from __future__ import annotations

import numpy as np
import sympy as sp

from ikun_sym.mean_field.information.overlap_map import OverlapMap, depth
from ikun_sym.mean_field.normal_law import quantile_of_upper_tail

from ..checkers.inequality import Range
from ..checkers.methods import Combined, Manifest, Monotone, Substituted
from ..document import Document
from ..figure import Axis, Figure, Series
from ..statement import Statement
from ..words import Q, phi, tex
from .overlap_balls import Settled
from .slope_bound import a, independent, t, x, y

RATES = ("0.12", "0.15", "0.2", "0.25", "0.3", "0.4", "0.5")
LARGEST = "0.320646"
"""The rate at which independent weights have the largest slope, to six digits."""

gamma, p, c, u, w = sp.symbols("gamma p c u w", positive=True)
h, k, z, rho = sp.symbols("h k z rho", real=True)

INTEGRAND = sp.exp(a**2 * x**2 * (1 - t**2) / 2) / (1 + x**2 * t**2)
"""Of D(a, x), over 0 < t < 1; s = 1/(2 D)."""


def build() -> Document:
    document = Document(
        id="information-depth",
        title="Information depth at one step",
        summary="The overlap of two inputs' spikes settles below 1, and what is left of a difference shrinks by a factor s per "
        "layer. At one step s is below 0.53092 for independent weights and at most 2/π where the mean of each neuron's weights "
        "is subtracted: at every rate up to one half, with every bias. No choice of scale, rate or bias carries a difference "
        "far.",
    )
    convex = _map(document)
    ratio = _coordinates(document, convex)
    rises = _centred(document, ratio)
    _reached(document, independent(document, rises))
    _bias(document, ratio, rises)
    _numbers(document)
    return document


def density(first: sp.Expr, second: sp.Expr, correlation: sp.Expr) -> sp.Expr:
    """φ₂."""
    rest = 1 - correlation**2
    return sp.exp(-(first**2 - 2 * correlation * first * second + second**2) / (2 * rest)) / (2 * sp.pi * sp.sqrt(rest))


def _map(document: Document) -> Statement:
    document.section("map", "The overlap map")
    document.assume(
        "Bounds, a point and a correlation; the threshold a = θ/σ_H, and numbers used below",
        symbols=(h, k, z, rho, a, x, gamma, p, c, t, u, w, y),
    )
    document.assume(
        "Wide layers of one step, threshold θ > 0, two inputs that fire at the stationary rate p = Q(a). Biases have the share "
        "β of the membrane's variance, 0 ≤ β < 1. Weights are independent of mean 0; or centred: the mean of each neuron's "
        "weights is subtracted.",
    )
    document.define(
        "The overlap of the spikes, and the correlation c of the two membranes of a neuron above",
        r"\rho = \frac{\mathbb{E}[S S']}{p}, \quad 1 - c = \gamma (1 - \rho), \quad "
        r"\gamma = 1 - \beta \;\text{(independent)}, \quad \gamma = \frac{1 - \beta}{1 - p} \;\text{(centred)}",
        id="overlap",
    )
    document.define(
        "so that a layer maps the overlap to",
        r"M(\rho) = \frac{\Phi_2(a, a; c)}{p}, \quad \Phi_2(h, k; c) = \mathbb{P}(Z_1 > h,\, Z_2 > k)",
        id="overlap-map",
    )
    wide = sp.sqrt(1 - rho**2)
    plackett = document.step(
        "The integrand of an orthant has a derivative in the correlation that is a derivative in z, of the joint density",
        sp.diff(phi(z) * Q((k - rho * z) / wide), rho),
        -sp.diff(density(z, k, rho), z),
        formula=r"\frac{\partial}{\partial \rho}\, \varphi(z)\, Q\left(\frac{k - \rho z}{\sqrt{1 - \rho^2}}\right) = "
        r"- \frac{\partial}{\partial z}\, \varphi_2(z, k; \rho)",
        id="plackett",
    )
    slope = document.conclude(
        "so the slope of the map is a density at the corner",
        rf"M'(\rho) = \frac{{\gamma}}{{p}}\, \varphi_2(a, a; c), \quad \varphi_2(a, a; c) = {tex(corner())}",
        rests_on=[plackett],
        id="slope",
    )
    factor = a**2 / (1 + c) ** 2 + c / (1 - c**2)
    curved = document.step(
        "The density at the corner, by its derivative",
        sp.diff(corner(), c),
        corner() * factor,
        formula=rf"\frac{{d}}{{d c}} \log \varphi_2(a, a; c) = {tex(factor)}",
        id="log-derivative",
    )
    inside = a**2 * (1 + u) ** 2 / (2 + u) ** 2 + (1 + u) / (u * (2 + u))
    rises = document.bound(
        "which is positive where c is",
        factor,
        ">",
        0,
        Substituted(c, 1 / (1 + u), Range(u, 0, sp.oo), Manifest(inside)),
        over={c: (0, 1)},
        id="rises",
    )
    steep = document.limit(
        "At c = 1 the slope is infinite; w = 1 − c",
        sp.exp(-(a**2) / (2 - w)) / (2 * sp.pi * sp.sqrt(w * (2 - w))), w, 0, sp.oo,
        name=r"\varphi_2(a, a; 1 - w)", id="infinite",
    )  # fmt: skip
    return document.conclude(
        "M is convex where c ≥ β, M(1) = 1 with infinite slope, and at c = β it is not below ρ: there Φ₂ ≥ p², which is above "
        "ρ = 0 for independent weights and is ρ = p for centred ones without bias. So exactly one fixed point below 1 has "
        "c ≥ β. Its slope s = M'(ρ*) is below 1: it is stable, and ρ = 1 is not. A small difference in overlap shrinks by s "
        "per layer.",
        r"\xi = -\frac{1}{\log s}",
        rests_on=[slope, curved, rises, steep],
        id="one-fixed-point",
    )


def corner() -> sp.Expr:
    """φ₂(a, a; c)."""
    return sp.exp(-(a**2) / (1 + c)) / (2 * sp.pi * sp.sqrt(1 - c**2))


def _coordinates(document: Document, convex: Statement) -> Statement:
    document.section("coordinates", "The slope at a fixed point, without the bias")
    place = (1 - x**2) / (1 + x**2)
    document.define(
        "A coordinate for the correlation", rf"x = \sqrt{{\frac{{1 - c}}{{1 + c}}}}, \quad c = {tex(place)}", id="x"
    )
    moved = sp.exp(-(a**2) * (1 + x**2) / 2) * (1 + x**2) / (4 * sp.pi * x)
    same = document.step(
        "The density at the corner in it; both sides are positive, and these are their squares",
        (corner() ** 2).subs(c, place),
        moved**2,
        formula=rf"\varphi_2(a, a; c) = {tex(moved)}",
        id="density-in-x",
    )
    mass = document.step(
        "times dc/dx: what two inputs do not share is an integral of one sign",
        -moved * sp.diff(place, x),
        sp.exp(-(a**2) / 2) / sp.pi * sp.exp(-((a * x) ** 2) / 2) / (1 + x**2),
        formula=r"p - \Phi_2(a, a; c) = \int_c^1 \varphi_2(a, a; r)\, dr = \frac{e^{-a^2/2}}{\pi} \int_0^x "
        r"\frac{e^{-a^2 u^2/2}}{1 + u^2}\, du",
        id="unshared",
    )
    top = document.step(
        "and with the distance 1 − c",
        (1 - place) * moved,
        x * sp.exp(-(a**2) / 2) * sp.exp(-((a * x) ** 2) / 2) / (2 * sp.pi),
        name=r"(1 - c)\, \varphi_2(a, a; c)",
        id="distance",
    )
    return document.conclude(
        "At the fixed point γ = (1 − c)/(1 − M). So the slope depends on a and x alone, whatever the bias and the kind of "
        "weights; they decide which x belongs to an a.",
        r"s = \frac{(1 - c)\, \varphi_2(a, a; c)}{p - \Phi_2(a, a; c)} = \frac{1}{2 D(a, x)}, \quad D(a, x) = \int_0^1 "
        r"\frac{e^{a^2 x^2 (1 - t^2)/2}}{1 + x^2 t^2}\, dt, \quad 0 < x \leq 1",
        rests_on=[convex, same, mass, top],
        id="slope-in-x",
    )


def _centred(document: Document, ratio: Statement) -> Statement:
    document.section("centred", "At most 2/π")
    inside = t.subs(t, 1 / (1 + u))
    form = (a * x**2 * (u**2 + 2 * u) / (1 + u) ** 2) * sp.exp(a**2 * x**2 * (1 - inside**2) / 2) / (1 + x**2 * inside**2)
    grows = document.bound(
        "The integrand of D grows with a",
        sp.diff(INTEGRAND, a),
        ">",
        0,
        Substituted(t, 1 / (1 + u), Range(u, 0, sp.oo), Manifest(form)),
        over={t: (0, 1)},
        formula=rf"\frac{{\partial}}{{\partial a}} {tex(INTEGRAND)} > 0, \quad 0 < t < 1",
        id="grows",
    )
    nought = document.step(
        "and at a = 0 it is elementary",
        sp.diff(sp.atan(x * t) / x, t),
        INTEGRAND.subs(a, 0),
        formula=r"D(0, x) = \int_0^1 \frac{dt}{1 + x^2 t^2} = \frac{\arctan x}{x}",
        id="at-nought",
    )
    below = document.bound(
        "The arctangent is above",
        sp.atan(x), ">", x / (1 + x**2), Monotone(x, "low", Manifest(2 * x**2 / (1 + x**2) ** 2)),
        id="arctangent",
    )  # fmt: skip
    assert below.claim is not None
    falls = document.bound(
        "so that arctan x/x falls, to π/4 at x = 1",
        sp.atan(x) / x,
        ">",
        sp.pi / 4,
        Monotone(x, "high", Combined(((below.claim, 1 / x**2),))),
        over={x: (0, 1)},
        id="quarter",
    )
    rises = document.conclude(
        "At a given x the slope falls in a, and at a = 0 it rises in x.",
        r"s \leq \frac{x}{2 \arctan x} \leq \frac{2}{\pi}",
        rests_on=[ratio, grows, nought, below, falls],
        id="two-over-pi",
    )
    depth_ = document.value(
        "so that no layer of one step keeps a difference longer than", r"\xi \leq - \frac{1}{\log (2/\pi)}",
        -1 / sp.log(2 / sp.pi), claimed="2.2144", id="depth-bound",
    )  # fmt: skip
    value = document.step(
        "Centred weights without bias settle at c = 0, where inputs are independent: ρ* = p. Their slope",
        1 / (p * (1 - p)) * corner().subs(c, 0),
        phi(a) ** 2 / (p * (1 - p)),
        name="s",
        id="centred-slope",
    )
    document.conclude(
        "is at most 2/π, which it tends to at a = 0: as the threshold falls, or the scale grows, and p tends to one half.",
        r"\frac{\varphi(a)^2}{p (1 - p)} \leq \frac{2}{\pi}, \quad \xi \leq 2.2144",
        rests_on=[rises, value, depth_],
        id="centred-bound",
    )
    return rises


def _reached(document: Document, bound: Statement) -> None:
    largest = document.value(
        f"Without bias, at p = {LARGEST}", "s", Settled(LARGEST)["slope"], claimed="0.530914452", id="largest"
    )
    document.conclude(
        "so that the largest slope of independent weights lies between 0.530914 and the bound.",
        rests_on=[bound, largest],
        id="largest-slope",
    )
    document.not_shown(
        "That the slope without bias has one maximum over the rate, at p = 0.3206: a grid says so. The bound needs it not.",
        id="one-maximum",
    )


def _bias(document: Document, ratio: Statement, rises: Statement) -> None:
    document.section("bias", "What random biases do")
    document.conclude(
        "A bias never raises the largest slope. At a point (a, x) met with a bias R(a, x) > 1. If R(0, x) < 1, then R(a', x) = "
        "1 at some a' < a, for R is continuous: that x is met without bias at a', where the slope is larger. If R(0, x) ≥ 1, "
        "the slope is at most that at a = 0, which rises in x: it is no larger than the one without bias at a = 0.",
        rests_on=[ratio, rises],
        id="bias-never-raises",
    )
    low = document.bound(
        "As the share of biases tends to 1, so does c ≥ β, and x tends to 0. There D tends to 1, between 1/(1 + x²), its "
        "integrand's least part,",
        1 / (1 + x**2), "<", 1, Manifest(x**2 / (1 + x**2)), id="share-low",
    )  # fmt: skip
    high = document.limit(
        "and exp(a²x²/2), its largest", sp.exp(a**2 * x**2 / 2), x, 0, 1, id="share-high"
    )  # fmt: skip
    least = document.limit("which have one limit", 1 / (1 + x**2), x, 0, 1, id="share-least")
    document.conclude(
        "Biases alone give s = 1/2 at every rate: more than without them at low rates, less at others.",
        r"s \to \frac{1}{2} \quad (\beta \to 1)",
        rests_on=[ratio, low, high, least],
        id="bias-alone",
    )


def _numbers(document: Document) -> None:
    document.section("numbers", "Fixed point, slope and depth")
    document.define("Independent weights without bias. The product's float64 says the same to every digit compared.")
    for p_ in RATES:
        settled, product = Settled(p_), OverlapMap(a=float(quantile_of_upper_tail(float(p_))))
        said = {"overlap": product.overlap, "slope": product.slope, "depth": depth(product.slope)}
        for what, name in (("overlap", r"\rho^*"), ("slope", "s"), ("depth", r"\xi")):
            document.value(f"p = {p_}: {said[what]:.4f}", name, settled[what], claimed=f"{said[what]:.12f}", id=f"{what}-{p_}")
    rates = np.linspace(0.02, 0.5, 49)
    levels = [max(float(quantile_of_upper_tail(rate)), 0.0) for rate in rates]
    curves = {
        "independent": {},
        "independent, half of the variance by biases": {"spike_share": 0.5},
        "centred": {"centred": True},
    }
    document.figure(
        Figure(
            "slope-over-rate",
            "Slope of the overlap map at its fixed point",
            "Three curves over the firing rate: independent weights rise to 0.531 at the rate 0.32, half of the variance by "
            "biases is flatter near 0.5, centred weights rise to 0.637 at the rate one half.",
            tuple(
                Series(name, tuple(map(float, rates)), tuple(OverlapMap(a=level, **how).slope for level in levels))
                for name, how in curves.items()
            ),
            Axis("rate $p$"),
            Axis("slope $s$"),
        )
    )
