"""From tokens to the tree: a precedence parser."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any, NoReturn

from ..errors import IkunError
from .bounds_on_input import MAX_BITS, MAX_DEPTH, MAX_EXPONENT, MAX_NODES, MAX_ROOT
from .functions import FUNCTIONS, RESERVED, function_names
from .scanner import ALLOWED, Token, fail, read_number, scan
from .tree import (
    COMPARISONS,
    CONDITION,
    TRUTHS,
    Call,
    Cases,
    Compare,
    Logic,
    Many,
    Node,
    Num,
    Pi,
    Power,
    Product,
    Sum,
    Truth,
    X,
    bits_of,
)

_BINDING = {"|": 1, "&": 2, **dict.fromkeys(COMPARISONS, 3), "+": 4, "-": 4, "*": 5, "/": 5, "**": 7}
_UNARY = 6
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def declarations(text: str, start: int) -> dict[str, Fraction]:
    """The parameters `name=number;name=number` in text[start:]."""
    found: dict[str, Fraction] = {}
    for part in text[start:].split(";"):
        at = start + len(part) - len(part.lstrip())
        name, equals, digits = (piece.strip() for piece in part.partition("="))
        if not equals or not _NAME.fullmatch(name):
            fail(at, part.strip(), "this is not a parameter; after ';' write name=number, as in ';k=2;c=3'")
        if name in ("x", "pi") or name.lower() in RESERVED:
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

    def expect(self, op: str, why: str) -> Token:
        if self.here.text != op:
            fail(self.here.at, self.here.text, f"{op!r} is expected {why}")
        return self.take()

    def unexpected(self) -> NoReturn:
        token, before = self.here, self.tokens[self.index - 1] if self.index else None
        advice = "an operator is expected" if before else f"allowed are {ALLOWED}"
        if token.text in ("==", "!="):
            advice = "equality holds on no interval; use < <= > >="
        elif token.text == ")":
            advice = "this parenthesis was never opened"
        elif token.kind in ("number", "name") or token.text == "(":
            advice = "an operator is missing before this; write a product with '*', as in 2*x"
        fail(token.at, token.text, advice)

    # -- grammar

    def value(self) -> Node:
        return self.typed(self.expression(0), condition=False)

    def typed(self, node: Node, condition: bool) -> Node:
        """`node`, refused if it is a number where a condition must be or the reverse."""
        if isinstance(node, CONDITION) is not condition:
            what = (
                "a condition such as abs(x)<1 or True is needed here"
                if condition
                else "a condition is not a number; use heaviside(...) or piecewise((value, condition), (0, True))"
            )
            fail(node.at, self.text[node.at : node.end], what)
        return node

    def expression(self, floor: int) -> Node:
        """The longest expression from here whose operators all bind tighter than `floor`."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            fail(self.here.at, self.here.text, f"nested deeper than {MAX_DEPTH} levels; write it flatter")
        left = self.prefix()
        while (binding := _BINDING.get(self.here.text, 0)) > floor:
            left = _INFIX[self.here.text](self, left, binding)
        self.depth -= 1
        return left

    def prefix(self) -> Node:
        token = self.here
        if token.kind == "number":
            self.take()
            return self.count(Num(token.at, token.end, read_number(token.text, token.at, "number")))
        if token.kind == "name":
            return self.named(self.take())
        if token.text in ("-", "+"):
            self.take()
            operand = self.typed(self.expression(_UNARY), condition=False)
            return self.product((Num(token.at, token.at, Fraction(-1)), operand)) if token.text == "-" else operand
        if token.text == "(":
            self.take()
            inner = self.expression(0)
            closed = self.expect(")", f"to close the '(' at character {token.at + 1}")
            return replace(inner, at=token.at, end=closed.end)
        if token.kind == "end":
            fail(token.at, "", "the expression stops too early; a number, name or '(' is expected")
        fail(token.at, token.text, "a number, name or '(' is expected here")

    def named(self, token: Token) -> Node:
        """x, pi, True, a parameter, or the call of a function."""
        at, end, name = token.at, token.end, token.text
        if self.here.text == "(" and name not in self.params:
            return self.call(token)
        if name in _CONSTANTS:
            return self.count(_CONSTANTS[name](at, end))
        if name in self.params:
            self.used.add(name)
            return self.count(Num(at, end, self.params[name]))
        if name.lower() in TRUTHS:
            return self.count(Truth(at, end, TRUTHS[name.lower()]))
        if name.lower() in RESERVED:
            fail(at, name, f"this is a function; write its argument in parentheses, as in {name.lower()}(x)")
        declared = "".join(f", {other}" for other in self.params)
        advice = "write exp(1)" if name == "E" else f"declare a parameter at the end, as in ';{name[:20]}=2'"
        fail(at, name, f"unknown name; the names are x, pi{declared}; {advice}")

    def call(self, token: Token) -> Node:
        name = token.text.lower()
        if name not in RESERVED or name in TRUTHS:
            near = difflib.get_close_matches(name, [n for n in RESERVED if n not in TRUTHS], n=2, cutoff=0.6)
            hint = f"did you mean {' or '.join(near)}?" if near else f"the functions are {function_names()}"
            fail(token.at, token.text, f"unknown function; {hint}")
        if name == "piecewise":
            return self.cases(token)
        opened = self.take()
        args = [self.value()] if self.here.text != ")" else []
        while self.here.text == ",":
            self.take()
            args.append(self.value())
        closed = self.expect(")", f"to close the '(' at character {opened.at + 1}")
        low, high, wanted = FUNCTIONS[name].least, FUNCTIONS[name].most, FUNCTIONS[name].arity
        if not low <= len(args) <= high:
            fail(token.at, token.text, f"{name} takes {wanted}, not {len(args)}")
        size = FUNCTIONS[name].copies * sum(a.weight for a in args) + 1
        if FUNCTIONS[name].copies > 1 and size > MAX_BITS:
            fail(token.at, token.text, f"written with exp this is too large; use fewer nested {name} or shorter arguments")
        return self.count(Call(token.at, closed.end, tuple(args), size, name))

    def cases(self, token: Token) -> Node:
        """piecewise((value, condition), ..., (value, True)); the first condition that holds decides."""
        opened, found = self.take(), []
        while True:
            self.expect("(", "before each (value, condition) of piecewise")
            value = self.value()
            self.expect(",", "between the value and the condition of piecewise")
            condition = self.expression(0)
            if self.here.text in ("==", "!="):
                self.unexpected()
            found.append((value, self.typed(condition, condition=True)))
            self.expect(")", "after each (value, condition) of piecewise")
            if self.here.text != ",":
                break
            self.take()
        closed = self.expect(")", f"to close the '(' at character {opened.at + 1}")
        if not (isinstance(found[-1][1], Truth) and found[-1][1].value):
            fail(
                token.at,
                token.text,
                "piecewise has no value outside its conditions; end it with (value, True), as in (0, True)",
            )
        return self.count(Cases(token.at, closed.end, tuple(found), max(v.weight for v, _ in found) + 1))

    # -- nodes

    def count(self, node: Any) -> Any:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            fail(node.at, self.text[node.at : node.end], f"the expression has more than {MAX_NODES} parts; write a shorter one")
        return node

    def many(self, kind: type[Many], args: Sequence[Node], fold: Callable[[Fraction, Fraction], Fraction]) -> Node:
        """A flat sum or product; numbers are added or multiplied at once, so that 1/2 is a number."""
        at, end = min(a.at for a in args), max(a.end for a in args)
        if all(isinstance(a, Num) for a in args):
            value = args[0].value  # type: ignore[attr-defined]
            for other in args[1:]:
                value = fold(value, other.value)  # type: ignore[attr-defined]
            if bits_of(value) > MAX_BITS:
                fail(at, self.text[at:end], f"a number of more than {MAX_BITS} bits; write a smaller one")
            return self.count(Num(at, end, value))
        flat = tuple(part for a in args for part in (a.args if isinstance(a, kind) else (a,)))
        return self.count(kind(at, end, flat, sum(a.weight for a in flat)))

    def product(self, args: Sequence[Node]) -> Node:
        return self.many(Product, args, lambda a, b: a * b)

    def power(self, base: Node, exponent: Fraction, end: int) -> Node:
        """base**exponent, refused before anything is computed if it could be large."""
        shown = self.text[base.at : end]
        if abs(exponent) > MAX_EXPONENT or exponent.denominator > MAX_ROOT:
            given = str(exponent) if bits_of(exponent) < 60 else "this"
            bounds = f"at most {MAX_EXPONENT} in magnitude, with a denominator up to {MAX_ROOT}"
            fail(base.at, shown, f"{given} is not allowed as an exponent; {bounds}")
        size = base.weight * max(1, math.ceil(abs(exponent)))
        if size > MAX_BITS:
            fail(base.at, shown, f"this power is too large (over {MAX_BITS} bits, or that degree); use a smaller one")
        if isinstance(base, Num):
            if base.value == 0 and exponent < 0:
                fail(base.at, shown, "division by zero; the denominator must not be 0")
            if exponent.denominator == 1:
                return self.count(Num(base.at, end, base.value**exponent.numerator))
        return self.count(Power(base.at, end, base, exponent, size))

    # -- infix operators

    def infix_sum(self, left: Node, binding: int) -> Node:
        token = self.take()
        right = self.operand(left, binding)
        if token.text == "-":
            right = self.product((Num(right.at, right.at, Fraction(-1)), right))
        return self.many(Sum, (left, right), lambda a, b: a + b)

    def infix_product(self, left: Node, binding: int) -> Node:
        token = self.take()
        right = self.operand(left, binding)
        if token.text == "/":
            right = self.power(right, Fraction(-1), right.end)
        return self.product((left, right))

    def infix_power(self, left: Node, binding: int) -> Node:
        self.take()
        right = self.operand(left, _UNARY - 1)  # so that 2**3**2 = 2**(3**2) and 2**-1 are read
        if not isinstance(right, Num):
            fail(
                right.at, self.text[right.at : right.end], "an exponent must be a rational number; write a**b as exp(b*log(a))"
            )
        return self.power(left, right.value, right.end)

    def operand(self, left: Node, binding: int) -> Node:
        self.typed(left, condition=False)
        return self.typed(self.expression(binding), condition=False)

    def infix_compare(self, left: Node, binding: int) -> Node:
        """a < b, and a < b <= c as (a < b) & (b <= c)."""
        found = []
        while self.here.text in COMPARISONS:
            op = self.take().text
            right = self.operand(left, binding)
            found.append(self.count(Compare(left.at, right.end, op, left, right)))
            left = right
        return found[0] if len(found) == 1 else Logic(found[0].at, found[-1].end, "&", tuple(found))

    def infix_logic(self, left: Node, binding: int) -> Node:
        op = self.take().text
        left = self.typed(left, condition=True)
        right = self.typed(self.expression(binding), condition=True)
        flat = tuple(part for a in (left, right) for part in (a.args if isinstance(a, Logic) and a.op == op else (a,)))
        return self.count(Logic(left.at, right.end, op, flat))


_INFIX: dict[str, Callable[[Parser, Node, int], Node]] = {
    **dict.fromkeys("+-", Parser.infix_sum),
    **dict.fromkeys("*/", Parser.infix_product),
    **dict.fromkeys(COMPARISONS, Parser.infix_compare),
    **dict.fromkeys("&|", Parser.infix_logic),
    "**": Parser.infix_power,
}
_CONSTANTS: dict[str, type[Node]] = {"x": X, "pi": Pi}
