"""E[f'], E[f'²], E[f'⁴] of every registered surrogate at general mean and variance."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

import sympy as sp

from ikun_sym.catalogue.piecewise import PiecewiseFunction, U
from ikun_sym.catalogue.spec import resolve
from ikun_sym.catalogue.surrogate import Surrogate
from ikun_sym.catalogue.surrogates import SURROGATES
from ikun_sym.gaussian.certify import expectation
from ikun_sym.gaussian.form import latex
from ikun_sym.gaussian.moment import integrand
from ikun_sym.gaussian.rules import form_of

from .document import Document

POWERS = (1, 2, 4)


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
    document.define(surrogate.summary, cases(surrogate.derivative))
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
    return [r"\mu \in \mathbb{R}", "v > 0", *(latex(param.symbol) + " > 0" for param in surrogate.params)]


def cases(function: PiecewiseFunction) -> str:
    """f'(x) as LaTeX, in u = |x| where it is even."""
    if function.is_even:
        rows = [(p.value, p.lo, p.hi, "|x|") for p in function.side(1)]
    else:
        rows = [(p.value, p.lo, p.hi, "x" if p.side > 0 else "-x") for p in function.pieces]
    if len(rows) == 1:
        return rf"f'(x) = {_latex(rows[0][0])}, \quad u = |x|"
    lines = r" \\ ".join(rf"{_latex(value)} & {_between(lo, hi, name)}" for value, lo, hi, name in rows)
    return rf"f'(x) = \begin{{cases}} {lines} \end{{cases}} \quad u = |x|"


def _between(lo: sp.Expr, hi: sp.Expr, name: str) -> str:
    if hi == sp.oo:
        return rf"{name} > {_latex(lo)}"
    return rf"{name} < {_latex(hi)}" if lo == 0 else rf"{_latex(lo)} < {name} < {_latex(hi)}"


def _latex(expr: sp.Expr) -> str:
    return latex(expr.subs(U, sp.Symbol("u")))  # type: ignore[arg-type]
