"""A document with every mark, an awkward word of each kind, and plots: what the formats have to cope with."""

from __future__ import annotations

import math

import sympy as sp

from ikun_derivations.checkers.methods import Manifest
from ikun_derivations.document import Document
from ikun_derivations.figure import Axis, Figure, Series
from ikun_derivations.reference import IKUN
from ikun_sym.gaussian.form import Certificate, Check

a, b = sp.symbols("a b", positive=True)
x = sp.Symbol("x", real=True)

AWKWARD = (
    "σ_X² ≤ ½ √v, fan_in < fan_out & leaky_k_relu: 100% of *this*, [a](b), <b>not bold</b>, a|b, #1, $x_1^2$, "
    "`code_here`, e^{−λu}, E[f'(X)^p] → ∞, “quoted” – naïve, back\\slash, {braces}, ~, ^, μ ∈ ℝ, m₂ ≠ m₁₀, ‖δ‖ ≪ 1…"
)


def plot(id: str = "plot", *, log: bool = True, curves: int = 2) -> Figure:
    places = tuple(10 ** (-2 + k / 10) for k in range(41))
    series = tuple(
        Series(f"slope $k = {k}$", places, tuple(math.nan if i == 20 else k * p / (1 + p) for i, p in enumerate(places)))
        for k in range(1, curves + 1)
    )
    return Figure(
        id=id,
        title="Curves of E[f'²] against $\\sigma_H$",
        alt="Curves that rise & level off",
        series=series,
        x_axis=Axis("$\\sigma_H$", log),
        y_axis=Axis("$\\mathbb{E}[f'^2]$", log),
    )


def sample(id: str = "sample") -> Document:
    document = Document(id=id, title="A sample: σ_X² <b>&amp;</b>", summary=AWKWARD)
    document.section("first", "First & <foremost>, σ_X²")
    document.assume(AWKWARD, symbols=(a, b, x))
    document.define(
        "A name", r"f'(x) = \begin{cases} a & |x| < 1 \\ 0 & \text{else, für θ} \end{cases}, \quad \mathrm{slope} x"
    )
    step = document.step("A product", (a + b) ** 2, a**2 + 2 * a * b + b**2, because="by expansion, σ_X", id="product")
    document.bound("A sum", a + b, ">", 0, by=Manifest(a + b))
    document.section("second", "second_part")
    root = document.solve("A root", a**2, sp.Integer(2), a, (1, 2), digits=20)
    document.value("Its square", "a^2", a**2, at={a: root})
    document.certified(
        "A form", r"\operatorname{erfc}(x)", Certificate(status="enclosure-agrees", checks=(Check("it", "so", True),))
    )
    document.figure(plot())
    document.figure(plot("line", log=False, curves=1))
    cited = document.cite("Somebody says so", IKUN, "Theorem 1", r"\sigma_W^2 = 1")
    document.not_shown("The rest")
    document.conclude("So it is", r"\mathbb{E}\left[X\right] = 0", rests_on=[step, root, cited])
    return document
