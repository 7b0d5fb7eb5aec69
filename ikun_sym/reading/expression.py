"""A user's own surrogate derivative f'(x), read from text: `expr:1/(1+k*abs(x))**2;k=25`.

The text is never executed. A tokenizer and a precedence parser make a small tree of frozen nodes; the tree is then
resolved on each half-line x = +u and x = -u, u > 0, into smooth pieces. The rule of the resolution: on an interval on
which the argument g of every abs, sign, heaviside, min, max, floor and comparison keeps its sign, each of them is a
smooth function. An interval on which some g has a zero is split there and resolved again, innermost arguments first.

Precedence, loosest first: `|`, `&`, comparisons (which may be chained), `+ -`, `* /`, unary `-`, `**` (to the right).
So, unlike in Python, `x > 0 & x < 1` means `(x > 0) & (x < 1)`.
"""

from __future__ import annotations

import itertools

from ..catalogue.piecewise import PiecewiseFunction
from ..catalogue.surrogate import Surrogate
from ..errors import IkunError
from .bounds_on_input import MAX_LENGTH
from .grammar import Parser
from .interval import short
from .recurring_floors import half_line


def parse_surrogate(text: str) -> Surrogate:
    """The surrogate whose derivative is `text`, with the values of `;name=number` put in exactly."""
    if not isinstance(text, str):
        raise IkunError(f"expression is a {type(text).__name__}, not text; write it like '1/(1+k*abs(x))**2;k=25'")
    if len(text) > MAX_LENGTH:
        raise IkunError(f"expression of {len(text)} characters is too long; at most {MAX_LENGTH} are allowed")
    try:
        tree = Parser(text).parse()
        sides = [half_line(text, tree, side) for side in (1, -1)]
    except RecursionError:
        raise IkunError(f"expression {short(text)} is nested too deeply; write it with fewer nested functions") from None
    derivative = PiecewiseFunction(*(tuple(itertools.chain.from_iterable(parts)) for parts in zip(*sides, strict=True)))
    return Surrogate(name="expr:" + " ".join(text.split()), derivative=derivative, summary="given by the user as an expression")
