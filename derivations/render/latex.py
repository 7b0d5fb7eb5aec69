"""What the formats share about formulas in LaTeX."""

from __future__ import annotations

import re
import unicodedata

from .prose import Piece


def names_apart(latex: str) -> str:
    """Names of several letters as operators, which TeX sets apart from what they multiply: 2 slope u, not 2slopeu.
    Indices and exponents that are one name stay as they are."""
    return re.sub(r"(?<![_^{])\\mathrm\{([A-Za-z]{2,})\}", r"\\operatorname{\1}", latex)


_SIGNS = {
    "cdot": "·", "times": "×", "pm": "±", "leq": "≤", "geq": "≥", "neq": "≠", "approx": "≈", "infty": "∞", "to": "→",
    "sqrt": "√", "ell": "ℓ", "varphi": "φ", "lambda": "λ", "quad": " ", "sim": "∼", "partial": "∂", "in": "∈", "sum": "Σ",
}  # fmt: skip
_WRAPPERS = ("mathbb", "mathrm", "operatorname", "text", "mathcal", "mathit", "left", "right", "displaystyle")
_TOKEN = re.compile(r"\\(?P<command>[A-Za-z]+)|\\(?P<escaped>.)|(?P<shift>[_^])|(?P<group>[{}])|(?P<plain>.)", re.S)


def runs(latex: str) -> list[Piece]:
    """A short formula as text with indices, for labels of plots: $\\sigma_H^2$ is σ, sub H, sup 2. An approximation."""
    found: list[Piece] = []
    kind, depth = "text", 0
    for token in _TOKEN.finditer(latex):
        if token["shift"]:
            kind, depth = "sub" if token["shift"] == "_" else "sup", 0
            continue
        if token["group"]:
            depth += 1 if token["group"] == "{" else -1
            if depth <= 0:
                kind, depth = "text", 0
            continue
        text = _sign(token["command"]) if token["command"] else token["escaped"] or token["plain"]
        if text in (",", ";", "!") and token["escaped"]:
            text = " " if text != "!" else ""
        text = {"'": "′", "-": "−"}.get(text, text)
        if kind == "text" and text == " " and not token["escaped"]:
            continue  # TeX ignores spaces
        if text:
            found.append(Piece(kind, text))
        if depth == 0:
            kind = "text"
    return found


def _sign(command: str) -> str:
    if command in _WRAPPERS:
        return ""
    if command in _SIGNS:
        return _SIGNS[command]
    size = "CAPITAL" if command[0].isupper() else "SMALL"
    try:
        return unicodedata.lookup(f"GREEK {size} LETTER {command.upper()}")
    except KeyError:
        return command
