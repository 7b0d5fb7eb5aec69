"""A piecewise function as LaTeX, in u = |x| where it is even; r is the place in a cell of a periodic tail."""

from __future__ import annotations

import sympy as sp

from ikun_sym.catalogue.piecewise import PeriodicTail, PiecewiseFunction, U
from ikun_sym.gaussian.form import latex


def cases(function: PiecewiseFunction, name: str = "f'") -> str:
    """name(x) by its pieces."""
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
        return rf"{name}(x) = {_latex(rows[0][0])}, \quad {told}"
    lines = r" \\ ".join(rf"{_latex(value)} & {condition}" for value, condition in rows)
    return rf"{name}(x) = \begin{{cases}} {lines} \end{{cases}} \quad {told}"


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
    return latex(expr.subs(U, sp.Symbol("u")))
