"""Named functions for the formulas of derivations, defined in the vocabulary that can be checked and evaluated."""

from __future__ import annotations

import re
from typing import Any

import sympy as sp

from ikun_sym.expressions.arguments import arguments


class Density(sp.Function):
    """φ(a) = exp(−a²/2)/√(2π), the standard normal density."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return -arguments(self)[0] * self

    def meaning(self) -> sp.Expr:
        return sp.exp(-(arguments(self)[0] ** 2) / 2) / sp.sqrt(2 * sp.pi)

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return rf"\varphi{'' if exp is None else f'^{{{exp}}}'}\left({printer._print(self.args[0])}\right)"


class UpperTail(sp.Function):
    """Q(a) = P(N(0, 1) > a) = erfc(a/√2)/2."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return -phi(arguments(self)[0])

    def meaning(self) -> sp.Expr:
        return sp.erfc(self.args[0] / sp.sqrt(2)) / 2

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return rf"Q{'' if exp is None else f'^{{{exp}}}'}\left({printer._print(self.args[0])}\right)"


def phi(a: sp.Expr) -> sp.Expr:
    return Density(a)  # type: ignore[return-value]


def Q(a: sp.Expr) -> sp.Expr:
    return UpperTail(a)  # type: ignore[return-value]


WORDS_OF_AN_ANCHOR = 6


def anchor(text: str) -> str:
    """The first words of a text as an HTML id. It does not change if statements are added before it."""
    words = re.findall(r"[a-z0-9]+", text.lower())
    return "-".join(words[:WORDS_OF_AN_ANCHOR]) or "statement"


def unfold(expr: sp.Expr) -> sp.Expr:
    """`expr` with these named functions replaced by their definitions."""
    return expr.replace(lambda e: isinstance(e, (Density, UpperTail)), lambda e: e.meaning())  # type: ignore[return-value]


def tex(expr: Any) -> str:
    """LaTeX of `expr`. A symbol name that is LaTeX is kept; a name of several letters becomes one upright word."""
    names = {}
    for symbol in sp.sympify(expr).free_symbols:
        name = str(symbol)
        if "\\" in name or "{" in name:
            names[symbol] = name
        elif len(name) > 1 and sp.latex(symbol) == name:
            names[symbol] = rf"\mathrm{{{name}}}"
    return sp.latex(expr, symbol_names=names)


def plain(text: str) -> str:
    """Text with LaTeX names of symbols written plainly: n_{\\mathrm{in}} becomes n_in."""
    text = re.sub(r"\\(?:mathrm|mathbb|operatorname)\{([^{}]*)\}", r"\1", text)
    text = re.sub(r"([_^])\{(\w+)\}", r"\1\2", text)
    return re.sub(r"\\([A-Za-z]+)", r"\1", text)


def domain(symbol: sp.Symbol) -> str:
    """The assumptions of a symbol as LaTeX: exactly those that checks may use."""
    name = tex(symbol)
    if symbol.is_integer:
        least = 1 if symbol.is_positive else 0 if symbol.is_nonnegative else None
        return rf"{name} \in \mathbb{{Z}}" if least is None else rf"{name} \in \{{{least}, {least + 1}, \dots\}}"
    if symbol.is_positive:
        return f"{name} > 0"
    if symbol.is_negative:
        return f"{name} < 0"
    if symbol.is_nonnegative:
        return rf"{name} \geq 0"
    if symbol.is_nonzero and symbol.is_real:
        return rf"{name} \in \mathbb{{R}} \setminus \{{0\}}"
    return rf"{name} \in \mathbb{{R}}" if symbol.is_real else rf"{name} \in \mathbb{{C}}"
