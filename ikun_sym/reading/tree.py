"""The tree of an expression: small frozen nodes, nothing that can run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction


@dataclass(frozen=True)
class Node:
    """`at` and `end` delimit the text that it came from."""

    at: int = field(compare=False)
    end: int = field(compare=False)

    @property
    def weight(self) -> int:
        """Bounds the bits of the coefficients, and the degree, that sympy would compute for the node."""
        return 1


@dataclass(frozen=True)
class Num(Node):
    value: Fraction

    @property
    def weight(self) -> int:
        return bits_of(self.value)


@dataclass(frozen=True)
class X(Node):
    pass


@dataclass(frozen=True)
class Pi(Node):
    pass


@dataclass(frozen=True)
class Many(Node):
    args: tuple[Node, ...]
    size: int = field(compare=False)

    @property
    def weight(self) -> int:
        return self.size


class Sum(Many):
    pass


class Product(Many):
    pass


@dataclass(frozen=True)
class Power(Node):
    base: Node
    exponent: Fraction
    size: int = field(compare=False)

    @property
    def weight(self) -> int:
        return self.size


@dataclass(frozen=True)
class Call(Many):
    name: str


@dataclass(frozen=True)
class Truth(Node):
    value: bool


@dataclass(frozen=True)
class Compare(Node):
    op: str
    left: Node
    right: Node


@dataclass(frozen=True)
class Logic(Node):
    op: str
    args: tuple[Node, ...]


@dataclass(frozen=True)
class Cases(Node):
    cases: tuple[tuple[Node, Node], ...]
    size: int = field(compare=False)

    @property
    def weight(self) -> int:
        return self.size


CONDITION = (Truth, Compare, Logic)


def bits_of(value: Fraction) -> int:
    return value.numerator.bit_length() + value.denominator.bit_length()


COMPARISONS: dict[str, Callable[[int], bool]] = {
    "<": lambda sign: sign < 0,
    "<=": lambda sign: sign <= 0,
    ">": lambda sign: sign > 0,
    ">=": lambda sign: sign >= 0,
}
TRUTHS = {"true": True, "false": False}
