"""HTML: every page stands alone, every link arrives, every statement can be linked to, nothing in the prose becomes markup."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ikun_derivations.document import MARKS, Document
from ikun_derivations.documents import d02_theorem_1 as theorem_1
from ikun_derivations.render import html_pages as html
from ikun_derivations.render.mathml import mathml
from ikun_derivations.render.numbered import numbered
from ikun_derivations.render.volume import Provenance, Volume, volume
from ikun_sym.errors import IkunError
from tests.derivations.render.pages import Page, check_page
from tests.derivations.render.sample_document import AWKWARD, sample

MADE_BY = Provenance("ikun report <&>", {"ikun": "0", "python": "3"}, None)


@pytest.fixture(scope="module")
def documents() -> list[Document]:
    return [sample("before"), theorem_1.build(), sample("after")]


@pytest.fixture(scope="module")
def known(documents: list[Document]) -> Volume:
    return volume(documents, [f"derivations/{d.id}.py" for d in documents], MADE_BY)


@pytest.fixture(scope="module")
def files(documents: list[Document], known: Volume) -> dict[str, str]:
    made = {name: text for document in documents for name, text in html.pages(document, known).items()}
    return made | html.index(documents, known, "All <of> them", "An introduction & more")


def test_the_set(files: dict[str, str]) -> None:
    assert set(files) == {"before.html", "theorem-1.html", "after.html", "index.html"}


def test_every_page_stands_alone_and_every_link_arrives(files: dict[str, str]) -> None:
    pages = {name: check_page(text, frozenset(files)) for name, text in files.items()}
    for name, page in pages.items():
        for reference in page.references:
            file, _, target = reference.partition("#")
            if target and file:
                assert target in pages[file].ids, f"{name} links to {reference}"


def test_every_formula_is_there_with_its_latex(documents: list[Document], files: dict[str, str]) -> None:
    for document in documents:
        shown = check_page(files[f"{document.id}.html"], frozenset(files)).annotations
        wanted = [formula for s in document.statements for formula in s.formulas]
        assert wanted
        assert not [formula for formula in wanted if formula not in shown]


def test_every_statement_has_its_anchor_and_a_link_to_it(documents: list[Document], files: dict[str, str]) -> None:
    for document in documents:
        page = check_page(files[f"{document.id}.html"], frozenset(files))
        anchors = [line.anchor for part in numbered(document) for line in part.lines]
        assert len(set(anchors)) == len(document.statements)
        for anchor in anchors:
            assert anchor in page.ids
            assert f"#{anchor}" in page.references


def test_an_anchor_does_not_depend_on_what_stands_before_it() -> None:
    """A statement with an id of its own keeps its address when others are put before it."""
    longer = Document(id="sample", title="", summary="")
    longer.section("zeroth", "Before")
    longer.not_shown("something")
    longer.sections += sample().sections
    found = [{line.statement.id: line.anchor for part in numbered(d) for line in part.lines} for d in (sample(), longer)]
    assert found[0]["product"] == found[1]["product"] == "sample.product"


def test_each_statement_shows_its_mark_and_its_checker(documents: list[Document], files: dict[str, str]) -> None:
    for document in documents:
        items = re.findall(r'<li id="[^"]*">\s*<div>(.*?)\n</li>', files[f"{document.id}.html"], re.S)
        assert len(items) == len(document.statements)
        for statement, item in zip(document.statements, items, strict=True):
            assert re.search(r'<span class="mark [^"]*">' + statement.mark + "</span>", item)
            text = re.sub("<[^>]+>", "", item)
            assert (f"checked by {statement.checker}" in text) == bool(statement.checker)
            for anchor in statement.rests_on:
                assert f'href="#{document.id}.{anchor}"' in item


def test_a_mark_is_told_by_more_than_colour(files: dict[str, str]) -> None:
    """Every mark is a word, and has a meaning in the legend; the sign before it is for the eye."""
    page = check_page(files["index.html"], frozenset(files))
    for mark, meaning in MARKS.items():
        assert mark in page.shown
        assert meaning in page.shown


def test_the_way_through_the_set(files: dict[str, str]) -> None:
    page = files["theorem-1.html"]
    assert 'rel="prev" href="before.html"' in page
    assert re.search('rel="next" [^>]*href="after.html"', page)
    assert "rel=" not in files["before.html"].split("<main>")[0].replace('rel="next"', "").replace('rel="icon"', "")
    order = re.findall(r'<li><a href="([\w-]+)\.html">', files["index.html"])
    assert order == ["before", "theorem-1", "after"]


def test_what_is_not_shown_is_on_the_index(documents: list[Document], files: dict[str, str]) -> None:
    index = files["index.html"]
    for document in documents:
        for statement in document.statements:
            link = f'href="{document.id}.html#{document.id}.{statement.id}"'
            assert (link in index) == (statement.mark in ("agrees", "sampled", "not shown"))


def test_reproduce(files: dict[str, str]) -> None:
    shown = check_page(files["theorem-1.html"], frozenset(files)).shown
    for line in ("ikun report <&>", "python: 3", "commit: no repository", "source: derivations/theorem-1.py"):
        assert line in shown
    made = Volume((), Provenance("c", {}, "0123abcd"))
    assert "commit: 0123abcd" in html.index([], made, "t", "i")["index.html"]


def test_prose_is_text(files: dict[str, str]) -> None:
    """Nothing that an author or a user's surrogate is called can become markup; indices are set as such."""
    page = check_page(files["before.html"], frozenset(files))
    assert "b" not in page.tags
    assert "A sample: σX² <b>&amp;</b>" in page.shown
    for plain in ("fan_in < fan_out & leaky_k_relu", "*this*, [a](b), <b>not bold</b>, a|b, #1", "back\\slash, {braces}"):
        assert plain in page.shown
    for marked in ("σ<sub>X</sub>² ≤ ½ √v", "e<sup>−λu</sup>", "(X)<sup>p</sup>]", "<code>code_here</code>"):
        assert marked in files["before.html"]
    assert AWKWARD.count("$") == 2
    assert "x_1^2" in page.annotations


def test_plots_speak(files: dict[str, str]) -> None:
    page = check_page(files["before.html"], frozenset(files))
    assert len(page.pictures) == 2
    assert "Curves that rise & level off" in page.shown  # the description
    assert "<title" in files["before.html"].split("<svg")[1]


def test_light_dark_print_and_phone(files: dict[str, str]) -> None:
    for text in files.values():
        for rule in ("prefers-color-scheme: dark", "@media print", "max-width: 40rem", 'name="viewport"', "color-scheme"):
            assert rule in text


def _colours(scheme: str) -> dict[str, str]:
    text = (Path(html.__file__).parent / "palette.css").read_text(encoding="utf-8")
    light, dark = text.split("@media")
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", light if scheme == "light" else dark))


def _contrast(one: str, other: str) -> float:
    """WCAG 2: (L₁ + 0.05)/(L₂ + 0.05), L the relative luminance."""

    def luminance(colour: str) -> float:
        parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast(scheme: str) -> None:
    """Text at 4.5 : 1, curves at 3 : 1 (WCAG 2 AA), on the page and on what is set off from it."""
    assert _contrast("#000000", "#ffffff") == pytest.approx(21)
    colours = _colours(scheme)
    for ground in ("paper", "card"):
        for name in ("ink", "quiet", "accent", "good", "bad", "open"):
            assert _contrast(colours[name], colours[ground]) >= 4.5, (name, ground)
    for k in (1, 2, 3, 4):
        assert _contrast(colours[f"series-{k}"], colours["paper"]) >= 3


@pytest.mark.parametrize(
    "broken",
    [
        "<main><h1>a</h1><p><b></p></main>",
        '<main><h1 id="a">a</h1><p id="a"></p></main>',
        "<main><h1>a</h1><script></script></main>",
        '<main><h1>a</h1><img src="https://x.org/y"></main>',
        "<main><h1>a</h1>$\\frac$</main>",
        '<main><h1>a</h1><a href="#nowhere">b</a></main>',
        '<main><h1>a</h1><a href="other.html">b</a></main>',
        "<main><h1>a</h1><h3>b</h3></main>",
        '<main><h1>a</h1><svg role="img"></svg></main>',
        "<h1>a</h1>",
    ],
)
def test_a_broken_page_is_found(broken: str) -> None:
    check_page('<html lang="en"><main><h1>a</h1></main></html>')
    with pytest.raises(AssertionError):
        check_page(f'<html lang="en">{broken}</html>')


# --- formulas ---------------------------------------------------------------------------------------------------------

FORMULAS = {
    r"f'(x)^{2}": "f′(x)2",
    r"\left(1 - p\right)^{2}": "(1−p)2",
    r"\mathbb{E}\left[f'(X)^{2}\right] \in 0.5 \pm 2 \cdot 10^{-3}": "𝔼[f′(X)2]∈0.5±2·10−3",
    r"\operatorname{erfc}{\left(\frac{x}{2} \right)}": "erfc(x2)",
    r"\begin{cases} a & x < 1 \\ b & |x| > 1 \end{cases}": "{ax<1b|x|>1",
    r"\chi = 1 \iff \alpha = n_{\mathrm{in}}": "χ=1⟺α=nin",
    r"X \sim \mathcal{N}(\mu, v)": "X∼𝒩(μ,v)",
    r"\lim_{v \to 0^+} \int_{-\infty}^{\infty} \sqrt{v}\, du": "limv→0+∫−∞∞vdu",
    r"\text{for all θ} \quad \left. x \right|_{a=1}": "for all θx|a=1",
}


@pytest.mark.parametrize(("latex", "shown"), FORMULAS.items())
def test_formula(latex: str, shown: str) -> None:
    page = Page(str(mathml(latex)))
    assert page.annotations == [latex]
    assert re.sub(r"[\s\u00a0\u2061]", "", page.shown).replace("forall", "for all ") == shown


def test_operators_are_operators_and_names_are_whole() -> None:
    made = str(mathml(r"a \pm n_{\mathrm{in}}"))
    assert re.search(r"<mo[^>]*>±</mo>", made)
    assert '<mi mathvariant="normal">in</mi>' in made


def test_a_sign_is_no_operation() -> None:
    """The space around a minus tells them apart."""
    for latex, signs in ((r"-a - b", 1), (r"\kappa \left(- H + 1\right)", 1), (r"a = -\pm b", 2), (r"f'(a) - |b| - c", 0)):
        found = re.findall(r'<mo form="prefix" lspace="0" rspace="0">[−+±]</mo>', str(mathml(latex)))
        assert len(found) == signs, latex


def test_what_cannot_be_set_is_refused() -> None:
    with pytest.raises(IkunError, match="cannot be set as MathML"):
        mathml(r"\frac{a}{")
    with pytest.raises(IkunError, match="cannot be set as MathML"):
        mathml(r"\begin{aligned} a &= b \end{aligned}")  # latex2mathml would write & into the page


# --- pages of others --------------------------------------------------------------------------------------------------


def test_a_page_of_another_package_shows_documents() -> None:
    """The page of a run takes this folder's style and macros; two documents share it, so their anchors must differ."""
    pytest.importorskip("torch")
    from ikun_validate.pages.claims_page import page

    made = dict.fromkeys(("ikun", "commit", "python", "torch", "numpy", "scipy", "sympy", "device"), "") | {
        "command": "ikun demo",
        "settings": {"seed": 0},
    }
    found = check_page(page("A run", ["Words"], [], made, documents=[sample("one"), sample("two")]))
    assert {"one.product", "two.product", "one-first", "two-first"} <= set(found.ids)
