"""Expressions as source text: an arithmetic (`ikun_sym.expressions.lowering.Arithmetic`) whose numbers are pieces of code."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ikun_sym.errors import IkunError
from ikun_sym.expressions.vocabulary import Function

ATOM, PRODUCT, SUM = 3, 2, 1


@dataclass(frozen=True)
class Code:
    """Source text and how tightly its outermost operator binds."""

    text: str
    binds: int = ATOM

    def at(self, level: int) -> str:
        return self.text if self.binds >= level else f"({self.text})"

    def __add__(self, other: Code) -> Code:
        if other.text.startswith("-"):
            return Code(f"{self.text} - {other.text[1:]}", SUM)
        return Code(f"{self.text} + {other.text}", SUM)

    def __mul__(self, other: Code) -> Code:
        if self.text in ("-1.0", "-1"):
            return Code(f"-{other.at(PRODUCT)}", PRODUCT)
        return Code(f"{self.at(PRODUCT)} * {other.at(PRODUCT)}", PRODUCT)


class SourceArithmetic:
    """`spelling` names the attribute of a vocabulary entry that holds the function's name in the target language."""

    def __init__(self, spelling: str, pi: str, sqrt: str, power: str) -> None:
        self.spelling, self._pi, self._sqrt, self._power = spelling, pi, sqrt, power

    def rational(self, value: Fraction) -> Code:
        return Code(repr(float(value)))

    def pi(self) -> Code:
        return Code(self._pi)

    def imaginary(self) -> Code:
        raise IkunError("a surrogate derivative is real: it has no imaginary unit")

    def power(self, base: Code, exponent: Fraction) -> Code:
        if exponent < 0:
            return Code(f"1.0 / {self.power(base, -exponent).at(ATOM)}", PRODUCT)
        if exponent == 1:
            return base
        if exponent == Fraction(1, 2):
            return Code(f"{self._sqrt}({base.text})")
        if exponent.denominator == 1:
            # repeated multiplication: a power operator may raise on overflow where the product is an honest infinity
            return Code(f"{self._power}({base.text}, {int(exponent)})")
        return Code(f"{base.at(ATOM)} ** {float(exponent)!r}", PRODUCT)

    def raised(self, base: Code, exponent: Code) -> Code:
        return Code(f"{base.at(ATOM)} ** {exponent.at(ATOM)}", PRODUCT)

    def call(self, function: Function, args: list[Any]) -> Code:
        name = getattr(function, self.spelling)
        if not name:
            raise KeyError(function.head.__name__)
        return Code(f"{name}({', '.join(arg.text for arg in args)})")
