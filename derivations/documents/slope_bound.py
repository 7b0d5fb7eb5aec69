"""Independent weights of one step: the slope of the overlap map is below a bound at every rate and bias, by a line in (a, x)
right of which the slope is small, and left of which no weights lead."""

from __future__ import annotations

from typing import Any

import sympy as sp

from ..checkers.box import OverBox
from ..checkers.methods import Manifest, Monotone
from ..document import Document
from ..statement import Statement
from ..words import Q, phi, tex

a, x, t, y = sp.symbols("a x t y", positive=True)
X = sp.Symbol("x", real=True)
"""x where its range is given: sympy looks for the sign of every polynomial in a positive symbol, for minutes."""

BOUND = sp.Rational(53092, 100000)
_N, _K = 3, 8
"""Terms of the two series below, after the first."""
FEWER = (2, 5)
"""Enough where the bound is not close."""


def _weight(order: int) -> sp.Rational:
    """∫₀¹ (1 − t²)^order dt."""
    value = sp.S.One
    for j in range(1, order + 1):
        value *= sp.Rational(2 * j, 2 * j + 1)
    return value


def truncated(at: sp.Expr, terms: tuple[int, int] = FEWER) -> sp.Expr:
    """D(at, x) with both series cut: a lower bound, for every term is positive."""
    half, part, total = at**2 * X**2 / 2, X**2 / (1 + X**2), sp.S.Zero
    for n in range(terms[0], -1, -1):
        inner: Any = sp.S.Zero
        for j in range(terms[1] - 2 * n, -1, -1):
            inner = inner * part + _weight(n + j) / sp.factorial(n)
        total = total * half + inner
    return total / (1 + X**2)


def _below(symbol: sp.Symbol, order: int) -> Monotone | Manifest:
    """e^y less its series to this order, by so many derivatives."""
    return Manifest(sp.exp(symbol)) if order < 0 else Monotone(symbol, "low", _below(symbol, order - 1))


_R = sp.Rational
PIECES: tuple[tuple[Any, Any, sp.Expr], ...] = (
    (_R(43, 100), _R(47, 100), _R(3, 20) + (X - _R(43, 100)) * _R(37, 8)),
    (
        _R(47, 100),
        _R(56, 100),
        _R(46615, 100000) + _R(2355, 1000) * (X - _R(516, 1000)) - _R(674, 100) * (X - _R(516, 1000)) ** 2,
    ),
    (_R(56, 100), _R(7, 10), _R(555, 1000) + (X - _R(56, 100)) * _R(165, 140)),
    (_R(7, 10), _R(8, 10), _R(3, 4)),
    (_R(8, 10), sp.S.One, _R(3, 4)),
)
"""Ranges of x and a line α(x) in each. To its right the slope is small; to its left no weights lead."""
CLOSE = 1
"""The range that holds the largest slope."""


def independent(document: Document, rises: Statement, bound: Any = BOUND) -> Statement:
    """Independent weights, with and without bias: s < bound. `rises`: that the slope falls in a."""
    document.section("independent", f"Independent weights: below {float(bound):g}")
    document.define(
        "For independent weights γ = 1 − β ≤ 1, so that only those a and x are met at which",
        r"R(a, x) = \frac{1 - M}{1 - c} = \frac{\varphi(a)}{\sqrt{2 \pi}\, Q(a)} \cdot \frac{1 + x^2}{x}\, e^{-a^2 x^2/2}\, "
        r"D(a, x) = \frac{1}{1 - \beta} \geq 1",
        symbols=(X,),
        id="reach",
    )
    series = _series(document)
    edge, last = _R(8, 10), _R(3, 4)
    steeper = document.bound(
        "The hazard of the normal law on the range needed",
        phi(a), ">", (1 + edge**2) * a * Q(a), OverBox(), over={a: (0, last)}, id="hazard",
    )  # fmt: skip
    left = document.step(
        "so that R/D grows in a up to there, for x ≤ 4/5; for larger x the exponential is largest at 4/5",
        sp.diff(phi(a) / Q(a) * sp.exp(-(a**2) * x**2 / 2), a),
        phi(a) / Q(a) * sp.exp(-(a**2) * x**2 / 2) * (phi(a) / Q(a) - a * (1 + x**2)),
        formula=r"\frac{\partial}{\partial a} \log \left(\frac{\varphi(a)}{Q(a)}\, e^{-a^2 x^2/2}\right) = "
        r"\frac{\varphi(a)}{Q(a)} - a (1 + x^2)",
        id="grows-in-a",
    )
    small = document.bound(
        "For small x every a will do: D exceeds its value at a = 0",
        truncated(sp.S.Zero), ">", 1 / (2 * bound), OverBox(), over={X: (0, PIECES[0][0])},
        formula=rf"D(0, x) > \frac{{1}}{{2 \cdot {float(bound):g}}}, \quad 0 < x \leq {tex(PIECES[0][0])}", id="small",
    )  # fmt: skip
    found = [small]
    for at, (low, high, line) in enumerate(PIECES):
        where = rf"{tex(low)} \leq x \leq {tex(high)}, \quad \alpha(x) = {tex(line)}"
        found.append(
            document.bound(
                f"Range {at + 1}: on the line α(x), and so right of it, D is large",
                truncated(line, (_N, _K) if at == CLOSE else FEWER), ">", 1 / (2 * bound), OverBox(), over={X: (low, high)},
                formula=rf"D(\alpha, x) > \frac{{1}}{{2 \cdot {float(bound):g}}}, \quad {where}", id=f"right-{at}",
            )
        )  # fmt: skip
        shrunk = sp.exp(-(line**2) * (edge if low >= edge else X) ** 2 / 2)
        found.append(
            document.bound(
                f"Range {at + 1}: on it, and so left of it, R is below 1 wherever D is not large",
                phi(line) * (1 + X**2) * shrunk, "<", 2 * bound * sp.sqrt(2 * sp.pi) * X * Q(line), OverBox(),
                over={X: (low, high)},
                formula=rf"\frac{{\varphi(\alpha)}}{{\sqrt{{2 \pi}}\, Q(\alpha)}} \cdot \frac{{1 + x^2}}{{x}}\, "
                rf"e^{{-\alpha^2 {tex(edge**2) if low >= edge else 'x^2'}/2}} < 2 \cdot {float(bound):g}", id=f"left-{at}",
            )
        )  # fmt: skip
    return document.conclude(
        "Every x from 0 to 1 and every a ≥ 0 is covered: either D > 1/(2b), and s < b, or R < 1, and no weights lead there.",
        rf"s < b = {float(bound):g}, \quad \xi < {float(-1 / sp.log(bound)):.4f} \quad (0 < p < 1/2,\; 0 \leq \beta < 1)",
        rests_on=[rises, series, steeper, left, *found],
        id="bound",
    )


def _series(document: Document) -> Statement:
    orders = range(1, _N + _K + 1)
    power = document.step(
        f"D as a series: the means of powers of 1 − t² over 0 < t < 1, by parts; orders 1 to {_N + _K}, each marked by y^m",
        sp.Add(*(y**m * sp.diff(t * (1 - t**2) ** m, t) for m in orders)),
        sp.Add(*(y**m * ((2 * m + 1) * (1 - t**2) ** m - 2 * m * (1 - t**2) ** (m - 1)) for m in orders)),
        formula=r"\frac{d}{d t}\, t (1 - t^2)^m = (2 m + 1) (1 - t^2)^m - 2 m (1 - t^2)^{m-1}, \quad "
        r"w_m = \int_0^1 (1 - t^2)^m\, dt = \frac{2 m}{2 m + 1}\, w_{m-1}",
        id="powers",
    )
    exponential = document.bound(
        "An exponential is above its series",
        sp.exp(y), ">", sp.Add(*(y**n / sp.factorial(n) for n in range(_N + 1))), _below(y, _N), id="exponential",
    )  # fmt: skip
    geometric = document.step(
        "and 1/(1 − y) above its own, 0 < y < 1",
        (1 - y) * sp.Add(*(y**n for n in range(_K + 1))),
        1 - y ** (_K + 1),
        name=rf"(1 - y) \sum_{{n \leq {_K}}} y^n",
        id="geometric",
    )
    share = document.step(
        "The denominator in 1 − t²",
        (1 + x**2) * (1 - x**2 / (1 + x**2) * (1 - t**2)),
        1 + x**2 * t**2,
        id="denominator",
    )
    return document.conclude(
        "All terms are positive: cut series are below D, and grow with a as it does.",
        rf"D(a, x) > \frac{{1}}{{1 + x^2}} \sum_{{n \leq {_N}}} \sum_{{j \leq {_K} - 2 n}} w_{{n + j}} \frac{{1}}{{n!}} "
        r"\left(\frac{a^2 x^2}{2}\right)^n \left(\frac{x^2}{1 + x^2}\right)^j",
        rests_on=[power, exponential, geometric, share],
        id="series",
    )
