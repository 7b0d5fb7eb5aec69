"""Target `javascript`: an ECMAScript module."""

from __future__ import annotations

from . import drivers
from .build import build
from .c_family import Braces
from .printer import digits, digits17
from .program import FUNCTIONS, Binary, Constant, Function, Table
from .target import TARGETS, Target


class JavaScript(Braces):
    infinity, nan = "Infinity", "NaN"
    counter = "let {0} = {1}; {0} < {2}; {0} += 1"
    indent = "  "
    functions = {name: f"Math.{name}" for name in FUNCTIONS}

    def variable(self, name: str) -> str:
        return "variance" if name == "var" else name  # `var` is a keyword

    def binary(self, node: Binary) -> tuple[str, int]:
        text, level = super().binary(node)
        return text.replace(" == ", " === "), level

    def whole(self, text: str) -> str:
        return text

    def declaration(self, name: str, changes: bool) -> str:
        return f"let {name}" if changes else f"const {name}"

    def constant(self, node: Constant) -> list[str]:
        return [f"/** {node.comment} */", f"export const {node.name} = {digits17(node.value)};"]

    def table(self, node: Table) -> list[str]:
        return [f"const {self.table_name(node.name)} = [", *self.rows(node.values), "];"]

    def define(self, node: Function) -> list[str]:
        first = len(node.params) - len(node.defaults)
        params = [self.variable(p) for p in node.params[:first]]
        params += [f"{p} = {digits(d)}" for p, d in zip(node.params[first:], node.defaults, strict=True)]
        return [
            f"/** {node.doc} */",
            f"{'export ' if node.public else ''}function {self.function_name(node.name)}({', '.join(params)}) {{",
            *self.body(node),
            f"{self.indent}return {self.plain(node.result)};",
            "}",
        ]


TARGETS.register(Target("javascript", ".mjs", lambda work: JavaScript(build(work)).text(), drivers.javascript))
