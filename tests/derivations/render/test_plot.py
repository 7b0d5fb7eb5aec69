"""Plots: curves are where the data are, ticks are short and true, a picture is the page's and is told in words."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ikun_derivations.figure import Axis, Figure, Series
from ikun_derivations.render import drawing
from ikun_derivations.render.curves import DECADES, curves, picture
from ikun_derivations.render.drawing import LINE, PALETTE, SERIES, decades, log_ticks, pdf, svg, written
from ikun_derivations.render.prose import Piece, pieces, plain
from ikun_sym.errors import IkunError
from tests.derivations.render.sample_document import plot


def value_of(label: str) -> float:
    factor, _, power = label.rpartition("10")
    raised = power.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789"))
    return float(label) if power == raised else float(f"{factor.rstrip('·') or 1}e{raised}")


@given(st.floats(min_value=-250, max_value=250), st.floats(min_value=0.02, max_value=40))
def test_logarithmic_ticks(low: float, decades: float) -> None:
    from matplotlib.figure import Figure as Canvas

    axes = Canvas().add_subplot()
    axes.set(yscale="log", ylim=(10.0**low, 10.0 ** (low + decades)))
    log_ticks(axes.yaxis)
    ticks = [at for at in axes.yaxis.get_majorticklocs() if at > 0]  # 0 may be one, far below the axis
    found = [at for at in ticks if low - 1e-9 <= math.log10(at) <= low + decades + 1e-9]
    assert 1 <= len(found) <= 10
    labels = axes.yaxis.get_major_formatter().format_ticks(found)
    assert [value_of(label) for label in labels] == pytest.approx(found, rel=1e-3)
    assert len(set(labels)) == len(labels)
    assert not len(axes.yaxis.get_minorticklocs())


def test_a_flat_line_looks_flat() -> None:
    """One per cent of noise in the middle of a decade; two decades as they are, with matplotlib's margin."""
    from matplotlib.figure import Figure as Canvas

    axes = Canvas().add_subplot()
    axes.plot([1, 2, 3], [1, 1.01, 1])
    decades(axes)
    low, high = axes.get_ylim()
    assert high / low == pytest.approx(10)
    assert low * high == pytest.approx(1.01)
    axes.plot([1, 2], [1, 100])
    axes.autoscale()
    decades(axes)
    assert axes.get_ylim() == pytest.approx((10**-0.1, 10**2.1))


def test_numbers_are_short() -> None:
    known = {0.002: "0.002", 10000: "10000", 1e5: "10⁵", 2e-7: "2·10⁻⁷", 0: "0", -0.5: "-0.5", -3e6: "-3·10⁶"}
    assert {value: written(value) for value in known} == known


def figure(y: tuple[float, ...], *, log: bool = False, x: tuple[float, ...] | None = None) -> Figure:
    x = x or tuple(float(k) for k in range(1, len(y) + 1))
    return Figure("f", "title", "alt", (Series("s", x, y),), Axis("x"), Axis("y", log))


def drawn(figure: Figure) -> Any:
    """The axes, drawn upon."""
    from matplotlib.figure import Figure as Canvas

    axes = Canvas().add_subplot()
    curves(figure)(axes)
    return axes


def test_a_curve_is_where_the_data_are() -> None:
    (line,) = drawn(figure((0.0, math.nan, 1.0))).lines
    assert list(line.get_xdata()) == [1, 2, 3]
    assert list(line.get_ydata()) == pytest.approx([0, math.nan, 1], nan_ok=True)


def test_the_axes_hold_the_curves() -> None:
    """Along x to the ends; along y with 6 % of margin, and at most so many decades below the largest value."""
    axes = drawn(figure((0.0, 1.0, 0.5)))
    assert axes.get_xlim() == (1, 3)
    assert axes.get_ylim() == pytest.approx((-0.06, 1.06))
    axes = drawn(figure((1e-40, 1e-6, 1.0), log=True))
    assert (axes.get_xscale(), axes.get_yscale()) == ("linear", "log")
    low, high = axes.get_ylim()
    assert high > 1
    assert math.log10(high / low) == pytest.approx(DECADES)
    low, high = drawn(figure((5.0, 5.0), log=True)).get_ylim()  # one value is opened up
    assert low < 5 < high


@pytest.mark.parametrize("count", [1, 2, 5, 9])
def test_the_legend_names_every_curve(count: int) -> None:
    legend = drawn(plot(curves=count)).get_legend()
    named = [text.get_text() for text in legend.get_texts()] if legend else []
    assert named == ([f"slope $k = {k}$" for k in range(1, count + 1)] if count > 1 else [])


def test_curves_differ_by_more_than_colour() -> None:
    lines = drawn(plot(curves=4)).lines
    assert len({line.get_color() for line in lines}) == len({str(line._dash_pattern) for line in lines}) == 4


@pytest.mark.parametrize("made", [lambda: picture(plot(), "f", alone=True), lambda: pdf(curves(plot()))], ids=["svg", "pdf"])
def test_the_same_bytes_each_time(made: Callable[[], str | bytes]) -> None:
    """Whatever the reader's own settings are; those are left as they were."""
    import matplotlib

    first = made()
    with matplotlib.rc_context({"font.size": 20, "axes.linewidth": 5, "xtick.major.size": 9}):
        before = dict(matplotlib.rcParams)
        assert made() == first
        assert dict(matplotlib.rcParams) == before


def test_a_picture_takes_the_colours_of_the_page() -> None:
    """By the names of palette.css; the light ones are written beside them for where there is no palette."""
    text = picture(plot(curves=4), "f")
    for name in ("line", "series-1", "series-2", "series-3", "series-4"):
        assert f"var(--{name}, {PALETTE[name]})" in text
    assert "currentColor" in text
    assert set(re.findall(r"#[0-9a-f]{6}\b", re.sub(r"var\([^)]*\)", "", text))) == set()
    assert SERIES[0] == PALETTE["series-1"] != LINE


def test_ids_begin_with_the_anchor_and_references_arrive() -> None:
    for anchor in ("a", "doc.plot"):
        root = ElementTree.fromstring(picture(plot(), anchor))
        ids = [element.get("id", "") for element in root.iter() if element.get("id")]
        assert len(ids) == len(set(ids))
        assert all(one.startswith(f"{anchor}-") for one in ids)
        text = ElementTree.tostring(root, encoding="unicode")
        used = set(re.findall(r'(?:href="|url\()#([^)"]+)', text))
        assert used
        assert used | {f"{anchor}-title", f"{anchor}-desc"} == set(ids)


def test_what_would_be_a_link_is_shown_on_hover() -> None:
    def draw(axes: Any) -> None:
        axes.scatter([1, 2], [1, 2]).set_urls(["the first & <only>", "the second"])

    text = svg(draw, anchor="a", title="t", description="d")
    root = ElementTree.fromstring(text)
    titles = [element.text for element in root.iter() if element.tag.endswith("}title")]
    assert titles == ["t", "the first & <only>", "the second"]
    assert not [element for element in root.iter() if element.tag.endswith("}a")]
    assert "xlink" not in text


def test_without_matplotlib_one_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)  # type: ignore[arg-type]
    with pytest.raises(IkunError, match=r"^plots need matplotlib, which is not installed: pip install matplotlib$"):
        picture(plot(), "f")


def test_formats_import_no_plots_before_they_draw() -> None:
    code = f"import sys, {drawing.__name__}, ikun_derivations.library; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


# --- prose ------------------------------------------------------------------------------------------------------------


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
