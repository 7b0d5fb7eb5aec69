"""A derivation: a sequence of statements, each checked as it is written. A step that fails stops the build.

A document is Python that reads like mathematics: `assume`, `define`, `step`, `value`, `note`, `conclude`. Formulas are
LaTeX; what is checked is a sympy expression or a certificate, never the LaTeX, so each step's formula is made from what was
checked wherever that is possible.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import sympy as sp

from ikun_sym.errors import IkunError
from ikun_sym.gaussian.certify import Enclosure
from ikun_sym.gaussian.form import Certificate
from ikun_sym.gaussian.proof import is_zero

MARKS = {
    "assumed": "taken as given",
    "defined": "a name, nothing to check",
    "proved": "checked by machine for all parameters in their domains",
    "enclosed": "a rigorous enclosure by ball arithmetic, at the stated parameters",
    "agrees": "form and integral overlap in ball arithmetic at several points: not a proof",
    "not shown": "stated, not checked here",
    "concluded": "follows from the steps above",
}
"""What a statement's mark means. Marks are never upgraded."""


class DerivationError(IkunError):
    """A step that does not hold."""

    def __init__(self, document: str, text: str, why: str) -> None:
        super().__init__(f"derivation {document!r}: step {text!r} does not hold: {why}")


@dataclass(frozen=True)
class Statement:
    """One line of a derivation: prose, formulas (LaTeX), its mark and who checked it."""

    mark: str
    text: str
    formulas: tuple[str, ...] = ()
    checker: str = ""
    details: tuple[str, ...] = ()


@dataclass
class Section:
    id: str
    title: str
    statements: list[Statement] = field(default_factory=list)


@dataclass
class Document:
    """`id` is permanent: it is the anchor and the file name."""

    id: str
    title: str
    summary: str
    references: tuple[str, ...] = ()
    sections: list[Section] = field(default_factory=list)

    def section(self, id: str, title: str) -> None:
        """Start a section; the statements that follow belong to it."""
        self.sections.append(Section(id, title))

    def _add(self, statement: Statement) -> None:
        if not self.sections:
            self.section(self.id, self.title)
        self.sections[-1].statements.append(statement)

    def assume(self, text: str, *formulas: str) -> None:
        self._add(Statement("assumed", text, formulas))

    def define(self, text: str, *formulas: str) -> None:
        self._add(Statement("defined", text, formulas))

    def step(self, text: str, left: sp.Expr, right: sp.Expr, *, formula: str = "", because: str = "") -> None:
        """left = right for all parameters, by the zero test of normal forms. DerivationError if that is not shown."""
        if not is_zero(left - right):
            raise DerivationError(self.id, text, f"{left} − ({right}) is not shown to be zero")
        shown = formula or f"{sp.latex(left)} = {sp.latex(right)}"
        self._add(Statement("proved", text, (shown,), "zero test of normal forms", (because,) if because else ()))

    def certified(self, text: str, formula: str, certificate: Certificate) -> None:
        """A closed form with its certificate, whatever that is worth; a refuted one stops the build."""
        if certificate.status == "refuted" or not all(check.holds for check in certificate.checks):
            failed = "; ".join(check.what for check in certificate.checks if not check.holds)
            raise DerivationError(self.id, text, failed or certificate.status)
        mark = "proved" if certificate.proved else "agrees" if certificate.status == "enclosure-agrees" else "not shown"
        details = tuple(f"{check.what} — {check.how}" for check in certificate.checks)
        self._add(Statement(mark, text, (formula,), certificate.status, details))

    def value(self, text: str, formula: str, enclosure: Enclosure) -> None:
        """A number with its rigorous enclosure."""
        self._add(
            Statement("enclosed", text, (rf"{formula} \in {enclosure.mid} \pm {_power(enclosure.rad)}",), enclosure.route)
        )

    def not_shown(self, text: str, *formulas: str) -> None:
        self._add(Statement("not shown", text, formulas))

    def conclude(self, text: str, *formulas: str) -> None:
        self._add(Statement("concluded", text, formulas))


def _power(rad: str) -> str:
    if "e" in rad:
        mantissa, exponent = rad.split("e")
        return rf"{mantissa} \cdot 10^{{{int(exponent)}}}"
    return rad
