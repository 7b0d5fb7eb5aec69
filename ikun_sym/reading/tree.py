"""The tree of an expression: small frozen nodes, nothing that can run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any


@dataclass(frozen=True)
class Node:
    """`at` and `end` delimit the text that it came from; `weight` bounds the bits of the coefficients, and the degree,
    that sympy would compute for the node."""

    at: int = field(compare=False)
    end: int = field(compare=False)
    weight: int = field(default=1, compare=False, kw_only=True)


@dataclass(frozen=True)
class Num(Node):
    value: Fraction


class X(Node):
    pass


class Pi(Node):
    pass


@dataclass(frozen=True)
class Many(Node):
    args: tuple[Node, ...]


class Sum(Many):
    pass


class Product(Many):
    pass


@dataclass(frozen=True)
class Power(Node):
    base: Node
    exponent: Fraction


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


class And(Many):
    pass


class Or(Many):
    pass


@dataclass(frozen=True)
class Cases(Node):
    cases: tuple[tuple[Node, Node], ...]


CONDITION = (Truth, Compare, And, Or)


def bits_of(value: Any) -> int:
    """The bits of a rational number of Python or of sympy."""
    return int(value.numerator).bit_length() + int(value.denominator).bit_length()


COMPARISONS: dict[str, Callable[[int], bool]] = {
    "<": lambda sign: sign < 0,
    "<=": lambda sign: sign <= 0,
    ">": lambda sign: sign > 0,
    ">=": lambda sign: sign >= 0,
}
CONSTANTS: dict[str, type[Node]] = {"x": X, "pi": Pi}
TRUTHS = {"true": True, "false": False}
