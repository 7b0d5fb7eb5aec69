"""Target `julia`: a module that needs Base only."""

from __future__ import annotations

from . import drivers
from .build import build
from .printer import Printer, digits, digits17
from .program import Constant, Function, Item, Loop, Math, Span, Sum, Table
from .target import TARGETS, Target


class Julia(Printer):
    comment, end = "#", ""
    infinity, nan = "Inf", "NaN"
    functions = {name: name for name in ("exp", "log", "sqrt", "abs", "sin", "cos", "atan", "floor", "min", "max")} | {
        "pow": "^"
    }

    def math(self, function: str, args: list[str], node: Math) -> str:
        return f"({args[0]})^({args[1]})" if function == "pow" else super().math(function, args, node)

    def index(self, node: Item) -> str:
        return super().index(node) + " + 1"  # array indices begin at 1

    def whole(self, text: str) -> str:
        return f"Int({text})"

    def let(self, name: str, value: str, first: bool, changes: bool) -> str:
        return f"{name} = {value}"

    def before(self) -> list[str]:
        return [f"module {self.program.name}", ""]

    def after(self) -> list[str]:
        return ["", "end"]

    def constant(self, node: Constant) -> list[str]:
        return [f"# {node.comment}", f"const {node.name} = {digits17(node.value)}"]

    def table(self, node: Table) -> list[str]:
        return [f"const {self.table_name(node.name)} = [", *self.rows(node.values), "]"]

    def loop(self, node: Loop, depth: int) -> list[str]:
        pad = self.indent * depth
        return [f"{pad}for {node.index} in {node.start}:{node.stop - 1}", *self.loop_body(node, depth + 1), f"{pad}end"]

    def sum(self, node: Sum | Span, depth: int) -> list[str]:
        pad, args = self.indent * depth, ", ".join(self.plain(arg) for arg in node.args)
        lines, inner = [f"{pad}{node.name} = 0.0"], depth
        when = node.when if isinstance(node, Sum) else None
        if when is not None:
            lines.append(f"{pad}if {self.plain(when)}")
            inner += 1
        deep = self.indent * inner
        if isinstance(node, Sum):
            first, last = "0.0", f"{node.count - 1}.0"
        else:
            first, last = self.plain(node.first), self.plain(node.last)
        lines += [f"{deep}for n in ({first}):({last})"]
        lines += [f"{deep}{self.indent}{node.name} += {self.function_name(node.function)}(n, {args})", f"{deep}end"]
        return [*lines, f"{pad}end"] if when is not None else lines

    def define(self, node: Function) -> list[str]:
        first = len(node.params) - len(node.defaults)
        params = [*node.params[:first]]
        params += [f"{p}={digits(d)}" for p, d in zip(node.params[first:], node.defaults, strict=True)]
        return [
            f"# {node.doc}",
            f"function {self.function_name(node.name)}({', '.join(params)})",
            *self.body(node),
            f"{self.indent}return {self.plain(node.result)}",
            "end",
        ]


TARGETS.register(Target("julia", ".jl", lambda work: Julia(build(work)).text(), drivers.julia))
