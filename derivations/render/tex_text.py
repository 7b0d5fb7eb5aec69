"""Unicode prose as LaTeX that pdflatex compiles: Greek, signs, indices and fractions by what Unicode says of them."""

from __future__ import annotations

import re
import unicodedata
from itertools import groupby

from .latex import names_apart
from .prose import pieces

_SPECIAL = {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "|": r"\textbar{}",
    "<": r"\textless{}", ">": r"\textgreater{}", '"': r"\textquotedbl{}", "`": r"\textasciigrave{}",
    **{character: "\\" + character for character in "#$%&_{}"},
}  # fmt: skip

_MATH = {
    "−": "-", "±": r"\pm", "×": r"\times", "·": r"\cdot", "√": r"\surd", "∞": r"\infty", "∂": r"\partial", "∫": r"\int",
    "∑": r"\sum", "∏": r"\prod", "≤": r"\leq", "≥": r"\geq", "≠": r"\neq", "≈": r"\approx", "≡": r"\equiv", "∼": r"\sim",
    "∝": r"\propto", "∈": r"\in", "∉": r"\notin", "→": r"\to", "←": r"\leftarrow", "↦": r"\mapsto", "⇒": r"\Rightarrow",
    "⇔": r"\Leftrightarrow", "⟺": r"\Longleftrightarrow", "↔": r"\leftrightarrow", "′": "'", "″": "''", "‖": r"\|", "∥": r"\|",
    "⌊": r"\lfloor", "⌋": r"\rfloor", "⌈": r"\lceil", "⌉": r"\rceil", "⟨": r"\langle", "⟩": r"\rangle", "∘": r"\circ",
    "⊙": r"\odot", "⊗": r"\otimes", "∧": r"\wedge", "∨": r"\vee", "∪": r"\cup", "∩": r"\cap", "∀": r"\forall",
    "∃": r"\exists", "≪": r"\ll", "≫": r"\gg", "∅": r"\emptyset", "ℝ": r"\mathbb{R}", "ℤ": r"\mathbb{Z}", "ℕ": r"\mathbb{N}",
    "ℂ": r"\mathbb{C}", "ϕ": r"\phi", "ϵ": r"\epsilon", "φ": r"\varphi", "ε": r"\varepsilon", "ℓ": r"\ell", "≔": ":=",
    "≅": r"\cong", "↑": r"\uparrow", "↓": r"\downarrow", "∎": r"\blacksquare",
}  # fmt: skip
"""Signs whose LaTeX does not follow from their Unicode name. φ and ε are the variants that the fonts of screens show."""

_TEXT = {"⊢": r"$\vdash$", "✓": r"$\checkmark$", "…": r"\dots{}", "°": r"\textdegree{}", "\u2060": "", "\u202f": r"\,"}

_SCRIPTS = {
    "sub": r"\textsubscript", "sup": r"\textsuperscript", "super": r"\textsuperscript",
}  # fmt: skip
"""Of prose and, for the last, of Unicode."""

_GREEK_AS_LATIN = dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧο", "ABEZHIKMNOPTYXo", strict=True))


def prose(text: str) -> str:
    """A paragraph's text, with its code and inline formulas."""
    return "".join(_piece(kind, inside) for kind, inside in pieces(text))


def _piece(kind: str, inside: str) -> str:
    if kind == "math":
        return f"${formula(inside)}$"
    if kind == "code":
        return rf"\texttt{{{escape(inside)}}}"
    return rf"{_SCRIPTS[kind]}{{{escape(inside)}}}" if kind in _SCRIPTS else escape(inside)


def escape(text: str) -> str:
    """Characters as LaTeX in text mode."""
    return "".join(_script(kind, "".join(run)) for kind, run in groupby(text, _kind))


def _kind(character: str) -> str:
    """super or sub for ² and ₁, as Unicode decomposes them; else empty."""
    kind = unicodedata.decomposition(character).partition(" ")[0].strip("<>")
    return kind if kind in _SCRIPTS else ""


def _script(kind: str, run: str) -> str:
    if kind == "":
        return "".join(_SPECIAL.get(character) or _character(character, math=False) for character in run)
    inside = "".join(_character(unicodedata.normalize("NFKD", character), math=False) for character in run)
    return rf"{_SCRIPTS[kind]}{{{inside}}}"


def formula(latex: str) -> str:
    """LaTeX of a formula, with what is not ASCII replaced by commands (text inside formulas may hold it)."""
    outside = re.split(r"(\\text\{[^{}]*\})", names_apart(latex))
    return "".join(
        rf"\text{{{_non_ascii(part[6:-1], math=False)}}}" if part.startswith(r"\text{") else _non_ascii(part, math=True)
        for part in outside
    )


def _non_ascii(text: str, *, math: bool) -> str:
    return "".join(character if character.isascii() else _character(character, math=math) for character in text)


def _character(character: str, *, math: bool) -> str:
    """One character; what is not known is shown by its number, for a compiler that stops helps nobody."""
    if character.isascii():
        return character
    command = _command(character)
    if command is not None:
        return f"{{{command}}}" if math else rf"\ensuremath{{{command}}}"
    if character in _TEXT:
        return _TEXT[character]
    name = unicodedata.name(character, "")
    if name.startswith("LATIN") or unicodedata.category(character) in ("Pd", "Pi", "Pf"):
        return character  # accented letters, dashes and quotation marks: inputenc knows them
    return rf"\texttt{{U+{ord(character):04X}}}"


def _command(character: str) -> str | None:
    if character in _MATH:
        return _MATH[character]
    if character in _GREEK_AS_LATIN:
        return rf"\mathrm{{{_GREEK_AS_LATIN[character]}}}"
    name = unicodedata.name(character, "")
    if name.startswith("GREEK") and " LETTER " in name and len(name.split()) == 4:
        letter = name.split()[-1].lower().replace("lamda", "lambda")
        return "\\" + (letter.capitalize() if "CAPITAL" in name else letter)
    kind, _, parts = unicodedata.decomposition(character).partition(" ")
    if kind == "<fraction>":
        top, bottom = "".join(chr(int(part, 16)) for part in parts.split()).split("\u2044")
        return rf"\tfrac{{{top}}}{{{bottom}}}"
    return None
