"""The symbols that formulas of derivations use, one statement each; the glossary is made from those that are used."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from ikun_sym.catalogue.surrogates import SURROGATES

from .document import Document
from .words import tex


@dataclass(frozen=True)
class Symbol:
    """`latex` is what the formula holds, without exponent; `meaning` is prose. `order`: place in the glossary."""

    latex: str
    meaning: str
    order: int = 0

    @property
    def anchor(self) -> str:
        return "symbol-" + "-".join(re.findall(r"[A-Za-z0-9]+", self.latex.replace("*", "star")))


FEW = 4
"""So many surrogates are named where they share the letter of a parameter."""

MEANINGS = {
    r"\mathbb{E}": "expectation",
    r"\mathbb{P}": "probability",
    r"\operatorname{Var}": "variance",
    r"\operatorname{Cov}": "covariance",
    r"\mathcal{N}": "the normal law with the given mean and variance",
    r"\mathbb{R}": "the real numbers",
    r"\mathbb{Z}": "the whole numbers",
    r"\varphi": "the standard normal density, exp(−a²/2)/√(2π)",
    r"\Phi": "the standard normal distribution function",
    r"Q": "the upper tail of the standard normal law, Q(a) = P(N(0, 1) > a)",
    r"X": "the argument of the surrogate, Gaussian with mean μ and variance v",
    r"\mu": "mean of the surrogate's argument; a threshold enters as μ = −θ",
    r"v": "variance of the surrogate's argument",
    r"x": "argument of the surrogate: membrane potential minus threshold",
    r"u": "|x|, or a variable of integration",
    r"f": "the surrogate's primitive; f' is its derivative, which stands in for that of the spike",
}
"""LaTeX to meaning, in the order of the glossary."""


@cache
def symbols() -> dict[str, Symbol]:
    """Every known symbol, those of the surrogates' parameters included."""
    known = dict(MEANINGS)
    for name, users in _parameters().items():
        told = ", ".join(users) if len(users) <= FEW else f"{len(users)} surrogates"
        own = f"a parameter of {told}"
        known[name] = f"{known[name]}; also {own}" if name in known else own
    return {latex: Symbol(latex, meaning, order) for order, (latex, meaning) in enumerate(known.items())}


def _parameters() -> dict[str, list[str]]:
    """LaTeX of each parameter of a surrogate to the surrogates that have it."""
    found: dict[str, list[str]] = {}
    for surrogate in SURROGATES:
        for param in surrogate.params:
            found.setdefault(tex(param.symbol), []).append(surrogate.name)
    return found


_INDEX = r"_(?:\{(?:[^{}]|\{[^{}]*\})*\}|\\[A-Za-z]+|[^\\{}\s])"
_ATOM = re.compile(
    r"\\text\{[^{}]*\}|\\begin\{[a-z*]+\}|\\end\{[a-z*]+\}|\\(?:left|right)(?![a-z])"
    r"|(?P<base>\\(?:mathbb|mathcal|mathrm|operatorname|hat|bar|tilde)\{[^{}]*\}|\\[A-Za-z]+|[A-Za-z])"
    rf"(?:\^(?:\{{[^{{}}]*\}}|\\[A-Za-z]+|[^\\{{}}\s]))?(?P<index>{_INDEX})?"
)


def atoms(latex: str) -> Iterator[str]:
    """The symbols in a formula, index included, exponent not: \\sigma_X, n_{\\mathrm{in}}, \\operatorname{erfc}."""
    for found in _ATOM.finditer(latex):
        if found["base"]:
            yield found["base"] + (found["index"] or "")


def used_by(document: Document) -> tuple[Symbol, ...]:
    """The glossary's symbols that the document's formulas hold, in its order."""
    formulas = [latex for statement in document.statements for latex in statement.formulas]
    found = {atom for latex in formulas for atom in atoms(latex)}
    return tuple(symbol for latex, symbol in symbols().items() if latex in found)
