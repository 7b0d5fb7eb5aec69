"""Markdown, LaTeX and JSON: what GitHub reads, what pdflatex compiles, what programs load."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

import pytest
from markdown_it import MarkdownIt

from ikun_derivations import library
from ikun_derivations.document import Document
from ikun_derivations.render import json_data, markdown, tex, tex_text
from ikun_derivations.render.markdown import formula
from ikun_derivations.render.volume import Provenance, Volume, volume
from tests.derivations.render.sample_document import AWKWARD, sample


@pytest.fixture(scope="module")
def document() -> Document:
    return sample()


@pytest.fixture(scope="module")
def known(document: Document) -> Volume:
    return volume([document], ["derivations/sample.py"], Provenance("ikun report $HOME #1", {"ikun": "0"}, None))


# --- Markdown ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def files(document: Document, known: Volume) -> dict[str, str]:
    return markdown.pages(document, known) | markdown.index([document], known, "All <of> them", AWKWARD)


def inline_text(text: str) -> str:
    """What a CommonMark reader shows of one paragraph; the tags that GitHub lets through are kept."""
    token = next(t for t in MarkdownIt("commonmark").enable("table").parse(text) if t.type == "inline")
    return "".join(child.content for child in token.children or () if child.type in ("text", "code_inline", "html_inline"))


def test_the_files(files: dict[str, str]) -> None:
    assert set(files) == {"sample.md", "sample.plot.svg", "sample.line.svg", "README.md"}


def test_formulas_are_in_math_fences(document: Document, files: dict[str, str]) -> None:
    tokens = MarkdownIt("commonmark").parse(files["sample.md"])
    fences = [token.content.rstrip("\n") for token in tokens if token.type == "fence" and token.info == "math"]
    assert fences == [formula(latex) for s in document.statements for latex in s.formulas]
    assert files["sample.md"].count("```") == 2 * len([t for t in tokens if t.type == "fence"])
    assert all(token.level == 0 for token in tokens if token.type == "fence")  # GitHub leaves nested ones as code


def test_prose_survives() -> None:
    shown = AWKWARD.replace("σ_X²", "σ<sub>X</sub>²").replace("e^{−λu}", "e<sup>−λu</sup>").replace("X)^p", "X)<sup>p</sup>")
    assert inline_text(markdown.prose(AWKWARD)) == shown.replace("`", "")


@pytest.mark.parametrize(
    "text", ["a_b_c", "1. 2", "*a*", "a\\*b", "<script>", "&lt;", "[x]: y", "a | b", "$5 and $6", "_a_", "~~a~~"]
)
def test_awkward_prose(text: str) -> None:
    assert inline_text("x " + markdown.prose(text)) == "x " + text


def test_github_gets_no_macro_that_it_refuses() -> None:
    assert formula(r"\operatorname{erfc}(x)") == r"\mathop{\mathrm{erfc}}\nolimits(x)"
    assert formula(r"2 \mathrm{slope} x") == r"2 \mathop{\mathrm{slope}}\nolimits x"
    assert formula(r"n_{\mathrm{in}}") == r"n_{\mathrm{in}}"


def test_every_markdown_link_arrives(files: dict[str, str]) -> None:
    anchors = {name: set(re.findall(r'<a id="([^"]+)"></a>', text)) for name, text in files.items()}
    seen = 0
    for name, text in files.items():
        if name.endswith(".md"):
            for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"\\.", "", text)):
                file, _, anchor = target.partition("#")
                assert (file or name) in files, target
                assert not anchor or anchor in anchors[file or name], target
                seen += 1
    assert seen > 20


def test_a_plot_file_stands_alone(files: dict[str, str]) -> None:
    for name in ("sample.plot.svg", "sample.line.svg"):
        root = ElementTree.fromstring(files[name])
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert "prefers-color-scheme" in files[name]
        used = set(re.findall(r"var\((--[\w-]+)\)", files[name]))
        assert used
        assert all(f"{variable}:" in files[name] for variable in used)


# --- LaTeX ------------------------------------------------------------------------------------------------------------


def test_latex_is_ascii_or_known(document: Document, known: Volume) -> None:
    """What pdflatex reads: ASCII, and the letters and marks that inputenc knows."""
    files = tex.pages(document, known) | tex.index([document], known, "All of them", AWKWARD)
    assert set(files) == {"sample.tex", "sample.plot.pdf", "sample.line.pdf", "index.tex"}
    for text in (text for text in files.values() if isinstance(text, str)):
        plots = {f"{anchor}.pdf" for anchor in re.findall(r"\\includegraphics\{\{(.*?)\}\.pdf\}", text)}
        assert plots == {name for name in files if name.endswith(".pdf")}
        assert set(re.findall(r"[^\x00-\x7f]", text)) <= set("“”–—ïü")
        assert "U+" not in text
        assert text.count("{") - text.count("\\{") == text.count("}") - text.count("\\}")
        begun, ended = re.findall(r"\\begin\{(\w+)\}", text), re.findall(r"\\end\{(\w+)\}", text)
        assert sorted(begun) == sorted(ended)


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("σ_X² ≤ ½", r"\ensuremath{\sigma}\textsubscript{X}\textsuperscript{2} \ensuremath{\leq} \ensuremath{\tfrac{1}{2}}"),
        ("100% & #1 a_b", r"100\% \& \#1 a\textsubscript{b}"),
        ("fan_in", r"fan\_in"),
        ("m₁₀", r"m\textsubscript{10}"),
        ("Λ Α ϕ", r"\ensuremath{\Lambda} \ensuremath{\mathrm{A}} \ensuremath{\phi}"),
        ("ℝ → ∞ √v", r"\ensuremath{\mathbb{R}} \ensuremath{\to} \ensuremath{\infty} \ensuremath{\surd}v"),
        ("`a_b` $x_1$", r"\texttt{a\_b} $x_1$"),
        ("naïve “x”", "naïve “x”"),
        ("漢", r"\texttt{U+6F22}"),
    ],
)
def test_latex_prose(text: str, latex: str) -> None:
    assert tex_text.prose(text) == latex


def test_latex_of_every_document_s_alphabet() -> None:
    """Every Greek letter, index, and sign that Unicode calls mathematical below U+2300 and that the table names."""
    for character in "αβγδεζηθικλμνξπρστυφχψωΓΔΘΛΞΠΣΦΨΩ⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻₀₁₂₃₄₅₆₇₈₉₊₋½⅓⅔¼¾−±×·√∞∂∫∑∏≤≥≠≈∈→⇒⇔′‖":
        assert "U+" not in tex_text.prose(character), character


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed: the LaTeX is not compiled")
def test_latex_compiles(document: Document, known: Volume, tmp_path: Path) -> None:
    compile_all(tex.pages(document, known) | tex.index([document], known, "All of them", AWKWARD), tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed: the LaTeX is not compiled")
def test_every_derivation_compiles(tmp_path: Path) -> None:
    files = library.report(format="latex", out=tmp_path)
    compile_all({file.name: file.read_bytes() for file in files}, tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed: the LaTeX is not compiled")
def test_a_broken_file_does_not_compile(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="Undefined control sequence"):
        compile_all({"broken.tex": r"\documentclass{article}\begin{document}\nosuchmacro\end{document}"}, tmp_path)


def compile_all(files: Mapping[str, str | bytes], folder: Path) -> None:
    for name, content in files.items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    for name in (name for name in files if name.endswith(".tex")):
        ran = subprocess.run(
            ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", name],
            cwd=folder,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=300,
        )
        assert ran.returncode == 0, ran.stdout[-2000:]
        log = (folder / name).with_suffix(".log").read_text(encoding="latin-1")
        assert "Missing character" not in log


# --- JSON -------------------------------------------------------------------------------------------------------------


def test_json(document: Document, known: Volume) -> None:
    made = json_data.pages(document, known) | json_data.index([document], known, "All", "more")
    found = json.loads(made["sample.json"], parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    statements = [s for section in found["sections"] for s in section["statements"]]
    assert [s["text"] for s in statements] == [s.text for s in document.statements]
    assert [s["mark"] for s in statements] == [s.mark for s in document.statements]
    root = next(s for s in statements if s["text"] == "A root")
    assert root["enclosure"]["mid"].startswith("1.4142135623730950488")
    plot = next(s["figure"] for s in statements if s["anchor"] == "sample.plot")
    assert plot["series"][0]["y"][20] is None  # a gap
    assert [entry["file"] for entry in json.loads(made["index.json"])["derivations"]] == ["sample.json"]
