"""Certified approximations as functions of the intermediate program."""

from __future__ import annotations

import math

from .approximation import Certified, certified
from .approximation.store import LORENTZIAN
from .program import Call, Expression, Function, Item, Let, Loop, Name, Select, Table, apply, number
from .quadrature import HALF, ONE, ZERO, less


def clenshaw(label: str, found: Certified) -> tuple[list[Table], Function]:
    """F(y) by Clenshaw's recurrence, one function over all panels. The tables hold the coefficients in reverse order."""
    terms = max(len(panel.coefficients) for panel in found.panels)
    padded = [(*panel.coefficients, *(0.0,) * (terms - len(panel.coefficients))) for panel in found.panels]
    tables = [Table(f"_coefficients_{label}", tuple(c for row in padded for c in reversed(row)))]
    y, body = Name("y"), []
    row: Expression | None = None
    low: Expression = number(found.panels[0].low)
    high: Expression = number(found.panels[0].high)
    if len(found.panels) > 1:
        tables.append(Table(f"_ends_{label}", tuple(x for panel in found.panels for x in (panel.low, panel.high))))
        count: Expression = ZERO
        for panel in found.panels[:-1]:
            step = Select(less(y, number(panel.low)), ONE, ZERO)
            count = step if count == ZERO else count + step
        body.append(Let("row", count))
        row = Name("row")
        low, high = Item(f"_ends_{label}", 0, row, 2), Item(f"_ends_{label}", 1, row, 2)
        body += [Let("low", low), Let("high", high)]
        low, high = Name("low"), Name("high")
    t, one, two, three = Name("t"), Name("one"), Name("two"), Name("three")
    body += [
        Let("t", (number(2) * y - low - high) / (high - low) if row is not None else number(2) * y - ONE),
        Let("twice", number(2) * t),
        Let("one", ZERO * y),
        Let("two", ZERO * y),
    ]
    if terms > 1:
        step = (
            Let("three", Name("twice") * one - two + Item(f"_coefficients_{label}", "n", row, terms)),
            Let("two", one),
            Let("one", three),
        )
        body.append(Loop("n", 0, terms - 1, ("one", "two"), step))
    result = t * one - two + Item(f"_coefficients_{label}", terms - 1, row, terms)
    return tables, Function(f"_sum_{label}", ("y",), tuple(body), result, "A certified Chebyshev sum.")


def moment_at_zero(label: str, found: Certified, width: Expression, height: Expression, power: int, params: tuple[str, ...]):
    """E[f'ᵖ] at mean 0 as a function of the variance."""
    y, total = Name("y"), Call(f"_sum_{label}", (Name("y"),))
    scaled = height
    body = [
        Let("s", apply("sqrt", Name("var")) / width),
        Let("y", number(found.c) / (Name("s") + number(found.c))),
        Let("height", scaled),
    ]
    factor: Expression = Name("height")
    for _ in range(power.bit_length() - 1):
        body.append(Let(f"height_{len(body)}", factor * factor))
        factor = Name(body[-1].name)
    result = factor * y * total if found.decays else factor * total
    doc = f"E[f'(X)^{power}], X ~ N(0, var): relative error of the sum at most {found.error:.1e} for every var (certified)."
    return Function(f"_at_zero_{label}", ("var", *params), tuple(body), result, doc)


def _lorentzian() -> Certified:
    return certified(LORENTZIAN, 1)


def erfcx_error() -> float:
    return _lorentzian().error


def tail_functions() -> tuple[list[Table], list[Function]]:
    """Q(a) = P(N(0, 1) > a) through erfcx(b) = e^{b²} erfc(b) = M(1/(b√2))/(b√π), M(s) = E[1/(1 + s²Z²)]."""
    found = _lorentzian()
    tables, total = clenshaw("erfcx", found)
    c, b = number(found.c * math.sqrt(2)), Name("b")
    erfcx = Function(
        "_erfcx",
        ("b",),
        (Let("below", ONE + c * b), Let("y", c * b / Name("below"))),
        number(found.c * math.sqrt(2 / math.pi)) / Name("below") * Call("_sum_erfcx", (Name("y"),)),
        f"exp(b^2) erfc(b), b >= 0: relative error of the sum at most {found.error:.1e} (certified).",
    )
    a = Name("a")
    tail = HALF * apply("exp", -(HALF * a * a)) * Call("_erfcx", (apply("abs", a) * number(math.sqrt(0.5)),))
    upper = Function(
        "_upper_tail",
        ("a",),
        (Let("tail", tail),),
        Select(less(a, ZERO), ONE - Name("tail"), Name("tail")),
        "P(N(0, 1) > a).",
    )
    return tables, [total, erfcx, upper]
