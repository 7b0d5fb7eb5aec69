"""E[f'], E[f'²], E[f'⁴] of every registered surrogate at general mean and variance."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

import sympy as sp

from ikun_sym.catalogue.piecewise import PeriodicTail, PiecewiseFunction, U
from ikun_sym.catalogue.spec import resolve
from ikun_sym.catalogue.surrogate import Surrogate
from ikun_sym.catalogue.surrogates import SURROGATES
from ikun_sym.gaussian.certify import expectation
from ikun_sym.gaussian.form import latex
from ikun_sym.gaussian.moment import integrand
from ikun_sym.gaussian.rules import form_of

from .document import Document

POWERS = (1, 2, 4)

DOMAINS = {
    "positive": "> 0",
    "nonnegative": r"\geq 0",
    "real": r"\in \mathbb{R}",
    "above one": "> 1",
    "count": r"\in \{1, 2, \dots\}",
}
"""A parameter's domain as LaTeX."""


def parts() -> list[list[Surrogate]]:
    """What can be built side by side, each by `build`."""
    return [[surrogate] for surrogate in SURROGATES]


def build(surrogates: Iterable[Surrogate] | None = None) -> Document:
    document = Document(
        id="gaussian-moments",
        title="Gaussian moments of surrogate derivatives",
        summary="For X ~ N(μ, v), the argument of a surrogate whose membrane potential is Gaussian (a threshold enters as "
        "μ = −θ): E[f'(X)^p] for p = 1, 2, 4, in closed form where one is known, and enclosed where none is.",
        references=("Chang, Wang & Yang 2024, arXiv:2411.18250",),
    )
    for surrogate in SURROGATES if surrogates is None else surrogates:
        _section(document, surrogate)
    return document


def _section(document: Document, surrogate: Surrogate) -> None:
    bound = resolve(surrogate)
    document.section(surrogate.name, surrogate.name)
    document.assume("Parameters", r",\quad ".join(_domain(surrogate)))
    chosen = f"; the parameters choose the formula, here {bound.spec}" if surrogate.family else ""
    document.define(surrogate.summary + chosen, cases(bound.surrogate.derivative))
    for power in POWERS:
        function = integrand(bound, "fprime", power)
        form = form_of(function, bound.environment)
        left = rf"\mathbb{{E}}\left[f'(X)^{{{power}}}\right]" if power > 1 else r"\mathbb{E}\left[f'(X)\right]"
        if form.expr is not None:
            text = f"p = {power}, {form.kind} form, by the rule “{form.method}”"
            document.certified(text, f"{left} = {form.latex}", form.certificate)
        at = f"p = {power} at μ = 0, v = 1, {bound.spec}"
        if form.expr is None:
            at += "; no closed form is known"
        document.value(at, left, expectation(function, bound.environment, Fraction(0), Fraction(1)))


def _domain(surrogate: Surrogate) -> list[str]:
    return [r"\mu \in \mathbb{R}", "v > 0", *(f"{latex(param.symbol)} {DOMAINS[param.domain]}" for param in surrogate.params)]


def cases(function: PiecewiseFunction) -> str:
    """f'(x) as LaTeX, in u = |x| where it is even; r is the place in a cell of a periodic tail."""
    sides = (1,) if function.is_even else (1, -1)
    names = {1: "|x|"} if function.is_even else {1: "x", -1: "-x"}
    pieces = [(p.value, _between(p.lo, p.hi, names[p.side])) for p in function.pieces if p.side in sides]
    tails = [tail for tail in function.tails if tail.side in sides]
    rows = pieces + [row for tail in tails for row in _cell(tail, names[tail.side])]
    where = ["u = |x|"]
    for start, period in dict.fromkeys((tail.start, tail.period) for tail in tails):
        met = [names[tail.side] for tail in tails if (tail.start, tail.period) == (start, period)]
        place = rf"r = {_latex(U) if start == 0 else f'({_latex(U - start)})'} \bmod {_latex(period)}"
        where.append(place if len(met) == len(tails) else rf"{place} \text{{ for }} {_between(start, sp.oo, met[0])}")
    told = r",\; ".join(where)
    if len(rows) == 1:
        return rf"f'(x) = {_latex(rows[0][0])}, \quad {told}"
    lines = r" \\ ".join(rf"{_latex(value)} & {condition}" for value, condition in rows)
    return rf"f'(x) = \begin{{cases}} {lines} \end{{cases}} \quad {told}"


def _cell(tail: PeriodicTail, name: str) -> list[tuple[sp.Expr, str]]:
    """The stretches of one cell, each with where it holds."""
    ends = [sp.S.Zero, *(end for end, _ in tail.cell)]
    beyond = _between(tail.start, sp.oo, name)
    return [(value, rf"{beyond},\; {_between(lo, end, 'r')}") for lo, (end, value) in zip(ends, tail.cell, strict=False)]


def _between(lo: sp.Expr, hi: sp.Expr, name: str) -> str:
    if hi == sp.oo:
        return rf"{name} > {_latex(lo)}"
    if lo == 0 and name in ("|x|", "r"):  # never negative
        return rf"{name} < {_latex(hi)}"
    return rf"{_latex(lo)} < {name} < {_latex(hi)}"


def _latex(expr: sp.Expr) -> str:
    return latex(expr.subs(U, sp.Symbol("u")))  # type: ignore[arg-type]
