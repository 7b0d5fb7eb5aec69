"""What kind of answer an expectation has, and how well it is known."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

import sympy as sp

from ..told import Told

KINDS = ("elementary", "special", "series", "none")

STATUSES = ("proved-ftc", "proved-heat", "proved-ode", "enclosure-agrees", "numeric-only", "refuted", "unknown")
"""The ladder, never upgraded. Only statuses that begin with `proved` are proofs."""


def latex(expr: sp.Expr) -> str:
    """LaTeX in which a name of several letters is one upright word, not a product of letters."""
    names = {symbol: _upright(str(symbol)) for symbol in expr.free_symbols}
    return sp.latex(expr, symbol_names={symbol: name for symbol, name in names.items() if name})


def plain(expr: sp.Expr) -> sp.Expr:
    """For people: our own letters, which are no symbols of the user, by their plain names, primed where a parameter has it."""
    taken = {s.name for s in expr.free_symbols if not isinstance(s, sp.Dummy)}  # type: ignore[attr-defined]
    own = {s: sp.Symbol(s.name + "'" * (s.name in taken)) for s in expr.atoms(sp.Dummy)}
    return expr.xreplace(own)  # type: ignore[return-value]


def _upright(name: str) -> str:
    """LaTeX of a name whose first part has several letters and is no Greek letter; else empty: sympy knows it."""
    word, _, index = name.partition("_")
    if len(word) < 2 or sp.latex(sp.Symbol(word)) != word:
        return ""
    return rf"\mathrm{{{word}}}" + (rf"_{{\mathrm{{{index}}}}}" if index else "")


@dataclass(frozen=True)
class Check:
    """One thing that was checked, in words, and whether it holds."""

    what: str
    how: str
    holds: bool


@dataclass(frozen=True, kw_only=True)
class Certificate(Told):
    """The record of a proof or of an attempt at one."""

    shown = ("status", "checks")

    status: str
    assumptions: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()

    def __post_init__(self) -> None:
        assert self.status in STATUSES
        if self.proved:
            assert self.checks, "a proof has steps"
            assert all(check.holds for check in self.checks), "a proof with a failed check is no proof"

    @property
    def proved(self) -> bool:
        return self.status.startswith("proved")


@dataclass(frozen=True, kw_only=True)
class ClosedForm(Told):
    """E[g(X)] as an expression in MEAN, VAR and the parameters. `method` names the rule that found it.

    `error` bounds |expr − E[g(X)]| / E|g(X)|: 0 for a form that is exact, the truncation of a finite sum otherwise.
    `series` writes that sum with its summation sign, as text and as LaTeX; `exact` is the rest of `expr`.
    """

    shown = ("kind", "text", "method")

    expr: sp.Expr | None
    kind: str
    method: str
    error: Fraction = Fraction(0)
    series: tuple[str, str] | None = None
    exact: sp.Expr = sp.S.Zero
    certificate: Certificate = field(default_factory=lambda: Certificate(status="unknown"))

    def __post_init__(self) -> None:
        assert self.kind in KINDS
        assert (self.expr is None) == (self.kind == "none")

    @property
    def text(self) -> str:
        if self.expr is None:
            return "none known"
        if self.series is None:
            return str(self.expr)
        exact = f"{self.exact} + " if self.exact != 0 else ""
        return f"{exact}{self.series[0]}; relative error at most {float(self.error):.1e}"

    @property
    def latex(self) -> str:
        if self.expr is None:
            return r"\text{none known}"
        if self.series is None:
            return latex(self.expr)
        return (latex(self.exact) + " + " if self.exact != 0 else "") + self.series[1]
