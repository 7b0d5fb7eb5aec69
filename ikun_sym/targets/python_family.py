"""Shared by the targets in Python: syntax, signatures, docstrings."""

from __future__ import annotations

from .printer import ATOM, Printer, digits, digits17
from .program import Constant, Function, Loop, Select, Span, Sum, Table


class PythonSyntax(Printer):
    comment, end = "#", ""
    infinity, nan = "math.inf", "math.nan"
    conjunction = "and"
    imports: tuple[str, ...] = ("import math",)
    helpers: tuple[str, ...] = ()
    decorator = ""
    """Line before each public function."""

    def whole(self, text: str) -> str:
        return f"int({text})"

    def let(self, name: str, value: str, first: bool, changes: bool) -> str:
        return f"{name} = {value}"

    def table_name(self, name: str) -> str:
        return name.upper()

    def before(self) -> list[str]:
        return [*self.imports, ""]

    def constant(self, node: Constant) -> list[str]:
        return [f"{node.name} = {digits17(node.value)}  # {node.comment}"]

    def table(self, node: Table) -> list[str]:
        return [f"{self.table_name(node.name)} = (", *self.rows(node.values), ")"]

    def gap(self) -> list[str]:
        return ["", ""]

    def signature(self, node: Function) -> str:
        first = len(node.params) - len(node.defaults)
        params = [*node.params[:first]]
        params += [f"{p}={digits(d)}" for p, d in zip(node.params[first:], node.defaults, strict=True)]
        return f"def {self.function_name(node.name)}({', '.join(params)}):"

    def entry(self, node: Function) -> list[str]:
        """The first lines of a public function."""
        return []

    def result(self, node: Function) -> str:
        return self.plain(node.result)

    def define(self, node: Function) -> list[str]:
        return [
            *([self.decorator] if node.public and self.decorator else []),
            self.signature(node),
            f'{self.indent}"""{node.doc}"""',
            *(self.entry(node) if node.public else []),
            *self.body(node),
            f"{self.indent}return {self.result(node)}",
        ]

    def loop(self, node: Loop, depth: int) -> list[str]:
        pad = self.indent * depth
        span = f"{node.start}, {node.stop}" if node.start else str(node.stop)
        return [f"{pad}for {node.index} in range({span}):", *self.loop_body(node, depth + 1)]


class Arrays(PythonSyntax):
    """Element by element: `where` for a choice, helpers for sums and lazy choices."""

    where = "where"

    def select(self, node: Select) -> tuple[str, int]:
        condition, then, other = (self.plain(part) for part in (node.condition, node.then, node.other))
        if node.lazy:
            return f"_choose({condition}, lambda: {then}, lambda: {other})", ATOM
        return f"{self.where}({condition}, {then}, {other})", ATOM

    def sum(self, node: Sum | Span, depth: int) -> list[str]:
        pad, args = self.indent * depth, ", ".join(self.plain(arg) for arg in node.args)
        function, name = self.function_name(node.function), node.name
        if isinstance(node, Sum):
            return [f"{pad}{name} = _sum({function}, {node.count}, {args})"]
        return [f"{pad}{name} = _span({function}, {self.plain(node.first)}, {self.plain(node.last)}, {args})"]

    def result(self, node: Function) -> str:
        """The result; in public functions broadcast to the common shape of all arguments."""
        text = super().result(node)
        if node.public:
            first = node.params[: len(node.params) - len(node.defaults)]
            missing = [p for p in self.unused(node) if p in first]
            text = " + ".join([f"({text})" if missing else text, *(f"0.0 * {p}" for p in missing)])
        return text

    def text(self) -> str:
        """The file. Helpers that are called stand before the first function."""
        whole = super().text()
        called = [helper for helper in self.helpers if f"{helper.split('(')[0].removeprefix('def ')}(" in whole]
        marker = (
            f"\n\n\n{self.decorator}\ndef " if self.decorator and f"\n\n\n{self.decorator}\ndef " in whole else "\n\n\ndef "
        )
        position = min(whole.find(m) for m in (marker, "\n\n\ndef ") if m in whole)
        return whole[:position] + "".join(f"\n\n\n{helper}" for helper in called) + whole[position:]
