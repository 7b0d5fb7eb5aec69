"""Shared by all printers of the intermediate program: precedence, statements, the order of a file.

A target is a subclass that gives the syntax of its language.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import fields, is_dataclass

from .program import (
    Binary,
    Call,
    Constant,
    Expression,
    Function,
    Item,
    Let,
    Loop,
    Math,
    Name,
    Negative,
    Number,
    Program,
    Select,
    Span,
    Statement,
    Sum,
    Table,
)

TERNARY, AND, COMPARISON, TERM, FACTOR, ATOM = range(6)
LEVELS = {"&": AND, "<": COMPARISON, "<=": COMPARISON, ">=": COMPARISON, "==": COMPARISON}
LEVELS |= {"+": TERM, "-": TERM, "*": FACTOR, "/": FACTOR}


def digits(value: float) -> str:
    """The shortest decimal that gives this float, never written as an integer."""
    text = repr(value)
    return text if any(mark in text for mark in ".en") else text + ".0"


def digits17(value: float) -> str:
    """17 significant digits."""
    text = f"{value:.17g}"
    return text if any(mark in text for mark in ".en") else text + ".0"


def names_in(node: object) -> set[str]:
    """All names that an expression or a statement reads."""
    if isinstance(node, Name):
        return {node.text}
    found: set[str] = set()
    if isinstance(node, tuple):
        for part in node:
            found |= names_in(part)
    elif is_dataclass(node):
        for item in fields(node):
            found |= names_in(getattr(node, item.name))
    return found


class Printer:
    """Prints one program as the text of one file."""

    indent = "    "
    comment = "//"
    end = ";"
    infinity, nan = "INFINITY", "NAN"
    conjunction = "&&"
    functions: dict[str, str] = {}

    def __init__(self, program: Program) -> None:
        self.program = program
        self.by_name = {f.name: f for f in program.functions}

    # --- expressions ---------------------------------------------------------------------------------------------------

    def number(self, value: float) -> str:
        if math.isinf(value):
            return self.infinity
        return self.nan if math.isnan(value) else digits(value)

    def at(self, node: Expression, level: int) -> str:
        text, binds = self.expression(node)
        return text if binds >= level else f"({text})"

    def plain(self, node: Expression) -> str:
        return self.expression(node)[0]

    def expression(self, node: Expression) -> tuple[str, int]:
        """(text, precedence of its outermost operator)."""
        if isinstance(node, Number):
            return self.number(node.value), ATOM
        if isinstance(node, Name):
            return self.variable(node.text), ATOM
        if isinstance(node, Negative):
            return f"-{self.at(node.of, ATOM)}", FACTOR
        if isinstance(node, Binary):
            return self.binary(node)
        if isinstance(node, Math):
            return self.math(node.function, [self.plain(arg) for arg in node.args], node), ATOM
        if isinstance(node, Call):
            return f"{self.function_name(node.function)}({', '.join(self.plain(arg) for arg in node.args)})", ATOM
        if isinstance(node, Select):
            return self.select(node)
        if isinstance(node, Item):
            return f"{self.table_name(node.table)}[{self.index(node)}]", ATOM
        raise TypeError(f"{type(node).__name__} is no expression")

    def binary(self, node: Binary) -> tuple[str, int]:
        level = LEVELS[node.symbol]
        symbol = self.conjunction if node.symbol == "&" else node.symbol
        right = level + 1 if node.symbol in "-/+*" else TERM
        return f"{self.at(node.left, level if level >= TERM else TERM)} {symbol} {self.at(node.right, right)}", level

    def select(self, node: Select) -> tuple[str, int]:
        condition = self.at(node.condition, COMPARISON)
        return f"{condition} ? {self.at(node.then, COMPARISON)} : {self.at(node.other, COMPARISON)}", TERNARY

    def math(self, function: str, args: list[str], node: Math) -> str:
        return f"{self.functions[function]}({', '.join(args)})"

    def index(self, node: Item) -> str:
        offset = node.offset if isinstance(node.offset, str) else str(node.offset)
        if node.row is None:
            return offset
        row = f"{self.whole(self.plain(node.row))} * {node.stride}"
        return row if offset == "0" else f"{row} + {offset}"

    # --- names ---------------------------------------------------------------------------------------------------------

    def variable(self, name: str) -> str:
        return name

    def function_name(self, name: str) -> str:
        return name

    def table_name(self, name: str) -> str:
        return name

    # --- what languages spell differently ------------------------------------------------------------------------------

    def whole(self, text: str) -> str:
        """A float with a whole value, converted to an index."""
        raise NotImplementedError

    def let(self, name: str, value: str, first: bool, changes: bool) -> str:
        """A binding. `first`: the name is new here; `changes`: it gets another value later."""
        raise NotImplementedError

    def loop(self, node: Loop, depth: int) -> list[str]:
        raise NotImplementedError

    def sum(self, node: Sum | Span, depth: int) -> list[str]:
        raise NotImplementedError

    def define(self, node: Function) -> list[str]:
        raise NotImplementedError

    def constant(self, node: Constant) -> list[str]:
        raise NotImplementedError

    def table(self, node: Table) -> list[str]:
        raise NotImplementedError

    def before(self) -> list[str]:
        return []

    def after(self) -> list[str]:
        return []

    # --- statements and the file ---------------------------------------------------------------------------------------

    def body(self, node: Function, depth: int = 1) -> list[str]:
        changing = {name for statement in node.body if isinstance(statement, Loop) for name in statement.state}
        lines: list[str] = []
        for statement in node.body:
            lines += self.statement(statement, depth, changing, True)
        return lines

    def statement(self, node: Statement, depth: int, changing: Iterable[str], first: bool) -> list[str]:
        if isinstance(node, Let):
            name = self.variable(node.name)
            return [self.indent * depth + self.let(name, self.plain(node.value), first, node.name in changing)]
        return self.loop(node, depth) if isinstance(node, Loop) else self.sum(node, depth)

    def loop_body(self, node: Loop, depth: int) -> list[str]:
        lines = []
        for let in node.body:
            lines += self.statement(let, depth, (), let.name not in node.state)
        return lines

    def unused(self, node: Function) -> list[str]:
        """Parameters that a (public) function does not read."""
        read = names_in(node.body) | names_in(node.result)
        return [self.variable(p) for p in node.params if p not in read]

    def rows(self, values: tuple[float, ...], per_line: int = 4) -> list[str]:
        texts = [self.number(value) for value in values]
        lines = [", ".join(texts[i : i + per_line]) + "," for i in range(0, len(texts), per_line)]
        return [self.indent + line for line in lines]

    def header(self) -> list[str]:
        return [f"{self.comment} {line}".rstrip() for line in self.program.header]

    def text(self) -> str:
        lines = [*self.header(), "", *self.before()]
        for constant in self.program.constants:
            lines += self.constant(constant)
        for table in self.program.tables:
            lines += ["", *self.table(table)]
        for function in self.program.functions:
            lines += [*self.gap(), *self.define(function)]
        return "\n".join([*lines, *self.after()]).rstrip("\n") + "\n"

    def gap(self) -> list[str]:
        return [""]
