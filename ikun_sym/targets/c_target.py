"""Target `c`: a C99 header of static functions; link with -lm."""

from __future__ import annotations

from . import drivers
from .build import build
from .c_family import Braces
from .printer import digits17
from .program import FUNCTIONS, Constant, Function, Table
from .target import TARGETS, Target

MATH = {"abs": "fabs", "min": "fmin", "max": "fmax"}


class C(Braces):
    functions = {name: MATH.get(name, name) for name in FUNCTIONS}

    def function_name(self, name: str) -> str:
        return f"{self.program.name}_{name.lstrip('_')}"

    table_name = function_name

    def whole(self, text: str) -> str:
        return f"(int)({text})"

    def declaration(self, name: str, changes: bool) -> str:
        return f"double {name}" if changes else f"const double {name}"

    def as_float(self, name: str) -> str:
        return f"(double){name}"

    def before(self) -> list[str]:
        guard = f"{self.program.name.upper()}_H"
        return [f"#ifndef {guard}", f"#define {guard}", "", "#include <math.h>", ""]

    def after(self) -> list[str]:
        return ["", "#endif"]

    def constant(self, node: Constant) -> list[str]:
        return [f"// {node.comment}", f"#define {self.program.name.upper()}_{node.name} {digits17(node.value)}"]

    def table(self, node: Table) -> list[str]:
        head = f"static const double {self.table_name(node.name)}[{len(node.values)}] = {{"
        return [head, *self.rows(node.values), "};"]

    def define(self, node: Function) -> list[str]:
        params = ", ".join(f"double {p}" for p in node.params) or "void"
        return [
            f"// {node.doc}",
            f"static inline double {self.function_name(node.name)}({params}) {{",
            *(f"{self.indent}(void){p};" for p in self.unused(node)),
            *self.body(node),
            f"{self.indent}return {self.plain(node.result)};",
            "}",
        ]


TARGETS.register(Target("c", ".h", lambda work: C(build(work)).text(), drivers.c))
