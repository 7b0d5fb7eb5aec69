"""Plots: ticks are round and inside, curves stay in the frame and are where the data are, labels are read."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ikun_derivations.figure import Axis, Figure, Series
from ikun_derivations.render.latex import runs
from ikun_derivations.render.plot import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, layout
from ikun_derivations.render.prose import Piece, pieces, plain
from ikun_derivations.render.svg import svg
from ikun_derivations.render.ticks import ticks
from ikun_derivations.render.tikz import tikz
from tests.derivations.render.sample_document import plot

number = st.floats(min_value=-1e12, max_value=1e12, allow_nan=False)


def value_of(label: str) -> float:
    text = label.strip("$").replace("−", "-").replace(" \\cdot 10^", "e").replace("10^", "1e")
    return float(text.replace("{", "").replace("}", ""))


@given(number, st.floats(min_value=1e-6, max_value=1e6))
def test_linear_ticks(low: float, span: float) -> None:
    high = low + max(span, 1e-6 * abs(low))
    found = ticks(low, high, log=False)
    step = found[1].at - found[0].at
    assert 2 <= len(found) <= 8
    assert all(low - 1e-6 * step <= tick.at <= high + 1e-6 * step for tick in found)
    assert all(math.isclose(value_of(tick.label), tick.at, rel_tol=1e-6, abs_tol=1e-6 * step) for tick in found)
    assert round(step / 10 ** math.floor(math.log10(step * (1 + 1e-9))), 6) in (1, 2, 5)


@given(st.floats(min_value=-300, max_value=290), st.floats(min_value=0.01, max_value=12))
def test_logarithmic_ticks(low: float, decades: float) -> None:
    found = ticks(low, low + decades, log=True)
    assert 2 <= len(found) <= 8
    assert all(low - 1e-6 <= tick.at <= low + decades + 1e-6 for tick in found)
    assert all(math.isclose(math.log10(value_of(tick.label)), tick.at, abs_tol=1e-6) for tick in found)


def figure(y: tuple[float, ...], *, log: bool = False, x: tuple[float, ...] | None = None) -> Figure:
    x = x or tuple(float(k) for k in range(1, len(y) + 1))
    return Figure("f", "title", "alt", (Series("s", x, y),), Axis("x"), Axis("y", log))


def test_a_curve_is_where_the_data_are() -> None:
    """y = 0, 1 on a linear axis with 6 % of margin: by hand."""
    drawing = layout(figure((0.0, 1.0)))
    (curve,) = (line for line in drawing.lines if line.role == "curve")
    top, bottom = TOP, HEIGHT - BOTTOM
    per_unit = (bottom - top) / 1.12
    assert curve.points[0] == pytest.approx((LEFT, bottom - 0.06 * per_unit))
    assert curve.points[1] == pytest.approx((WIDTH - RIGHT, bottom - 1.06 * per_unit))


def test_logarithmic_axes_are_logarithmic() -> None:
    (curve,) = (line for line in layout(figure((1.0, 10.0, 100.0), log=True)).lines if line.role == "curve")
    (_, a), (_, b), (_, c) = curve.points
    assert a - b == pytest.approx(b - c)


def test_gaps_and_what_leaves_the_plot() -> None:
    nan = math.nan
    drawing = layout(figure((1.0, 2.0, nan, 4.0, 5.0)))
    assert [len(line.points) for line in drawing.lines if line.role == "curve"] == [2, 2]
    # a logarithmic axis shows twelve decades; the rest of the curve leaves through the bottom
    drawing = layout(figure((1e-40, 1e-6, 1.0), log=True))
    (curve,) = (line for line in drawing.lines if line.role == "curve")
    lowest = max(y for _, y in curve.points)
    assert lowest == pytest.approx(drawing.height - BOTTOM)
    assert curve.points[0][0] > LEFT


@given(st.lists(st.one_of(st.floats(min_value=-1e9, max_value=1e9), st.just(math.nan)), min_size=2, max_size=20))
def test_nothing_is_drawn_outside(values: list[float]) -> None:
    if not any(map(math.isfinite, values)):
        return
    drawing = layout(figure(tuple(values)))
    for line in drawing.lines:
        for x, y in line.points:
            assert LEFT - 1e-6 <= x <= WIDTH - RIGHT + 1e-6
            assert TOP - 1e-6 <= y <= drawing.height - BOTTOM + 1e-6


@pytest.mark.parametrize("curves", [1, 2, 5, 9])
def test_the_legend_names_every_curve_and_fits(curves: int) -> None:
    drawing = layout(plot(curves=curves))
    named = [label for label in drawing.labels if label.text.startswith("slope")]
    assert len(named) == (curves if curves > 1 else 0)
    frame = min(y for line in drawing.lines if line.role == "grid" for _, y in line.points)
    assert all(label.y < frame for label in named)
    assert all(label.x < WIDTH - RIGHT for label in named)


def test_curves_differ_by_more_than_colour() -> None:
    curves = re.findall(r'class="curve series-(\d)"( stroke-dasharray="[^"]*")?', svg(plot(curves=4), "f"))
    assert len({colour for colour, _ in curves}) == len({dash for _, dash in curves}) == 4
    assert "dash pattern" in tikz(plot(curves=4))


def test_svg_and_tikz_draw_the_same() -> None:
    one = plot(curves=3)
    drawing = layout(one)
    assert svg(one, "f").count("<path") == tikz(one).count(r"\draw") == len(drawing.lines)
    assert svg(one, "f").count("<text") == tikz(one).count(r"\node") == len(drawing.labels)


# --- labels and prose -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("latex", "text"),
    [
        (r"\sigma_H^2", "σ|_H|^2"),
        (r"\mathbb{E}[f'(X)^{2}]", "E[f′(X)|^2|]"),
        (r"10^{-3}", "10|^−3"),
        (r"n_{\mathrm{in}}\, \sigma_W", "n|_in| σ|_W"),
        (r"C(\sigma_H)", "C(σ|_H|)"),
        (r"\varphi \leq \infty", "φ≤∞"),
    ],
)
def test_labels(latex: str, text: str) -> None:
    parts: list[tuple[str, str]] = []
    for kind, inside in runs(latex):
        if parts and parts[-1][0] == kind:
            parts[-1] = (kind, parts[-1][1] + inside)
        else:
            parts.append((kind, inside))
    assert "|".join({"sub": "_", "sup": "^"}.get(kind, "") + inside for kind, inside in parts) == text


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("σ_X²", ["σ", ("sub", "X"), "²"]),
        ("e^β m_β", ["e", ("sup", "β"), " m", ("sub", "β")]),
        ("fan_in, leaky_k_relu, _x", ["fan_in, leaky_k_relu, _x"]),
        ("e^{−λu} K_out", ["e", ("sup", "−λu"), " K", ("sub", "out")]),
        ("$a_b$ and `a_b`", [("math", "a_b"), " and ", ("code", "a_b")]),
        ("5 $ and 6", ["5 $ and 6"]),
    ],
)
def test_pieces(text: str, found: list[str | tuple[str, str]]) -> None:
    assert list(pieces(text)) == [Piece(*one) if isinstance(one, tuple) else Piece("text", one) for one in found]


@given(st.text())
def test_plain_text_is_never_lost(text: str) -> None:
    assert len(plain(text)) <= len(text)
    assert "".join(c for c in plain(text) if c.isalnum()) == "".join(c for c in text if c.isalnum())
