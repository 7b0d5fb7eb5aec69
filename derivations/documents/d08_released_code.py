"""The code released with Theorem 1 beside the theorem, line by line: what it averages, what it leaves out, what follows."""

from __future__ import annotations

from fractions import Fraction

import sympy as sp

from ikun_sym.catalogue.piecewise import U
from ikun_sym.catalogue.schemes import SCHEMES, fan_in, fan_out
from ikun_sym.gaussian.enclosures.certify import expectation
from ikun_sym.gaussian.moment import integrand
from ikun_sym.reading.surrogate_spec import resolve

from ..checkers.methods import Manifest, Monotone
from ..document import Document, Statement
from ..reference import IKUN
from ..words import Density, UpperTail, tex

x = sp.Symbol("x", real=True)
a, K, theta = sp.symbols("a K theta", positive=True)
alpha, m2, mean = sp.Symbol("alpha", positive=True), sp.Symbol("m_2", positive=True), sp.Symbol(r"\bar{g}", positive=True)
sigma_x2 = sp.Symbol(r"\sigma_X^2", positive=True)
n_in, n_out = sp.Symbol(r"n_{\mathrm{in}}", positive=True), sp.Symbol(r"n_{\mathrm{out}}", positive=True)

POINTS = 1000
AVERAGED = 1 / (1 + x**2)
"""The function that the code averages, without the bars: it is positive."""

V1, V2 = (sp.sympify(SCHEMES[name].variance).subs({fan_in: n_in, fan_out: n_out}) for name in ("ikun-v1", "ikun-v2"))


def exact_mean() -> sp.Expr:
    """The code's mean over its grid, as the exact rational number that it rounds."""
    places = (Fraction(2 * k, POINTS - 1) - 1 for k in range(POINTS))
    total = sum((1 / (1 + place**2) for place in places), Fraction(0)) / POINTS
    return sp.Rational(total)


def build() -> Document:
    document = Document(
        id="released-code",
        title="The released code is not Theorem 1",
        summary="Theorem 1 divides by σ_X² E[f'(H)²]. The code released with it divides by the mean of another function, "
        "unsquared, over a grid, and by nothing else. Without batch norm its weights silence a deep network of threshold 1: "
        "the variance of H falls by at least a third in every layer.",
    )
    average = _average(document)
    _line_by_line(document, average)
    _silence(document, average)
    return document


def _average(document: Document) -> Statement:
    document.section("average", "What the code averages")
    document.assume("The place at which a surrogate is evaluated", symbols=[x])
    document.cite(
        "For every network and surrogate the code computes one number, from 1000 equally spaced points of [−1, 1], ends "
        "included. (Read from the code's text; it was not run.)",
        IKUN,
        "released code",
        rf"\bar{{g}} = \frac{{1}}{{{POINTS}}} \sum_{{k=0}}^{{{POINTS - 1}}} \left|{tex(AVERAGED)}\right|_{{x = x_k}}, \quad "
        rf"x_k = -1 + \frac{{2 k}}{{{POINTS - 1}}}",
    )
    found = document.value("It is", r"\bar{g}", exact_mean(), claimed="0.785113", digits=20, id="mean")
    primitive = document.step(
        "The grid stands for an integral, whose antiderivative is the inverse tangent",
        sp.diff(sp.atan(x), x),
        AVERAGED,
        formula=rf"\frac{{d}}{{d x}} \arctan x = {tex(AVERAGED)}",
        id="primitive",
    )
    quarter = document.step(
        "so that the mean over the interval is π/4",
        (sp.atan(1) - sp.atan(-1)) / 2,
        sp.pi / 4,
        formula=rf"\frac{{1}}{{2}} \int_{{-1}}^{{1}} {tex(AVERAGED)}\, dx = \frac{{\pi}}{{4}}",
        id="quarter",
    )
    gap = document.value(
        "The grid falls short of that by", r"\frac{\pi}{4} - \bar{g}", sp.pi / 4 - exact_mean(), claimed="0.000286", id="gap"
    )
    document.conclude(
        "The code's constant is π/4 to three digits. It knows neither the network nor the surrogate.",
        rests_on=[found, primitive, quarter, gap],
    )
    return found


def _line_by_line(document: Document, average: Statement) -> None:
    document.section("line-by-line", "Line by line against the theorem")
    bound = resolve("atan:alpha=2")
    derivative = (
        bound.surrogate.derivative.pieces[0]
        .value.subs(U, x)
        .subs({symbol: sp.Rational(value) for symbol, value in bound.environment.items()})
    )
    document.assume("Fans, the theorem's constants, and m₂ = E[f'(H)²]", symbols=(n_in, n_out, alpha, sigma_x2, m2, mean))
    document.define(
        "The theorem's weights, and the code's in its two versions",
        rf"\sigma_W^2 = {tex(alpha / (n_in * sigma_x2 * m2))}, \quad "
        rf"\sigma_{{v1}}^2 = {tex(1 / (mean * n_in))}, \quad \sigma_{{v2}}^2 = {tex(1 / (mean * (n_in + n_out)))}",
    )
    # what `ikun init` and the networks use is the catalogue's statement, made from the same mean in float64
    catalogue = document.value(
        "The catalogue's scheme for the first rounds the code's exact mean to float64",
        r"\left(\bar{g}\, n_{\mathrm{in}}\, \sigma_{v1}^2 - 1\right) \cdot 10^{15}",
        (exact_mean() * n_in * V1 - 1) * 10**15,
        at={n_in: 1},
        claimed="-0.06",
        id="catalogue",
    )
    document.step(
        "The two versions differ by what they divide by",
        V1 / V2,  # type: ignore[operator]
        (n_in + n_out) / n_in,
        formula=rf"\frac{{\sigma_{{v1}}^2}}{{\sigma_{{v2}}^2}} = {tex((n_in + n_out) / n_in)}",
        id="versions",
    )
    function = document.step(
        "The function. The networks that the code trains use the library's ATan at α = 2; the code's has lost its π",
        derivative.subs(x, x / sp.pi),
        AVERAGED,
        formula=rf"f'(x) = {tex(derivative)}, \quad f'\left(\frac{{x}}{{\pi}}\right) = {tex(AVERAGED)}",
        id="function",
    )
    square = document.step(
        "The square. The theorem squares f', the code does not; squared, the same mean would be 1/4 + π/8",
        sp.diff(x / (2 * (1 + x**2)) + sp.atan(x) / 2, x),
        AVERAGED**2,
        formula=rf"\frac{{d}}{{d x}} \left(\frac{{x}}{{2 (1 + x^2)}} + \frac{{\arctan x}}{{2}}\right) = {tex(AVERAGED**2)}",
        id="square",
    )
    squared = sp.Rational(1, 4) + sp.pi / 8
    document.value("which is", r"\frac{1}{4} + \frac{\pi}{8}", squared, claimed="0.6427", id="squared")
    laws = [
        document.value(
            f"The law. The theorem's mean is over the membrane potential, with its threshold in it: θ = "
            f"{threshold}, Var(H) = 1",
            rf"\mathbb{{E}}\left[f'({f'H - {threshold}' if threshold else 'H'})^2\right]",
            expectation(integrand(bound, "fprime", 2), bound.environment, Fraction(-threshold), Fraction(1)),
            claimed=claimed,
            id=f"law-{threshold}",
        )
        for threshold, claimed in ((0, "0.1921"), (1, "0.1205"))
    ]
    ratio = document.step(
        "What is left out. The theorem's weights are the code's times a factor that holds all that the theorem knows",
        alpha / (n_in * sigma_x2 * m2) / (1 / (mean * n_in)),
        alpha * mean / (sigma_x2 * m2),
        formula=rf"\frac{{\sigma_W^2}}{{\sigma_{{v1}}^2}} = {tex(alpha * mean / (sigma_x2 * m2))}",
        id="ratio",
    )
    document.conclude(
        "The code agrees with the theorem in none of: the function, the square, the law, σ_X², α. It is a scheme of its own, "
        "a weight variance of 1.27/fan_in whatever the surrogate, threshold and rate: between LeCun's and Kaiming's.",
        rests_on=[average, catalogue, function, square, *laws, ratio],
    )
    document.not_shown("How the code fails: its second version asks a convolution for out_features, which it has not.")


def _silence(document: Document, average: Statement) -> None:
    document.section("silence", "What its weights do forward")
    document.assume("Threshold, gain K = fan_in Var(W), and a = θ/√q for a layer's q = Var(H)", symbols=(theta, K, a))
    phi, tail = Density(a), UpperTail(a)
    document.define("One layer", r"q \mapsto K\, Q\left(\frac{\theta}{\sqrt{q}}\right)")
    left = a * phi + tail
    document.step(
        "The second moment that lies above a",
        sp.diff(-left, a),
        a**2 * phi,
        formula=r"-\frac{d}{d a} \left(a\, \varphi(a) + Q(a)\right) = a^2 \varphi(a), \quad "
        r"\int_a^\infty z^2 \varphi(z)\, dz = a\, \varphi(a) + Q(a)",
        id="above",
    )
    above = document.bound(
        "is more than a² times the probability",
        left,
        ">",
        a**2 * tail,
        by=Monotone(a, "high", Manifest(2 * a * tail)),
        over={a: (0, sp.oo)},
        id="chebyshev",
    )
    half = document.bound(
        "and less than half of the whole",
        left,
        "<",
        sp.Rational(1, 2),
        by=Monotone(a, "low", Manifest(a**2 * phi)),
        over={a: (0, sp.oo)},
        id="half",
    )
    layer = document.step(
        "In these terms a layer multiplies q = θ²/a² by",
        K * tail / (theta**2 / a**2),
        K / theta**2 * (a**2 * tail),
        formula=r"\frac{K\, Q(a)}{q} = \frac{K}{\theta^2}\, a^2 Q(a)",
        id="layer",
    )
    shrinks = document.conclude(
        "Whatever q is, a layer multiplies it by less than K/(2θ²).",
        r"K\, Q\left(\frac{\theta}{\sqrt{q}}\right) < \frac{K}{2 \theta^2}\, q",
        rests_on=[above, half, layer],
        id="shrinks",
    )
    first = document.value(
        "For the code's first version at threshold 1 that is",
        r"\frac{n_{\mathrm{in}} \sigma_{v1}^2}{2}",
        1 / (2 * mean),
        at={mean: average},
        claimed="0.63685",
        id="v1",
    )
    second = document.value(
        "and for the second, with equal fans, half of it",
        r"\frac{n_{\mathrm{in}} \sigma_{v2}^2}{2}",
        1 / (4 * mean),
        at={mean: average},
        claimed="0.31843",
        id="v2",
    )
    document.conclude(
        "At threshold 1 and infinite width, without batch norm, the variance of H falls by more than a third in every layer, "
        "and the firing rate with it: a deep network of either version is silent, for every surrogate.",
        rests_on=[shrinks, first, second],
        id="silent",
    )
    document.not_shown(
        "The paper's own network: two convolutions whose batch norm cancels Var(W), then two linear layers. Two layers are "
        "not deep; what the weights do there was not derived here."
    )
