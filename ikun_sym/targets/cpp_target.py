"""Target `cpp`: a C++11 header with a namespace; the surrogate's parameters have their defaults."""

from __future__ import annotations

from . import drivers
from .build import build
from .c_target import C
from .printer import digits, digits17
from .program import Constant, Function, Table
from .target import TARGETS, Target


class Cpp(C):
    infinity, nan = "std::numeric_limits<double>::infinity()", "std::numeric_limits<double>::quiet_NaN()"
    functions = {name: f"std::{spelled}" for name, spelled in C.functions.items()}

    def function_name(self, name: str) -> str:
        return f"detail::{name.lstrip('_')}" if name.startswith("_") else name

    def table_name(self, name: str) -> str:
        return f"detail::{name.lstrip('_')}"

    def whole(self, text: str) -> str:
        return f"static_cast<int>({text})"

    def as_float(self, name: str) -> str:
        return f"static_cast<double>({name})"

    def before(self) -> list[str]:
        guard = f"{self.program.name.upper()}_HPP"
        includes = ["#include <cmath>", "#include <limits>"]
        return [f"#ifndef {guard}", f"#define {guard}", "", *includes, "", f"namespace {self.program.name} {{", ""]

    def after(self) -> list[str]:
        return ["", f"}}  // namespace {self.program.name}", "", "#endif"]

    def constant(self, node: Constant) -> list[str]:
        return [f"// {node.comment}", f"constexpr double {node.name} = {digits17(node.value)};"]

    def table(self, node: Table) -> list[str]:
        bare = node.name.lstrip("_")
        head = f"constexpr double {bare}[{len(node.values)}] = {{"
        return ["namespace detail {", head, *self.rows(node.values), "};", "}  // namespace detail"]

    def define(self, node: Function) -> list[str]:
        first = len(node.params) - len(node.defaults)
        params = [f"double {p}" for p in node.params[:first]]
        params += [f"double {p} = {digits(d)}" for p, d in zip(node.params[first:], node.defaults, strict=True)]
        lines = [
            f"// {node.doc}",
            f"inline double {node.name.lstrip('_')}({', '.join(params)}) {{",
            *(f"{self.indent}(void){p};" for p in self.unused(node)),
            *self.body(node),
            f"{self.indent}return {self.plain(node.result)};",
            "}",
        ]
        return ["namespace detail {", *lines, "}  // namespace detail"] if node.name.startswith("_") else lines


TARGETS.register(Target("cpp", ".hpp", lambda work: Cpp(build(work)).text(), drivers.cpp))
