"""What C, C++, Rust and JavaScript share: syntax with braces."""

from __future__ import annotations

from .printer import Printer
from .program import Loop, Span, Sum


class Braces(Printer):
    counter = "int {0} = {1}; {0} < {2}; ++{0}"
    """The head of a counting loop; in parentheses if `parentheses` is set."""
    parentheses = True

    def let(self, name: str, value: str, first: bool, changes: bool) -> str:
        if not first:
            return f"{name} = {value}{self.end}"
        return f"{self.declaration(name, changes)} = {value}{self.end}"

    def declaration(self, name: str, changes: bool) -> str:
        raise NotImplementedError

    def condition(self, text: str) -> str:
        return f"({text})" if self.parentheses else text

    def as_float(self, name: str) -> str:
        """A loop counter as a float."""
        return name

    def loop(self, node: Loop, depth: int) -> list[str]:
        pad = self.indent * depth
        index = node.index if f"offset={node.index!r}" in repr(node.body) else self.idle(node.index)
        head = self.condition(self.counter.format(index, node.start, node.stop))
        return [f"{pad}for {head} {{", *self.loop_body(node, depth + 1), f"{pad}}}"]

    def idle(self, name: str) -> str:
        """The name of a loop counter that is not read."""
        return name

    def sum(self, node: Sum | Span, depth: int) -> list[str]:
        pad, name, function = self.indent * depth, self.variable(node.name), self.function_name(node.function)
        args = ", ".join(self.plain(arg) for arg in node.args)
        lines = [f"{pad}{self.declaration(name, True)} = 0.0{self.end}"]
        inner, closing = depth, []
        if isinstance(node, Sum) and node.when is not None:
            lines.append(f"{pad}if {self.condition(self.plain(node.when))} {{")
            inner, closing = depth + 1, [f"{pad}}}"]
        deep = self.indent * inner
        if isinstance(node, Sum):
            head = self.condition(self.counter.format("i", 0, node.count))
            lines += [
                f"{deep}for {head} {{",
                f"{deep}{self.indent}{name} += {function}({self.as_float('i')}, {args}){self.end}",
                f"{deep}}}",
            ]
        else:
            within = deep + self.indent  # a scope of its own: one function may sum over several tails
            lines += [
                f"{deep}{{",
                f"{within}{self.declaration('n', True)} = {self.plain(node.first)}{self.end}",
                f"{within}while {self.condition('n <= ' + self.plain(node.last))} {{",
                f"{within}{self.indent}{name} += {function}(n, {args}){self.end}",
                f"{within}{self.indent}n += 1.0{self.end}",
                f"{within}}}",
                f"{deep}}}",
            ]
        return [*lines, *closing]
