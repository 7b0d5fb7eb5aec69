"""From tokens to the tree: a precedence parser.

Python's own parser would not be shorter: it knows other numbers, keywords and precedences, drops brackets and last commas,
and its errors neither point at the same character nor say what is allowed here.
"""

from __future__ import annotations

import difflib
import functools
import math
import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any, NoReturn, TypeVar

from ..errors import IkunError
from .bounds_on_input import MAX_BITS, MAX_DEPTH, MAX_EXPONENT, MAX_NODES, MAX_ROOT
from .functions import CALLABLE, FUNCTIONS, RESERVED
from .scanner import NAME, Token, fail, read_number, scan
from .tree import (
    COMPARISONS,
    CONDITION,
    CONSTANTS,
    TRUTHS,
    And,
    Call,
    Cases,
    Compare,
    Many,
    Node,
    Num,
    Or,
    Power,
    Product,
    Sum,
    Truth,
    bits_of,
)

_UNARY = 6  # between the products and the powers of _INFIX, below
_T = TypeVar("_T")


def declarations(text: str, start: int) -> dict[str, Fraction]:
    """The parameters `name=number;name=number` in text[start:]."""
    found: dict[str, Fraction] = {}
    for part in text[start:].split(";"):
        at = start + len(part) - len(part.lstrip())
        name, equals, digits = (piece.strip() for piece in part.partition("="))
        if not equals or not re.fullmatch(NAME, name):
            fail(at, part.strip(), "this is not a parameter; after ';' write name=number, as in ';k=2;c=3'")
        if name in CONSTANTS or name.lower() in RESERVED:
            fail(at, name, "this name has a meaning already; choose another name for the parameter")
        if name in found:
            fail(at, name, "this parameter is given twice; keep one of them")
        found[name] = read_number(digits, start + part.index("=") + 1, f"parameter {name}")
        start += len(part) + 1
    return found


class Parser:
    """Precedence climbing. Sums and products are kept flat, so that depth is the user's own nesting."""

    def __init__(self, text: str) -> None:
        self.text, semicolon, _ = text.partition(";")
        self.params = declarations(text, len(self.text) + 1) if semicolon else {}
        self.used: set[str] = set()
        self.tokens = scan(self.text)
        self.index = self.depth = self.nodes = 0

    def parse(self) -> Node:
        if self.here.kind == "end":
            raise IkunError("expression is empty; write f'(x), for example '1/(1+k*abs(x))**2;k=25'")
        node = self.value()
        if self.here.kind != "end":
            self.unexpected()
        unused = [name for name in self.params if name not in self.used]
        if unused:
            raise IkunError(f"expression does not use its parameter {unused[0]!r}; remove ';{unused[0]}=...' or use it")
        return node

    # -- tokens

    @property
    def here(self) -> Token:
        return self.tokens[self.index]

    def take(self) -> Token:
        token = self.here
        self.index += 1
        return token

    def close(self, opened: Token) -> Token:
        return self.expect(")", f"to close the '(' at character {opened.at + 1}")

    def separated(self, item: Callable[[], _T]) -> list[_T]:
        """One or more of what `item` reads, with commas between."""
        found = [item()]
        while self.here.text == ",":
            self.take()
            found.append(item())
        return found

    def expect(self, op: str, why: str) -> Token:
        if self.here.text != op:
            fail(self.here.at, self.here.text, f"{op!r} is expected {why}")
        return self.take()

    def unexpected(self) -> NoReturn:
        token, advice = self.here, "an operator is expected"
        if token.text in ("==", "!="):
            advice = "equality holds on no interval; use < <= > >="
        elif token.text == ")":
            advice = "this parenthesis was never opened"
        elif token.kind in ("number", "name") or token.text == "(":
            advice = "an operator is missing before this; write a product with '*', as in 2*x"
        fail(token.at, token.text, advice)

    # -- grammar

    def value(self, floor: int = 0) -> Node:
        return self.typed(self.expression(floor), condition=False)

    def typed(self, node: Node, condition: bool) -> Node:
        """`node`, refused if it is a number where a condition must be or the reverse."""
        if isinstance(node, CONDITION) is not condition:
            what = (
                "a condition such as abs(x)<1 or True is needed here"
                if condition
                else "a condition is not a number; use heaviside(...) or piecewise((value, condition), (0, True))"
            )
            self.refuse(node, what)
        return node

    def expression(self, floor: int) -> Node:
        """The longest expression from here whose operators all bind tighter than `floor`."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            fail(self.here.at, self.here.text, f"nested deeper than {MAX_DEPTH} levels; write it flatter")
        left = self.prefix()
        while (infix := _INFIX.get(self.here.text)) and infix[0] > floor:
            left = infix[1](self, left, infix[0])
        self.depth -= 1
        return left

    def prefix(self) -> Node:
        token = self.here
        if token.kind == "number":
            self.take()
            return self.number(token.at, token.end, read_number(token.text, token.at, "number"))
        if token.kind == "name":
            return self.named(self.take())
        if token.text in ("-", "+"):
            self.take()
            operand = self.value(_UNARY)
            return self.negative(operand, token.at) if token.text == "-" else operand
        if token.text == "(":
            self.take()
            inner = self.expression(0)
            return replace(inner, at=token.at, end=self.close(token).end)
        if token.kind == "end":
            fail(token.at, "", "the expression stops too early; a number, name or '(' is expected")
        fail(token.at, token.text, "a number, name or '(' is expected here")

    def named(self, token: Token) -> Node:
        """x, pi, True, a parameter, or the call of a function."""
        at, end, name = token.at, token.end, token.text
        if self.here.text == "(" and name not in self.params:
            return self.call(token)
        if name in CONSTANTS:
            return self.count(CONSTANTS[name](at, end))
        if name in self.params:
            self.used.add(name)
            return self.number(at, end, self.params[name])
        if name.lower() in TRUTHS:
            return self.count(Truth(at, end, TRUTHS[name.lower()]))
        if name.lower() in RESERVED:
            fail(at, name, f"this is a function; write its argument in parentheses, as in {name.lower()}(x)")
        declared = "".join(f", {other}" for other in self.params)
        advice = "write exp(1)" if name == "E" else f"declare a parameter at the end, as in ';{name[:20]}=2'"
        fail(at, name, f"unknown name; the names are x, pi{declared}; {advice}")

    def call(self, token: Token) -> Node:
        name = token.text.lower()
        if name not in CALLABLE:
            near = difflib.get_close_matches(name, CALLABLE, n=2, cutoff=0.6)
            hint = f"did you mean {' or '.join(near)}?" if near else f"the functions are {' '.join(CALLABLE)}"
            fail(token.at, token.text, f"unknown function; {hint}")
        if name == "piecewise":
            return self.cases(token)
        opened = self.take()
        args = self.separated(self.value) if self.here.text != ")" else []
        closed = self.close(opened)
        function = FUNCTIONS[name]
        if not function.least <= len(args) <= function.most:
            fail(token.at, token.text, f"{name} takes {function.arity}, not {len(args)}")
        weight = function.copies * sum(a.weight for a in args) + 1
        if function.copies > 1 and weight > MAX_BITS:
            fail(token.at, token.text, f"written with exp this is too large; use fewer nested {name} or shorter arguments")
        return self.count(Call(token.at, closed.end, tuple(args), name, weight=weight))

    def cases(self, token: Token) -> Node:
        """piecewise((value, condition), ..., (value, True)); the first condition that holds decides."""
        opened = self.take()
        found = self.separated(self.case)
        closed = self.close(opened)
        if not (isinstance(found[-1][1], Truth) and found[-1][1].value):
            why = "piecewise has no value outside its conditions; end it with (value, True), as in (0, True)"
            fail(token.at, token.text, why)
        return self.count(Cases(token.at, closed.end, tuple(found), weight=max(v.weight for v, _ in found) + 1))

    def case(self) -> tuple[Node, Node]:
        self.expect("(", "before each (value, condition) of piecewise")
        value = self.value()
        self.expect(",", "between the value and the condition of piecewise")
        condition = self.expression(0)
        if self.here.text in ("==", "!="):
            self.unexpected()
        self.typed(condition, condition=True)
        self.expect(")", "after each (value, condition) of piecewise")
        return value, condition

    # -- nodes

    def refuse(self, node: Node, what: str) -> NoReturn:
        fail(node.at, self.text[node.at : node.end], what)

    def count(self, node: Any) -> Any:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            self.refuse(node, f"the expression has more than {MAX_NODES} parts; write a shorter one")
        return node

    def number(self, at: int, end: int, value: Fraction) -> Node:
        return self.count(Num(at, end, value, weight=bits_of(value)))

    def many(self, kind: type[Many], args: Sequence[Node], fold: Callable[[Fraction, Fraction], Fraction]) -> Node:
        """A flat sum or product; numbers are added or multiplied at once, so that 1/2 is a number."""
        at, end = min(a.at for a in args), max(a.end for a in args)
        if all(isinstance(a, Num) for a in args):
            value = functools.reduce(fold, (a.value for a in args))  # type: ignore[attr-defined]
            if bits_of(value) > MAX_BITS:
                fail(at, self.text[at:end], f"a number of more than {MAX_BITS} bits; write a smaller one")
            return self.number(at, end, value)
        return self.count(kind(at, end, _flat(kind, args), weight=sum(a.weight for a in args)))

    def product(self, *args: Node) -> Node:
        return self.many(Product, args, operator.mul)

    def negative(self, node: Node, at: int) -> Node:
        return self.product(Num(at, at, Fraction(-1), weight=bits_of(-1)), node)

    def power(self, base: Node, exponent: Fraction, end: int) -> Node:
        """base**exponent, refused before anything is computed if it could be large."""
        whole = replace(base, end=end)
        if abs(exponent) > MAX_EXPONENT or exponent.denominator > MAX_ROOT:
            given = str(exponent) if bits_of(exponent) < 60 else "this"
            bounds = f"at most {MAX_EXPONENT} in magnitude, with a denominator up to {MAX_ROOT}"
            self.refuse(whole, f"{given} is not allowed as an exponent; {bounds}")
        weight = base.weight * max(1, math.ceil(abs(exponent)))
        if weight > MAX_BITS:
            self.refuse(whole, f"this power is too large (over {MAX_BITS} bits, or that degree); use a smaller one")
        if isinstance(base, Num):
            if base.value == 0 and exponent < 0:
                self.refuse(whole, "division by zero; the denominator must not be 0")
            if exponent.denominator == 1:
                return self.number(base.at, end, base.value**exponent.numerator)
        return self.count(Power(base.at, end, base, exponent, weight=weight))

    # -- infix operators

    def infix_arithmetic(self, left: Node, binding: int) -> Node:
        op = self.take().text
        self.typed(left, condition=False)
        right = self.value(_UNARY if op == "**" else binding)  # so that 2**3**2 = 2**(3**2) and 2**-1 are read
        if op == "**":
            if not isinstance(right, Num):
                self.refuse(right, "an exponent must be a rational number; write a**b as exp(b*log(a))")
            return self.power(left, right.value, right.end)
        if op in "*/":
            return self.product(left, self.power(right, Fraction(-1), right.end) if op == "/" else right)
        return self.many(Sum, (left, self.negative(right, right.at) if op == "-" else right), operator.add)

    def infix_compare(self, left: Node, binding: int) -> Node:
        """a < b, and a < b <= c as (a < b) & (b <= c)."""
        found = []
        while self.here.text in COMPARISONS:
            op = self.take().text
            self.typed(left, condition=False)
            right = self.value(binding)
            found.append(self.count(Compare(left.at, right.end, op, left, right)))
            left = right
        return found[0] if len(found) == 1 else And(found[0].at, found[-1].end, tuple(found))

    def infix_logic(self, left: Node, binding: int) -> Node:
        kind = And if self.take().text == "&" else Or
        args = self.typed(left, condition=True), self.typed(self.expression(binding), condition=True)
        return self.count(kind(left.at, args[1].end, _flat(kind, args)))


def _flat(kind: type[Many], args: Sequence[Node]) -> tuple[Node, ...]:
    return tuple(part for a in args for part in (a.args if isinstance(a, kind) else (a,)))


_INFIX: dict[str, tuple[int, Callable[[Parser, Node, int], Node]]] = {  # how tightly it binds, what it makes
    "|": (1, Parser.infix_logic),
    "&": (2, Parser.infix_logic),
    **dict.fromkeys(COMPARISONS, (3, Parser.infix_compare)),
    **dict.fromkeys("+-", (4, Parser.infix_arithmetic)),
    **dict.fromkeys("*/", (5, Parser.infix_arithmetic)),
    "**": (7, Parser.infix_arithmetic),
}
