"""A derivation: a sequence of statements, each checked as it is written. A step that fails stops the build.

A document is Python that reads like mathematics. The checked object is a sympy expression, a certificate or a number, never
LaTeX. The displayed formula is made from the checked object, unless the author writes another one.

    assume, define     what is given; they introduce every symbol that a check uses
    step               an equality, by the zero test of normal forms
    bound              an inequality: by its form, by monotonicity, or by ball arithmetic over a box
    solve              a root: it exists, it is unique in its bracket, and it is isolated to any number of digits
    limit              by leading terms or between two bounds; numbers along a sequence are only evidence
    certified, value   a closed form with its certificate; a number with its enclosure
    sampled, figure    random draws and plots, marked as not a proof
    cite, not_shown    what is taken from elsewhere, and what is left open
    conclude           what follows, naming the steps it rests on
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import sympy as sp

from ikun_sym.gaussian.enclosures.certify import Enclosure
from ikun_sym.gaussian.form import Certificate

from .checkers.claim import Claim, Refused
from .checkers.equality import Equality
from .checkers.form import Certified
from .checkers.inequality import RELATIONS, Inequality, Method, Range
from .checkers.limits import Limit
from .checkers.number import Enclosed, Value
from .checkers.root import Root
from .checkers.sample import Sample
from .figure import Figure
from .reference import Reference
from .statement import MARKS, DerivationError, Statement
from .words import anchor, domain, plain, tex

__all__ = ["MARKS", "DerivationError", "Document", "Section", "Statement"]

Over = dict[sp.Symbol, tuple[Any, Any]]
"""Symbol to the ends of its range."""

FIRM = ("assumed", "defined", "proved", "enclosed", "concluded")
"""Marks that a conclusion may rest on without a remark."""


@dataclass
class Section:
    id: str
    title: str
    statements: list[Statement] = field(default_factory=list)


@dataclass
class Document:
    """`id` is permanent: it is the anchor and the file name. `references` holds what is cited, in order."""

    id: str
    title: str
    summary: str
    references: tuple[str, ...] = ()
    sections: list[Section] = field(default_factory=list)
    _introduced: set[sp.Symbol] = field(default_factory=set, repr=False)

    @classmethod
    def joined(cls, parts: Sequence[Document]) -> Document:
        """One document from parts that were built separately: the head of the first, the sections and references of all."""
        references = tuple(dict.fromkeys(reference for part in parts for reference in part.references))
        sections = [section for part in parts for section in part.sections]
        return replace(parts[0], references=references, sections=sections)

    @property
    def statements(self) -> list[Statement]:
        return [statement for section in self.sections for statement in section.statements]

    def section(self, id: str, title: str) -> None:
        """Start a section; the statements that follow belong to it."""
        self.sections.append(Section(id, title))

    def _add(self, statement: Statement) -> Statement:
        if not self.sections:
            self.section(self.id, self.title)
        here, taken = self.sections[-1], {other.id for other in self.statements}
        named = replace(statement, id=statement.id or unused(f"{here.id}-{anchor(statement.text)}", taken))
        if named.id in taken:
            raise self._error(statement.text, f"the id {named.id!r} is taken; ids are unique in a document")
        here.statements.append(named)
        return named

    def _error(self, text: str, why: str) -> DerivationError:
        return DerivationError(self.id, self.sections[-1].id if self.sections else self.id, text, why)

    def _checked(
        self,
        text: str,
        make: Callable[[], Claim],
        formulas: tuple[str, ...],
        *,
        id: str,
        because: str,
        uses: tuple[str, ...] = (),
    ) -> Statement:
        """Add a checked statement. `make` states the claim; it may raise, since a claim may refuse to be stated."""
        try:
            claim = make()
            strangers = claim.symbols - self._introduced
            if strangers:
                raise Refused("not introduced by any assumption or definition: " + ", ".join(sorted(map(str, strangers))))
            uses += self._known(claim)
            finding = claim.check()
        except Refused as refusal:
            raise self._error(text, str(refusal)) from None
        return self._add(
            Statement(
                mark=finding.mark,
                text=text,
                formulas=formulas,
                checker=finding.checker,
                details=tuple(map(plain, finding.details)),
                id=id,
                because=because,
                rests_on=tuple(dict.fromkeys(uses)),
                enclosure=finding.enclosure,
                claim=claim,
            )
        )

    def _known(self, claim: Claim) -> tuple[str, ...]:
        """The ids of the earlier steps that a claim uses. Each must be a proved step of this document."""
        ids = []
        for premise in claim.premises:
            found = [s for s in self.statements if s.claim is premise or getattr(s.claim, "equation", None) == premise]
            if not found or found[0].mark != "proved":
                raise Refused("it uses a statement that no earlier step of this document has proved")
            ids.append(found[0].id)
        return tuple(ids)

    def assume(self, text: str, *formulas: str, symbols: Iterable[sp.Symbol] = (), id: str = "") -> Statement:
        """An assumption. `symbols`: introduced with exactly the assumptions that they carry, which are shown."""
        symbols = tuple(symbols)
        self._introduced |= set(symbols)
        shown = (r",\quad ".join(map(domain, symbols)),) if symbols else ()
        return self._add(Statement("assumed", text, shown + formulas, id=id))

    def define(self, text: str, *formulas: str, symbols: Iterable[sp.Symbol] = (), id: str = "") -> Statement:
        """A definition. `symbols`: introduced with the assumptions that they carry. These are not shown; the text states
        them."""
        self._introduced |= set(symbols)
        return self._add(Statement("defined", text, formulas, id=id))

    def step(
        self,
        text: str,
        left: Any,
        right: Any,
        *,
        name: str = "",
        formula: str = "",
        because: str = "",
        using: Iterable[tuple[Statement, sp.Expr]] = (),
        id: str = "",
    ) -> Statement:
        """left = right for all values of the symbols. `name`: LaTeX of the common value. `using`: earlier equations, each with
        the expression that it is solved for and that is then replaced. DerivationError if the equality is not shown."""
        sides: dict[str, None] = dict.fromkeys(
            [*([name] if name else []), tex(left), tex(right)]
        )  # sympy may make both sides identical
        shown = formula or " = ".join(sides)
        known = tuple(using)
        return self._checked(
            text,
            lambda: Equality(left, right, tuple((_equation(statement), target) for statement, target in known)),
            (shown,),
            id=id,
            because=because,
        )

    def bound(
        self,
        text: str,
        left: Any,
        relation: str,
        right: Any,
        by: Method,
        *,
        over: Over | None = None,
        formula: str = "",
        because: str = "",
        id: str = "",
    ) -> Statement:
        """left `relation` right (">", ">=", "<", "<=") for all values of the symbols, or for all in `over`. `by`: a method of
        `checkers.methods` or `checkers.box`."""
        ranges = [rf"{tex(low)} < {tex(symbol)} < {tex(high)}" for symbol, (low, high) in (over or {}).items()]
        where = rf",\quad {', '.join(ranges)}" if ranges else ""
        shown = formula or f"{tex(left)} {RELATIONS.get(relation, relation)} {tex(right)}{where}"
        return self._checked(
            text,
            lambda: Inequality(
                left, relation, right, by, tuple(Range(s, low, high) for s, (low, high) in (over or {}).items())
            ),
            (shown,),
            id=id,
            because=because,
        )

    def solve(
        self,
        text: str,
        left: sp.Expr,
        right: sp.Expr,
        symbol: sp.Symbol,
        bracket: tuple[Any, Any],
        *,
        digits: int = 30,
        name: str = "",
        because: str = "",
        id: str = "",
    ) -> Statement:
        """The unique root `symbol` of left = right in the bracket. The statement's `enclosure` isolates it. `name`: LaTeX of
        the root."""
        low, high = map(sp.sympify, bracket)
        equation = rf"{tex(left)} = {tex(right)}, \quad {tex(low)} < {tex(symbol)} < {tex(high)}"
        made = self._checked(text, lambda: Root(left, right, symbol, (low, high), digits), (equation,), id=id, because=because)
        return self._extended(made, enclosed(name or tex(symbol), made.enclosure))

    def limit(
        self,
        text: str,
        expr: sp.Expr,
        symbol: sp.Symbol,
        point: Any,
        value: Any,
        *,
        side: int = 1,
        bounds: tuple[Statement, Statement] | None = None,
        at: Iterable[Any] = (),
        name: str = "",
        because: str = "",
        id: str = "",
    ) -> Statement:
        """expr → value as symbol → point, a finite point from above (`side` 1) or below (−1). By leading terms; or between two
        earlier `bounds`; or, with exact points `at`, by numbers along a sequence, which is marked as not a proof."""
        to = tex(sp.sympify(point)) + ("" if sp.sympify(point).is_infinite else "^+" if side > 0 else "^-")
        shown = rf"{name or tex(expr)} \to {tex(sp.sympify(value))} \quad ({tex(symbol)} \to {to})"

        def make() -> Limit:
            pair = (bounds[0].claim, bounds[1].claim) if bounds else None
            if pair and not all(isinstance(one, Inequality) for one in pair):
                raise Refused("the bounds are not inequalities")
            points = tuple(map(sp.sympify, at))
            return Limit(expr, symbol, sp.sympify(point), sp.sympify(value), side, pair, points)

        return self._checked(text, make, (shown,), id=id, because=because)

    def claimed(self, text: str, claim: Claim, *formulas: str, because: str = "", id: str = "") -> Statement:
        """Any claim that checks itself; for claims that only one document makes."""
        return self._checked(text, lambda: claim, formulas, id=id, because=because)

    def certified(self, text: str, formula: str, certificate: Certificate, *, because: str = "", id: str = "") -> Statement:
        """A closed form, marked by the status of its certificate. A refuted one stops the build."""
        return self._checked(text, lambda: Certified(certificate), (formula,), id=id, because=because)

    def value(
        self,
        text: str,
        formula: str,
        what: Enclosure | sp.Expr,
        *,
        at: dict[sp.Symbol, Any] | None = None,
        claimed: str = "",
        digits: int = 12,
        because: str = "",
        id: str = "",
    ) -> Statement:
        """A number with its rigorous enclosure: found elsewhere, or the value of an expression with its symbols `at` exact
        numbers or at enclosures of earlier statements. `claimed`: the decimals in the text, which are checked."""
        uses = tuple(place.id for place in (at or {}).values() if isinstance(place, Statement))

        def make() -> Claim:
            if isinstance(what, Enclosure):
                return Enclosed(what, claimed)
            return Value(what, tuple((s, _place(v)) for s, v in (at or {}).items()), claimed, digits)

        made = self._checked(text, make, (), id=id, because=because, uses=uses)
        return self._extended(made, enclosed(formula or tex(what), made.enclosure))

    def sampled(
        self,
        text: str,
        formula: str,
        draw: Callable[..., Any],
        claimed: float,
        *,
        n: int,
        seed: int,
        because: str = "",
        id: str = "",
    ) -> Statement:
        """The mean of `draw(generator, n)`, n independent draws, against the claimed value. Marked as not a proof."""
        return self._checked(text, lambda: Sample(draw, claimed, n, seed), (formula,), id=id, because=because)

    def cite(self, text: str, source: Reference, where: str, *formulas: str, id: str = "") -> Statement:
        """Something taken from a source; `where` is its equation, theorem or section there."""
        if str(source) not in self.references:
            self.references = (*self.references, str(source))
        shown = f"{source.authors} {source.year}, {where}"
        return self._add(Statement("cited", text, formulas, because=shown, id=id))

    def figure(self, figure: Figure) -> Statement:
        """A plot, drawn by the renderer. Its id is the statement's."""
        return self._add(Statement("plotted", figure.title, id=figure.id, figure=figure))

    def not_shown(self, text: str, *formulas: str, id: str = "") -> Statement:
        return self._add(Statement("not shown", text, formulas, id=id))

    def conclude(self, text: str, *formulas: str, rests_on: Iterable[Statement], id: str = "") -> Statement:
        """A conclusion from earlier statements of this document. Statements among them that are not proofs are named beside it,
        also those that earlier conclusions rest on."""
        supports = list(rests_on)
        if not supports:
            raise self._error(text, "a conclusion names the steps it rests on")
        own = {statement.id: statement for statement in self.statements}
        for support in supports:
            if own.get(support.id) != support:
                raise self._error(text, f"it rests on {support.text!r}, which is no statement of this document")
            if support.mark == "plotted":
                raise self._error(text, "it rests on a plot")
        weak = tuple(dict.fromkeys(line for support in supports for line in _weak(support, own)))
        ids = tuple(support.id for support in supports)
        return self._add(Statement("concluded", text, formulas, details=weak, id=id, rests_on=ids))

    def _extended(self, statement: Statement, formula: str) -> Statement:
        """The last statement, with the formula of its enclosure added."""
        made = replace(statement, formulas=(*statement.formulas, formula))
        self.sections[-1].statements[-1] = made
        return made


def unused(id: str, taken: set[str]) -> str:
    """`id`, with a number appended if an earlier statement has it."""
    return next(name for name in (id, *(f"{id}-{n}" for n in range(2, len(taken) + 3))) if name not in taken)


def _equation(statement: Statement) -> Equality:
    claim = statement.claim
    equation = claim.equation if isinstance(claim, Root) else claim
    if not isinstance(equation, Equality):
        raise Refused(f"{statement.text!r} is no equation")
    return equation


def _place(value: Any) -> sp.Expr | Enclosure:
    if isinstance(value, Statement):
        if value.enclosure is None:
            raise Refused(f"{value.text!r} encloses no number")
        return value.enclosure
    return value if isinstance(value, Enclosure) else sp.sympify(value)


def _weak(support: Statement, own: dict[str, Statement]) -> list[str]:
    """The statements that are not proofs, among a statement and everything it rests on."""
    lines = [] if support.mark in FIRM else [f"rests on what is {support.mark}: {support.text}"]
    for id in support.rests_on:
        lines += _weak(own[id], own)
    return lines


def enclosed(name: str, enclosure: Enclosure | None) -> str:
    """name ∈ mid ± rad, as LaTeX."""
    assert enclosure is not None
    return rf"{name} \in {enclosure.mid} \pm {_power(enclosure.rad)}"


def _power(rad: str) -> str:
    if "e" in rad:
        mantissa, exponent = rad.split("e")
        return rf"{mantissa} \cdot 10^{{{int(exponent)}}}"
    return rad
